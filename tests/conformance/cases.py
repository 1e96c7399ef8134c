#!/usr/bin/env python3
"""Runs the build cases of the conformance material with slct on PATH.

    cases.py DIRECTORY [--cases N] [--seconds N] [PATTERN...]

DIRECTORY holds conformance.py, which prepares the base images once in CONF_WORK. A case that slct refuses since it needs
something that is not built yet counts as skipped, and so does one whose only differences are explained (EXPLAINED, with
the reason; docs/conformance.md). Closes with "N passed, N failed, N skipped"; exit status 1 if any failed.
"""

import argparse
import collections
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

UNBUILT = re.compile(r"not built yet|(not|are) supported yet|this version of slct parses it but cannot execute it")
# By case: differences that are right, with the reason (docs/conformance.md).
DAY = (re.compile(r"^\s+/etc/shadow: sha256 is "),
       "useradd writes a day into /etc/shadow: that of SOURCE_DATE_EPOCH here, that of the recording there")
NODEV = (re.compile(r"^\s+/tmpfssize: "), "the options of a tmpfs mount are shown: slct adds nodev")
EXPLAINED = {"kaniko/1097": [DAY], "makisu/symlink": [DAY], "buildkit/testMountTmpfsSize-1": [NODEV]}
VERDICT = re.compile(r"^(PASS|FAIL|SKIP) ([^\s:]+)")


def explanation(lines):
    """Why none of the differences of a failed case counts, or None."""
    known = EXPLAINED.get(lines[0].split()[1], [])
    reasons = [next((why for pattern, why in known if pattern.match(line)), None) for line in lines[1:]]
    return "; ".join(sorted(set(reasons))) if reasons and all(reasons) else None


def verdicts(process, sums, limit, deadline):
    """Counts what the harness prints until it ends or there is enough; True if it was ended before its end."""
    failed = []  # lines about the last failed case

    def close():
        if failed:
            unbuilt, why = any(UNBUILT.search(line) for line in failed), explanation(failed)
            sums["SKIP" if unbuilt or why else "FAIL"] += 1
            sums["unbuilt"] += unbuilt
            if why:
                print(f"explained: {failed[0].split()[1]}: {why}", flush=True)
            elif not unbuilt:
                print("".join(failed), end="", flush=True)
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
            sums[found.group(1)] += 1
        if found and ((limit and sum(sums[k] for k in ("PASS", "FAIL", "SKIP")) >= limit) or time.monotonic() > deadline):
            process.send_signal(signal.SIGINT)
            return True
    close()
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=0, help="so many at most (0: all)")
    parser.add_argument("--seconds", type=int, default=3600, help="start no case after so many seconds")
    parser.add_argument("pattern", nargs="*")
    args = parser.parse_args()
    script = str(args.directory / "conformance.py")
    work = pathlib.Path(os.environ.setdefault("CONF_WORK", "/var/tmp/slct-conformance"))
    if not (work / "ready").exists():
        done = subprocess.run([sys.executable, script, "prepare"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode:
            print(done.stdout[-2000:])
            sys.exit("cases: the base images cannot be made")
        (work / "ready").touch()
    sums = collections.Counter()
    with subprocess.Popen([sys.executable, script, "run", *args.pattern], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        early = verdicts(process, sums, args.cases, time.monotonic() + args.seconds)
        process.stdout.read()
        status = process.wait()
    if early:
        print("cases: ended before the last case")
    elif status not in (0, 1):
        print(f"cases: the harness ended with exit status {status}")
        sums["FAIL"] += 1
    print(f"cases: of those skipped, {sums['unbuilt']} need what is not built yet")
    print(f"{sums['PASS']} passed, {sums['FAIL']} failed, {sums['SKIP']} skipped")
    return 1 if sums["FAIL"] or not sums["PASS"] else 0


if __name__ == "__main__":
    sys.exit(main())
