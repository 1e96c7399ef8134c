"""COPY --from by hard links: what shares an inode, what must not, and that nothing is ever written through a link."""
import os
import struct
import tarfile

import pytest

from lab import lack

B = "FROM localhost/busybox:1"
FILES = {f"d/f{i}": f"content {i}\n" for i in range(5)}
SOURCE = B + """ AS src
COPY d /d
RUN chmod 640 /d/f1 && chown 33:44 /d/f2 && chmod 4755 /d/f3 && mkdir -m 2751 /d/sub && echo deep >/d/sub/h
"""
# Files older than all bases keep their times, whichever step copies them; later ones get the step's.
OLD = "RUN find /d | xargs touch -h -d @300000000 && ln /d/f4 /d/g4 && touch -d @300000000 /d\n"
OLD_SOURCE = SOURCE + OLD
# All that a step can do to a file that is there, as far as busybox goes.
WRITES = r"""
RUN echo more >>/to/f0 && echo other >/to/f1 && dd if=/dev/zero of=/to/f3 bs=1 count=3 conv=notrunc 2>/dev/null \
    && sed -i s/content/other/ /to/f2 && truncate -s 2 /to/f4 && echo through >>/to/g4 && chmod 777 /to/sub/h
RUN chmod 601 /to/f0 /to/f3 && chown 1:2 /to/f0 && touch -d @1000000000 /to/f1 && rm /to/f2 && mv /to/f3 /to/moved \
    && ln /to/f0 /to/again && echo last >>/to/again
RUN --mount=type=bind,from=src,source=/d,target=/m,rw echo bind >>/m/f0
"""


@pytest.fixture(params=["root", "range", "solo", "chroot"])
def by_tier(request, new_slct):
    """The program and the option of each tier that runs steps."""
    tier = request.param
    if tier in ("root", "chroot") and os.geteuid() != 0:
        lack("not root")
    user = {"range": "user", "solo": "plain_user"}.get(tier)
    one = new_slct(user=user and request.getfixturevalue(user))
    one.build_here = lambda text, tag: one.build(text, "--isolation", tier, files=FILES, tag=tag)
    return one


def trees(slct):
    """The trees of layers, folds and copies aside."""
    return [tree for form in (slct.store / "layers").iterdir() if form.is_dir()
            for tree in form.iterdir() if tree.is_dir() and "." not in tree.name]


def inodes(slct, path):
    """Inode of a file in each layer's tree that has it."""
    return {tree.name: (tree / path).stat().st_ino for tree in trees(slct) if (tree / path).is_file()}


def facts(image, top):
    return {name: (f.kind, f.owner, f.mode, f.mtime, f.link, f.data) for name, f in image.files.items()
            if name.split("/")[0] == top}


def below(rows, old, new):
    return {name.replace(old, new, 1): row[:4] + (row[4].replace(old, new, 1), row[5])
            for name, row in rows.items() if name.startswith(old)}


def test_no_write_reaches_the_source(by_tier):
    """In each tier, whatever a later step does to what was copied, the source's layers stay what their digests say."""
    slct = by_tier
    slct.build_here(OLD_SOURCE, tag="src:1")
    before = facts(slct.image("src:1"), "d")
    before.pop("d")
    slct.build_here(OLD_SOURCE + B + "\nCOPY --from=src /d /to\n", tag="copied:1")
    slct.build_here(OLD_SOURCE + B + "\nCOPY --from=src /d /to" + WRITES, tag="written:1")
    copied, written = slct.image("copied:1"), slct.image("written:1")
    assert below(facts(copied, "to"), "to/", "d/") == before and before["d/sub/h"][3] == 300000000
    assert written.text("to/again") == "content 0\nmore\nlast\n" and written.text("to/f1") == "other\n"
    assert below(facts(slct.image("src:1"), "d"), "d/", "d/") == before
    slct.fsck()
    # The stage itself, not its image: a step sees what it saw before.
    slct.build_here(OLD_SOURCE + "RUN cat /d/f* >/seen\n", tag="seen:1")
    assert slct.image("seen:1").text("seen") == "".join(f"content {i}\n" for i in range(5))


def test_same_digest_in_all_tiers(new_slct):
    if os.geteuid() != 0:
        lack("not root")
    ids = {}
    for tier in ("root", "solo", "chroot"):
        slct = new_slct()
        ids[tier] = slct.build(OLD_SOURCE + B + "\nCOPY --from=src /d /to\nRUN echo more >>/to/f0 && chmod 600 /to/f1\n"
                               "COPY --from=src /d/f0 /d/f1 /to/\n", "--isolation", tier, files=FILES).id
    assert len(set(ids.values())) == 1, ids


def test_default_access_list(new_slct):
    """A new file gets its directory's default list, a link would not: the same layers, with and without links."""
    if os.geteuid() != 0:
        lack("not root")
    rows = [(1, 7, -1), (2, 6, 0), (4, 5, -1), (16, 7, -1), (32, 0, -1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *row) for row in rows)
    ids = []
    for tier in ("root", "solo", "chroot"):
        slct = new_slct()
        folder = slct.context({"Dockerfile": OLD_SOURCE + B + "\nCOPY top /top\nCOPY --from=src /d/ /top/acl/\n",
                               "top/acl/x": "x", **FILES})
        try:
            os.setxattr(folder / "top/acl", "system.posix_acl_default", acl)
        except OSError as error:
            lack(f"access lists: {error}")
        slct.run("build", "-t", "test:1", "--isolation", tier, folder)
        image = slct.image()
        assert any("posix_acl_access" in name for name in image["top/acl/f0"].xattrs), image["top/acl/f0"].xattrs
        ids.append(image.diff_ids)
    assert ids[0] == ids[1] == ids[2]


def test_files_are_linked(any_slct):
    """Where an overlay is below the steps, what keeps owner, mode and time is not copied; what does not, is."""
    any_slct.build(OLD_SOURCE + B + "\nCOPY --from=src /d /to\nCOPY --from=src --chown=5:6 /d /own\n"
                                "COPY --from=src --chmod=600 /d/f0 /mode\nCOPY --from=src /d/f0 /one\n", files=FILES)
    for name in ("f0", "f2", "f3", "sub/h"):
        (copy,) = inodes(any_slct, "to/" + name).values()
        assert copy in inodes(any_slct, "d/" + name).values(), name
    (first,), (second,) = inodes(any_slct, "to/f4").values(), inodes(any_slct, "to/g4").values()
    assert first == second and first in inodes(any_slct, "d/f4").values()
    assert not set(inodes(any_slct, "own/f0").values()) & set(inodes(any_slct, "d/f0").values())
    assert not set(inodes(any_slct, "mode").values()) & set(inodes(any_slct, "d/f0").values())
    # One path of a root has the inode already: the second is a file of its own.
    assert not set(inodes(any_slct, "one").values()) & set(inodes(any_slct, "d/f0").values())
    image = any_slct.image()
    assert image["to/g4"].kind == "link" and image["to/f2"].owner == "33:44" and image["to/f3"].mode == 0o4755
    assert image["one"].kind == "file" and image["to/sub"].mode == 0o2751
    any_slct.fsck()


@pytest.mark.parametrize("steps", [0, 20])
def test_one_inode_is_one_path_of_a_root(any_slct, steps):
    """A tree that was made for one stack may lie in another one, where its files would meet their other names; also
    among so many layers that they are folded."""
    one = B + "\nCOPY --from=src /d/f0 /a\n"
    two = B + "\nCOPY --from=src /d/f0 /b\n"
    both = B + "\nCOPY --from=src /d/f0 /a\nCOPY --from=src /d/f0 /b\n"
    deep = "".join(f"RUN echo {n} >/n{n}\n" for n in range(steps))
    look = deep + "RUN stat -c %i /a /b >/seen && cp /a /b\n"
    for n, text in enumerate((one, two)):
        any_slct.build(OLD_SOURCE + text, files=FILES, tag=f"t{n}:1")
    assert len({i for n in "ab" for i in inodes(any_slct, n).values()}) == 1
    done = any_slct.build(OLD_SOURCE + both + look, files=FILES, tag="both:1")
    first, second = any_slct.image("both:1").text("seen").split()
    assert first != second, done
    # The same, where the layers were found and nothing was copied: by another stage, and by an archive of it all.
    any_slct.build(OLD_SOURCE + both.replace(B, B + " AS both") + "FROM both\n" + look, files=FILES, tag="again:1")
    any_slct.run("export", "-o", any_slct.work / "root.tar", "both:1")
    with tarfile.open(any_slct.work / "root.tar") as tar:
        assert {tar.getmember(n).type for n in ("a", "b")} == {tarfile.REGTYPE}
    any_slct.fsck()


def test_from_its_own_base(any_slct):
    """The source's layers lie below the destination: links would give its files second names there."""
    any_slct.build(OLD_SOURCE
                   + "FROM src\nCOPY --from=src /d /to\nCOPY --from=src /d /d\nRUN stat -c %i /d/f0 /to/f0 >/seen\n",
                   files=FILES)
    image = any_slct.image()
    first, second = image.text("seen").split()
    assert first != second and image["to/f0"].kind == "file"
    # What is there already exactly so makes no layer, however many names it has in the store.
    assert "d/f0" not in image.changed(-2) and "d/f0" not in image.changed(-1)


def test_over_what_is_there(any_slct):
    """Links take the place of files of lower layers, links and removed files; matches that meet are copied in order."""
    any_slct.build(OLD_SOURCE + B + "\nRUN mkdir /to && echo old >/to/f0 && ln -s f0 /to/f1\n"
                                "RUN echo gone >/to/f2 && ln -s to /way\n"
                                "RUN rm /to/f2\nCOPY --from=src /d /to/\nCOPY --from=src /d/f3 /way/x/\n"
                                "COPY --from=src /d/f0 /d/f3 /d/ /way/y/\n", files=FILES)
    image = any_slct.image()
    assert [image.text(f"to/f{i}") for i in (0, 1, 2)] == [f"content {i}\n" for i in (0, 1, 2)]
    assert image.text("to/x/f3") == "content 3\n" and image.text("to/y/f3") == "content 3\n"
    assert image["to/y/f1"].mode == 0o640
    any_slct.fsck()


def test_source_is_removed(any_slct):
    """gc takes the source's layers away: what was linked from them stays."""
    any_slct.build(OLD_SOURCE + B + "\nCOPY --from=src /d /to\n", files=FILES, tag="localhost/test:1")
    any_slct.run("gc", "--all")
    assert not inodes(any_slct, "d/f0")
    any_slct.build("FROM localhost/test:1\nRUN cat /to/f0 >/seen\n", tag="next:1")
    assert any_slct.image("next:1").text("seen") == "content 0\n"
    any_slct.fsck()
