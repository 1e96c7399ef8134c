#!/usr/bin/env python3
"""Runs the integration tests in several processes, each with a share of the files.

    shards.py [-j N] COMMAND...

COMMAND is pytest with its arguments; it is run N times (default: as many as there are processors) with --shard=I/N,
see tests/integration/conftest.py. Lines of progress come as they are made, everything else of a process when it ends,
so that reports do not mix. Closes with "N passed, N failed[, N skipped]"; exit status 1 if anything failed or a
process ended without its closing line.
"""

import argparse
import os
import re
import subprocess
import sys
import threading

from count import counts

PROGRESS = re.compile(rb"^[.FEsxX]+ +\[ *\d+%\]$")
NOTHING_COLLECTED = 5   # pytest's exit status: fewer files than processes


class Shard(threading.Thread):
    """One process: its sums and what it printed besides progress."""

    def __init__(self, command, number, of):
        super().__init__()
        self.sums, self.status, self.lines = None, None, []
        self.process = subprocess.Popen([*command, f"--shard={number}/{of}"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self):
        for line in self.process.stdout:
            if PROGRESS.match(line.rstrip()):
                os.write(1, line)
                continue
            self.lines.append(line)
            self.sums = counts(line.decode(errors="replace")) or self.sums
        self.status = self.process.wait()

    def result(self):
        """[passed, failed, skipped]; a process that failed without a failed test counts as one."""
        if self.sums is None:
            return [0, int(self.status != NOTHING_COLLECTED), 0]
        failed = self.sums[1] or int(self.status not in (0, NOTHING_COLLECTED))
        return [self.sums[0], failed, self.sums[2]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    args = parser.parse_args()
    shards = [Shard(args.command, i, args.j) for i in range(1, args.j + 1)]
    for shard in shards:
        shard.start()
    sums = [0, 0, 0]
    for shard in shards:
        shard.join()
        sys.stdout.buffer.write(b"".join(shard.lines))
        sys.stdout.buffer.flush()
        sums = [a + b for a, b in zip(sums, shard.result())]
    print(f"{sums[0]} passed, {sums[1]} failed" + (f", {sums[2]} skipped" if sums[2] else ""))
    return 1 if sums[1] else 0


if __name__ == "__main__":
    sys.exit(main())
