"""Contexts that are no directory: standard input, web servers, git repositories; and -f -."""
import gzip
import io
import os
import subprocess
import tarfile

import pytest

from lab import free_port, need, write_tree
from remotes import git, repo, web  # noqa: F401 (fixtures)

DOCKERFILE = b"FROM localhost/busybox:1\nCOPY . /c/\n"


def tar_of(files, **kw):
    """A tar of {name: bytes, or TarInfo}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **kw) as tar:
        for name, value in files.items():
            info = value if isinstance(value, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(value, bytes):
                info.size, info.uid, info.gid, info.mode = len(value), 4711, 4711, 0o640
            tar.addfile(info, io.BytesIO(value) if isinstance(value, bytes) else None)
    return out.getvalue()


def link(name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


CONTEXT = {"Dockerfile": DOCKERFILE, ".dockerignore": b"ignored\n", "a/f": b"text\n", "ignored": b"x"}


def no_rubbish(slct):
    return [p.name for p in (slct.store / "tmp").iterdir()] == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda d: subprocess.run(["xz"], input=d, capture_output=True,
                                                                               check=True).stdout],
                         ids=["plain", "gzip", "xz"])
def test_tar_on_standard_input(any_slct, pack):
    any_slct.run("build", "-t", "test:1", "-", input=pack(tar_of(CONTEXT)))
    image = any_slct.image()
    assert image.text("c/a/f") == "text\n" and image["c/a/f"].owner == "0:0" and image["c/a/f"].mode == 0o640
    assert "c/ignored" not in image and no_rubbish(any_slct)


def test_the_same_as_a_directory(slct):
    """The cache does not know where files come from."""
    slct.run("build", "-", input=tar_of(CONTEXT))
    folder = write_tree(slct.work / "same", CONTEXT)
    (folder / "a/f").chmod(0o640)
    (folder / "Dockerfile").chmod(0o640)
    (folder / ".dockerignore").chmod(0o640)
    assert slct.run("build", folder).ran == []


def test_dockerfile_of_a_tar(slct):
    files = {**CONTEXT, "docker/other": b"FROM scratch\nCOPY a/f /f\n"}
    slct.run("build", "-t", "test:1", "-f", "docker/other", "-", input=tar_of(files))
    assert slct.image().text("f") == "text\n"


def test_lone_dockerfile(slct):
    slct.run("build", "-t", "test:1", "-", input=b"FROM localhost/busybox:1\nRUN echo x >/x\n")
    assert slct.image().text("x") == "x\n"
    got = slct.run("build", "-", input=DOCKERFILE.replace(b". /c", b"nosuch /c"), rc=3)
    assert "nosuch" in got.err


def test_dockerfile_from_standard_input(slct):
    folder = slct.context({"Dockerfile": "FROM nosuch\n", "a": "text"})
    slct.run("build", "-t", "test:1", "-f", "-", folder, input=b"FROM localhost/busybox:1\nCOPY a /a\n")
    assert slct.image().text("a") == "text" and no_rubbish(slct)


@pytest.mark.parametrize("data, args, rc, text", [
    (b"", ["-"], 3, "is empty"),
    (b"\0\1\2" * 1000, ["-"], 3, "neither a tar archive nor a Dockerfile"),
    (tar_of({"f": b"x"}), ["-"], 3, "Dockerfile"),
    (tar_of(CONTEXT)[:700], ["-"], 3, "unpacking standard input"),
    (b"x", ["-f", "-", "-"], 2, "once only"),
    (b"x", ["-", "."], 2, "goes alone"),
    (b"", ["ftp://x.example/y"], 2, "schemes"),
], ids=range(7))
def test_what_is_wrong(slct, data, args, rc, text):
    got = slct.run("build", *args, input=data, rc=rc)
    assert text in got.err and no_rubbish(slct)


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
def test_links_do_not_lead_out(slct, name):
    """What a foreign context can make us read lies in it."""
    secret = slct.work / "secret"
    secret.write_text("very secret words\n")
    files = {**CONTEXT, name: link(name, str(secret))}
    got = slct.run("build", "-", input=tar_of(files), rc=3)
    assert "very secret" not in got.err + got.out


def test_a_link_in_the_context_is_followed(slct):
    slct.run("build", "-t", "test:1", "-",
             input=tar_of({**CONTEXT, "Dockerfile": link("Dockerfile", "d"), "d": DOCKERFILE}))
    assert slct.image()["c/Dockerfile"].link == "d"


def test_hostile_members(slct):
    files = {**CONTEXT, "../../escaped": b"x", "abs": link("abs", "/"), "abs/escaped2": b"x"}
    slct.run("build", "-", input=tar_of(files), rc=None)
    assert not list(slct.work.rglob("escaped")) and not os.path.exists("/escaped2") and no_rubbish(slct)


# --- web ---

def test_web_contexts(any_slct, web):
    web.files = {"/c.tgz": gzip.compress(tar_of(CONTEXT)), "/moved": "/c.tgz",
                 "/Dockerfile": b"FROM localhost/busybox:1\nENV A=1\n"}
    any_slct.run("build", "-t", "test:1", web.url + "/c.tgz")
    assert any_slct.image().text("c/a/f") == "text\n"
    assert any_slct.run("build", web.url + "/moved").ran == []
    any_slct.run("build", "-t", "test:2", web.url + "/Dockerfile")
    assert "A=1" in any_slct.config("test:2")["config"]["Env"] and no_rubbish(any_slct)


def test_web_context_that_is_not_there(slct, web):
    got = slct.run("build", web.url + "/nosuch", rc=None)
    assert got.rc in (3, 4) and "404" in got.err and no_rubbish(slct)
    assert slct.run("build", f"http://127.0.0.1:{free_port()}/x", rc=4).errors
    assert "--offline" in slct.run("build", "--offline", web.url + "/x", rc=2).err


# --- git ---

@pytest.mark.parametrize("fragment, text", [("", "two\n"), ("#main", "two\n"), ("#v1", "one\n"), ("#side", "side\n"),
                                            ("#refs/heads/side", "side\n"), ("#:", "two\n")])
def test_git_context(slct, repo, fragment, text):
    slct.run("build", "-t", "test:1", f"file://{repo}{fragment}")
    image = slct.image()
    assert image.text("c/f") == text and "c/.git" not in image and no_rubbish(slct)


def test_git_as_a_user(any_slct, repo):
    any_slct.give(repo)     # git takes no repository of another user
    any_slct.run("build", "-t", "test:1", f"file://{repo}#v1:sub")
    assert any_slct.image().text("g") == "g\n" and no_rubbish(any_slct)


@pytest.mark.parametrize("short", [False, True])
def test_git_commit(slct, repo, short):
    first = git(repo, "rev-parse", "v1")
    slct.run("build", "-t", "test:1", f"file://{repo}#{first[:10] if short else first}")
    assert slct.image().text("c/f") == "one\n"


def test_git_keep_dir(slct, repo):
    slct.run("build", "-t", "test:1", "--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", f"file://{repo}")
    assert "c/.git/HEAD" in slct.image()


def test_git_submodule(slct, repo, work):
    inner = write_tree(work / "inner.git", {"deep": b"deep\n"})
    git(inner, "init", "-q", "-b", "main")
    git(inner, "add", ".")
    git(inner, "commit", "-q", "-m", "x")
    git(repo, "submodule", "--quiet", "add", f"file://{inner}", "mod")
    git(repo, "commit", "-q", "-m", "module")
    slct.run("build", "-t", "test:1", f"file://{repo}")
    assert slct.image().text("c/mod/deep") == "deep\n"


@pytest.mark.parametrize("fragment, rc, text", [
    ("#nosuch", 4, "nosuch"),
    ("#--upload-pack=touch", 3, "cannot be the name"),
    ("#main:../..", 3, "leads out"),
    ("#main:nosuch", 3, "nosuch"),
    ("#a b", 3, "cannot be the name"),
])
def test_git_that_is_wrong(slct, repo, fragment, rc, text):
    got = slct.run("build", f"file://{repo}{fragment}", rc=rc)
    assert text in got.err and no_rubbish(slct)


@pytest.mark.parametrize("url", ["ssh://-oProxyCommand=touch%20pwned/x.git", "git@-oProxyCommand=touch:x.git",
                                 "file:///nosuch/x.git", "https://127.0.0.1:1/x.git"])
def test_git_urls_that_do_not_work(slct, url):
    slct.run("build", url, rc=None if "-o" in url else 4)
    assert not list(slct.work.rglob("pwned"))


def test_password_of_a_url_is_not_shown(slct):
    got = slct.run("build", "https://me:pass-word-1@127.0.0.1:1/x.git", rc=4)
    assert "pass-word-1" not in got.err


def test_without_git(slct, repo):
    got = slct.run("build", f"file://{repo}", env={"PATH": str(slct.work)}, rc=5)
    assert "git is not installed" in got.err


def test_hooks_of_the_caller_do_not_run(slct, repo):
    hooks = write_tree(slct.work / "templates/hooks",
                       {"post-checkout": (b"#!/bin/sh\ntouch " + str(slct.work).encode() + b"/hooked\n", 0o755)})
    slct.run("build", f"file://{repo}", env={"GIT_TEMPLATE_DIR": str(hooks.parent), "GIT_DIR": "/nosuch"})
    assert not (slct.work / "hooked").exists()


def test_plan_of_a_foreign_context(slct):
    assert '"steps"' in slct.run("plan", "--format", "json", "-", input=tar_of(CONTEXT)).out and no_rubbish(slct)
