#!/usr/bin/env python3
"""Counts what a registry is asked for a remote cache, with buildah beside slct where it is installed.

    requests.py [--steps N] [--late MS]

One Dockerfile of N trivial RUN steps (22) on a base image that lies in the same registry. Each program fills a cache
repository (build --cache-to), then builds on an empty machine from it (--cache-from), once more with a push of the
result into the cache's repository, and pushes once more. The cache is reached through the counting proxy of the tests,
which answers each request MS milliseconds late (20), as a registry across a network does; the base is not. Printed are
the requests in all, those of them that ask for blobs' bytes or send some, the bytes sent, and the wall time. Run it as
root, `make bench-requests`. Build build/slct and the base images (make demo) first.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

from faultproxy import FaultProxy, late    # noqa: E402
from lab import Registry    # noqa: E402

SLCT = os.environ.get("SLCT", str(ROOT / "build/slct"))
BASES = pathlib.Path(os.environ.get("SLCT_BASES", ROOT / "build/bases"))


def run(argv, env=None):
    done = subprocess.run(list(map(str, argv)), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, argv))}: exit status {done.returncode}\n{done.stderr.decode()[-2000:]}")


class Slct:
    name = "slct"

    def __init__(self, work, number):
        self.env = dict(os.environ, SLCT_ROOT=str(work / f"slct{number}"))

    def load(self, name):
        run([SLCT, "import", BASES / "busybox.tar", "localhost/busybox:1"], self.env)
        run([SLCT, "push", "localhost/busybox:1", name], self.env)

    def fill(self, context, repo):
        run([SLCT, "build", "-t", "localhost/x:1", "--cache-to", repo, "--cache-from", repo, context], self.env)

    def cached(self, context, repo):
        run([SLCT, "build", "-t", "localhost/x:1", "--cache-from", repo, context], self.env)

    def pushed(self, context, repo):
        run([SLCT, "build", "-t", f"{repo}:goal", "--push", "--cache-from", repo, context], self.env)

    def push(self, repo):
        run([SLCT, "push", f"{repo}:goal"], self.env)


class Buildah:
    name = "buildah"

    def __init__(self, work, number):
        self.top = ["buildah", "--root", work / f"buildah{number}", "--runroot", work / f"buildah-run{number}",
                    "--storage-driver", "vfs"]

    def build(self, context, *options):
        run([*self.top, "build", "-q", "--isolation", "chroot", "--layers", "--tls-verify=false", *options, context])

    def fill(self, context, repo):
        self.build(context, "-t", "localhost/x:1", "--cache-to", repo, "--cache-from", repo)

    def cached(self, context, repo):
        self.build(context, "-t", "localhost/x:1", "--cache-from", repo)

    def pushed(self, context, repo):
        self.build(context, "-t", f"{repo}:goal", "--cache-from", repo)
        self.push(repo)

    def push(self, repo):
        run([*self.top, "push", "-q", "--tls-verify=false", f"{repo}:goal", f"docker://{repo}:goal"])


def show(case, tool, seen, wall):
    moved = [s for s in seen if s.method == "GET" and "/blobs/" in s.path]
    sent = [s for s in seen if s.body]
    print(f"{case:<34}{tool:<9}{len(seen):>9}{len(moved):>9}{len(sent):>9}{sum(s.body for s in sent):>11}{wall:>9.2f}")


def measure(work, registry, context, made, late_s):
    repo_path = f"cache-{made.name}"
    with FaultProxy(registry.port) as proxy:
        proxy.on("", "/v2/", late(late_s))
        repo = f"{proxy.host}/{repo_path}"
        machines = [made(work, n) for n in range(3)]
        cases = (
            ("filled by a build", lambda: machines[0].fill(context, repo)),
            ("all cached, an empty machine", lambda: machines[1].cached(context, repo)),
            ("the same and pushed to it", lambda: machines[2].pushed(context, repo)),
            ("pushed again", lambda: machines[2].push(repo)),
        )
        for case, work_of in cases:
            mark, began = len(proxy.seen), time.monotonic()
            work_of()
            show(case, made.name, proxy.seen[mark:], time.monotonic() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=22)
    parser.add_argument("--late", type=float, default=20, metavar="MS")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slct-requests.") as top:
        work = pathlib.Path(top)
        registry = Registry(work / "registry").start()
        try:
            base = f"{registry.host}/base:1"
            Slct(work, "-base").load(base)
            context = work / "context"
            context.mkdir()
            steps = "".join(f"RUN echo {n} >/f{n}\n" for n in range(args.steps))
            (context / "Dockerfile").write_text(f"FROM {base}\n{steps}")
            print(f"{'case':<34}{'program':<9}{'requests':>9}{'fetched':>9}{'sent':>9}{'bytes sent':>11}{'wall s':>9}")
            for made in [Slct] + ([Buildah] if shutil.which("buildah") else []):
                measure(work, registry, context, made, args.late / 1000)
        finally:
            registry.stop()


if __name__ == "__main__":
    main()
