"""ADD of files of a web server and of git repositories."""
import gzip
import hashlib
import io
import tarfile
import threading

import pytest

from remotes import git, repo, web  # noqa: F401 (fixtures)

SUM = "sha256:" + hashlib.sha256(b"data\n").hexdigest()


def add(slct, line, rc=0, **kw):
    return slct.build(f"FROM localhost/busybox:1\n{line}\n", rc=rc, **kw)


@pytest.fixture
def served(web):
    web.files = {"/d/file": b"data\n", "/a%20b?x=1": b"data\n", "/": b"root\n", "/moved": "/d/file", "/dir/": b"dir\n",
                 "/t.tgz": gzip.compress(b"x" * 600)}
    return web


@pytest.mark.parametrize("path, dest, name",
                         [("/d/file", "/x/", "x/file"), ("/d/file", "/x/y", "x/y"), ("/moved", "/", "moved"),
                                              ("/a%20b?x=1", "/n/", "n/a b"), ("/", "/n/", "n/__unnamed__"),
                                              ("/t.tgz", "/n/", "n/t.tgz"), ("/dir/", "/n/", "n/dir")])
def test_file(slct, served, path, dest, name):
    add(slct, f"ADD {served.url}{path} {dest}")
    image = slct.image()
    assert image[name].data in served.files.values() and image[name].mode == 0o600 and image[name].owner == "0:0"
    slct.fsck()


def test_as_user(any_slct, served):
    add(any_slct, f"ADD --chown=3:4 --chmod=755 {served.url}/d/file /x")
    assert any_slct.image()["x"].owner == "3:4" and any_slct.image()["x"].mode == 0o755


def test_with_other_sources(slct, served):
    add(slct, f"ADD a {served.url}/d/file /x/", files={"a": "a"})
    assert slct.image().text("x/a") == "a" and slct.image().text("x/file") == "data\n"


def test_the_content_counts(slct, served):
    line = f"ADD {served.url}/d/file /x"
    assert add(slct, line).ran and not add(slct, line).ran
    served.files["/d/file"] = b"other\n"
    assert add(slct, line).ran and slct.image().text("x") == "other\n"


def test_a_checksum_spares_the_download(slct, served):
    line = f"ADD --checksum={SUM} {served.url}/d/file /x"
    assert add(slct, line).ran
    seen = len(served.seen)
    served.files.clear()
    assert not add(slct, line).ran and len(served.seen) == seen
    assert not add(slct, line.replace("/d/file", "/elsewhere/file")).ran


@pytest.mark.parametrize("line, rc, text", [
    ("ADD --checksum=sha256:{} URL/d/file /x".format("0" * 64), 6, "--checksum says"),
    ("ADD --checksum=sha256:12 URL/d/file /x", 3, "--checksum"),
    (f"ADD --checksum={SUM} a /x", 3, "for one source"),
    ("ADD URL/nosuch /x", 3, "404"),
    ("COPY URL/d/file /x", 3, "COPY takes files"),
    ("ADD http://127.0.0.1:1/x /x", 4, "127.0.0.1:1"),
], ids=range(6))
def test_what_is_wrong(slct, served, line, rc, text):
    got = add(slct, line.replace("URL", served.url), rc=rc, files={"a": "a"})
    assert text in got.err and not got.ran
    slct.fsck()


def test_offline(slct, served):
    got = slct.build(f"FROM localhost/busybox:1\nADD {served.url}/d/file /x\n", "--offline", rc=3)
    assert "--offline" in got.err and not served.seen


@pytest.mark.parametrize("flags, keeps", [("", False), ("--keep-git-dir=true ", True)])
def test_repository(slct, repo, flags, keeps):
    add(slct, f"ADD {flags}file://{repo}#v1 /r")
    image = slct.image()
    assert image.text("r/f") == "one\n" and image["r/f"].mode == 0o644 and image["r"].kind == "dir"
    assert ("r/.git/HEAD" in image) == keeps
    assert [p.name for p in (slct.store / "tmp").iterdir()] == []


def test_repository_is_cached_by_its_commit(slct, repo):
    line = f"ADD file://{repo} /r/"
    assert add(slct, line).ran and not add(slct, line).ran
    (repo / "f").write_text("three\n")
    git(repo, "commit", "-q", "-a", "-m", "three")
    assert add(slct, line).ran and slct.image().text("r/f") == "three\n"


def test_directory_of_a_repository(any_slct, repo):
    any_slct.give(repo)
    add(any_slct, f"ADD file://{repo}#main:sub /r")
    assert any_slct.image().text("r/g") == "g\n" and "r/f" not in any_slct.image()


def test_commit_as_checksum(slct, repo):
    commit = git(repo, "rev-parse", "v1")
    add(slct, f"ADD --checksum={commit} file://{repo}#v1 /r")
    assert "--checksum says" in add(slct, f"ADD --checksum={commit} file://{repo}#main /r", rc=6).err


def test_unchanged_is_not_fetched_again(slct, served):
    """A server that says what a file's version is, is asked whether it has changed; offline what is here counts."""
    line = f"ADD {served.url}/d/file /x"
    served.tags["/d/file"] = '"one"'
    assert add(slct, line).ran and not add(slct, line).ran
    assert served.unchanged == ["/d/file"]
    served.tags["/d/file"], served.files["/d/file"] = '"two"', b"other\n"
    assert add(slct, line).ran and slct.image().text("x") == "other\n"
    assert served.unchanged == ["/d/file"]
    seen = len(served.seen)
    slct.run("gc", "--keep", "1d")
    assert not slct.build(f"FROM localhost/busybox:1\n{line}\n", "--offline").ran and len(served.seen) == seen
    got = slct.build(f"FROM localhost/busybox:1\nADD {served.url}/else /x\n", "--offline", rc=3)
    assert "--offline" in got.err and "Dockerfile:2" in got.err
    slct.fsck()


def test_unchanged_without_the_blob(slct, served):
    line = f"ADD {served.url}/d/file /x"
    served.tags["/d/file"] = '"one"'
    add(slct, line)
    for blob in slct.store.glob("blobs/*/" + SUM.split(":")[1]):
        blob.unlink()
    add(slct, line)
    assert not served.unchanged and slct.image().text("x") == "data\n"


def test_several_at_the_same_time(slct, served):
    for i in range(4):
        served.files[f"/p{i}"] = b"p"
    served.gate = threading.Barrier(4, timeout=10)
    add(slct, " ".join(["ADD", *(f"{served.url}/p{i}" for i in range(4)), "/x/"]))
    assert served.most == 4


def test_one_request_for_one_url(slct, served):
    add(slct, f"ADD {served.url}/d/file /x\nADD {served.url}/d/file /y")
    assert served.seen.count("/d/file") == 1


def tar(name, data, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_unpack(slct, served):
    """--unpack holds for files of URLs too, --unpack=false for those of the context."""
    served.files["/a.tgz"] = archive = tar("in/side", b"unpacked\n")
    add(slct, f"ADD --unpack {served.url}/a.tgz a.tgz {served.url}/d/file /x/\nADD --unpack=false a.tgz {served.url}/"
              "a.tgz /y/\n"
        f"ADD --unpack=true {served.url}/a.tgz /z", files={"a.tgz": archive})
    image = slct.image()
    assert image.text("x/in/side") == image.text("z/in/side") == "unpacked\n" and image.text("x/file") == "data\n"
    assert "x/a.tgz" not in image and image["y/a.tgz"].data == archive and "y/in" not in image


def test_git_parameters(slct, repo):
    url = f"file://{repo}"
    one = git(repo, "rev-parse", "v1")
    add(slct, f"ADD {url}?tag=v1&subdir=/sub /a\nADD {url}?branch=side /b/\nADD {url}?ref=v1&keep-git-dir=true /c/\n"
        f"ADD {url}?checksum={one}&fetch-by-commit#main /d/\nADD {url}?submodules=false /e/")
    image = slct.image()
    assert image.text("a/g") == "g\n" and image.text("b/f") == "side\n" and image.text("c/f") == "one\n"
    assert "c/.git/HEAD" in image \
        and "b/.git" not in image and image.text("d/f") == "one\n" and image.text("e/f") == "two\n"
    for query, text in (("?tag=a&ref=b", "two references"), ("?x=1", '"x"'), (f"?checksum={one}", "checksum"),
                        ("?ref", "needs a value"),
                        ("?mtime=never", "mtime"), ("?subdir=../..", "leads out")):
        assert text in add(slct, f"ADD {url}{query} /x", rc=None).err, query
    assert "contradict" in add(slct, f"ADD --keep-git-dir=false {url}?keep-git-dir /x", rc=3).err
