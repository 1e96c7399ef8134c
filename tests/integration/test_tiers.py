"""The same owners and the same digests in every tier: root, range (subordinate ids), solo (no set-up at all), none."""
import io
import os
import subprocess
import sys
import tarfile

from pathlib import Path

import pytest

from lab import lack, need

TIERS = ["root", "range", "solo"]
CONFINE = Path(__file__).with_name("confine.py")

# path: (type, owner, mode, content or target or device numbers)
FOREIGN = {
    "own": (tarfile.DIRTYPE, (70, 71), 0o2750, None),
    "own/f": (tarfile.REGTYPE, (100, 101), 0o4755, b"hi"),
    "own/root": (tarfile.REGTYPE, (0, 0), 0o4755, b"root"),
    "own/far": (tarfile.REGTYPE, (100000, 3000000), 0o600, b"beyond any usual range"),
    "own/none": (tarfile.REGTYPE, (100000, 7), 0o000, b"mode 0"),
    "own/link": (tarfile.SYMTYPE, (33, 34), 0o777, "f"),
    "own/link2": (tarfile.LNKTYPE, (33, 34), 0o777, "own/link"),
    "own/farlink": (tarfile.SYMTYPE, (3000000, 34), 0o777, "f"),
    "own/pipe": (tarfile.FIFOTYPE, (5, 6), 0o620, None),
    "own/null": (tarfile.CHRTYPE, (7, 8), 0o666, (1, 3)),
    "own/zero": (tarfile.CHRTYPE, (0, 0), 0o600, (0, 0)),
    "own/sda": (tarfile.BLKTYPE, (0, 6), 0o660, (8, 0)),
    "own/deny": (tarfile.DIRTYPE, (9, 9), 0o000, None),
    "own/deny/x": (tarfile.REGTYPE, (9, 9), 0o400, b"x"),
}


def member(name, kind, owner, mode, value):
    info = tarfile.TarInfo(name)
    info.type, (info.uid, info.gid), info.mode, info.mtime = kind, owner, mode, 1000000
    if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        info.linkname = value
    elif isinstance(value, tuple):
        info.devmajor, info.devminor = value
    elif value:
        info.size = len(value)
    return info, io.BytesIO(value if isinstance(value, bytes) else b"")


@pytest.fixture(scope="session")
def foreign_base(bases, session_dir):
    """busybox, and files of all types with owners that a map of one id has no place for."""
    path = session_dir / "foreign.tar"
    with tarfile.open(path, "w") as out, tarfile.open(bases("busybox")) as base:
        for info in base:
            out.addfile(info, base.extractfile(info) if info.isreg() else None)
        for name, row in FOREIGN.items():
            out.addfile(*member(name, *row))
    return path


class Confined:
    """A user who gets no namespaces, as in a container."""

    def __init__(self, user):
        self.uid, self.gid, self.home, self.plain = user.uid, user.gid, user.home, user

    @property
    def prefix(self):
        return [sys.executable, str(CONFINE), "docker", *self.plain.prefix]


@pytest.fixture
def by_tier(request, new_slct, foreign_base):
    """A maker of slct with the foreign base, by tier."""
    def make(tier):
        if tier == "root" and os.geteuid() != 0:
            lack("not root")
        user = {"root": None, "range": "user", "solo": "plain_user", "none": "plain_user"}[tier]
        one = new_slct(user=user and request.getfixturevalue(user), base=None)
        if tier == "none":
            one.user = Confined(one.user)
        one.run("import", foreign_base, "localhost/base:1")
        return one
    return make


@pytest.fixture(params=[*TIERS, "none"])
def tiered(request, by_tier):
    return by_tier(request.param)


def archive(slct, name="test:1"):
    """What the image's root file system holds, by an archive that slct writes."""
    path = slct.work / f"export{slct.count}.tar"
    slct.count += 1
    slct.run("export", "-o", path, name)
    with tarfile.open(path) as tar:
        return {i.name: i for i in tar}


def facts(info):
    return (info.type, (info.uid, info.gid), info.mode)


COPIES = """\
FROM localhost/base:1 AS src
COPY --chown=1000:1001 a /x/y/a
COPY --chown=2:3 l d /x/z/
ADD ar.tar /un/
ADD --chown=77:78 ar.tar /un2/

FROM localhost/base:1
USER 4000:4001
WORKDIR /w/a/b
COPY --from=src /own /own2
COPY --from=src --chown=3:4 /own /own3
COPY --from=src /x /x
COPY --from=src /un /un
COPY --link --chown=12:13 a /lk/a
COPY --chown=0:5 --chmod=4711 a /s
COPY --chown=200000:200001 a d /far/
"""


def context(slct):
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w") as tar:
        for row in (("d", tarfile.DIRTYPE, (50, 51), 0o755, None), ("d/b", tarfile.REGTYPE, (50, 51), 0o644, b"b"),
                    ("l", tarfile.SYMTYPE, (52, 53), 0o777, "d/b"), ("dev", tarfile.CHRTYPE, (0, 5), 0o620, (5, 0))):
            tar.addfile(*member(*row))
    folder = slct.context({"Dockerfile": COPIES, "a": "a\n", "d/b": "b\n", "ar.tar": blob.getvalue()})
    (folder / "l").symlink_to("a")
    slct.give(folder)
    return folder


def test_import_keeps_every_owner(tiered):
    found = archive(tiered, "localhost/base:1")
    for name, (kind, owner, mode, value) in FOREIGN.items():
        info = found[name]
        if kind == tarfile.LNKTYPE:
            assert (info.type, info.linkname) == (kind, value)
        else:
            assert facts(info) == (kind, owner, mode), name
        if isinstance(value, tuple):
            assert (info.devmajor, info.devminor) == value, name
    tiered.fsck()


def test_same_image_in_every_tier(by_tier):
    """COPY, ADD, WORKDIR, COPY --from and --squash: one id, whatever the machine gives."""
    ids = {}
    for tier in [*TIERS, "none"]:
        slct = by_tier(tier)
        done = slct.build(context(slct))
        assert f"isolation: {tier}" in done.err
        squashed = slct.build(context(slct), "--squash", tag="squashed:1")
        found = archive(slct)
        assert facts(found["own2/far"]) == (tarfile.REGTYPE, (100000, 3000000), 0o600)
        assert facts(found["own2/link"])[:2] == (tarfile.SYMTYPE, (33, 34))
        assert facts(found["own2/null"]) == (tarfile.CHRTYPE, (7, 8), 0o666)
        assert facts(found["own3/sda"]) == (tarfile.BLKTYPE, (3, 4), 0o660)
        assert facts(found["w/a/b"]) == (tarfile.DIRTYPE, (4000, 4001), 0o755)
        assert facts(found["un/l"])[1] == (52, 53) and facts(found["un/dev"]) == (tarfile.CHRTYPE, (0, 5), 0o620)
        assert facts(found["far/a"])[1] == (200000, 200001) and facts(found["s"])[1:] == ((0, 5), 0o4711)
        slct.fsck()
        ids[tier] = (done.id, squashed.id, tuple(slct.image().diff_ids))
    assert len(set(ids.values())) == 1, ids


STEPS = """\
FROM localhost/base:1
RUN ls -ln /own /own/deny > /seen; stat -c '%u:%g %a %n' /own/[flnrpsd]* >> /seen
RUN touch /a && chown 5:6 /a && mkdir /d && chown 7:8 /d && ln -s x /l && chown -h 9:10 /l && mkfifo /p && \\
    chown 11:12 /p && cp /bin/busybox /su && chown 13:14 /su && chmod 4750 /su && touch /d/one && ln /d/one /d/two && \\
    chown 15:16 /d/two
RUN mv /l /l2; mv /own/link /own/moved; cp -a /own/f /f; chmod 700 /own/f; chown 44:45 /own/deny; rm /own/link2; \\
    cp -a /own/moved /own/copied; rm -r /d; mkdir -m 1777 /d
USER 1000:1000
RUN touch /tmp/x && ln -s a /tmp/y && mkfifo /tmp/z && mkdir /tmp/w
COPY --chown=3:3 a /tmp/w/a
RUN id -u > /tmp/id; stat -c %u:%g /tmp/w/a /tmp/y >> /tmp/id
"""


def test_steps_in_every_tier(by_tier):
    """What RUN sees and leaves: the same layers in root, in a range of ids, and with one id and nothing else."""
    layers = {}
    for tier in TIERS:
        slct = by_tier(tier)
        # what a step of the range tier cannot see as it is: owners beyond the map, devices
        slct.build("FROM localhost/base:1 AS all\nFROM scratch\nCOPY --from=all --exclude=own/far* --exclude=own/no* "
                   "--exclude=own/nu* --exclude=own/z* --exclude=own/s* / /\n",
                   tag="localhost/base:1")
        slct.build(STEPS, files={"a": "a"})
        image = slct.image()
        assert image["own/moved"].owner == "33:34" and image["own/copied"].owner == "33:34"
        assert image["su"].owner == "13:14" and image["su"].mode == 0o4750 and image["l2"].owner == "9:10"
        assert image.text("tmp/id") == "1000\n3:3\n1000:1000\n"
        layers[tier] = (image.text("seen"), image.diff_ids)
    assert layers["root"] == layers["range"] == layers["solo"]


def test_devices_made_by_steps(by_tier):
    """mknod needs root or solo: in solo the node is recorded, with mode and owner."""
    layers = {}
    for tier in ("root", "solo"):
        slct = by_tier(tier)
        slct.build("FROM localhost/base:1\nRUN mknod /dev1 c 1 3 && chown 13:14 /dev1 && chmod 640 /dev1 && "
                   "mknod -m 600 /dev2 b 8 1; stat -c '%F %t:%T %u:%g %a' /dev1 /own/sda > /seen\n")
        image = slct.image()
        assert image["dev1"].kind == "char" and image["dev1"].owner == "13:14" and image["dev1"].mode == 0o640
        layers[tier] = (image.text("seen"), image.diff_ids)
    assert layers["root"] == layers["solo"]


def test_bind_mounts_of_stages_show_owners(by_tier):
    for tier in TIERS:
        slct = by_tier(tier)
        slct.build("FROM localhost/base:1 AS src\nFROM localhost/base:1\n"
                   "RUN --mount=from=src,source=/own,target=/m stat -c %u:%g /m/f /m/link /m/deny > /seen\n"
                   "RUN --mount=type=cache,target=/c,uid=77,gid=78,mode=0711 stat -c '%u:%g %a' /c >> /seen\n")
        assert slct.image().text("seen") == "100:101\n33:34\n9:9\n77:78 711\n", tier


def test_pulled_owners(by_tier, registry):
    """A layer that comes as a blob: unpacked in solo, its owners are those that root sees."""
    name = registry.repo("owners") + ":1"
    root = by_tier("root")
    root.build("FROM localhost/base:1\nCOPY --chown=5:6 a /a\n", files={"a": "a"}, tag=name)
    root.run("push", name)
    want = root.build(f"FROM {name}\nCOPY --from={name} /own /copy\n")
    for tier in ("range", "solo", "none"):
        slct = by_tier(tier)
        done = slct.build(f"FROM {name}\nCOPY --from={name} /own /copy\n")
        assert done.id == want.id
        assert {n: facts(i) for n, i in archive(slct).items()} == {n: facts(i) for n, i in archive(root).items()}


def test_lost_attributes_are_repaired(by_tier):
    """A copy of the store without extended attributes has lost the records: they are written again from the list."""
    slct = by_tier("solo")
    before = slct.build(context(slct))
    for form in (slct.store / "layers/rec").iterdir():
        if form.is_dir():
            subprocess.run(f"find {form} -exec setfattr -h -x user.slct.o {{}} \\; ; "
                           f"setfattr -x user.slct.owners {form}", shell=True, check=False, capture_output=True)
    need("setfattr")
    after = slct.build(context(slct), "--no-cache")
    assert after.id == before.id
    assert "repaired" in after.err
    slct.fsck()
    assert "repaired" not in slct.build(context(slct), "--no-cache").err


@pytest.mark.parametrize("damage", ["missing", "cut off", "another"])
def test_damaged_list_of_owners(by_tier, damage):
    slct = by_tier("solo")
    for path in (slct.store / "layers/rec").glob("*.owners"):
        text = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(text[:-3] if damage == "cut off" else text.replace(b"70:71 own", b"71:71 own"))
    done = slct.build("FROM localhost/base:1\nCOPY a /a\n", files={"a": ""}, rc=6)
    assert "list of recorded owners" in done.err and "hint: remove " in done.err


def test_gc_takes_the_lists_too(by_tier):
    slct = by_tier("solo")
    assert list((slct.store / "layers/rec").glob("*.owners"))
    slct.run("rm", "localhost/base:1")
    slct.run("gc")
    assert not list((slct.store / "layers/rec").iterdir())


def test_layers_of_another_form(new_slct, user, foreign_base):
    """What was imported in one tier is there in another, without its archive."""
    slct = new_slct(user=user, base=None)
    slct.run("import", foreign_base, "localhost/base:1")
    ranged = slct.build(context(slct))
    solo = slct.build(context(slct), "--isolation", "solo", "--no-cache", tag="solo:1")
    assert ranged.id == solo.id
    assert {p.name.split("-")[0] for p in (slct.store / "layers").iterdir() if p.is_dir()} == {"map", "rec"}
    slct.fsck()


def test_lossy_results_stay_here(by_tier, registry):
    """An attribute that only root may set: what stands upon its layer is cached for this tier and nobody else."""
    name, cache = registry.repo("lossy") + ":1", registry.repo("lossycache")
    root = by_tier("root")
    path = root.work / "attribute.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        info, data = member("marked", tarfile.REGTYPE, (0, 0), 0o644, b"x")
        info.pax_headers = {"SCHILY.xattr.security.slcttest": "v"}
        tar.addfile(info, data)
    root.run("import", path, name)
    root.run("push", name)
    text = f"FROM {name}\nCOPY a /a\n"
    slct = by_tier("solo")
    first = slct.build(text, "--cache-to", cache, files={"a": "a"})
    assert "cannot be kept here" in first.err and len(first.ran) == 1
    assert slct.build(text, "--cache-to", cache, files={"a": "a"}).ran == []
    other = by_tier("solo")
    assert len(other.build(text, "--cache-from", cache, files={"a": "a"}).ran) == 1
    slct.fsck()
    # what no loss can have touched goes there
    assert len(other.build("FROM localhost/base:1\nCOPY a /b\n", "--cache-to", cache, files={"a": "a"}).ran) == 1
    assert by_tier("solo").build("FROM localhost/base:1\nCOPY a /b\n", "--cache-from", cache,
                                 files={"a": "a"}).ran == []


def test_no_records_in_outputs(by_tier):
    """A directory belongs to the user who asked for it, and has no mark of ours."""
    slct = by_tier("solo")
    slct.build(context(slct), "-o", f"type=local,dest={slct.work}/out", tag=None)
    out = slct.work / "out"
    assert {p.lstat().st_uid for p in out.rglob("*")} == {slct.user.uid}
    for path in out.rglob("*"):
        assert not [a for a in os.listxattr(path, follow_symlinks=False) if a.startswith("user.slct")], path
    subprocess.run(["rm", "-rf", out], check=True)


def test_steps_of_a_file_system_user(by_tier):
    """Names of --chown and of USER are looked up in the image, in every tier."""
    for tier in TIERS:
        slct = by_tier(tier)
        slct.build("FROM localhost/base:1\nCOPY passwd group /etc/\nCOPY --chown=app:web a /a\nUSER app\n"
                   "WORKDIR /home/app\n",
                   files={"passwd": "root:x:0:0::/root:/bin/sh\napp:x:1234:99::/home/app:/bin/sh\n",
                          "group": "root:x:0:\nweb:x:4321:\n", "a": ""})
        found = archive(slct)
        assert facts(found["a"])[1] == (1234, 4321) and facts(found["home/app"])[1] == (1234, 99), tier


def test_run_is_refused_without_isolation(by_tier):
    """The whole diagnosis, and the remedies; what is cached is no RUN."""
    slct = by_tier("none")
    done = slct.build("FROM localhost/base:1\nCOPY a /a\nRUN true\n", files={"a": ""}, rc=5)
    assert done.err.startswith("isolation: none (not range: ")
    assert "RUN needs isolation" in done.err and "not solo: the kernel refuses a new user namespace" in done.err
    assert "hint:" in done.err and "seccomp" in done.err
    assert "Dockerfile:3" in done.err


def test_cached_steps_need_no_isolation(by_tier, registry):
    """A RUN that a cache has: built, pushed, saved and loaded where none could run."""
    cache, name = registry.repo("cache"), registry.repo("pushed") + ":1"
    text = ("FROM localhost/base:1\nRUN touch /ran && chown 5:6 /ran && ln -s x /l && chown -h 7:8 /l\n"
            "COPY --chown=1:2 a /a\n")
    solo = by_tier("solo")
    want = solo.build(text, "--cache-to", cache, files={"a": "a"})
    slct = by_tier("none")
    done = slct.build(text, "--cache-from", cache, files={"a": "a"}, tag="localhost/ran:1")
    assert done.id == want.id and done.ran == []
    found = archive(slct, "localhost/ran:1")
    assert facts(found["ran"])[1] == (5, 6) and facts(found["l"])[1] == (7, 8)
    slct.build("FROM localhost/ran:1\nCOPY a /b\nADD --chown=3:4 a /l\n", files={"a": "b"}, tag=name)
    slct.run("push", name)
    slct.run("save", "-o", slct.work / "saved.tar", name)
    other = by_tier("none")
    other.run("load", "-i", slct.work / "saved.tar")
    assert archive(other, name).keys() == archive(slct, name).keys()
    for one in (slct, other):
        one.fsck()
        one.run("gc")


def test_nodes_of_the_host_do_not_change(by_tier):
    """/dev/null of a step is the host's node: the step writes to it and cannot change its mode, owner or times."""
    before = os.stat("/dev/null")
    try:
        for tier in TIERS:
            slct = by_tier(tier)
            slct.build("FROM localhost/base:1\nRUN chmod 0667 /dev/null || true\nRUN touch -d 2001-01-01 /dev/zero; "
                       "chown 5 /dev/full; "
                       "echo x > /dev/null && head -c 3 /dev/zero | wc -c > /seen\n")
            assert slct.image().text("seen") == "3\n"
            after = os.stat("/dev/null")
            assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid), tier
            assert os.stat("/dev/full").st_uid == 0 and os.stat("/dev/zero").st_mtime > 1e9, tier
    finally:
        if os.geteuid() == 0:
            os.chmod("/dev/null", before.st_mode & 0o7777)
