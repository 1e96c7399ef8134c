#!/usr/bin/env python3
"""Times slct on the cases of everyday work, with buildah beside it where it is installed.

    bench.py [-n RUNS] [--buildah-runs N] [CASE...]

CASE: run30 (30 trivial RUN steps), copy (COPY of 500 MB in 30,000 files, one RUN), hello (the flavor flavors/hello).
Each is timed cold (nothing cached) and cached (again, nothing changed), copy with its push to a registry on loopback,
too (if docker-registry is installed). The programs take turns, so that what else the machine does hits them alike.
The stores
lie on tmpfs, the contexts on the disk (the stat index does not trust a tmpfs). A push is timed once per program, to an
empty registry. Printed are the minimum, median and maximum of the wall time in seconds, the CPU seconds of the
median run, and how many times longer buildah takes. Build build/slct and the base images (make demo) first.
"""

import argparse
import os
import pathlib
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLCT = os.environ.get("SLCT", str(ROOT / "build/slct"))
BASE = ROOT / "build/bases/busybox.tar"
FILES, DIRS = 30000, 300


def timed(argv, env=None, cwd=None):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, argv))}: exit status {done.returncode}\n{done.stderr.decode()[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Slct:
    name = "slct"

    def __init__(self, work):
        self.env = dict(os.environ, SLCT_ROOT=str(work / "slct"))
        self.run("import", BASE, "localhost/busybox:1")

    def run(self, *args):
        return timed([SLCT, *args], self.env)

    def build(self, context, tag, cold):
        return self.run("build", *(["--no-cache"] if cold else []), "-t", tag, context)

    def push(self, tag, ref):
        return self.run("push", tag, ref)


class Buildah:
    name = "buildah"

    def __init__(self, work):
        self.top = ["buildah", "--root", str(work / "buildah"), "--runroot", str(work / "buildah-run"),
                    "--storage-driver", "vfs"]
        (work / "base").mkdir()
        shutil.copy(BASE, work / "base/root.tar")
        (work / "base/Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
        timed([*self.top, "build", "-q", "--isolation", "chroot", "-t", "localhost/busybox:1", str(work / "base")])

    def build(self, context, tag, cold):
        return timed([*self.top, "build", "-q", "--isolation", "chroot", "--layers", *(["--no-cache"] if cold else []),
                      "-t", tag, str(context)])

    def push(self, tag, ref):
        return timed([*self.top, "push", "-q", "--tls-verify=false", tag, f"docker://{ref}"])


def run30(work):
    context = work / "run30"
    context.mkdir(parents=True)
    steps = "".join(f"RUN echo {i} > /f{i}\n" for i in range(30))
    (context / "Dockerfile").write_text("FROM localhost/busybox:1\n" + steps)
    return context


def copy(work):
    """Files that compress as programs do: pieces of this machine's compiler."""
    context = work / "copy"
    rnd = random.Random(1)
    text = pathlib.Path(sys.executable).resolve().read_bytes() + pathlib.Path("/bin/busybox").read_bytes()
    for d in range(DIRS):
        sub = context / f"files/d{d}"
        sub.mkdir(parents=True)
        for f in range(FILES // DIRS):
            n = rnd.randint(2000, 31000)
            at = rnd.randint(0, len(text) - n)
            (sub / f"f{f}").write_bytes(text[at:at + n])
    (context / "Dockerfile").write_text("FROM localhost/busybox:1\nCOPY files /files\nRUN ls /files | wc -l\n")
    return context


def hello(_work):
    return ROOT / "flavors/hello"


class Registry:
    def __init__(self, work):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % s.getsockname()[1]
        config = work / "registry.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                          f"http: {{addr: {self.address}}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{self.address}/v2/", timeout=1).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        sys.exit("the registry does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, case, tool, sample):
        self.rows.setdefault(case, {}).setdefault(tool, []).append(sample)

    def show(self):
        print(f"{'case':<22}{'tool':<10}{'min':>8}{'median':>8}{'max':>8}{'CPU':>8}{'ratio':>8}")
        for case, tools in self.rows.items():
            base = statistics.median(w for w, _ in tools["slct"])
            for tool, samples in tools.items():
                walls = sorted(samples)
                middle = walls[len(walls) // 2]
                ratio = "" if tool == "slct" else f"{middle[0] / base:.1f}x"
                print(f"{case:<22}{tool:<10}{walls[0][0]:>8.3f}{middle[0]:>8.3f}{walls[-1][0]:>8.3f}{middle[1]:>8.2f}{ratio:>8}")


def measure(table, tools, runs, case, context, registry):
    for n in range(max(runs.values())):
        for tool in tools:
            if n >= runs[tool.name] or (tool.name == "buildah" and case == "hello"):
                continue
            tag = f"localhost/bench-{case}:1" if case != "hello" else "bench-hello:1"
            table.add(f"{case} cold", tool.name, tool.build(context, tag, True))
            table.add(f"{case} cached", tool.name, tool.build(context, tag, False))
            if case == "copy" and registry and n == 0:
                table.add("copy push", tool.name, tool.push(tag, f"{registry.address}/{tool.name}{n}:1"))
                table.add("copy push again", tool.name, tool.push(tag, f"{registry.address}/{tool.name}{n}:1"))


def main():
    cases = {"run30": run30, "copy": copy, "hello": hello}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, metavar="RUNS")
    parser.add_argument("--buildah-runs", type=int, default=1, metavar="N", help="0: without it")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    args = parser.parse_args()
    if not BASE.exists():
        sys.exit(f"{BASE} is missing: make demo, or flavors/make-bases.sh build/bases busybox")
    with tempfile.TemporaryDirectory(prefix="slct-bench.", dir="/dev/shm") as top, \
            tempfile.TemporaryDirectory(prefix="slct-bench.", dir="/var/tmp") as contexts:
        work = pathlib.Path(top)
        tools = [Slct(work)]
        if args.buildah_runs and shutil.which("buildah"):
            tools.append(Buildah(work))
        registry = Registry(work) if shutil.which("docker-registry") else None
        table = Table()
        try:
            for case in args.cases or cases:
                measure(table, tools, {"slct": args.n, "buildah": args.buildah_runs}, case, cases[case](pathlib.Path(contexts)), registry)
        finally:
            if registry:
                registry.stop()
        table.show()


if __name__ == "__main__":
    main()
