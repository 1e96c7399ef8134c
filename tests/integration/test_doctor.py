"""slct doctor: what the host allows, what refuses it, the remedy, and the exit status."""
import json
import os
import platform
import sys
from pathlib import Path

import pytest

from lab import REPO, lack, need

CONFINE = REPO / "tests/tools/confine.py"


def findings(result):
    shown = json.loads(result.out)
    assert shown["version"] == 1
    return shown, {f["name"]: f for f in shown["findings"]}


@pytest.fixture
def root():
    if os.geteuid() != 0:
        lack("not root")


def test_root(slct, root):
    slct.build("FROM localhost/busybox:1\nRUN true\n")
    shown, found = findings(slct.run("doctor", "--json"))
    assert shown["can_build"] is True and shown["isolation"] == "root"
    assert found["root"]["state"] == "ok" and "builds take it" in found["root"]["text"]
    assert found["layers/real"]["state"] == "ok"
    assert found["user xattrs"]["state"] == "ok" and "free" in found["space"]["text"]
    text = slct.run("doctor").out
    assert "ok       root: works" in text and "\nstore\n" in text
    assert list((slct.store / "tmp").iterdir()) == []


def test_range(new_slct, user):
    one = new_slct(user=user)
    shown, found = findings(one.run("doctor", "--json"))
    assert shown["isolation"] == "range" and found["range"]["state"] == "ok"
    form, = [name for name in found if name.startswith("layers/map-")]
    assert found[form]["state"] == "ok" and form[len("layers/"):] in found["range"]["text"]
    assert found["root"]["state"] == "note"


def test_without_subordinate_ids(new_slct, plain_user):
    one = new_slct(user=plain_user, base=None)
    got = one.run("doctor", "--json", rc=None)
    shown, found = findings(got)
    assert got.rc == (0 if shown["can_build"] else 5)
    assert found["range"]["state"] != "ok"
    assert f"{plain_user.name}:100000:65536" in found["range"]["remedy"] and "/etc/subuid" in found["range"]["text"]


def test_root_without_capabilities(slct, root):
    """As in a container of an orchestrator."""
    got = slct.run("doctor", "--json", rc=None,
                   prefix=[need("setpriv"), "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"])
    shown, found = findings(got)
    assert got.rc == (0 if shown["can_build"] else 5)
    assert found["root"]["state"] != "ok"
    assert "CAP_SYS_ADMIN" in found["root"]["text"] and "--cap-add SYS_ADMIN" in found["root"]["remedy"]


def test_no_user_namespaces(slct, root):
    """The switch that refuses is named, with the command that turns it."""
    script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    got = slct.run("doctor", "--json", rc=None, prefix=[need("unshare"), "-U", "-r", "sh", "-c", script, "sh"])
    _, found = findings(got)
    one = found["user namespaces"]
    assert one["state"] != "ok" and "/proc/sys/user/max_user_namespaces is 0" in one["text"]
    assert "sysctl -w user.max_user_namespaces=" in one["remedy"]


def test_store_on_an_overlay(slct, root):
    folder = slct.work / "mnt"
    for name in ("lower", "upper", "workdir"):
        (folder / name).mkdir(parents=True)
    script = f'cd {folder} && mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=workdir lower && exec "$@"'
    got = slct.run("doctor", "--json", "--root", folder / "lower/store", rc=None,
                   prefix=[need("unshare"), "-m", "sh", "-c", script, "sh"])
    shown, found = findings(got)
    assert got.rc == (0 if shown["can_build"] else 5)
    assert found["file system"]["state"] == "warning" and "overlay" in found["file system"]["text"]
    if found["root"]["state"] != "ok":
        assert "--root" in found["root"]["remedy"]


def test_store_that_cannot_be_made(slct):
    file = slct.work / "file"
    file.write_text("")
    got = slct.run("doctor", "--json", "--root", file / "store", rc=5)
    shown, found = findings(got)
    assert shown["can_build"] is False and found["directory"]["state"] == "refused" and str(file) in got.err


def test_read_only_store(slct, root):
    script = f'mount --bind {slct.store} {slct.store} && mount -o remount,bind,ro {slct.store} && exec "$@"'
    got = slct.run("doctor", "--json", rc=5, prefix=[need("unshare"), "-m", "sh", "-c", script, "sh"])
    assert "ead-only" in got.out + got.err


def test_layers_of_a_former_range(slct):
    form = slct.store / "layers/map-0123456789abcdef"
    (form / "00").mkdir(parents=True)
    _, found = findings(slct.run("doctor", "--json"))
    one = found["layers/map-0123456789abcdef"]
    assert one["state"] == "warning" and "1 layers" in one["text"] and str(form) in one["remedy"]


def test_missing_programs(slct, root):
    _, found = findings(slct.run("doctor", "--json", env={"PATH": str(slct.work)}))
    assert found["git"]["state"] == "warning" and "install git" in found["git"]["remedy"]
    assert found["newuidmap"]["state"] == "note"    # root can do without


def confine(kind):
    if platform.machine() != "x86_64":
        lack("the filter is for x86-64")
    return [sys.executable, str(Path(__file__).with_name("confine.py")), kind]


def in_mounts(script):
    """A prefix that runs shell commands in a mount namespace of its own first."""
    return [need("unshare"), "-m", "sh", "-c", script + ' && exec "$@"', "sh"]


def refusals(one, prefix):
    got = one.run("doctor", "--json", rc=None, prefix=prefix)
    shown, found = findings(got)
    assert got.rc == (0 if shown["can_build"] else 5)
    return found


def test_filter_of_a_container(new_slct, user, root):
    """Docker's default: no namespaces at all. As root of the container, too."""
    found = refusals(new_slct(user), confine("docker"))
    for name in ("range", "user namespaces"):
        assert found[name]["state"] != "ok" and "seccomp=unconfined" in found[name]["remedy"], found[name]
    found = refusals(new_slct(), confine("docker"))
    assert found["root"]["state"] != "ok" and "seccomp=unconfined" in found["root"]["remedy"]


def test_a_namespace_without_rights(new_slct, user, root):
    """Made, but mounts in it are refused: not the store's file system is to blame."""
    found = refusals(new_slct(user), confine("mounts"))
    for name in ("range", "user namespaces"):
        assert found[name]["state"] != "ok" and "refuse" in found[name]["text"], found[name]
        assert "seccomp" in found[name]["remedy"] and "attributes" not in found[name]["remedy"]


def test_apparmor_of_ubuntu(new_slct, user, root):
    """The switch is faked by a mount over /proc/sys/kernel, the refusal by a filter."""
    one = new_slct(user)
    switch = one.work / "kernel"
    switch.mkdir()
    (switch / "apparmor_restrict_unprivileged_userns").write_text("1\n")
    found = refusals(one, in_mounts(f"mount --bind {switch} /proc/sys/kernel") + confine("mounts"))
    for name in ("range", "user namespaces"):
        assert "apparmor_restrict_unprivileged_userns is 1" in found[name]["text"], found[name]
        remedy = found[name]["remedy"]
        assert "/etc/apparmor.d/slct" in remedy and str(one.binary) in remedy and "userns," in remedy
        assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in remedy


def test_debians_old_switch(new_slct, user, root):
    one = new_slct(user)
    switch = one.work / "kernel"
    switch.mkdir()
    (switch / "unprivileged_userns_clone").write_text("0\n")
    found = refusals(one, in_mounts(f"mount --bind {switch} /proc/sys/kernel") + confine("docker"))
    assert "unprivileged_userns_clone is 0" in found["range"]["text"]
    assert "sysctl -w kernel.unprivileged_userns_clone=1" in found["range"]["remedy"]


@pytest.mark.parametrize("kind", ["mnt", "pid", "ipc", "uts"])
def test_no_namespaces_of_a_kind(slct, root, kind):
    """The kernel says "no space left on device"; that is not about a disk."""
    script = f'echo 0 >/proc/sys/user/max_{kind}_namespaces && exec "$@"'
    found = refusals(slct, [need("unshare"), "-U", "-r", "sh", "-c", script, "sh"])
    assert found["root"]["state"] != "ok" and f"max_{kind}_namespaces is 0" in found["root"]["text"], found["root"]
    assert f"sysctl -w user.max_{kind}_namespaces=" in found["root"]["remedy"]


def test_primary_group_other_than_in_passwd(new_slct, user, root):
    """newuidmap refuses; to install it anew would not help."""
    one = new_slct(user)
    other = user.gid + 1
    one.user = type("Other", (), {"prefix": [need("setpriv"), "--reuid", str(user.uid), "--regid", str(other),
                                             "--clear-groups", "--"]})()
    found = refusals(one, [])
    assert found["range"]["state"] != "ok" and f"--regid {user.gid}" in found["range"]["remedy"], found["range"]


def test_newuidmap_without_its_rights(new_slct, user, root):
    one = new_slct(user)
    found = refusals(one, in_mounts("mount -o remount,bind,nosuid /"))
    assert found["range"]["state"] != "ok" and "nosuid" in found["range"]["remedy"]
    found = refusals(one, [need("setpriv"), "--no-new-privs"])
    assert "no_new_privs" in found["range"]["remedy"]


def test_chroot_without_user_namespaces(new_slct, user, root):
    one = new_slct(user)
    top = one.work / "top"
    top.mkdir()
    found = refusals(one, in_mounts(f"mkdir {top}/r && mount --rbind / {top}") + [need("chroot"), str(top)])
    assert found["user namespaces"]["state"] != "ok" and "chroot" in found["user namespaces"]["remedy"]


def test_masked_proc(new_slct, user, root):
    """Parts of /proc hidden, as in a container: steps still run, and doctor says what they get."""
    one = new_slct(user)
    hide = in_mounts("mount -t tmpfs none /proc/fs")
    found = refusals(one, hide)
    assert found["proc"]["state"] == "note" and "unmask" in found["proc"]["remedy"]
    assert found["range"]["state"] == "ok"
    assert "no /proc of its own" in one.build("FROM localhost/busybox:1\nRUN true\n", prefix=hide).err


def test_proc_that_hides_others(new_slct, user, root):
    """hidepid: nothing is lost by it."""
    one = new_slct(user)
    hide = in_mounts("mount -t proc -o hidepid=2 proc /proc")
    assert refusals(one, hide)["range"]["state"] == "ok"
    one.build("FROM localhost/busybox:1\nRUN [ -r /proc/self/status ]\n", prefix=hide)


def test_noexec_nosuid_nodev_store(new_slct, user, root):
    """Programs of steps run from their own mounts, so the flags of the store's do not matter."""
    one = new_slct(user)
    prefix = in_mounts(f"mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 none {one.store} && "
                       f"chown {user.uid}:{user.gid} {one.store} && chmod 700 {one.store} && "
                       f"{' '.join(user.prefix)} {one.binary} import {one.binary.parent}/bases/busybox/busybox.tar "
                       "localhost/busybox:1 >/dev/null")
    assert refusals(one, prefix)["range"]["state"] == "ok"
    assert one.build("FROM localhost/busybox:1\nRUN cp /bin/busybox /busybox && /busybox true\n", prefix=prefix).ran


def test_noexec_store_without_mounts(slct, root):
    """Tier chroot starts programs where the store lies."""
    prefix = in_mounts(f"mount -t tmpfs -o noexec,mode=700 none {slct.store}") + [sys.executable, str(CONFINE)]
    found = refusals(slct, prefix)
    assert found["chroot"]["state"] == "refused" and "mounted noexec" in found["chroot"]["text"]
    assert "--root" in found["chroot"]["remedy"]
    done = slct.build("FROM localhost/busybox:1\nRUN true\n", prefix=prefix, rc=None)
    assert done.rc == 5 or "localhost/busybox:1" in done.errors[0]


def test_container_of_docker(slct, root):
    """Its root's capabilities and filter: builds run in tier chroot, and each better tier has its remedy."""
    found = refusals(slct, [sys.executable, str(CONFINE)])
    assert found["chroot"]["state"] == "ok" and "builds take it" in found["chroot"]["text"]
    assert "--cap-add SYS_ADMIN" in found["root"]["remedy"] and "/etc/subuid" in found["range"]["remedy"]
    assert "seccomp=unconfined" in found["solo"]["remedy"] and "seccomp=unconfined" in found["proc"]["remedy"]
    without = refusals(slct, [sys.executable, str(CONFINE), "--no-mknod"])
    assert without["chroot"]["state"] == "refused" and "MKNOD" in without["chroot"]["remedy"]


def test_control_groups_are_told(slct, root):
    found = findings(slct.run("doctor", "--json"))[1]["control groups"]
    assert "--memory" in found["text"] and (found["state"] == "ok" or found["remedy"])


def test_store_without_user_attributes(new_slct, user, root):
    """ramfs has none, as tmpfs before Linux 6.6."""
    one = new_slct(user, base=None)
    one.store.mkdir(exist_ok=True)
    found = refusals(one, in_mounts(f"mount -t ramfs none {one.store} && chown {user.uid}:{user.gid} {one.store} && "
                                    f"chmod 700 {one.store}"))
    assert found["user xattrs"]["state"] != "ok" and "ext4" in found["user xattrs"]["remedy"]
    for tier in ("range", "solo"):
        if found[tier]["state"] != "ok":
            assert "attributes" in found[tier]["remedy"], found[tier]


PORTS = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


def test_low_ports(slct, new_slct, plain_user, root):
    """What doctor says of them is so: refused on the host's network, not on a step's own."""
    first = int(PORTS.read_text())
    one = new_slct(plain_user)
    found = findings(one.run("doctor", "--json"))[1]
    if first <= 81:
        assert "ports" not in found
        return
    assert found["ports"]["state"] == "note" and str(first) in found["ports"]["text"]
    assert "--network=none" in found["ports"]["remedy"]
    done = one.build("FROM localhost/busybox:1\nRUN nc -l -p 81 -w 1; true\n")
    assert "nc: bind: Permission denied" in done.err
    done = one.build("FROM localhost/busybox:1\nRUN --network=none nc -l -p 81 -w 1; true\n")
    assert "ermission" not in done.err and "timed out" in done.err
    assert "ports" not in findings(slct.run("doctor", "--json"))[1]
