"""slct verify: a build that gives the same again, and one that does not."""
import json

SAME = "FROM localhost/busybox:1\nRUN echo a >/a\nRUN date >/dev/null; echo b >/b\n"


def records(slct):
    return {p.name: p.read_bytes() for p in (slct.store / "cache").iterdir()}


def test_the_same_again(any_slct):
    folder = any_slct.context({"Dockerfile": SAME})
    built = any_slct.run("build", folder)
    before = records(any_slct)
    got = any_slct.run("verify", folder)
    assert "the same again, " + built.id in got.out, got
    assert records(any_slct) == before
    assert built.id in any_slct.run("images").out


def test_what_differs(slct):
    folder = slct.context({"Dockerfile": SAME + "RUN cat /proc/sys/kernel/random/uuid >/etc/uuid; echo c >/c\nRUN echo d >/d\n"})
    built = slct.run("build", "-t", "mine:1", folder)
    before, images = records(slct), slct.run("images").out
    got = slct.run("verify", folder, rc=1)
    assert "first in: " in got.out and "/proc/sys/kernel/random/uuid" in got.out
    assert "first file: etc/uuid (content), of 1" in got.out and "not give the same again" in got.err, got
    assert records(slct) == before
    assert slct.run("build", folder).ran == []
    goal, = json.loads(slct.run("verify", "--json", folder, rc=1).out)["goals"]
    assert goal["file"] == "etc/uuid" and goal["changes"] == {"content": True} and not goal["same"]
    assert goal["id"] == built.id and goal["again"] not in slct.run("images").out
    slct.run("gc")
    slct.fsck()


def test_goals_of_flavors(slct):
    flavor = slct.flavor({"base": SAME, "last": "FROM {{base}}\nRUN cat /proc/uptime >/t\n"})
    assert "the same again" in slct.run("verify", f"{flavor}:base").out
    got = slct.run("verify", f"{flavor}:last", rc=1)
    assert "first file: t (" in got.out, got
    assert "flavor-last" in slct.run("images").out
