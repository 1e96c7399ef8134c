"""Named contexts: --build-context NAME=SRC."""
import io
import tarfile

import pytest

from lab import write_tree
from remotes import git, repo, web  # noqa: F401 (fixtures)


@pytest.fixture
def tools(slct):
    folder = write_tree(slct.work / "tools", {"a/f": ("one\n", 0o640), "a/skip": "x", ".dockerignore": "a/skip\n"})
    slct.give(folder)
    return folder


def test_copy_of_a_directory(any_slct):
    folder = write_tree(any_slct.work / "tools", {"a/f": ("one\n", 0o640), "a/skip": "x", ".dockerignore": "a/skip\n"})
    any_slct.give(folder)
    any_slct.build("FROM localhost/busybox:1\nCOPY --from=tools a /t/\nCOPY a /main\n", "--build-context",
                   "tools=" + str(folder), files={"a": "main\n"})
    image = any_slct.image()
    assert image.text("t/f") == "one\n" and image["t/f"].owner == "0:0" and image["t/f"].mode == 0o640
    assert "t/skip" not in image and image.text("main") == "main\n"


def test_a_directory_in_the_key(slct, tools):
    """Its files are part of the key, its place is not."""
    text = ("FROM localhost/busybox:1\nCOPY --from=tools a/f /f\nRUN --mount=from=tools,target=/m cat /m/a/f >/g; ls "
            "/m/a >/l\n")
    folder = slct.context({"Dockerfile": text})
    option = ("--build-context", f"tools={tools}")
    assert len(slct.build(folder, *option).ran) == 2
    assert slct.build(folder, *option).ran == []
    moved = tools.rename(tools.with_name("moved"))
    assert slct.build(folder, "--build-context", f"tools={moved}").ran == []
    (moved / "a/f").write_text("two\n")
    assert len(slct.build(folder, "--build-context", f"tools={moved}").ran) == 2
    image = slct.image()
    assert image.text("f") == image.text("g") == "two\n" and image.text("l") == "f\n"


def test_a_directory_for_a_stage(slct, tools):
    text = "FROM nosuch.invalid/x AS tools\nRUN false\nFROM scratch\nCOPY --from=tools a/f /f\nCOPY --from=0 a/f /g\n"
    slct.build(text, "--build-context", f"tools={tools}")
    assert slct.image().text("f") == slct.image().text("g") == "one\n"


def test_images(slct, work):
    slct.build("FROM scratch\nCOPY f /f\n", files={"f": "other\n"}, tag="localhost/other:1")
    slct.run("save", "--format", "oci-dir", "-o", work / "layout", "localhost/other:1")
    text = "FROM localhost/busybox:1\nCOPY --from=debian /f /f\n"
    for src in ("store:localhost/other:1", "docker-image://localhost/other:1", f"oci-layout://{work}/layout",
                f"oci-layout://{work}/layout:localhost/other:1"):
        for name in ("debian", "docker.io/library/debian:latest"):
            slct.build(text, "--build-context", f"{name}={src}")
            assert slct.image().text("f") == "other\n"


def test_layout_in_an_empty_store(slct, empty, new_slct, work):
    slct.build("FROM localhost/busybox:1\nENV A=b\nRUN echo x >/x\n", tag="localhost/other:1")
    slct.run("save", "--format", "oci-dir", "-o", work / "layout", "localhost/other:1")
    other = new_slct(base=None)
    other.build("FROM base\nRUN cp /x /y\n", "--build-context", f"base=oci-layout://{work}/layout")
    assert other.image().text("y") == "x\n" and "A=b" in other.config()["config"]["Env"]
    assert other.run("images").out.count("\n") <= 2 and other.fsck()


def test_image_for_a_stage_and_its_number(slct):
    slct.build("FROM scratch\nCOPY f /f\n", files={"f": "other\n"}, tag="localhost/other:1")
    option = ("--build-context", "base=store:localhost/other:1")
    text = "FROM localhost/busybox:1 AS base\nRUN false\nFROM base\nCOPY --from=base /f /g\nCOPY --from=0 /f /h\n"
    slct.build(text, *option)
    image = slct.image()
    assert image.text("f") == image.text("g") == image.text("h") == "other\n" and "bin/sh" not in image


def one_file(any_slct, text):
    folder = write_tree(any_slct.work / "rootfs", {"f": text, "skip": "x", ".dockerignore": "skip\n"})
    any_slct.give(folder)
    return f"rootfs={folder}"


def test_from_a_directory(any_slct):
    """Its files are the first layer; its ignore file counts, and what changes in it builds again."""
    text = "FROM rootfs AS base\nFROM base\nENV A=b\nCOPY --from=rootfs f /g\n"
    folder = any_slct.context({"Dockerfile": text})
    option = ("--build-context", one_file(any_slct, "one\n"))
    assert len(any_slct.build(folder, *option).ran) == 2
    image = any_slct.image()
    assert image.text("f") == image.text("g") == "one\n" and image["f"].owner == "0:0" and "skip" not in image
    assert len(image.layers) == 2
    assert any_slct.build(folder, *option).ran == []
    one_file(any_slct, "two\n")
    any_slct.build(folder, *option)
    assert any_slct.image().text("f") == any_slct.image().text("g") == "two\n"


def test_copy_from_scratch(any_slct):
    """It is an image without files, and nobody looks for it."""
    any_slct.build("FROM localhost/busybox:1\nCOPY --from=scratch / /empty/\nCOPY --from=scratch /no* /none/\n"
                   "RUN [ -z \"$(ls /empty)\" ] && [ ! -e /none ]\n")
    wrong = any_slct.build("FROM localhost/busybox:1\nCOPY --from=scratch /a /\n", rc=None)
    assert wrong.rc != 0 and '"/a": no such file' in wrong.err and "Dockerfile:2" in wrong.err


def test_cache_mount_from_a_directory(any_slct):
    """It begins with the directory's files, once; other files make another cache."""
    text = ("FROM localhost/busybox:1\nARG N\nRUN --mount=type=cache,from=rootfs,target=/c cat /c/f >/was; echo $N "
            ">/c/f\n")
    option = ("--build-context", one_file(any_slct, "first\n"))
    for n, seen in (("1", "first\n"), ("2", "1\n")):
        any_slct.build(text, *option, "--build-arg", f"N={n}")
        assert any_slct.image().text("was") == seen
    one_file(any_slct, "changed\n")
    any_slct.build(text, *option, "--build-arg", "N=3")
    assert any_slct.image().text("was") == "changed\n"
    wrong = any_slct.build(text.replace("from=rootfs", "from=rootfs,source=f"), *option, rc=None)
    assert wrong.rc == 3 and '"f" is no directory' in wrong.err and "Dockerfile:3" in wrong.err


@pytest.mark.parametrize("text, option, rc, says", [
    ("FROM scratch AS last\n", "last=.", 3, "takes the place of stage"),
    ("FROM scratch\nCOPY --from=n nosuch /\n", "n=.", 3, "Dockerfile:2"),
    ("FROM n\n", "n=store:nosuch:1", 3, "not in the store"),
    ("FROM n\n", "n=oci-layout://nosuch", 3, "nosuch"),
    ("FROM n\n", "n=nosuch", 3, "--build-context n"),
    ("FROM n\n", "n=/etc/passwd", 3, "is not a directory"),
    ("FROM n\n", "n=ftp://example.com/x.git", 3, "no context can be had"),
    ("FROM n\n", "n=docker-image://UPPER", 3, "--build-context n"),
    ("FROM n\n", "n", 2, "is not NAME=SRC"),
    ("FROM n\n", "=.", 2, "is not NAME=SRC"),
    ("FROM n\n", "scratch=.", 2, "always the empty image"),
    ("FROM localhost/busybox:1\nRUN --mount=type=cache,from=n,source=nosuch,target=/c true\n", "n=.", 3, "nosuch"),
])
def test_refused(slct, text, option, rc, says):
    got = slct.build(text, "--build-context", option, rc=None)
    assert got.rc == rc and says in got.err, got


def test_twice(slct):
    got = slct.build("FROM scratch\n", "--build-context", "debian=.", "--build-context", "debian:latest=.", rc=2)
    assert "given twice" in got.err


def test_plan(slct, tools):
    folder = slct.context({"Dockerfile": "FROM debian\nCOPY --from=tools a /a\n"})
    got = slct.run("plan", "--json", "--build-context", f"tools={tools}", "--build-context",
                   "debian=store:localhost/busybox:1", folder)
    assert "localhost/busybox:1" in got.out


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            t.addfile(info, io.BytesIO(text))
    return out.getvalue()


def test_a_url(any_slct, web):
    """A tar is unpacked, another file is called "context"; what no step uses is not fetched."""
    web.files = {"/t.tgz": archive({"d/f": b"one\n", ".dockerignore": b"*\n"}), "/f": b"file\n"}
    options = [o for name in ("t=/t.tgz", "f=/f", "unused=/nowhere") for o in
               ("--build-context", name.replace("=", f"={web.url}"))]
    any_slct.build("FROM localhost/busybox:1\nCOPY --from=t d /d\nRUN --mount=from=f,target=/m cat /m/context >/o\n"
                   "FROM scratch AS other\nCOPY --from=unused x /\nFROM 0\n".replace("FROM 0",
                                                                                     "FROM localhost/busybox:1\n"
                                                                                     "COPY --from=0 /d /o /x/"),
                   *options)
    image = any_slct.image()
    assert image.text("x/f") == "one\n" and image.text("x/o") == "file\n" and set(web.seen) == {"/t.tgz", "/f"}
    got = any_slct.build("FROM scratch\nCOPY --from=t d /d\n", *options[:2], "--offline", rc=2)
    assert "--offline" in got.err and "/t.tgz" in got.err


def test_a_repository(slct, repo):
    text = "FROM scratch\nCOPY --from=r . /r/\n"
    for ref, files in (("", {"f": "two\n"}), ("#side", {"f": "side\n"}), ("#v1:sub", {"g": "g\n"}),
                       ("?tag=v1&subdir=sub", {"g": "g\n"})):
        slct.build(text, "--build-context", f"r=file://{repo}{ref}")
        image = slct.image()
        assert all(image.text(f"r/{name}") == content for name, content in files.items()) and "r/.git" not in image
    assert slct.build(text, "--build-context", f"r=file://{repo}#v1:sub").ran == []
    got = slct.build(text, "--build-context", f"r=file://{repo}#v1:none", rc=3)
    assert "none" in got.err and "repository" in got.err
