"""Upper directories of steps on a tmpfs (--upper tmpfs): the same layers, also where the store takes no upper directory."""
import os

import pytest

from lab import lack

TIERS = {"root": None, "range": "user", "solo": "plain_user"}
MEMORY = "what steps change lies in memory"

# Everything a layer can hold, and what overlays mark: what is removed, replaced, renamed, copied up.
STEPS = """\
FROM localhost/busybox:1 AS src
RUN mkdir -p /d/e /kept /gone/sub && echo f > /d/f && ln /d/f /d/g && ln -s f /d/l && mkfifo /d/p && \\
    chown 5:6 /d/f /kept && chown -h 7:8 /d/l && chown 9:9 /d/p && chmod 4755 /d/f && echo x > /gone/sub/x && \\
    truncate -s 3M /sparse && touch -d '1999-01-02 03:04:05' /old && mkdir /made && mv /made /moved && mkdir -p /w/a && \\
    mkdir /t && mv /t /w/a/t
COPY a /d/e/a
COPY --chown=3:4 a /new/dir/a
FROM src
WORKDIR /w/b/c
RUN rm /d/g; mv /d/l /d/l2; chown 11:12 /d/p; rm -r /gone && mkdir /gone; cp -a /d /d2; chmod 700 /kept; echo y >> /d/f; \\
    mkdir /d/e2 && mv /d/e/a /d/e2/; rm -r /moved
RUN --mount=type=bind,from=src,source=/d,target=/m,rw --mount=type=cache,target=/c echo z > /m/z && cp /m/z /c/z && \\
    ls /m /c > /seen && stat -c '%u:%g %a %n' /d/l2 /d/p /d2/f /m/l >> /seen
RUN find / -xdev \\( -name l2 -o -name f -o -name z \\) | sort > /seen2; test "$(stat -c %d /seen2)" = "$(stat -c %d /bin/busybox)"
"""


def build(slct, *args, **kw):
    return slct.build(STEPS, *args, files={"a": "text\n"}, **kw)


@pytest.fixture
def slct_of(request, new_slct):
    def make(tier):
        if tier == "root" and os.geteuid() != 0:
            lack("not root")
        user = TIERS[tier]
        return new_slct(user=user and request.getfixturevalue(user))
    return make


@pytest.mark.parametrize("tier", TIERS)
def test_same_layers(slct_of, tier):
    one = slct_of(tier)
    plain = build(one, "--no-cache", tag="plain:1")
    memory = build(one, "--no-cache", "--upper", "tmpfs:64m")
    assert MEMORY in memory.err and MEMORY not in plain.err
    assert f"isolation: {tier}" in memory.err
    image = one.image()
    assert image["d/l2"].owner == "7:8" and image["d/p"].owner == "11:12" and image["d2/f"].mode == 0o4755
    assert "gone" in image and "gone/sub" not in image and "moved" not in image
    assert image.diff_ids == one.image("plain:1").diff_ids
    assert memory.id == plain.id
    one.fsck()


@pytest.mark.parametrize("tier", ["root", "solo"])
def test_store_that_takes_no_upper_directory(slct_of, on_overlay, bases, tier):
    """A container's own root: lower layers are read there, upper directories lie on a tmpfs, of COPY, too."""
    other = slct_of(tier)
    wanted = build(other).id
    store = on_overlay / "store"
    store.mkdir(mode=0o700)
    if other.user:
        os.chown(store, other.user.uid, other.user.gid)
    other.store, other.env["SLCT_ROOT"] = store, str(store)
    other.run("import", bases("busybox"), "localhost/busybox:1")
    copies = build(other, "--no-cache", tag="copies:1")
    assert "roots are copies" in copies.err
    memory = build(other, "--no-cache", "--upper", "tmpfs")
    assert MEMORY in memory.err and "copies" not in memory.err
    assert wanted == memory.id == copies.id
    got = other.run("run", "--upper", "tmpfs", "test:1", "sh", "-c", "ls -a /gone /d; rm /old && test ! -e /old && ls /")
    assert "sub" not in got.out and "g" not in got.out.split("\n\n")[0].split() and "old" not in got.out.split()
    other.fsck()


def test_marked_layers_below(slct, on_overlay, bases):
    """Whiteouts by attribute, which an overlay lists unless directories are marked: in layers, in folds of many."""
    slct.store = on_overlay / "store"
    slct.env["SLCT_ROOT"] = str(slct.store)
    slct.run("import", bases("busybox"), "localhost/busybox:1")
    steps = "".join(f"RUN rm -f /a/{n - 1} && touch /a/{n}\n" for n in range(1, 25))
    slct.build(f"FROM localhost/busybox:1\nRUN mkdir /a && touch /a/0\n{steps}RUN ls /a > /seen && rm /seen.old 2>&1 || true\n",
               "--upper", "tmpfs")
    assert slct.image().text("seen") == "24\n"
    slct.fsck()


@pytest.mark.parametrize("origin", ["option", "environment", "settings"])
def test_full(slct, origin):
    """The step is told that there is no space; the error names option, limit and remedy."""
    text = "FROM localhost/busybox:1\nRUN dd if=/dev/zero of=/big bs=1M count=20\n"
    kw, args = {}, []
    if origin == "option":
        args = ["--upper", "tmpfs:8m"]
    elif origin == "environment":
        kw["env"] = {"SLCT_UPPER": "tmpfs:8m"}
    else:
        (slct.work / "slct.yml").write_text("upper: tmpfs:8m\n")
        args = ["--config", slct.work / "slct.yml"]
    got = slct.build(text, *args, rc=1, **kw)
    assert "--upper tmpfs:SIZE" in got.err and "8.0 MiB" in got.err and "full" in got.err
    assert slct.build(text, *args, "--upper", "tmpfs:64m", **kw).ran == ["stage-0 1"]


def test_full_for_copy(slct, on_overlay, bases):
    slct.store = on_overlay / "store"
    slct.env["SLCT_ROOT"] = str(slct.store)
    slct.run("import", bases("busybox"), "localhost/busybox:1")
    got = slct.build("FROM localhost/busybox:1\nCOPY big /\n", "--upper", "tmpfs:1m", files={"big": os.urandom(3 << 20)},
                     rc=None)
    assert got.rc and "--upper tmpfs:SIZE" in got.err, got


@pytest.mark.parametrize("value", ["disk", "tmpfs:", "tmpfs:x", "tmpfs:8k", "store:1g"])
def test_bad_values(slct, value):
    got = slct.build("FROM localhost/busybox:1\n", "--upper", value, rc=2)
    assert "--upper" in got.err and value in got.err
    got = slct.build("FROM localhost/busybox:1\n", env={"SLCT_UPPER": value}, rc=3)
    assert "SLCT_UPPER" in got.err


def test_tier_chroot_has_none(slct):
    if os.geteuid() != 0:
        lack("not root")
    got = slct.build("FROM localhost/busybox:1\nRUN true\n", "--isolation", "chroot", "--upper", "tmpfs", rc=5)
    assert "no tmpfs can be mounted" in got.err and "SLCT_UPPER" in got.err
