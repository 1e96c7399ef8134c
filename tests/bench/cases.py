"""What bench.py times: contexts, the programs that are compared, a registry."""
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLCT = os.environ.get("SLCT", str(ROOT / "build/slct"))
BASES = pathlib.Path(os.environ.get("SLCT_BASES", ROOT / "build/bases"))
FILES, DIRS = 30000, 300
BIG_LAYERS, BIG_LAYER_BYTES = 4, 350_000_000
LOOP = "i=0; while [ $i -lt {turns} ]; do i=$((i+1)); done"
TURNS = 400000


class Sample:
    """One measurement: wall and CPU seconds; memory: the most that one process had, in MiB, where it was asked for."""

    def __init__(self, wall, cpu, memory=None):
        self.wall, self.cpu, self.memory = wall, cpu, memory

    def __add__(self, other):
        return Sample(self.wall + other.wall, self.cpu + other.cpu)


def timed(argv, env=None, cwd=None):
    """Run it to its end; its children's time counts once they were waited for."""
    start = time.monotonic()
    process = subprocess.Popen(list(map(str, argv)), env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        sys.exit(f"{' '.join(map(str, argv))}: exit status {process.returncode}\n"
                 f"{said.decode(errors='replace')[-2000:]}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


# A process begins with the peak of the one that it was forked from: one that is small starts the program.
STARTER = """import os, sys
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
status, usage = os.wait4(process, 0)[1:]
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)"""


def measured(argv, env=None):
    """As timed(), with the memory; the wall time has the starter's in it."""
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", STARTER, *map(str, argv)], env=env, capture_output=True, text=True,
                          check=True)
    wall = time.monotonic() - start
    status, memory, cpu = done.stdout.splitlines()[-1].split()
    if status != "0":
        sys.exit(f"{' '.join(map(str, argv))}: exit status {status}\n{done.stderr[-2000:]}")
    return Sample(wall, float(cpu), float(memory))


def shell(command, *args):
    return timed(["bash", "-o", "pipefail", "-ec", command, "bash", *args])


class Slct:
    name = "slct"

    def __init__(self, work):
        self.work, self.stores, self.how = work, 0, timed
        self.use("slct")
        self.run("import", BASES / "busybox.tar", "localhost/busybox:1")

    def use(self, store):
        self.env = dict(os.environ, SLCT_ROOT=str(self.work / store))

    def empty(self):
        """From now on the store of a machine that has nothing; the last one is removed."""
        shutil.rmtree(self.work / f"empty{self.stores}", ignore_errors=True)
        self.stores += 1
        self.use(f"empty{self.stores}")

    def run(self, *args):
        return self.how([SLCT, *args], self.env)

    def build(self, context, tag, cold, *more):
        return self.run("build", "-q", *(["--no-cache"] if cold else []), *more, "-t", tag, context)

    def push(self, tag, ref):
        return self.run("push", "-q", tag, ref)

    def pull(self, ref):
        self.empty()
        sample = self.run("pull", "-q", ref)
        self.use("slct")
        return sample

    def fill_cache(self, context, ref, cache):
        self.build(context, ref, False, "--cache-to", cache, "--push")

    def from_cache(self, context, ref, cache):
        """On an empty machine: all of it is in the cache's repository."""
        self.empty()
        sample = self.build(context, ref, False, "--cache-from", cache, "--push")
        self.use("slct")
        return sample

    def build_and_push(self, context, ref):
        return self.build(context, ref, True, "--push")


class Buildah:
    """Root, chroot isolation, and vfs, because that works everywhere."""
    name = "buildah"

    def __init__(self, work):
        self.work, self.stores = work, 0
        self.use("buildah")
        (work / "base").mkdir()
        shutil.copy(BASES / "busybox.tar", work / "base/root.tar")
        (work / "base/Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
        self.build(work / "base", "localhost/busybox:1", False)

    def use(self, store):
        self.top = ["buildah", "--root", str(self.work / store), "--runroot", str(self.work / f"{store}-run"),
                    "--storage-driver", "vfs"]

    def empty(self):
        shutil.rmtree(self.work / f"bempty{self.stores}", ignore_errors=True)
        self.stores += 1
        self.use(f"bempty{self.stores}")

    def build(self, context, tag, cold, *more):
        return timed([*self.top, "build", "-q", "--isolation", "chroot", "--layers", "--jobs", "0",
                      *(["--no-cache"] if cold else []), *more, "-t", tag, context])

    def push(self, tag, ref):
        return timed([*self.top, "push", "-q", "--tls-verify=false", tag, f"docker://{ref}"])

    def pull(self, ref):
        self.empty()
        sample = timed([*self.top, "pull", "-q", "--tls-verify=false", ref])
        self.use("buildah")
        return sample

    def fill_cache(self, context, ref, cache):
        self.build(context, ref, False, "--tls-verify=false", "--cache-to", cache, "--cache-from", cache)
        self.push(ref, ref)

    def from_cache(self, context, ref, cache):
        self.empty()
        one = self.build(context, ref, False, "--tls-verify=false", "--cache-from", cache)
        two = self.push(ref, ref)
        self.use("buildah")
        return one + two

    def build_and_push(self, context, ref):
        one, two = self.build(context, ref, True), self.push(ref, ref)
        return one + two


class Registry:
    """Debian's docker-registry on loopback. What it stores is removed with the bench's directory."""

    def __init__(self, work):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % s.getsockname()[1]
        config = work / "registry.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
                          f"storage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                          f"http: {{addr: {self.address}}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{self.address}/v2/", timeout=1).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        sys.exit("the registry does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


# --- contexts ---

def programs():
    """Bytes that compress as programs do: those of this machine's."""
    found = [sys.executable, "/bin/busybox", "/bin/bash"]
    return b"".join(pathlib.Path(p).resolve().read_bytes() for p in found if os.path.exists(p))


def write_files(folder, text, rnd, sizes):
    total = 0
    for n, size in enumerate(sizes):
        if n % 100 == 0:
            sub = folder / f"d{n // 100}"
            sub.mkdir(parents=True)
        at = rnd.randint(0, len(text) - size)
        (sub / f"f{n}").write_bytes(text[at:at + size])
        total += size
    return total


def context_of(folder, dockerfile):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


def run30(work):
    steps = "".join(f"RUN echo {i} > /f{i}\n" for i in range(30))
    return context_of(work / "run30", "FROM localhost/busybox:1\n" + steps)


def remote22(work, address):
    steps = "".join(f"RUN echo {i} > /f{i}\n" for i in range(22))
    return context_of(work / "remote22", f"FROM {address}/base:1\n" + steps)


def copy(work):
    rnd = random.Random(1)
    if not (work / "copy").exists():
        write_files(work / "copy/files", programs(), rnd, (rnd.randint(2000, 31000) for _ in range(FILES)))
    return context_of(work / "copy", "FROM localhost/busybox:1\nCOPY files /files\nRUN ls /files | wc -l\n")


def stages(work):
    """Four stages that compute and need nothing of each other, and one that needs them all."""
    loop = LOOP.format(turns=TURNS)
    text = "".join(f"FROM localhost/busybox:1 AS s{n}\nRUN {loop}; echo {n} >/out{n}\n" for n in range(4))
    return context_of(work / "stages",
                      text + "FROM scratch\n" + "".join(f"COPY --from=s{n} /out{n} /\n" for n in range(4)))


def from_stage(work):
    """The files of copy from one stage to another: stage linked takes them as they are, stage copied with another
    owner."""
    text = "FROM scratch AS src\nCOPY files /files\n"
    text += "".join(f"FROM scratch AS {name}\nCOPY --from=src {flag} /files /{name}\n"
                    for name, flag in (("linked", ""), ("copied", "--chown=1:1")))
    (copy(work) / "Stages").write_text(text)
    return work / "copy"


def plan(work, count):
    text = "FROM localhost/busybox:1 AS s0\nRUN true\n"
    text += "".join(f"FROM s{n // 2} AS s{n + 1}\nCOPY --from=s{n} /etc/passwd /p{n}\nRUN echo {n}\n"
                    for n in range(count - 1))
    return context_of(work / f"plan{count}", text)


def big(work):
    """1.4 GB in layers of 350 MB: many small files and some large ones, as in /usr."""
    rnd, text = random.Random(2), programs()

    def sizes():
        left = BIG_LAYER_BYTES
        while left > 0:
            size = min(int(rnd.paretovariate(1.1) * 3000), 4_000_000, len(text) - 1)
            left -= size
            yield size
    for n in range(BIG_LAYERS):
        write_files(work / f"big/l{n}", text, rnd, sizes())
    return context_of(work / "big",
                      "FROM localhost/busybox:1\n" + "".join(f"COPY l{n} /l{n}\n" for n in range(BIG_LAYERS)))


def apt(work):
    return context_of(work / "apt",
                      "FROM localhost/debian:12\nRUN apt-get -qq update && DEBIAN_FRONTEND=noninteractive "
                                    "apt-get -qq -y install --no-install-recommends gcc python3 >/dev/null\n")


def one_layer(work, mib):
    folder = work / f"layer{mib}"
    folder.mkdir(parents=True)
    block = os.urandom(1 << 20)
    with (folder / "file").open("wb") as out:
        for _ in range(mib):
            out.write(block)
    return context_of(folder, "FROM localhost/busybox:1\nCOPY file /file\n")
