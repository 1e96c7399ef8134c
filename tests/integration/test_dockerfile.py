"""Every instruction of a Dockerfile, as its user sees the result in the image."""
import io
import os
import tarfile
import textwrap

import pytest

B = "FROM localhost/busybox:1\n"


def tar_bytes(entries, mode="w:gz"):
    """A tar of {name: text or TarInfo}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as tar:
        for name, value in entries.items():
            if isinstance(value, tarfile.TarInfo):
                tar.addfile(value)
                continue
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime, info.uid, info.gid = len(value), 0o640, 1700000000, 7, 8
            tar.addfile(info, io.BytesIO(value.encode()))
    return out.getvalue()


def ran(slct, text, **kw):
    """The file /out that a Dockerfile on busybox leaves."""
    slct.build(B + textwrap.dedent(text), **kw)
    return slct.image().text("out")


def test_run_shell_and_exec_form(slct):
    slct.build(B + textwrap.dedent("""\
        ENV WORD=env
        RUN echo "$WORD $0" > /shell; echo a | cat > /piped
        RUN ["touch", "/exec $WORD"]
        """))
    image = slct.image()
    assert image.text("shell") == "env /bin/sh\n"
    assert image.text("piped") == "a\n"
    assert "exec $WORD" in image


def test_run_environment(slct):
    text = ran(slct, """\
        ENV A=1
        ARG B=2
        RUN env > /out
        """)
    env = dict(line.split("=", 1) for line in text.splitlines())
    assert env["A"] == "1" and env["B"] == "2" and env["HOME"] == "/root"
    assert env["PATH"].startswith("/usr/local/sbin:")
    assert env["SOURCE_DATE_EPOCH"].isdigit()
    assert set(env) <= {"A", "B", "HOME", "PATH", "SOURCE_DATE_EPOCH", "HOSTNAME", "PWD", "SHLVL", "container"}, env


def test_run_continuations_and_comments(slct):
    text = ran(slct, """\
        RUN echo one \\
            # a comment in between

            && echo two \\
            && echo "# three" > /out
        """)
    assert text == "# three\n"


def test_escape_directive(slct):
    slct.build("# escape=`\n" + B + "RUN echo 'a\\' > /out && `\n    echo b >> /out\n")
    assert slct.image().text("out") == "a\\\nb\n"


def test_arg_env_precedence_and_modifiers(slct):
    text = ran(slct, """\
        ARG V=arg
        ARG UNSET
        ENV V=env
        ENV DEFAULT=${UNSET:-fallback} SET=${V:+yes} NONE=${UNSET:+yes} PLAIN=$V-x
        ENV OLD=1
        ENV OLD=2 NEW=$OLD
        RUN echo "$V $DEFAULT $SET [$NONE] $PLAIN $OLD $NEW" > /out
        """)
    assert text == "env fallback yes [] env-x 2 1\n"


def test_arg_before_from_and_build_arg(slct):
    files = textwrap.dedent("""\
        ARG TAG=nothing
        FROM localhost/busybox:${TAG}
        ARG TAG
        ARG OTHER=o
        RUN echo "$TAG $OTHER" > /out
        """)
    slct.build(files, "--build-arg", "TAG=1", "--build-arg", "OTHER", env={"OTHER": "from-env"})
    assert slct.image().text("out") == "1 from-env\n"


def test_unused_build_arg_is_told(slct):
    done = slct.build(B + "RUN true\n", "--build-arg", "NOBODY=1")
    assert "NOBODY" in done.err


def test_legacy_env_keeps_spaces(slct):
    slct.build(B + "ENV k v w  x\nENV q=\"a b\" r='c $k' s=d\\ e\n")
    env = slct.config()["config"]["Env"]
    assert "k=v w  x" in env and "q=a b" in env and "r=c $k" in env and "s=d e" in env


def test_config_instructions(slct):
    slct.build(B + textwrap.dedent("""\
        LABEL a=1 b="two words"
        LABEL a=3
        CMD echo hi
        ENTRYPOINT ["/bin/sh", "-c"]
        CMD ["x", "y"]
        EXPOSE 80 443/udp 1000-1001
        VOLUME /data ["/odd"]
        VOLUME ["/more", "/other"]
        STOPSIGNAL SIGQUIT
        HEALTHCHECK --interval=5s --timeout=3s --retries=2 CMD ["true"]
        USER 12:34
        WORKDIR /w
        MAINTAINER Some Body
        ONBUILD RUN echo trigger
        SHELL ["/bin/sh", "-e", "-c"]
        """))
    image = slct.config()
    config = image["config"]
    assert config["Labels"] == {"a": "3", "b": "two words"}
    assert config["Entrypoint"] == ["/bin/sh", "-c"] and config["Cmd"] == ["x", "y"]
    assert set(config["ExposedPorts"]) == {"80/tcp", "443/udp", "1000/tcp", "1001/tcp"}
    assert {"/more", "/other", "/data"} <= set(config["Volumes"])
    assert config["StopSignal"] == "SIGQUIT"
    assert config["Healthcheck"] == {"Test": ["CMD", "true"], "Interval": 5 * 10**9, "Timeout": 3 * 10**9, "Retries": 2}
    assert config["User"] == "12:34" and config["WorkingDir"] == "/w"
    assert image["author"] == "Some Body"
    assert config["OnBuild"] == ["RUN echo trigger"] and config["Shell"] == ["/bin/sh", "-e", "-c"]


def test_cmd_in_shell_form_uses_shell(slct):
    slct.build(B + 'SHELL ["/bin/ash", "-c"]\nCMD echo "$X"\n')
    assert slct.config()["config"]["Cmd"] == ["/bin/ash", "-c", 'echo "$X"']


def test_entrypoint_resets_the_base_cmd(slct):
    slct.build(B + "CMD [\"inherited\"]\n", tag="localhost/withcmd:1")
    slct.build("FROM localhost/withcmd:1\nENTRYPOINT [\"/e\"]\n")
    assert not slct.config()["config"].get("Cmd")


def test_shell_is_inherited_through_from(slct):
    """SHELL set once in a stage counts in later stages and in later builds, and after save and load."""
    slct.build(B + 'SHELL ["/bin/ash", "-ec"]\nRUN echo $0 > /first\n', tag="localhost/shell:1")
    slct.build("FROM localhost/shell:1 AS a\nFROM a\nRUN false; true\n", rc=1)
    slct.run("save", "--format", "oci-archive", "-o", slct.work / "shell.tar", "localhost/shell:1")
    slct.run("rm", "localhost/shell:1")
    slct.run("load", "-i", slct.work / "shell.tar", "localhost/shell:2")
    slct.build("FROM localhost/shell:2\nRUN false; true\n", rc=1)
    slct.build('FROM localhost/shell:2\nSHELL ["/bin/sh", "-c"]\nRUN false; true\n')


def test_workdir(slct):
    slct.build(B + textwrap.dedent("""\
        ENV D=sub
        WORKDIR /a/b
        WORKDIR $D
        RUN pwd > /out && touch here
        WORKDIR ..
        COPY Dockerfile copied
        """))
    image = slct.image()
    assert image.text("out") == "/a/b/sub\n"
    assert "a/b/sub/here" in image and "a/b/copied" in image
    assert image["a/b/sub"].mode == 0o755 and image["a/b/sub"].owner == "0:0"
    assert slct.config()["config"]["WorkingDir"] == "/a/b"


def test_user_by_name_and_number(slct):
    slct.build(B + textwrap.dedent("""\
        RUN echo 'joe:x:1234:555:Joe:/srv/joe:/bin/sh' >> /etc/passwd && echo 'team:x:555:' >> /etc/group \\
            && echo 'extra:x:777:joe' >> /etc/group && mkdir -p /srv/joe && chown joe /srv/joe && chmod 777 /tmp
        USER joe
        RUN id > /tmp/joe; echo $HOME >> /tmp/joe; touch /srv/joe/mine
        USER 4321:99
        RUN id -u > /tmp/number; id -g >> /tmp/number
        USER joe:extra
        RUN id -g > /tmp/group
        """))
    image = slct.image()
    assert "uid=1234(joe) gid=555(team)" in image.text("tmp/joe") and "777(extra)" in image.text("tmp/joe")
    assert image.text("tmp/joe").endswith("/srv/joe\n")
    assert image["srv/joe/mine"].owner == "1234:555"
    assert image.text("tmp/number") == "4321\n99\n"
    assert image.text("tmp/group") == "777\n"


def test_unknown_user_is_an_error(slct):
    done = slct.build(B + "USER nosuch\nRUN true\n", rc=None)
    assert done.rc in (1, 3) and "nosuch" in done.err


def test_from_scratch(slct):
    slct.build("FROM scratch\nCOPY f /f\n", files={"f": "x\n"})
    image = slct.image()
    assert sorted(image.files) == ["f"] and len(image.layers) == 1


def test_from_inner_stage_and_copy_from_stage(slct):
    slct.build(B.replace("\n", " AS first\n") + textwrap.dedent("""\
        ENV IN=first
        RUN echo made > /made
        FROM first AS second
        RUN echo $IN > /second
        FROM scratch
        COPY --from=first /made /a/
        COPY --from=1 /second /b
        COPY --from=localhost/busybox:1 /etc/passwd /passwd
        """))
    image = slct.image()
    assert image.text("a/made") == "made\n" and image.text("b") == "first\n"
    assert image.text("passwd").startswith("root:") and "bin/busybox" not in image


def test_target_builds_only_what_it_needs(slct):
    done = slct.build(B.replace("\n", " AS one\n") + "RUN echo 1 > /1\n" + B.replace("\n", " AS two\n")
                      + "RUN exit 9\nFROM one AS three\n", "--target", "three")
    assert len(done.ran) == 1
    slct.build(B.replace("\n", " AS one\n") + "RUN echo 1 > /1\nFROM one AS two\nRUN exit 9\n", "--target", "one")


def test_copy_files_directories_and_globs(slct):
    slct.build(B + textwrap.dedent("""\
        COPY a.txt /one
        COPY a.txt b.txt /dir/
        COPY tree /tree
        COPY tree/ /tree2/
        COPY *.txt tree/sub/?.c /glob/
        COPY ["with space.md", "/spaced out"]
        """), files={"a.txt": "a", "b.txt": "b", "tree/x": "x", "tree/sub/y.c": "y", "with space.md": "s"})
    image = slct.image()
    assert image.text("one") == "a" and image.text("dir/b.txt") == "b"
    assert image.text("tree/sub/y.c") == "y" and image.text("tree2/x") == "x"
    assert {n for n in image.files if n.startswith("glob/")} == {"glob/a.txt", "glob/b.txt", "glob/y.c"}
    assert image.text("spaced out") == "s"


def test_copy_owner_and_mode_rules(slct):
    """Files of the context belong to 0:0 with their own mode; --chown and --chmod decide otherwise."""
    slct.build(B + textwrap.dedent("""\
        COPY plain /plain
        COPY --chown=12:34 plain tool /numbers/
        COPY --chown=nobody plain /name
        COPY --chown=nobody:root plain /both
        COPY --chmod=4711 tool /setuid
        COPY --chmod=600 d /d
        USER 55
        COPY plain /asuser
        """), files={"plain": ("p", 0o640), "tool": ("t", 0o755), "d/in": ("i", 0o644)})
    image = slct.image()
    assert (image["plain"].owner, image["plain"].mode) == ("0:0", 0o640)
    assert (image["numbers/tool"].owner, image["numbers/tool"].mode) == ("12:34", 0o755)
    assert image["name"].owner == "65534:65534" and image["both"].owner == "65534:0"
    assert image["setuid"].mode == 0o4711
    assert image["d/in"].mode == 0o600
    assert image["asuser"].owner == "0:0"


def test_copy_from_keeps_owner_mode_and_links(slct):
    slct.build(B.replace("\n", " AS src\n") + textwrap.dedent("""\
        RUN mkdir /s && echo x > /s/f && chown 5:6 /s/f && chmod 2755 /s/f && ln /s/f /s/hard && ln -s f /s/soft \\
            && mkfifo /s/pipe && chown -h 7:8 /s/soft
        FROM scratch
        COPY --from=src /s /s
        """))
    image = slct.image()
    assert (image["s/f"].owner, image["s/f"].mode) == ("5:6", 0o2755)
    assert image["s/soft"].kind == "symlink" and image["s/soft"].owner == "7:8" and image["s/soft"].link == "f"
    assert image["s/hard"].text == "x\n"


def test_copy_from_follows_merged_usr_links(slct):
    """A source that leads over a symlink, and a destination that is one, resolve inside the image."""
    slct.build(B.replace("\n", " AS src\n") + textwrap.dedent("""\
        RUN mkdir -p /usr/lib2 && echo lib > /usr/lib2/l && ln -s usr/lib2 /lib2
        FROM scratch AS dst
        COPY --from=src /usr/lib2 /usr/lib2
        FROM src
        COPY --from=src /lib2/l /lib2/copied
        COPY --from=src /lib2 /tree
        """))
    image = slct.image()
    assert image.text("usr/lib2/copied") == "lib\n" and image["lib2"].kind == "symlink"
    assert image.text("tree/l") == "lib\n"


def test_copy_symlinks_of_the_context_stay_links(slct):
    context = slct.context({"Dockerfile": B + "COPY d /d\n", "d/real": "r"})
    os.symlink("real", context / "d/link")
    os.symlink("/nowhere", context / "d/dangling")
    slct.build(context)
    image = slct.image()
    assert image["d/link"].link == "real" and image["d/dangling"].link == "/nowhere"


def test_dockerignore(slct):
    files = {"keep": "k", "a.log": "1", "sub/b.log": "2", "sub/keep.log": "3", "secret/x": "s", ".dockerignore":
             "# comment\n**/*.log\n!sub/keep.log\nsecret\n"}
    slct.build(B + "COPY . /c\n", files=files)
    image = slct.image()
    names = {n for n in image.files if n.startswith("c/")}
    assert names == {"c/keep", "c/sub", "c/sub/keep.log", "c/.dockerignore", "c/Dockerfile"}
    done = slct.build(B + "COPY secret/x /x\n", files=files, rc=3)
    assert "secret/x" in done.err and "ignore file" in done.err


def test_dockerignore_of_the_dockerfile_comes_first(slct):
    slct.build(slct.context({"x.Dockerfile": B + "COPY . /c\n", "x.Dockerfile.dockerignore": "hidden\n",
                             ".dockerignore": "shown\n", "hidden": "h", "shown": "s"}),
               "-f", slct.work / "context1/x.Dockerfile")
    image = slct.image()
    assert "c/shown" in image and "c/hidden" not in image


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_add_unpacks_archives(slct, mode):
    archive = tar_bytes({"in/file": "hello", "other": "o"}, mode)
    slct.build(B + "ADD archive /dst/\nADD plain.txt /plain\nCOPY archive /raw\n",
               files={"archive": archive, "plain.txt": "p"})
    image = slct.image()
    assert image.text("dst/in/file") == "hello"
    assert image["dst/in/file"].owner == "7:8" and image["dst/in/file"].mode == 0o640
    assert image.text("plain") == "p" and image["raw"].data == archive


def test_add_archive_stays_inside(slct):
    """Names and links of an archive cannot lead out of the image."""
    link = tarfile.TarInfo("l")
    link.type, link.linkname = tarfile.SYMTYPE, "/../../../../../../tmp"
    evil = tar_bytes({"../../../../../../../../tmp/slct-escaped": "1", "l": link, "l/slct-escaped": "2"})
    slct.build(B + "ADD evil.tar.gz /x/\n", files={"evil.tar.gz": evil}, rc=None)
    assert not os.path.exists("/tmp/slct-escaped") and not (slct.work / "slct-escaped").exists()


def test_onbuild(slct):
    slct.build(B + "ONBUILD COPY f /onbuild/f\nONBUILD RUN cat /onbuild/f > /onbuild/g\n", tag="localhost/trigger:1")
    assert "onbuild/f" not in slct.image("localhost/trigger:1")
    slct.build("FROM localhost/trigger:1\nRUN cp /onbuild/g /h\n", files={"f": "triggered"})
    image = slct.image()
    assert image.text("h") == "triggered"
    assert not slct.config()["config"].get("OnBuild"), "triggers do not go on to grandchildren"


def test_onbuild_of_an_image_reads_stages_and_images(slct):
    """What a base image's trigger copies from is built or resolved, though nothing else needs it."""
    slct.build("FROM scratch\nCOPY f /f\n", files={"f": "image\n"}, tag="localhost/other:1")
    slct.build(B + "ONBUILD COPY --from=made /f /of-stage\nONBUILD COPY --from=localhost/other:1 /f /of-image\n",
               tag="localhost/trigger:1")
    text = "FROM localhost/other:1 AS unused\nRUN false\nFROM scratch AS made\nCOPY f /f\nFROM localhost/trigger:1\n"
    slct.build(text, files={"f": "stage\n"})
    assert slct.image().text("of-stage") == "stage\n" and slct.image().text("of-image") == "image\n"
    got = slct.build("FROM localhost/trigger:1\n", rc=None)
    assert got.rc != 0 and "made" in got.err


def test_history_names_every_instruction(slct):
    slct.build(B + "RUN echo 1 > /1\nENV A=b\nCOPY Dockerfile /d\nCMD [\"x\"]\n")
    image = slct.image()
    history = image.config["history"]
    assert [bool(h.get("empty_layer")) for h in history] == [False, False, True, False, True]
    assert "echo 1" in history[1]["created_by"] and "COPY" in history[3]["created_by"]
    assert sum(not h.get("empty_layer") for h in history) == len(image.diff_ids)


def test_label_option(slct):
    slct.build(B + "LABEL a=1\n", "--label", "b=2", "--label", "a=9")
    assert slct.config()["config"]["Labels"] == {"a": "9", "b": "2"}


def test_syntax_directive_and_heredoc(slct):
    slct.build("# syntax=docker/dockerfile:1\n" + B + "RUN <<EOF\necho one > /out\necho two >> /out\nEOF\n")
    assert slct.image().text("out") == "one\ntwo\n"


def test_copy_link_parents_and_exclude(slct):
    slct.build("# syntax=docker/dockerfile:1\n" + B + "COPY --link a/b/f /link/\nCOPY --parents a/b/f a/g /parents/\n"
               "COPY --exclude=*.log --exclude=b a /exclude\n",
               files={"a/b/f": "f", "a/g": "g", "a/x.log": "log"})
    image = slct.image()
    assert image.text("link/f") == "f"
    assert image.text("parents/a/b/f") == "f" and image.text("parents/a/g") == "g"
    assert {n for n in image.files if n.startswith("exclude/")} == {"exclude/g"}
