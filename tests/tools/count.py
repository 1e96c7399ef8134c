#!/usr/bin/env python3
"""Runs test commands one after the other and sums their closing lines.

    count.py [--log DIR] NAME=COMMAND...

A command closes with "N passed, N failed[, N skipped]" or with the summary of pytest. One that fails without a
failed test, or ends without such a line, counts as one failed. What is skipped because something is "not installed"
counts as failed where CI=true, since continuous integration installs everything. With --log, the output also goes to
DIR/NAME.log.
Closes with the sum in the same form; exit status 1 if anything failed.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
# A whole line of such counts; pytest puts '=', warnings and the time around them.
LINE = re.compile(r"^(=+ )?((\d+ [a-z]+)(, )?)+( in [0-9.]+s.*)?( =+)?$")
# As unit.py and pytest -rs tell why; pytest with a number before the place.
MISSING = re.compile(r"^(?:SKIPPED \[(\d+)\] .*|\S+: skipped: .*)not installed")
KINDS = {"passed": 0, "xfailed": 0, "failed": 1, "error": 1, "errors": 1, "xpassed": 1, "skipped": 2}


def counts(line):
    """[passed, failed, skipped] of a closing line, or None."""
    line = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
    found = COUNT.findall(line)
    if not found or not LINE.match(line):
        return None
    sums = [0, 0, 0]
    for number, kind in found:
        sums[KINDS[kind]] += int(number)
    return sums


def run(name, command, log):
    """Counts of one command; its output is passed on."""
    last, missing = None, 0
    with subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        for raw in process.stdout:
            sys.stdout.buffer.write(raw)
            sys.stdout.buffer.flush()
            if log:
                log.write(raw)
            line = raw.decode(errors="replace")
            last = counts(line) or last
            found = MISSING.match(line)
            missing += int(found.group(1) or 1) if found else 0
        status = process.wait()
    if last is None:
        print(f"count.py: {name}: no closing line, exit status {status}")
        return [0, 1, 0]
    if missing and os.environ.get("CI") == "true":
        print(f"count.py: {name}: {missing} skipped for what is not installed")
        last = [last[0], last[1] + missing, last[2] - missing]
    if status and not last[1]:
        print(f"count.py: {name}: exit status {status}")
        last[1] = 1
    return last


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=pathlib.Path, metavar="DIR")
    parser.add_argument("parts", nargs="+", metavar="NAME=COMMAND")
    args = parser.parse_args()
    sums, rows = [0, 0, 0], []
    for part in args.parts:
        name, command = part.split("=", 1)
        start = time.monotonic()
        print(f"--- {name}", flush=True)
        if args.log:
            args.log.mkdir(parents=True, exist_ok=True)
            with open(args.log / f"{name}.log", "wb") as log:
                got = run(name, command, log)
        else:
            got = run(name, command, None)
        rows.append((name, got, time.monotonic() - start))
        sums = [a + b for a, b in zip(sums, got)]
    print("---")
    for name, got, seconds in rows:
        print(f"{name:14} {got[0]:5} passed {got[1]:4} failed {got[2]:4} skipped {seconds:7.1f} s")
    print(f"{sums[0]} passed, {sums[1]} failed" + (f", {sums[2]} skipped" if sums[2] else ""))
    return 1 if sums[1] else 0


if __name__ == "__main__":
    sys.exit(main())
