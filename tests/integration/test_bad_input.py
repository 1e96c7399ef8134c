"""Bad input: one clear error with its place and remedy, the exit status of its class, and nothing half-published."""
import os
import re
import subprocess

import pytest

from lab import lack

B = "FROM localhost/busybox:1\n"


def refused(slct, rc, done, *words):
    """One error, all words in it, no image, a clean store, no traceback of any kind."""
    assert done.rc == rc, done
    assert len(done.errors) == 1, done
    for word in words:
        assert re.search(word, done.err), f"{word} is not said: {done}"
    assert done.out == ""
    assert "AddressSanitizer" not in done.err and "runtime error" not in done.err
    assert "test:1" not in slct.run("images", "-q").out.split()
    slct.fsck()
    return done


def build(slct, text, rc, *words, args=(), files=None, env=None):
    return refused(slct, rc, slct.build(text, *args, files=files, rc=None, env=env), *words)


SYNTAX = [
    ("FORM x\n", 1, "FORM"),
    (B + "RUM echo\n", 2, "RUM"),
    (B + "COPY --nosuch=1 a b\n", 2, "nosuch"),
    (B + "RUN --nosuch true\n", 2, "nosuch"),
    (B + "COPY onlyone\n", 2, "COPY"),
    (B + "FROM\n", 2, "FROM"),
    ("RUN true\n", 1, "FROM"),
    ("", None, "empty|no (FROM|stage|instruction)"),
    ("# only a comment\n", None, "empty|no (FROM|stage|instruction)"),
    (B + "ENV\n", 2, "ENV"),
    (B + "ENV novalue\n", 2, "ENV"),
    (B + "EXPOSE notaport\n", 2, "notaport"),
    (B + "HEALTHCHECK --interval=soon CMD true\n", 2, "soon"),
    (B + "STOPSIGNAL NOSUCH\n", 2, "NOSUCH"),
    (B + 'SHELL /bin/sh\n', 2, "SHELL"),
    (B + "ONBUILD FROM x\n", 2, "ONBUILD"),
    (B + "ONBUILD ONBUILD RUN true\n", 2, "ONBUILD"),
    (B + "ENV A=${unclosed\n", 2, "unclosed|\\}|brace"),
    (B + "ENV A=${B?must be set}\n", 2, "must be set"),
    (B + "RUN <<EOF\nnever ends\n", 2, "EOF"),
    (B + "ENV A='open\n", 2, "quot"),
    (B + "COPY --chmod=999 Dockerfile /x\n", 2, "999"),
    (B + "COPY --from=5 /x /x\n", 2, "5"),
    ("FROM localhost/busybox:1 AS Bad!Name\n", 1, "Bad!Name"),
    ("FROM localhost/busybox:1 extra words\n", 1, "FROM|AS"),
]


@pytest.mark.parametrize("text, line, word", SYNTAX, ids=range(len(SYNTAX)))
def test_dockerfile_errors_name_the_place(slct, text, line, word):
    done = build(slct, text, 3, word, "Dockerfile" + (f":{line}\\b" if line else ""))
    assert done.ran == []


def test_unknown_instruction_shows_excerpt_caret_and_suggestion(slct):
    done = build(slct, B + "\n  RUNN echo hi\n", 3, r"Dockerfile:3:3")
    assert "RUNN echo hi" in done.err and re.search(r"^\s*\|?\s*\^", done.err, re.M)
    assert re.search(r"hint:.*RUN\b", done.err)


def test_a_syntax_error_at_the_end_runs_nothing(slct):
    done = build(slct, B + "RUN echo 1 > /1\nNOSUCH\n", 3, "NOSUCH")
    assert done.ran == []


def test_missing_stage(slct):
    build(slct, B + "COPY --from=nosuch-stage /x /x\n", 3, "nosuch-stage", "Dockerfile:2", args=["--offline"])
    refused(slct, 3, slct.build(B, "--target", "nosuch", rc=None), "nosuch")


def test_stage_that_comes_later(slct):
    build(slct, B.replace("\n", " AS a\n") + "COPY --from=b /x /x\n" + B.replace("\n", " AS b\n") + "FROM a\n", 3, "b",
          args=["--offline"])


def test_cycle_is_named_with_its_path(slct):
    flavor = slct.flavor({"one": "FROM {{ three }}\n", "two": "FROM {{ one }}\n", "three":
                          B + "COPY --from={{ two }} /x /x\n", "release": B + "RUN true\n"})
    done = refused(slct, 3, slct.run("build", flavor, rc=None), "circle")
    text = done.errors[0]
    assert re.search(r"one.*three.*two.*one|two.*one.*three.*two|three.*two.*one.*three", text) or \
        re.search(r"one.*two.*three.*one|two.*three.*one.*two|three.*one.*two.*three", text), text


def test_a_stage_that_needs_itself(slct):
    refused(slct, 3, slct.run("build", slct.flavor({"release": "FROM {{release}}\n"}), rc=None), "circle", "release")


def test_undefined_template_name(slct):
    flavor = slct.flavor({"base": B, "release": "FROM {{ base }}\nCOPY --from={{ bsae }} /x /y\n"})
    done = refused(slct, 3, slct.run("build", flavor, rc=None), "bsae", "release/Dockerfile:2")
    assert "base" in done.err.replace("bsae", "").replace("flavor_base", ""), "the known names"


def test_unclosed_template(slct):
    refused(slct, 3, slct.run("build", slct.flavor({"release": "FROM {{ base\n"}), rc=None), "release/Dockerfile:1")


def test_copy_of_a_missing_file(slct):
    done = build(slct, B + "RUN echo 1\nCOPY nosuch.txt /x\n", 3, r"nosuch\.txt", "Dockerfile:3")
    assert done.ran == [], "found before anything runs"


def test_copy_glob_without_a_match_copies_nothing(slct):
    """As the reference builder does it."""
    slct.build(B + "COPY *.nosuch Dockerfile /x/\n")
    assert {n for n in slct.image().files if n.startswith("x/")} == {"x/Dockerfile"}


def test_copy_of_a_missing_file_of_a_stage(slct):
    done = slct.build(B.replace("\n", " AS a\n") + B + "COPY --from=a /nosuch /x\n", rc=None)
    assert done.rc in (1, 3) and "/nosuch" in done.err and "Dockerfile:3" in done.err
    slct.fsck()


@pytest.mark.parametrize("source", ["../outside", "/etc/../../outside", "d/../../outside"])
def test_context_outside(slct, source):
    (slct.work / "outside").write_text("secret")
    done = slct.build(B + f"COPY {source} /x\n", files={"d/f": "f"}, rc=None)
    refused(slct, 3, done, "outside", "Dockerfile:2")


def test_context_link_that_leads_outside(slct):
    """A link of the context is copied as a link, and never followed out of it."""
    (slct.work / "outside").mkdir()
    (slct.work / "outside/secret").write_text("secret")
    context = slct.context({"Dockerfile": B + "COPY link/secret /x\n"})
    os.symlink(slct.work / "outside", context / "link")
    refused(slct, 3, slct.build(context, rc=None), "link/secret")


def test_unreadable_file(any_slct):
    if any_slct.user is None:
        pytest.skip("root reads everything")
    context = any_slct.context({"Dockerfile": B + "COPY d /d\n", "d/closed": ("x", 0)})
    refused(any_slct, 5, any_slct.build(context, rc=None), "d/closed", "[Pp]ermission denied")
    (context / ".dockerignore").write_text("d/closed\n")
    any_slct.build(context)


def test_no_context_and_no_dockerfile(slct):
    refused(slct, 3, slct.run("build", slct.work / "nosuch", rc=None), "nosuch")
    empty = slct.context({"README": "x"})
    refused(slct, 3, slct.run("build", empty, rc=None), "Dockerfile", str(empty))
    refused(slct, 3, slct.run("build", "-f", empty / "Nosuchfile", empty, rc=None), "Nosuchfile")


def test_dangling_link_in_a_flavor(slct):
    flavor = slct.flavor({"release": B + "COPY release/ext /ext\n"}, extra={"release/x": "x"})
    os.symlink("../../nosuch-submodule", flavor / "release/ext")
    refused(slct, 3, slct.run("build", flavor, rc=None), "release/ext", "git submodule update --init")


def test_looping_link_in_a_flavor(slct):
    flavor = slct.flavor({"release": B + "COPY release/d /d\n"}, extra={"release/d/x": "x"})
    os.symlink("..", flavor / "release/d/loop")
    refused(slct, 3, slct.run("build", flavor, rc=None), "loop")


def test_two_links_to_one_directory_are_no_loop(slct):
    flavor = slct.flavor({"release": B + "COPY release/d /d\n"}, extra={"release/d/real/x": "x"})
    os.symlink("real", flavor / "release/d/a")
    os.symlink("real", flavor / "release/d/b")
    slct.run("build", flavor)
    assert slct.image("flavor-release").text("d/b/x") == "x"


def test_link_to_itself(slct):
    flavor = slct.flavor({"release": B + "COPY release/me /me\n"})
    os.symlink("me", flavor / "release/me")
    refused(slct, 3, slct.run("build", flavor, rc=None), "release/me")


@pytest.mark.parametrize("reference",
                         ["UPPER/case", "a//b", "a:b:c", "a@sha256:12", "localhost/x:" + "t" * 129, "-x", "a b",
                                       "localhost/busybox:1@sha256:zz", "a/../b", "https://x/y"])
def test_bad_references(slct, reference):
    refused(slct, 2, slct.run("build", "-t", reference, slct.context({"Dockerfile": B}), rc=None))
    refused(slct, 2, slct.run("tag", "localhost/busybox:1", reference, rc=None))
    if " " not in reference:
        done = slct.build(f"FROM {reference}\n", rc=None)
        refused(slct, 3, done, "Dockerfile:1")


def test_base_image_that_is_nowhere(slct):
    done = slct.build("FROM localhost/nosuch:1\nRUN true\n", rc=None)
    refused(slct, 3, done, "localhost/nosuch:1", "Dockerfile:1", "hint:.*import|hint:.*build")


def test_registry_that_is_down(slct):
    from lab import free_port
    port = free_port()
    done = refused(slct, 4, slct.build(f"FROM localhost:{port}/x:1\nRUN true\n", rc=None), f"localhost:{port}",
                   "Dockerfile:1")
    assert "refused" in done.err.lower() or "connect" in done.err.lower()


def test_offline_needs_the_store(slct):
    refused(slct, 3, slct.build("FROM registry.example.com/x:1\n", "--offline", rc=None), "registry.example.com/x:1",
            "hint:.*--offline")


USAGE = [
    [], ["nosuchcommand"], ["build"], ["build", "--nosuch"], ["build", "--goal"], ["build", "-j", "x", "."],
    ["build", "--pull", "perhaps", "."], ["build", "--progress", "loud", "."], ["build", "-t", "a", "-t"],
    ["build", "--isolation", "none-such", "."], ["import", "only-one"], ["save", "x"], ["save", "-o", "p"], ["load"],
    ["inspect"], ["tag", "one"], ["export", "--format", "rar", "x"], ["build", "--build-arg", "=x", "."],
    ["build", "--add-host", "nocolon", "."], ["build", "--step-timeout", "soon", "."],
    ["build", "--shm-size", "big", "."],
    ["images", "--json=maybe"], ["fsck", "operand"], ["build", "--network", "nosuch", "."],
]


@pytest.mark.parametrize("args", USAGE, ids=lambda a: " ".join(a) or "nothing")
def test_usage(slct, args):
    done = slct.run(*args, rc=2)
    assert done.out == "" and done.err
    assert args == [] or len(done.errors) == 1


def test_one_tag_for_several_goals(slct):
    flavor = slct.flavor({"a": B, "b": B})
    refused(slct, 2, slct.run("build", "-t", "test:1", "--goal", "a", "--goal", "b", flavor, rc=None))


def test_suggestions(slct):
    assert "--goal" in slct.run("build", "--gaol", "x", ".", rc=2).err
    assert "build" in slct.run("biuld", ".", rc=2).err


def test_missing_images(slct):
    for args in (["inspect", "nosuch"], ["save", "-o", slct.work / "x", "nosuch"], ["rm", "nosuch"],
                 ["tag", "nosuch", "y"], ["history", "nosuch"]):
        done = slct.run(*args, rc=None)
        assert done.rc in (3, 4) and "nosuch" in done.err, done
    assert not (slct.work / "x").exists()


def test_bad_archives(slct):
    slct.context({})
    bad = slct.work / "bad.tar"
    for data in (b"", b"not a tar at all\n" * 100, os.urandom(4096), b"\x1f\x8b\x08\x00garbage" + b"x" * 2000):
        bad.write_bytes(data)
        for args in (["import", bad, "test:1"], ["load", "-i", bad, "test:1"]):
            done = slct.run(*args, rc=None)
            assert done.rc in (3, 6), done
            refused(slct, done.rc, done, "bad.tar")
    for args in (["import", slct.work / "nosuch.tar", "test:1"], ["load", "-i", slct.work / "nosuch.tar"]):
        refused(slct, 3, slct.run(*args, rc=None), "nosuch.tar")


def test_truncated_archive(slct, bases):
    slct.context({})
    bad = slct.work / "cut.tar"
    bad.write_bytes(bases("busybox").read_bytes()[:1000000])
    done = slct.run("import", bad, "test:1", rc=None)
    assert done.rc in (3, 6)
    refused(slct, done.rc, done, "cut.tar")


def small_disk(folder, size):
    if os.geteuid() != 0:
        lack("only root can mount a small file system")
    folder.mkdir(mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder], check=False).returncode:
        lack("no tmpfs can be mounted here")


def test_full_disk(new_slct, bases):
    one = new_slct(base=None)
    small_disk(one.store, "8m")
    try:
        one.run("import", bases("busybox"), "localhost/busybox:1")
        done = one.build(B + "RUN dd if=/dev/urandom of=/big bs=1M count=20\n", rc=None)
        assert done.rc in (1, 5) and "No space left" in done.err
        one.fsck()
        files = {"big": os.urandom(9 << 20)}
        done = refused(one, 5, one.build(B + "COPY big /big\n", files=files, rc=None), "No space left")
        assert "hint:" in done.err
        one.build(B + "RUN echo small > /small\n", tag="small:1")
        done = refused(one, 5, one.run("import", bases("busybox"), "x:2", rc=None), "No space left") \
            if one.run("import", bases("busybox"), "x:1", rc=None).rc else None
    finally:
        subprocess.run(["umount", "-l", one.store], check=True)


def test_read_only_output(slct):
    slct.build(B, tag="x:1")
    done = slct.run("save", "-o", "/proc/nosuch/x", "x:1", rc=5)
    assert "/proc/nosuch" in done.err


def test_store_of_somebody_else(slct, user):
    if os.geteuid() != 0:
        lack("not root")
    folder = slct.work / "theirs"
    folder.mkdir()
    os.chown(folder, user.uid, user.gid)
    done = slct.run("images", "--root", folder, rc=5)
    assert str(folder) in done.err and "hint:" in done.err


def test_a_directory_that_is_no_store(slct):
    folder = slct.work / "documents"
    folder.mkdir(mode=0o700)
    (folder / "letter").write_text("dear")
    done = slct.run("images", "--root", folder, rc=5)
    assert str(folder) in done.err and [p.name for p in folder.iterdir()] == ["letter"]


def test_build_steps_that_cannot_be_read(slct):
    flavor = slct.flavor({}, extra={"flavor_base/build_steps.py": "import os\nfor x in os.environ:\n    print(x)\n",
                                    "flavor_base/release/Dockerfile": B})
    refused(slct, 3, slct.run("build", flavor, rc=None), r"build_steps.py:2", "flavor.yml|unsupported")


def test_unknown_key_in_flavor_yml(slct):
    flavor = slct.flavor({"release": B}, extra={"flavor.yml": "goals: [release]\nnosuchkey: 1\n"})
    refused(slct, 3, slct.run("build", flavor, rc=None), "nosuchkey", r"flavor.yml:2")


def test_huge_and_binary_dockerfiles(slct):
    build(slct, b"\x00\x01\x02\xff" * 100, 3, "Dockerfile")
    done = slct.build(b"#" * (64 << 20), rc=None)
    refused(slct, 3, done, "Dockerfile")
