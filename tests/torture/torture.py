#!/usr/bin/env python3
"""Kill, EIO and ENOSPC at the n-th state-changing call of builds, pulls, pushes, copies, cache writes and collections;
and many builds with a gc beside them on one store.

    tests/torture/torture.py [--seconds N] [--seed N] [--only WORD] [--user NAME] [-v]

Without --seconds every n of every case is tried; with it a random sample (fixed seed) of what fits. After each fault:

  - if the command said that it is done, its result is the right one,
  - the same command again succeeds with the right result,
  - slct fsck finds nothing,
  - a canary directory beside the store is untouched.

With --user the commands run as that user of the machine: with subordinate ids in tier range, without in tier solo.

Closes with "N passed, N failed"; exit status 1 if anything failed. Needs strace, docker-registry and a busybox base.
    SLCT=path, SLCT_BASES=dir as for the integration tests; TORTURE_DIR=dir where to work (default: /dev/shm or TMPDIR).
"""
import argparse
import collections
import hashlib
import json
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/integration"))
import lab  # noqa: E402

# What changes the state of a file system. strace counts the n of "when" for each process by itself.
CALLS = ["write,pwrite64,copy_file_range,ftruncate,fallocate", "rename,renameat,renameat2",
         "unlink,unlinkat,rmdir", "mkdir,mkdirat,mknod,mknodat,symlink,symlinkat,link,linkat",
         "fsync,fdatasync,syncfs",
         "fchmod,fchmodat,chmod,fchown,fchownat,lchown,utimensat,setxattr,fsetxattr,lsetxattr",
         "mount,umount2"]
FAULTS = ["signal=KILL", "error=EIO", "error=ENOSPC"]
# Beyond this n only very long-lived processes get, doing the same again.
N_MAX = 400
DOCKERFILE = """\
FROM localhost/busybox:1 AS tool
RUN echo tool >/tool && mkdir /d && touch /d/x && ln -s x /d/y
FROM localhost/busybox:1
COPY files/ /files/
RUN cat /files/* >/all && chown 3:4 /all && rm /etc/group
COPY --from=tool /tool /d /
CMD ["cat", "/all"]
"""


class Place:
    """A directory with a store, a context and a canary."""

    def __init__(self, folder, slct, base, user=None):
        """user: an entry of pwd; None: whoever we are."""
        self.folder, self.slct, self.user = folder, slct, user
        folder.mkdir(exist_ok=True)
        self.own()
        self.context = lab.write_tree(folder / "context",
                                      {"Dockerfile": DOCKERFILE, "files/a": "a\n", "files/b": "b\n"})
        self.canary = lab.write_tree(folder / "canary", {"one": "1\n", "sub/two": "2\n"})
        self.store = folder / "store"
        self.template = folder / "template"
        self.own()
        self.need("import", base, "localhost/busybox:1")

    def env(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "SLCT_ROOT": str(self.store), "LC_ALL": "C.UTF-8"}

    def own(self):
        """What we make for the user is the user's."""
        if self.user:
            subprocess.run(["chown", "-R", f"{self.user.pw_uid}:{self.user.pw_gid}", str(self.folder)], check=True)

    @property
    def prefix(self):
        """What stands before a command so that it runs as the user."""
        if not self.user:
            return []
        return ["setpriv", "--reuid", str(self.user.pw_uid), "--regid", str(self.user.pw_gid), "--init-groups", "--"]

    @property
    def strace(self):
        """strace itself stays who it is: only then programs like newuidmap get their rights."""
        return ["strace", "-f", "-qq", *(["-u", self.user.pw_name] if self.user else [])]

    def run(self, *args, prefix=None, timeout=60):
        return subprocess.run([*(self.prefix if prefix is None else prefix), str(self.slct), *map(str, args)],
                              env=self.env(), cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=timeout)

    def need(self, *args):
        done = self.run(*args)
        if done.returncode:
            raise AssertionError(f"slct {' '.join(map(str, args))}: {done.returncode}\n{done.stderr}")
        return done.stdout.strip()

    def keep(self):
        """The store as it is now is where every fault begins."""
        shutil.rmtree(self.template, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.store), str(self.template)], check=True)

    def reset(self):
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.store)], check=True)
        subprocess.run(["cp", "-a", str(self.template), str(self.store)], check=True)

    def sum(self):
        h = hashlib.sha256()
        for path in sorted(self.canary.rglob("*")):
            st = path.lstat()
            h.update(f"{path} {st.st_mode} {st.st_mtime_ns} {st.st_uid}".encode())
            h.update(path.read_bytes() if path.is_file() else b"")
        return h.hexdigest()


class Case:
    """A command, what stands before it, and what it must give (None: only that it succeeds)."""

    def __init__(self, name, args, prepare=None, result=None):
        self.name, self.args, self.prepare, self.result = name, args, prepare, result


def inject(case, place, calls, fault, n):
    """One fault; the text of what went wrong, or None."""
    canary = place.sum()
    place.reset()
    if case.prepare:
        case.prepare()
    strace = [*place.strace, "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}:when={n}"]
    try:
        done = place.run(*case.args, prefix=strace)
    except subprocess.TimeoutExpired:
        return "it hangs after the fault"
    if done.returncode == 0 and case.result and done.stdout.strip() != case.result:
        return f"it said that it is done, but gave {done.stdout.strip()}"
    again = place.run(*case.args)
    if again.returncode:
        return f"again: status {again.returncode}: {again.stderr[-600:]}"
    if case.result and again.stdout.strip() != case.result:
        return f"again: it gave {again.stdout.strip()} instead of {case.result}"
    fsck = place.run("fsck")
    if fsck.returncode:
        return f"fsck: {fsck.stdout[-600:]}{fsck.stderr[-300:]}"
    return None if place.sum() == canary else "the canary was touched"


def longest(case, place, calls):
    """The largest number of such calls that one process of the command makes."""
    place.reset()
    if case.prepare:
        case.prepare()
    log = place.folder / "strace.log"
    place.run(*case.args, prefix=[*place.strace, "-o", str(log), "-e", f"trace={calls}"])
    counts = collections.Counter(line.split(" ", 1)[0] for line in log.read_text(errors="replace").splitlines()
                                 if "resumed" not in line and "(" in line)
    return min(max(counts.values(), default=0), N_MAX)


def points(cases, place):
    for case in cases:
        for calls in CALLS:
            for n in range(1, longest(case, place, calls) + 1):
                for fault in FAULTS:
                    yield case, calls, fault, n


def crowd(place, seconds):
    """Eight builds in a loop and a gc beside them; the text of what went wrong, or None."""
    place.reset()
    want, jobs, failures = {}, {}, []
    end = time.monotonic() + seconds
    contexts = []
    for i in range(8):
        files = {"Dockerfile": DOCKERFILE, "files/a": f"{i % 4}\n", "files/b": "b\n"}
        contexts.append(lab.write_tree(place.folder / f"crowd{i}", files))
        contexts[-1].chmod(0o755)
    env = place.env()

    def start(key, *args):
        jobs[key] = subprocess.Popen([*place.prefix, str(place.slct), *map(str, args)], env=env, cwd=place.folder,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True)

    rounds = collections.Counter()
    while jobs or time.monotonic() < end:
        for key in [*range(8), "gc"]:
            if key not in jobs and time.monotonic() < end:
                rounds[key] += 1
                if key == "gc":
                    start(key, "gc", "--all")
                else:
                    start(key, "build", "-q", *(["--no-cache"] if rounds[key] % 3 == 0 else []), contexts[key])
        time.sleep(0.02)
        for key, job in list(jobs.items()):
            if job.poll() is None:
                continue
            out, err = job.communicate()
            del jobs[key]
            if key == "gc":
                if job.returncode not in (0, 75):   # 75: others were at work
                    failures.append(f"gc: {job.returncode}: {err}")
            elif job.returncode:
                failures.append(f"build {key}: {job.returncode}: {err}")
            elif want.setdefault(key % 4, out) != out:
                failures.append(f"build {key} gave {out} instead of {want[key % 4]}")
    fsck = place.run("fsck")
    if fsck.returncode:
        failures.append(f"fsck: {fsck.stdout}{fsck.stderr}")
    print(f"  {sum(v for k, v in rounds.items() if k != 'gc')} builds, {rounds['gc']} collections", flush=True)
    return "\n".join(failures[:5]) or None


def make_cases(place, registry):
    built = place.need("build", "-q", "-t", "made:1", place.context)
    repo = registry.repo()
    pushed = place.need("push", "made:1", f"{repo}:1")
    place.need("rm", "made:1")
    place.need("gc", "--all")
    place.keep()
    cache = place.folder / "cache"

    def fill():
        shutil.rmtree(cache, ignore_errors=True)
        place.need("build", "-q", "-t", "made:1", place.context)

    def fresh():
        shutil.rmtree(cache, ignore_errors=True)

    return [
        Case("build", ["build", "-q", place.context], result=built),
        Case("pull", ["pull", f"{repo}:1", "pulled:1"], result=built),
        Case("push", ["push", "made:1", f"{registry.repo()}:2"], prepare=fill, result=pushed),
        Case("gc", ["gc", "--all"], prepare=lambda: place.need("build", "-q", place.context)),
        Case("cache", ["build", "-q", "--cache-to", cache, place.context], prepare=fresh, result=built),
        Case("copy", ["copy", f"docker://{repo}:1", f"oci:{cache}:1"], prepare=fresh, result=pushed.split()[-1]),
        Case("save", ["save", "-o", "out.tar", "made:1"], prepare=fill),
    ]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--seconds", type=float, help="a random sample that takes about so long")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--only", default="", help="cases whose name has this word; crowd is one")
    ap.add_argument("-v", "--verbose", action="store_true")
    ap.add_argument("--user", help="an ordinary user that the commands run as (we are root, then)")
    o = ap.parse_args()
    user = pwd.getpwnam(o.user) if o.user else None
    slct = Path(os.environ.get("SLCT", REPO / "build/slct")).resolve()
    base = Path(os.environ.get("SLCT_BASES", REPO / "build/bases")) / "busybox.tar"
    parent = os.environ.get("TORTURE_DIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    folder = Path(tempfile.mkdtemp(prefix="slct-torture.", dir=parent))
    registry = lab.Registry(folder / "registry").start()
    passed, failed = 0, []
    try:
        if user:    # what the user reads is where the user may go
            folder.chmod(0o755)
            slct, base = shutil.copy(slct, folder), shutil.copy(base, folder)
        place = Place(folder / "place", slct, base, user)
        doctor = place.run("--json", "doctor")
        print(f"isolation: {json.loads(doctor.stdout)['isolation']}", flush=True)
        cases = make_cases(place, registry)
        if o.only in "crowd":
            print("crowd", flush=True)
            problem = crowd(place, min(20, o.seconds / 6) if o.seconds else 60)
            passed, failed = (passed, failed + [("crowd", problem)]) if problem else (passed + 1, failed)
        todo = list(points([c for c in cases if o.only in c.name], place))
        print(f"{len(todo)} faults in all", flush=True)
        if o.seconds:
            random.Random(o.seed).shuffle(todo)
        end = time.monotonic() + (o.seconds or float("inf"))
        for case, calls, fault, n in todo:
            if time.monotonic() > end:
                break
            name = f"{case.name}: {fault} at {calls.split(',')[0]}… {n}"
            problem = inject(case, place, calls, fault, n)
            if problem:
                failed.append((name, problem))
                print(f"FAIL {name}: {problem}", flush=True)
            else:
                passed += 1
                if o.verbose:
                    print(f"ok   {name}", flush=True)
    finally:
        registry.stop()
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)
    for name, problem in failed:
        if name == "crowd":
            print(f"FAIL {name}: {problem}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
