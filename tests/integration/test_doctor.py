"""slct doctor: what the host allows, what refuses it, the remedy, and the exit status."""
import json
import os

import pytest

from lab import lack, need


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
    got = slct.run("doctor", "--json", rc=None, prefix=[need("setpriv"), "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"])
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
