"""No process needs memory in proportion to a layer: COPY, commit, push, pull, save and export of one that is half as
large again as what each may have."""
import os
import subprocess
import sys

import pytest


MIB = 1 << 20
LIMIT = 64 * MIB   # of each process (performance.md)
TEXT = """\
FROM localhost/busybox:1 AS src
COPY big /big
COPY many /many
FROM localhost/busybox:1
COPY --from=src --chown=3:4 /big /many /copied/
RUN cp /copied/big /made
"""


# A process begins with the peak of the one that it was forked from: a small one starts slct.
STARTER = """import os, sys
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
status, usage = os.wait4(process, 0)[1:]
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024)"""


def peak(slct, *args):
    """Run slct; the most that it or any of its processes had in memory, in bytes."""
    done = subprocess.run([sys.executable, "-c", STARTER, *slct.argv(*args, "-q")], env=slct.env, cwd=slct.work,
                          check=True,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    status, most = done.stdout.splitlines()[-1].split()
    assert status == "0", done.stderr
    return int(most)


@pytest.fixture
def plain(slct):
    if b"__asan_init" in slct.binary.read_bytes():
        pytest.skip("sanitizers need memory of their own")
    return slct


def test_memory_does_not_grow_with_layers(plain, new_slct, new_registry):
    name = new_registry().repo() + ":1"
    block = os.urandom(MIB)   # farther apart than what any window of ours sees: nothing shrinks
    folder = plain.context({"Dockerfile": TEXT, "big": block * (3 * LIMIT // 2 // MIB),
                            **{f"many/f{n}": str(n) for n in range(3000)}})
    other = new_slct()
    peaks = {"build": peak(plain, "build", "-t", name, folder), "push": peak(plain, "push", name),
             "pull": peak(other, "pull", name), "save": peak(plain, "save", "-o", "image.tar", name),
             "load": peak(new_slct(), "load", "-i", plain.work / "image.tar"),
             "export": peak(other, "export", "-o", "root.tar", name), "fsck": peak(plain, "fsck")}
    assert {what: n // MIB for what, n in peaks.items() if n > LIMIT} == {}
