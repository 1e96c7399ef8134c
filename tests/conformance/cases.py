#!/usr/bin/env python3
"""Runs the build cases of the conformance material with slct on PATH.

    cases.py DIRECTORY [--tier root|range|solo|chroot] [--disputed] [--cases N] [--seconds N] [PATTERN...]

DIRECTORY holds conformance.py, which prepares the base images once in CONF_WORK. --tier (or CONF_TIER; default: what
slct chooses for the caller) runs as in that tier of isolation, for which the caller must be root: range and solo as a
user made for it, with and without subordinate ids; chroot confined as docker confines a container's root
(tools/confine.py).

A case that slct refuses since it needs something that is not built yet counts as skipped, and so does one whose only
differences are explained (explained.py, by tier). Closes with "N passed, N failed, N skipped"; exit status 1 if any
failed.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import explained
import tierplace

UNBUILT = re.compile(r"not built yet|(not|are) supported yet|this version of slct parses it but cannot execute it")
VERDICT = re.compile(r"^(PASS|FAIL|SKIP) ([^\s:]+)")


class Sums:
    """What the cases gave, also apart for those that the reference builders dispute."""

    def __init__(self, directory, tier):
        self.directory, self.tier = directory, tier
        self.all, self.disputed, self.unbuilt, self.explained = collections.Counter(), collections.Counter(), 0, 0

    def add(self, case, verdict):
        self.all[verdict] += 1
        try:
            if json.loads((self.directory / "expected" / f"{case}.json").read_text()).get("disputed"):
                self.disputed[verdict] += 1
        except OSError:
            pass   # no recorded result

    def fail(self, lines):
        """A case that the harness calls failed: lines are its verdict and the differences."""
        case = lines[0].split()[1]
        unbuilt, why = any(UNBUILT.search(line) for line in lines), explained.why(self.tier, case, lines[1:])
        self.add(case, "SKIP" if unbuilt or why else "FAIL")
        self.unbuilt += unbuilt
        self.explained += bool(why and not unbuilt)
        if why:
            print(f"explained: {case}: {why}", flush=True)
        elif not unbuilt:
            print("".join(lines), end="", flush=True)

    @staticmethod
    def text(counts):
        return f"{counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped"


def verdicts(process, sums, limit, deadline):
    """Counts what the harness prints until it ends or there is enough; True if it was ended before its end."""
    failed = []  # lines about the last failed case

    def close():
        if failed:
            sums.fail(failed)
            failed.clear()

    for line in process.stdout:
        found = VERDICT.match(line)
        if failed and not found and line.startswith("     "):
            failed.append(line)
            continue
        close()
        if found and found.group(1) == "FAIL":
            failed.append(line)
        elif found:
            sums.add(found.group(2), found.group(1))
        if found and ((limit and sum(sums.all.values()) >= limit) or time.monotonic() > deadline):
            process.send_signal(signal.SIGINT)
            return True
    close()
    return False


def prepare(script):
    """The base images, once."""
    work = pathlib.Path(os.environ.setdefault("CONF_WORK", "/var/tmp/slct-conformance"))
    if (work / "ready").exists():
        return
    done = subprocess.run([sys.executable, script, "prepare"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode:
        print(done.stdout[-2000:])
        sys.exit("cases: the base images cannot be made")
    (work / "ready").touch()


def run(place, args, sums):
    argv = [*place.prefix, sys.executable, str(place.directory / "conformance.py"), "run", "--max", "1000",
            *(["--disputed"] if args.disputed else []), *args.pattern]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=place.env) as process:
        early = verdicts(process, sums, args.cases, time.monotonic() + args.seconds)
        process.stdout.read()
        status = process.wait()
    if early:
        print("cases: ended before the last case")
    elif status not in (0, 1):
        print(f"cases: the harness ended with exit status {status}")
        sums.all["FAIL"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--tier", choices=tierplace.TIERS, default=os.environ.get("CONF_TIER") or None)
    parser.add_argument("--disputed", action="store_true",
                        help="also cases on which the reference builders disagree; what they dispute is not counted")
    parser.add_argument("--cases", type=int, default=0, help="so many at most (0: all)")
    parser.add_argument("--seconds", type=int, default=3600, help="start no case after so many seconds")
    parser.add_argument("pattern", nargs="*")
    args = parser.parse_intermixed_args()
    prepare(str(args.directory / "conformance.py"))
    with tierplace.place(args.tier, args.directory) as place:
        sums = Sums(args.directory, place.tier)
        run(place, args, sums)
    print(f"cases: of those skipped, {sums.explained} differ for a reason that is known, "
          f"{sums.unbuilt} need what is not built yet")
    if args.disputed:
        print(f"cases: of these, disputed: {sums.text(sums.disputed)}")
    print(f"cases: isolation {place.tier}:")
    print(sums.text(sums.all))
    return 1 if sums.all["FAIL"] or not sums.all["PASS"] else 0


if __name__ == "__main__":
    sys.exit(main())
