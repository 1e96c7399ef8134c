"""Fixtures: the program, a fresh store, base images, registries, ordinary users.

    SLCT=path        the program (default: build/slct)
    SLCT_BASES=dir   where busybox.tar and debian.tar are (default: build/bases; what lacks is made)
    CI=true          what the host lacks is a failure, not a skip
    TMPDIR=dir       where the stores are made: on a tmpfs everything is faster
    SLCT_UPPER=tmpfs  all that runs in overlays, with upper directories in memory
"""
import collections
import contextlib
import fcntl
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lab import REPO, Registry, Slct, lack, need


def pytest_configure(config):
    config.addinivalue_line("markers", "debian: needs the Debian base image")
    config.addinivalue_line("markers", "apt: installs packages with apt-get, which needs the package sources")
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


def pytest_addoption(parser):
    parser.addoption("--shard", metavar="I/N", help="only the files of share I of N (tests/tools/shards.py)")


def pytest_collection_modifyitems(config, items):
    """Whole files, the longest first to whoever has least: the same shares in every process of a run."""
    if not config.getoption("--shard"):
        return
    number, of = map(int, config.getoption("--shard").split("/"))
    files = collections.Counter(item.path for item in items)
    loads, mine = [0] * of, set()
    for path, tests in sorted(files.items(), key=lambda entry: (-entry[1], entry[0])):
        least = loads.index(min(loads))
        loads[least] += tests
        if least == number - 1:
            mine.add(path)
    config.hook.pytest_deselected(items=[item for item in items if item.path not in mine])
    items[:] = [item for item in items if item.path in mine]


@pytest.fixture(scope="session")
def session_dir():
    """A directory for the whole run that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="slct-it."))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)


@pytest.fixture(scope="session")
def binary(session_dir):
    """The program, in a place that every user can reach."""
    source = Path(os.environ.get("SLCT", REPO / "build/slct"))
    if not source.exists():
        pytest.exit(f"{source} is missing: make", 2)
    copy = session_dir / "slct"
    shutil.copy(source, copy)
    copy.chmod(0o755)
    return copy


class Bases:
    """Root file systems of base images, as tars."""

    def __init__(self, folder):
        self.folder = folder
        self.given = Path(os.environ.get("SLCT_BASES", REPO / "build/bases"))

    def __call__(self, name):
        tar = self.folder / name / f"{name}.tar"
        if not tar.exists() and (self.given / f"{name}.tar").exists():
            tar.parent.mkdir()   # a copy, since other users may be unable to enter the repository
            shutil.copy(self.given / f"{name}.tar", tar)
        if not tar.exists():
            need({"debian": "mmdebstrap", "busybox": "busybox"}[name])
            tar.parent.mkdir()
            other = tar.parent / {"debian": "busybox.tar", "busybox": "debian.tar"}[name]
            other.touch()   # what is there already is not made
            done = subprocess.run([REPO / "flavors/make-bases.sh", tar.parent], capture_output=True, text=True)
            if done.returncode:
                lack(f"no base image: {done.stderr}")
        return tar


@pytest.fixture(scope="session")
def bases(session_dir):
    folder = session_dir / "bases"
    folder.mkdir()
    return Bases(folder)


_numbers = itertools.count(1)


@pytest.fixture
def work(session_dir):
    """A directory for one test that every user may enter, removed afterwards."""
    folder = session_dir / f"t{next(_numbers)}"
    folder.mkdir(mode=0o755)
    yield folder
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)


@pytest.fixture
def empty(binary, work):
    """slct with an empty store."""
    return Slct(binary, work / "store", work)


@pytest.fixture
def slct(empty, bases):
    """slct with a store that holds localhost/busybox:1."""
    empty.run("import", bases("busybox"), "localhost/busybox:1")
    return empty


@pytest.fixture
def new_slct(binary, bases, work):
    """A maker of further slct with stores of their own: new_slct(), new_slct(user=..., base=None)."""
    def make(user=None, base="busybox"):
        folder = work / f"s{next(_numbers)}"
        folder.mkdir(mode=0o755)
        if user:
            os.chown(folder, user.uid, user.gid)
        one = Slct(binary, folder / "store", folder, user)
        if base:
            one.run("import", bases(base), {"busybox": "localhost/busybox:1", "debian": "localhost/debian:12"}[base])
        return one
    return make


@pytest.fixture
def on_overlay(work):
    """A directory on an overlay, as a container's own root is."""
    if os.geteuid() != 0:
        lack("not root")
    dirs = [work / name for name in ("lower", "upper", "work", "merged")]
    for folder in dirs:
        folder.mkdir()
    options = "lowerdir={},upperdir={},workdir={}".format(*dirs)
    if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, dirs[3]], check=False).returncode:
        lack("overlay mounts")
    yield dirs[3]
    subprocess.run(["umount", "-l", dirs[3]], check=True)


class User:
    """An ordinary user of the machine."""

    def __init__(self, name, made):
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid, self.home, self.made = name, entry.pw_uid, entry.pw_gid, entry.pw_dir, made

    @property
    def prefix(self):
        """What stands before a command so that it runs as this user."""
        if os.geteuid() == self.uid:
            return []
        return [need("setpriv"), "--reuid", str(self.uid), "--regid", str(self.gid), "--init-groups", "--"]


def has_subids(name):
    return all(any(line.split(":")[0] == name for line in Path(file).read_text().splitlines())
               for file in ("/etc/subuid", "/etc/subgid") if Path(file).exists())


@contextlib.contextmanager
def accounts():
    """Alone with the files of accounts: useradd does not wait for another one."""
    with open("/etc/login.defs", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_user(session_dir, name, subids):
    """Make a user, with or without subordinate ids; yield it and remove it."""
    useradd, home = need("useradd"), session_dir / name
    with accounts():
        # A system user gets no subordinate ids by itself.
        subprocess.run([useradd, "--system", "--create-home", "--home-dir", str(home), "--shell", "/bin/sh", name],
                       check=True, capture_output=True)
        home.chmod(0o755)
        if subids:
            taken = [int(line.split(":")[1]) + int(line.split(":")[2]) for file in ("/etc/subuid", "/etc/subgid")
                     for line in Path(file).read_text().splitlines() if line.count(":") == 2]
            first = max([100000, *taken])
            subprocess.run(["usermod", "--add-subuids", f"{first}-{first + 65535}", "--add-subgids",
                            f"{first}-{first + 65535}", name], check=True, capture_output=True)
    yield User(name, True)
    with accounts():
        subprocess.run(["userdel", name], check=False, capture_output=True)


@pytest.fixture(scope="session")
def user(session_dir):
    """An ordinary user with subordinate ids."""
    need("newuidmap")
    if os.geteuid() == 0:
        yield from make_user(session_dir, f"slctit{os.getpid()}", True)
        return
    me = pwd.getpwuid(os.geteuid()).pw_name
    if not has_subids(me):
        lack(f"{me} has no subordinate ids in /etc/subuid and /etc/subgid")
    yield User(me, False)


@pytest.fixture(scope="session")
def plain_user(session_dir):
    """An ordinary user without subordinate ids."""
    if os.geteuid() != 0:
        lack("only root can make a user without subordinate ids")
    yield from make_user(session_dir, f"slctno{os.getpid()}", False)


@pytest.fixture(params=["root", "user", "solo"])
def any_slct(request, new_slct):
    """slct with busybox: as root, as an ordinary user with subordinate ids, as one without."""
    if request.param == "root":
        if os.geteuid() != 0:
            lack("not root")
        return new_slct()
    return new_slct(user=request.getfixturevalue("plain_user" if request.param == "solo" else "user"))


@pytest.fixture(scope="session")
def new_registry(session_dir):
    """A maker of registries: new_registry(user=None, password=None) -> a running Registry; .stop() and .start() it."""
    made = []

    def make(user=None, password=None):
        one = Registry(session_dir / f"registry{len(made)}", user, password)
        made.append(one)
        return one.start()

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="session")
def registry(new_registry):
    """A registry on loopback for everybody: take names from registry.repo()."""
    return new_registry()


@pytest.fixture(scope="session")
def registry_auth(new_registry):
    """The same with basic authentication: registry_auth.user, registry_auth.password."""
    return new_registry("tester", "s3cret-for-tests")
