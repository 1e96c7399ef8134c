"""Where and as whom the conformance cases run in a tier of isolation."""
import collections
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TIERS = ("root", "range", "solo", "chroot")
SUBIDS = 65536
CONFINE = pathlib.Path(__file__).resolve().parents[1] / "tools/confine.py"

# prefix: what stands before a command; env: of slct and the harness; directory: the material, readable there.
Place = collections.namedtuple("Place", "tier prefix env directory")


def run(*argv):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL)


def first_free():
    """The first id after all subordinate ones that somebody has."""
    ends = [100000]
    for name in ("/etc/subuid", "/etc/subgid"):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(name).read_text(encoding="utf-8").splitlines():
                fields = line.split(":")
                if len(fields) == 3:
                    ends.append(int(fields[1]) + int(fields[2]))
    return max(ends)


@contextlib.contextmanager
def user(top, subids):
    """An ordinary user whose home is top/home; yields the words that run a command as him."""
    name = f"slctcf{os.getpid()}"
    # A system user gets no subordinate ids by itself.
    run("useradd", "--system", "--create-home", "--home-dir", top / "home", "--shell", "/bin/sh", name)
    try:
        if subids:
            ids = f"{first_free()}-{first_free() + SUBIDS - 1}"
            run("usermod", "--add-subuids", ids, "--add-subgids", ids, name)
        yield name, ["setpriv", "--reuid", name, "--regid", name, "--init-groups", "--"]
    finally:
        subprocess.run(["userdel", name], check=False, capture_output=True)


def isolation(prefix, env):
    """The tier that slct chooses."""
    done = subprocess.run([*prefix, "slct", "doctor", "--json"], env=env, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)["isolation"] or "none"
    except (ValueError, KeyError):
        sys.exit(f"cases: slct doctor: exit status {done.returncode}\n{done.stderr[-2000:]}")


def own_copies(top, name, directory):
    """Material and base images where the user can read and the harness can write."""
    work = pathlib.Path(os.environ["CONF_WORK"])
    shutil.copytree(directory, top / "material")
    (top / "conf").mkdir()
    for part in ("bases", "busybox", "registry"):
        if (work / part).exists():
            run("cp", "-a", work / part, top / "conf" / part)
    run("chown", "-R", name, top / "conf", top / "material")
    run("chmod", "-R", "u+rwX", top / "material")
    return {"CONF_WORK": str(top / "conf"), "HOME": str(top / "home"),
            "SLCT_ROOT": str(top / "home/store")}


@contextlib.contextmanager
def place(tier, directory):
    """The place of a tier (None: the caller's own). Ends the program where slct would choose another."""
    if not tier:
        yield Place(isolation([], None), [], None, directory)
        return
    if os.geteuid() != 0:
        sys.exit("cases: --tier needs root")
    top = pathlib.Path(tempfile.mkdtemp(prefix="slct-conf.", dir="/var/tmp"))
    top.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            # A program of its own, which no make replaces meanwhile.
            (top / "bin").mkdir()
            shutil.copy(shutil.which("slct"), top / "bin/slct")
            path, prefix = f"{top}/bin:{os.environ['PATH']}", []
            env = {"SLCT_ROOT": str(top / "store")}
            if tier == "chroot":
                prefix = [sys.executable, str(CONFINE)]
            elif tier != "root":
                name, prefix = stack.enter_context(user(top, tier == "range"))
                env = own_copies(top, name, directory)
                directory = top / "material"
            env = {**os.environ, **env, "PATH": path, "CONF_TIER": ""}
            got = isolation(prefix, env)
            if got != tier:
                sys.exit(f"cases: slct chooses isolation {got} where {tier} is wanted")
            yield Place(tier, prefix, env, directory)
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", str(top)], check=False)
