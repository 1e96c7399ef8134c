"""Workers that mount and write: confined by Landlock once they have mounted."""
import ctypes
import os
import re

import pytest

from lab import lack, need

LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (\d+)", re.M)
COPIES = """\
FROM localhost/busybox:1 AS one
COPY a /a
WORKDIR /w
FROM localhost/busybox:1
COPY --from=one /a /b
"""


def mounters(trace):
    """Processes that mount an overlay for their work, and whether they confine themselves afterwards. Probes do not
    count, which make namespaces as steps do."""
    found = {}
    for pid, call, arguments, _ in LINE.findall(trace):
        if call in ("fsopen", "mount") and '"overlay"' in arguments:
            found[pid] = False
        elif call == "landlock_restrict_self" and pid in found:
            found[pid] = True
    probes = {pid for pid, call, arguments, _ in LINE.findall(trace) if call == "unshare"
              and "CLONE_NEWPID" in arguments}
    return [confined for pid, confined in found.items() if pid not in probes]


@pytest.fixture
def traced(slct):
    """Run slct; what mounters() says."""
    if os.geteuid():
        lack("not root")   # for root no_new_privs is not needed: strace changes nothing
    # landlock_create_ruleset, for the ABI
    if ctypes.CDLL(None).syscall(444, None, 0, 1) < 2:
        lack("no Landlock in this kernel")

    def run(*args):
        log = slct.work / "strace"
        slct.run(*args, prefix=[need("strace"), "-f", "-qq", "-s", "100", "-o", str(log), "-e",
                                "trace=landlock_restrict_self,fsopen,mount,unshare"])
        return mounters(log.read_text())
    return run


def test_copies(slct, traced):
    assert traced("build", "--offline", "-t", "test:1", slct.context({"Dockerfile": COPIES, "a": "a"})) == [True] * 3
    assert slct.image()["b"].text == "a"


def test_exports(slct, traced):
    assert traced("export", "-o", slct.work / "fs.tar", "localhost/busybox:1") == [True]
    assert traced("export", "--format", "dir", "-o", slct.work / "fs", "localhost/busybox:1") == [True]
    assert (slct.work / "fs/bin/busybox").exists()


def test_squash(slct, traced):
    folder = slct.context({"Dockerfile": COPIES, "a": "a"})
    slct.run("build", "--offline", "-t", "test:1", folder)
    assert traced("build", "--offline", "--squash", "-t", "test:2", folder) == [True]
    assert slct.image("test:2")["b"].text == "a"
