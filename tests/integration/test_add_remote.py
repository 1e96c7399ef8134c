"""ADD of files of a web server and of git repositories."""
import gzip
import hashlib

import pytest

from remotes import git, repo, web  # noqa: F401 (fixtures)

SUM = "sha256:" + hashlib.sha256(b"data\n").hexdigest()


def add(slct, line, rc=0, **kw):
    return slct.build(f"FROM localhost/busybox:1\n{line}\n", rc=rc, **kw)


@pytest.fixture
def served(web):
    web.files = {"/d/file": b"data\n", "/a%20b?x=1": b"data\n", "/": b"root\n", "/moved": "/d/file", "/t.tgz": gzip.compress(b"x" * 600)}
    return web


@pytest.mark.parametrize("path, dest, name", [("/d/file", "/x/", "x/file"), ("/d/file", "/x/y", "x/y"), ("/moved", "/", "moved"),
                                              ("/a%20b?x=1", "/n/", "n/a b"), ("/", "/n/", "n/download"), ("/t.tgz", "/n/", "n/t.tgz")])
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
