#!/usr/bin/env python3
"""Times slct on the cases of everyday work, with buildah and the tools' floors beside it where they are installed.

    bench.py [-n RUNS] [--buildah-runs N] [--slow] [CASE...]

Cases, all but the last three by default (some minutes):
    run30    30 trivial RUN steps, nothing cached and all cached
    copy     COPY of 500 MB in 30,000 files and one RUN: nothing cached, all cached, pushed, pushed again
    path     the same with its push to an empty registry as one figure
    from     these files from stage to stage, linked and copied
    remote   22 steps, all in a registry's cache, on an empty machine: built and pushed
    stages   four independent stages that compute
    plan     100 and 1,000 stages planned
    memory   the most that one process has in memory: COPY, push and pull of layers of 64 and 512 MB
    hello    the flavor flavors/hello
    pull     pull and unpack of an image of 1.4 GB           (slow)
    apt      apt-get install of gcc and python3; a network   (slow)

The programs take turns, so that what else the machine does hits them alike. The stores lie on tmpfs, the contexts on
the disk (the stat index does not trust a tmpfs). Printed are minimum, median and maximum of the wall time in seconds,
CPU seconds of the median run (memory where that is the case), and how many times longer than slct a program takes. A
floor is what the tools of the machine take for the same bytes, without any image. On a machine with other work to do
CPU and ratios are what to trust: the load is printed. Build build/slct and the base images (make demo) first.
"""
import argparse
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile

import cases

BUILD_FLOOR = "cp -r $1/files $2 && tar -C $2 -cf - . | sha256sum && rm -rf $2"
PUSH_FLOOR = "tar -C $1/files -cf - . | tee >(sha256sum >/dev/null) | gzip -1 | sha256sum"
PULL_FLOOR = ("for f in $1/l?; do mkdir -p $2 && (tee >(sha256sum >/dev/null) <$f | gzip -dc | tee >(sha256sum "
              ">/dev/null) | "
              "tar -C $2 -xf -) & done; wait; rm -rf $2")


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, case, tool, sample):
        self.rows.setdefault(case, {}).setdefault(tool, []).append(sample)

    def show(self):
        print(f"{'case':<24}{'tool':<9}{'n':>3}{'min':>9}{'median':>9}{'max':>9}{'CPU':>8}{'MiB':>6}{'ratio':>8}")
        for case, tools in self.rows.items():
            base = statistics.median(s.wall for s in tools["slct"]) if "slct" in tools else float("nan")
            for tool, samples in tools.items():
                walls = sorted(samples, key=lambda s: s.wall)
                middle = walls[len(walls) // 2]
                ratio = "" if tool == "slct" else f"{middle.wall / base:.2f}x"
                memory = f"{middle.memory:.0f}" if middle.memory else ""
                print(f"{case:<24}{tool:<9}{len(walls):>3}{walls[0].wall:>9.3f}{middle.wall:>9.3f}{walls[-1].wall:>9.3f}"
                      f"{middle.cpu:>8.2f}{memory:>6}{ratio:>8}")


class Bench:
    def __init__(self, args, work, contexts):
        self.args, self.work, self.contexts, self.table = args, work, contexts, Table()
        self.slct = cases.Slct(work)
        self.tools = [self.slct]
        if args.buildah_runs and shutil.which("buildah"):
            self.tools.append(cases.Buildah(work))
        self.registry = cases.Registry(work) if shutil.which("docker-registry") else None
        self.names = 0

    def turns(self):
        """Each program's turn, as (number of the round, program)."""
        for n in range(max(self.args.n, self.args.buildah_runs)):
            for tool in self.tools:
                if n < (self.args.n if tool is self.slct else self.args.buildah_runs):
                    yield n, tool

    def floor(self, case, command, *args):
        for _ in range(min(self.args.n, 3)):
            self.table.add(case, "floor", cases.shell(command, *args))

    def ref(self):
        """A name in a repository that nobody has used."""
        self.names += 1
        return f"{self.registry.address}/r{self.names}:1"

    def need_registry(self, case):
        if not self.registry:
            print(f"{case}: docker-registry is not installed", file=sys.stderr)
        return self.registry is not None

    # --- cases ---

    def run30(self):
        context = cases.run30(self.contexts)
        for _, tool in self.turns():
            self.table.add("run30 cold", tool.name, tool.build(context, "localhost/run30:1", True))
            self.table.add("run30 cached", tool.name, tool.build(context, "localhost/run30:1", False))

    def copy(self):
        context, tag = cases.copy(self.contexts), "localhost/copy:1"
        for _, tool in self.turns():
            self.table.add("copy cold", tool.name, tool.build(context, tag, True))
            self.table.add("copy cached", tool.name, tool.build(context, tag, False))
            if self.registry and tool.name not in self.table.rows.get("copy push", {}):
                ref = self.ref()
                self.table.add("copy push", tool.name, tool.push(tag, ref))
                self.table.add("copy push again", tool.name, tool.push(tag, ref))
        self.floor("copy cold", BUILD_FLOOR, context, self.work / "floor")
        self.floor("copy push", PUSH_FLOOR, context)

    def path(self):
        if not self.need_registry("path"):
            return
        context = cases.copy(self.contexts)
        for n, tool in self.turns():
            # What is compressed once is known by its store: each time has one of its own.
            if tool is self.slct:
                tool.use(f"path{n}")
                tool.run("import", cases.BASES / "busybox.tar", "localhost/busybox:1")
            self.table.add("path", tool.name, tool.build_and_push(context, self.ref()))
            if tool is self.slct:
                shutil.rmtree(self.work / f"path{n}")
                tool.use("slct")

    def from_stage(self):
        context = cases.from_stage(self.contexts)
        self.slct.build(context, "localhost/src:1", False, "-f", context / "Stages", "--target", "src")
        for _ in range(self.args.n):
            for stage in ("linked", "copied"):
                self.table.add(f"from, {stage}", "slct", self.slct.build(
                    context, f"localhost/{stage}:1", False, "-f", context / "Stages", "--target", stage,
                    "--no-cache-filter", stage))

    def remote(self):
        if not self.need_registry("remote"):
            return
        self.slct.push("localhost/busybox:1", f"{self.registry.address}/base:1")
        context = cases.remote22(self.contexts, self.registry.address)
        for tool in self.tools:
            tool.fill_cache(context, f"{self.registry.address}/{tool.name}/goal:1",
                            f"{self.registry.address}/{tool.name}/cache")
        for n, tool in self.turns():
            self.table.add("remote, all cached", tool.name, tool.from_cache(
                context, f"{self.registry.address}/{tool.name}/cache:goal{n}",
                f"{self.registry.address}/{tool.name}/cache"))

    def stages(self):
        context, loop = cases.stages(self.contexts), cases.LOOP.format(turns=cases.TURNS)
        for _, tool in self.turns():
            self.table.add("stages", tool.name, tool.build(context, "localhost/stages:1", True))
        self.floor("stages", f"for n in 1 2 3 4; do busybox sh -c '{loop}' & done; wait")

    def plan(self):
        for count in (100, 1000):
            context = cases.plan(self.contexts, count)
            for _ in range(self.args.n):
                self.table.add(f"plan, {count} stages", "slct", self.slct.run("plan", context))

    def memory(self):
        self.slct.how = cases.measured
        for mib in (64, 512):
            context, tag = cases.one_layer(self.work, mib), f"localhost/layer{mib}:1"
            self.table.add(f"memory, COPY {mib} MB", "slct", self.slct.build(context, tag, True))
            if self.need_registry("memory"):
                ref = self.ref()
                self.table.add(f"memory, push {mib} MB", "slct", self.slct.push(tag, ref))
                self.table.add(f"memory, pull {mib} MB", "slct", self.slct.pull(ref))
            shutil.rmtree(context)
        self.slct.how = cases.timed

    def hello(self):
        context = cases.ROOT / "flavors/hello"
        for _ in range(self.args.n):
            self.table.add("hello cold", "slct", self.slct.build(context, "bench-hello:1", True))
            self.table.add("hello cached", "slct", self.slct.build(context, "bench-hello:1", False))

    def pull(self):
        if not self.need_registry("pull"):
            return
        context, ref = cases.big(self.contexts), self.ref()
        self.slct.build(context, "localhost/big:1", False)
        self.slct.push("localhost/big:1", ref)
        for _, tool in self.turns():
            self.table.add("pull", tool.name, tool.pull(ref))
        for n in range(cases.BIG_LAYERS):
            cases.shell("tar -C $1 -cf - . | gzip -1 >$2", context / f"l{n}", self.work / f"l{n}")
        self.floor("pull", PULL_FLOOR, self.work, self.work / "floor")

    def apt(self):
        tar = cases.BASES / "debian.tar"
        if not tar.exists():
            sys.exit(f"{tar} is missing: make demo")
        self.slct.run("import", tar, "localhost/debian:12")
        context = cases.apt(self.contexts)
        for tool in self.tools[1:]:
            base = self.work / "debian-base"
            cases.context_of(base, "FROM scratch\nADD root.tar /\n")
            shutil.copy(tar, base / "root.tar")
            tool.build(base, "localhost/debian:12", False)
        for _, tool in self.turns():
            self.table.add("apt", tool.name, tool.build(context, "localhost/apt:1", True))


DEFAULT = {"run30": Bench.run30, "copy": Bench.copy, "path": Bench.path, "from": Bench.from_stage,
           "remote": Bench.remote,
           "stages": Bench.stages, "plan": Bench.plan, "memory": Bench.memory, "hello": Bench.hello}
SLOW = {"pull": Bench.pull, "apt": Bench.apt}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, metavar="RUNS")
    parser.add_argument("--buildah-runs", type=int, default=1, metavar="N", help="0: without it")
    parser.add_argument("--slow", action="store_true", help="the slow cases, too")
    parser.add_argument("cases", nargs="*", metavar="CASE", choices=[*DEFAULT, *SLOW, []])
    args = parser.parse_args()
    if not (cases.BASES / "busybox.tar").exists():
        sys.exit(f"{cases.BASES}/busybox.tar is missing: make demo, or flavors/make-bases.sh build/bases busybox")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    chosen = args.cases or [*DEFAULT, *(SLOW if args.slow else [])]
    with tempfile.TemporaryDirectory(prefix="slct-bench.", dir="/dev/shm") as top, \
            tempfile.TemporaryDirectory(prefix="slct-bench.", dir="/var/tmp") as contexts:
        bench = Bench(args, pathlib.Path(top), pathlib.Path(contexts))
        print("load before: %.1f %.1f %.1f" % os.getloadavg())
        try:
            for case in chosen:
                {**DEFAULT, **SLOW}[case](bench)
        finally:   # also what was measured until somebody had enough
            if bench.registry:
                bench.registry.stop()
            bench.table.show()
            print("load after: %.1f %.1f %.1f" % os.getloadavg())


if __name__ == "__main__":
    main()
