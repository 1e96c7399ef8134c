#!/usr/bin/env python3
"""What a tier of isolation costs, beside real root.

    tiers.py [-n RUNS] [CASE...]

CASE: step (a trivial RUN step), git (git status of 50,000 files), make (make with nothing to do over 20,000 files),
apt (apt-get install of a large set; not done unless named). Run it as root, `make bench-tiers`: tiers of an ordinary
user run as one made for it. git and make are timed inside of the step, a step's cost is that of one of many. Printed
are median, minimum and maximum in milliseconds, and the ratio to tier root. All but step need the Debian base and its
package sources.
"""
import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLCT = pathlib.Path(os.environ.get("SLCT", ROOT / "build/slct"))
BASES = pathlib.Path(os.environ.get("SLCT_BASES", ROOT / "build/bases"))
TIERS = {"root": False, "range": True, "solo": True, "chroot": False}   # tier -> as an ordinary user
STEPS = 40
APT = "openssh-server postgresql exim4 dbus sudo systemd man-db"

TOOLS = """FROM localhost/debian:12
RUN apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends git make >/dev/null
RUN mkdir /repo && cd /repo && i=0; while [ $i -lt 500 ]; do mkdir d$i; j=0; while [ $j -lt 100 ]; do echo $i.$j > d$i/f$j; \\
    j=$((j+1)); done; i=$((i+1)); done; git init -q . && git -c core.preloadIndex=false add . && \\
    git -c user.name=n -c user.email=e@example.com commit -q -m all
RUN mkdir /mk && cd /mk && i=0; while [ $i -lt 10000 ]; do echo s > s$i.c; echo o > s$i.o; i=$((i+1)); done; touch *.o; \\
    printf 'all: $(patsubst %%.c,%%.o,$(wildcard *.c))\\n%%.o: %%.c\\n\\tfalse\\n' > Makefile
"""
TIMED = """FROM localhost/tools:1
ARG N
RUN {warm}; s=$(date +%s%N); {command}; e=$(date +%s%N); echo took $(( (e - s) / 1000 )) run $N
"""
INSIDE = {"git": "git -C /repo status --porcelain > /dev/null", "make": "make -s -C /mk > /dev/null"}


class Tier:
    """A store of the tier's own."""

    def __init__(self, name, work, user):
        self.name, self.home = name, work / name
        self.home.mkdir()
        self.prefix = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"] if TIERS[name] else []
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "SLCT_ROOT": str(self.home / "store")}
        self.slct, self.user = work / "slct", user if TIERS[name] else "root"
        self.give(self.home)

    def give(self, path):
        subprocess.run(["chown", "-R", self.user, str(path)], check=True)

    def run(self, *args):
        done = subprocess.run([*self.prefix, self.slct, *map(str, args)], env=self.env, capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()[-500:]}")
        return done.stderr

    def build(self, dockerfile, *args):
        context = self.home / "context"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir()
        (context / "Dockerfile").write_text(dockerfile)
        self.give(context)
        begun = time.monotonic()
        text = self.run("build", "--isolation", self.name, *args, context)
        return time.monotonic() - begun, text


def step(tier, _number):
    """Steps that do nothing, less a build without any."""
    def build(n):
        lines = "".join(f"RUN : {i}\n" for i in range(n))
        return tier.build("FROM localhost/busybox:1\n" + lines, "--no-cache")[0]
    return (build(STEPS + 1) - build(1)) / STEPS * 1000


def inside(case):
    def measure(tier, number):
        text = tier.build(TIMED.format(warm=INSIDE[case], command=INSIDE[case]), "--no-cache", "--build-arg",
                          f"N={number}")[1]
        return int(re.search(r"took (\d+) run", text)[1]) / 1000
    return measure


def apt(tier, _number):
    dockerfile = ("FROM localhost/debian:12\nRUN apt-get -qq update\nRUN DEBIAN_FRONTEND=noninteractive apt-get -qq "
                  "-y "
                  f"install --no-install-recommends {APT} >/dev/null\n")
    text = tier.build(dockerfile, "--no-cache")[1]
    shown = re.search(r"\[stage-0 2/2\] DONE (?:(\d+)m)?([0-9.]+)s", text)
    return (int(shown[1] or 0) * 60 + float(shown[2])) * 1000


CASES = {"step": step, "git": inside("git"), "make": inside("make"), "apt": apt}


def tiers(work, user):
    for name in TIERS:
        try:
            tier = Tier(name, work, user)
            tier.run("import", BASES / "busybox.tar", "localhost/busybox:1")
            tier.build("FROM localhost/busybox:1\nRUN true\n")
            yield tier
        except RuntimeError as e:
            print(f"without {name}: {str(e).splitlines()[-1]}", file=sys.stderr)


def prepare(all_tiers, cases, work):
    if not set(cases) - {"step"}:
        return
    for tier in all_tiers:
        tier.run("import", BASES / "debian.tar", "localhost/debian:12")
    if set(cases) & set(INSIDE):
        # One tar for all, so that they have the same in one layer.
        all_tiers[0].build(TOOLS, "-t", "localhost/tools:0", "-o", f"type=tar,dest={work}/tools.tar")
        for tier in all_tiers:
            tier.run("import", work / "tools.tar", "localhost/tools:1")


def show(case, found):
    base = statistics.median(found["root"]) if "root" in found else None
    for name, values in found.items():
        ratio = f"{statistics.median(values) / base:8.2f}x" if base else ""
        print(f"{case:<8}{name:<8}{statistics.median(values):>10.1f}{min(values):>10.1f}{max(values):>10.1f}{ratio}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, metavar="RUNS")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    args = parser.parse_args()
    cases = args.cases or ["step", "git", "make"]
    if os.geteuid() != 0:
        sys.exit("run it as root: real root is what the others are compared with")
    user = f"slctbn{os.getpid()}"
    # Not on a tmpfs: there is none with user attributes before Linux 6.6.
    work = pathlib.Path(tempfile.mkdtemp(prefix="slct-tiers.", dir=os.environ.get("BENCH_DIR", "/var/tmp")))
    work.chmod(0o755)
    shutil.copy(SLCT, work / "slct")
    subprocess.run(["useradd", "--no-create-home", user], check=True)
    try:
        here = list(tiers(work, user))
        prepare(here, cases, work)
        print(f"{'case':<8}{'tier':<8}{'median':>10}{'min':>10}{'max':>10}   ratio  (ms)")
        for case in cases:
            found = {}
            for number in range(args.n):
                for tier in here:
                    found.setdefault(tier.name, []).append(CASES[case](tier, number))
            show(case, found)
    finally:
        subprocess.run(["userdel", user], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--one-file-system", str(work)], check=False)


if __name__ == "__main__":
    main()
