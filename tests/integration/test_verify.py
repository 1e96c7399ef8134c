"""slct verify: a build that gives the same again, and one that does not."""
import json
import re
import subprocess

import pytest

from lab import need

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
    folder = slct.context({"Dockerfile": SAME + "RUN cat /proc/sys/kernel/random/uuid >/etc/uuid; echo c >/c\n"
                                                "RUN echo d >/d\n"})
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


# A program whose n-th run sets user.n=n on a file; and a count of runs that outlives builds.
SETXATTR = r"""
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
int main(int n, char **v) { return n == 4 && !setxattr(v[1], v[2], v[3], strlen(v[3]), 0) ? 0 : 1; }
"""
COUNT = "n=$(cat /count/n 2>/dev/null || echo 0); echo $((n + 1)) >/count/n; m=$((n % 2)); "

KINDS = {
    "content": ("echo $m >/etc/kind", "etc/kind", "content"),
    "size": ("test $m = 0 && echo >/etc/kind || echo more >/etc/kind", "etc/kind", "size"),
    "mode": ("echo x >/etc/kind; chmod 64$m /etc/kind", "etc/kind", "mode"),
    "mode of a directory": ("mkdir /kind; chmod 75$m /kind", "kind", "mode"),
    "owner": ("echo x >/etc/kind; chown $m:0 /etc/kind", "etc/kind", "owner"),
    "group of a link": ("ln -s x /etc/kind; chown -h 0:$m /etc/kind", "etc/kind", "owner"),
    "time": ("echo x >/etc/kind; touch -d @$((100000000 + m)) /etc/kind", "etc/kind", "mtime"),
    "time of a directory": ("mkdir /kind; touch -d @$((100000000 + m)) /kind", "kind", "mtime"),
    "target": ("ln -s $m /etc/kind", "etc/kind", "target"),
    "type": ("test $m = 0 && mkfifo /etc/kind || echo x >/etc/kind", "etc/kind", "type"),
    "hard link": ("echo x >/etc/kind1; test $m = 0 && ln /etc/kind1 /etc/kind2 || cp -p /etc/kind1 /etc/kind2",
                  "etc/kind2", "link"),
    "xattr": ("echo x >/etc/kind; /set /etc/kind user.kind $m", "etc/kind", "xattrs"),
    "one more xattr": ("echo x >/etc/kind; /set /etc/kind user.a a; test $m = 0 || /set /etc/kind user.b b",
                       "etc/kind", "xattrs"),
    "xattr of a directory": ("mkdir /kind; /set /kind user.kind $m", "kind", "xattrs"),
    "one more": ("test $m = 0 || echo x >/etc/kind", "etc/kind", "added|removed"),
    "removed": ("test $m = 0 || rm /etc/passwd", "etc/passwd", "added|removed"),
}


@pytest.fixture(scope="session")
def setxattr(session_dir):
    source, program = session_dir / "set.c", session_dir / "set"
    source.write_text(SETXATTR)
    subprocess.run([need("gcc"), "-static", "-o", program, source], check=True)
    return program.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_difference(any_slct, setxattr, kind):
    """The step and the file are named; steps before and behind it, which give the same or take the file away, are
    not."""
    command, path, what = KINDS[kind]
    step = f"RUN --mount=type=cache,target=/count {COUNT}{command}"
    folder = any_slct.context({"Dockerfile": "FROM localhost/busybox:1\nCOPY --chmod=755 set /set\nRUN echo a >/a\n"
                               f"{step}\nRUN rm -rf /etc/kind* /kind; echo after >/etc/after\n", "set": setxattr})
    any_slct.run("build", folder)
    got = any_slct.run("verify", folder, rc=1)
    step_line, file_line = got.out.splitlines()[1:3]
    assert "first in: RUN" in step_line and command.split(";")[0].split("$")[0] in step_line, got
    assert re.fullmatch(rf"  first file: {path} \(({what})\), of \d+", file_line), got


def test_only_the_config_differs(slct):
    """A layer of the same bytes by another way is no difference."""
    folder = slct.context({"Dockerfile": SAME + f"RUN --mount=type=cache,target=/count {COUNT} echo same >/same\n"})
    slct.run("build", folder)
    assert "the same again" in slct.run("verify", folder).out
