#!/usr/bin/env python3
"""Runs test programs made with Check, several at a time.

    unit.py [-j N] [--runner COMMAND] PROGRAM...

A program that passes takes one line, of one that fails all its output is shown. Closes with
"N passed, N failed[, N skipped]"; exit status 1 if any failed. A program that dies or prints no result counts as one
failed, one that prints "NAME: skipped: REASON" instead as one skipped.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

SKIPPED = re.compile(r"^\S+: skipped: (.*)$", re.MULTILINE)
RESULT = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.MULTILINE)
# Check's own limit for one test, 4 seconds, is too little on a busy machine.
ENVIRONMENT = {"CK_DEFAULT_TIMEOUT": "120", **os.environ}


def run(runner, program, timeout):
    """Passed, failed, skipped tests of one program, its output, seconds."""
    start = time.monotonic()
    try:
        done = subprocess.run([*runner, program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, env=ENVIRONMENT, check=False)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as e:
        status, output = "timeout", e.stdout or b""
    output = output.decode(errors="replace")
    passed = failed = 0
    for checks, failures, errors in RESULT.findall(output):
        bad = int(failures) + int(errors)
        passed, failed = passed + int(checks) - bad, failed + bad
    skipped = len(SKIPPED.findall(output))
    if (status != 0 and failed == 0) or passed + failed + skipped == 0:
        failed += 1
        output += f"unit.py: {program}: exit status {status}, {passed} tests passed\n"
    return (passed, failed, skipped), output, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one program")
    parser.add_argument("--runner", default="", help="command that runs a program of another processor")
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    args = parser.parse_args()
    sums = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = pool.map(lambda p: run(shlex.split(args.runner), p, args.timeout), args.programs)
        for program, (counts, output, seconds) in zip(args.programs, results):
            word = "FAIL" if counts[1] else "skip" if counts[2] else "ok"
            print(f"{word:4} {pathlib.PurePath(program).name}: {sum(counts[:2])} tests, {seconds:.1f} s")
            if word != "ok":
                print(output, end="")
            sys.stdout.flush()
            sums = [a + b for a, b in zip(sums, counts)]
    print(f"{sums[0]} passed, {sums[1]} failed" + (f", {sums[2]} skipped" if sums[2] else ""))
    return 1 if sums[1] else 0


if __name__ == "__main__":
    sys.exit(main())
