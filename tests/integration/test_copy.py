"""COPY and ADD beyond plain files: --exclude, --parents, --link, --chmod, here-documents, archives over what is
there."""
import io
import stat
import tarfile

import pytest

B = "FROM localhost/busybox:1\n"


def tar(*entries):
    """A plain tar of (name, text or None for a directory, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, text, mode in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime = mode, 1000000000
            info.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            info.size = len(text or "")
            t.addfile(info, io.BytesIO((text or "").encode()))
    return out.getvalue()


def modes(image, *paths):
    return [stat.S_IMODE(image[path].info.mode) for path in paths]


def test_exclude(slct):
    files = {"d/keep.txt": "1", "d/drop.md": "2", "d/sub/drop.md": "3", "d/sub/keep.txt": "4"}
    slct.build(B + "COPY --exclude=**/*.md d /a\nADD --exclude=sub --exclude=*.txt d /b/\n", files=files)
    image = slct.image()
    assert "a/keep.txt" in image and "a/sub/keep.txt" in image
    assert "a/drop.md" not in image and "a/sub/drop.md" not in image
    assert "b/drop.md" in image and "b/sub" not in image and "b/keep.txt" not in image


def test_excluded_file_is_no_input(slct):
    text = B + "COPY --exclude=*.md . /a/\n"
    slct.build(text, files={"x.txt": "1", "y.md": "2"})
    again = slct.build(text, files={"x.txt": "1", "y.md": "changed"})
    assert not again.ran


def test_parents(slct):
    files = {"x/y/a.txt": "1", "x/b.txt": "2"}
    slct.build(B + "COPY --parents x/y/a.txt /p/\nCOPY --parents x/./y/*.txt /q/\n"
                   "COPY --from=localhost/busybox:1 --parents /etc/passwd /r/\n", files=files)
    image = slct.image()
    assert "p/x/y/a.txt" in image and "p/x/b.txt" not in image
    assert "q/y/a.txt" in image and "q/x" not in image
    assert "r/etc/passwd" in image and "r/bin" not in image


def test_parents_missing(slct):
    done = slct.build(B + "COPY --parents no/such /p/\n", rc=3)
    assert "no/such" in done.err and "Dockerfile:2" in done.err


def test_link_replaces_links(slct):
    slct.build(B + "RUN mkdir /real && ln -s real /way\nCOPY f /way/plain\nCOPY --link f /way/linked\n",
               files={"f": "1"})
    image = slct.image()
    assert "real/plain" in image and "real/linked" not in image
    assert image.text("way/linked") == "1"


def test_symbolic_chmod(slct):
    files = {"d/script": ("#!/bin/sh\n", 0o644), "d/sub/f": ("x", 0o600)}
    slct.build(B + "COPY --chmod=u=rwX,go=rX d /a\nCOPY --chmod=0750 d/script /new/b\n", files=files)
    assert modes(slct.image(), "a/script", "a/sub", "a/sub/f", "new", "new/b") == [0o644, 0o755, 0o644, 0o750, 0o750]


def test_bad_chmod(slct):
    done = slct.build(B + "COPY --chmod=rwx Dockerfile /x\n", rc=3)
    assert "--chmod=rwx" in done.err and "Dockerfile:2" in done.err


def test_heredocs_as_sources(slct):
    slct.build(B + """ENV NAME=world
COPY <<EOF /hello
hi $NAME
EOF
COPY --chmod=0755 --chown=3:4 <<'ONE' <<-TWO Dockerfile /many/
raw $NAME
ONE
\ttabs
TWO
""")
    image = slct.image()
    assert image.text("hello") == "hi world\n"
    assert image.text("many/ONE") == "raw $NAME\n" and image.text("many/TWO") == "tabs\n"
    assert "many/Dockerfile" in image and modes(image, "many/ONE") == [0o755]
    assert image["many/TWO"].owner == "3:4"


def test_heredoc_text_is_an_input(slct):
    text = B + "COPY <<EOF /f\n{}\nEOF\n"
    slct.build(text.format("one"))
    assert not slct.build(text.format("one")).ran
    assert slct.build(text.format("two")).ran
    assert slct.image().text("f") == "two\n"


def test_run_heredocs(slct):
    slct.build(B + "RUN <<EOF\nA=1\necho one$A > /one\nEOF\nRUN cat <<X > /two && cat <<'Y' >> /two\nx $HOME\nX\n"
                   "y $HOME\nY\n")
    image = slct.image()
    assert image.text("one") == "one1\n"
    assert image.text("two") == "x /root\ny $HOME\n"


def test_run_script(slct):
    slct.build(B + "RUN <<EOF\n#!/bin/sh -e\necho \"$0 $HOME\" > /out\nls -A /dev/pipes >> /out\nEOF\n")
    image = slct.image()
    assert image.text("out") == "/dev/pipes/EOF /root\nEOF\n"
    assert [path for path in image.changed() if path != "out"] == []
    first = slct.build(B + "RUN <<EOF\n#!/bin/cat\none\nEOF\n")
    assert "one" in first.err + first.out and first.ran
    assert slct.build(B + "RUN <<EOF\n#!/bin/cat\ntwo\nEOF\n").ran, "the script is an input"


def test_archive_merges_with_what_is_there(slct):
    archive = tar(("etc/passwd.d/x", "implied", 0o600), ("file", "now a file", 0o644), ("dir", None, 0o700))
    slct.build(B + "RUN mkdir /file && touch /file/below /dir && chmod 711 /etc\nADD a.tar /\n",
               files={"a.tar": archive})
    image = slct.image()
    assert image.text("file") == "now a file" and "file/below" not in image
    assert modes(image, "dir", "etc", "etc/passwd.d/x") == [0o700, 0o711, 0o600]


def test_archive_follows_links_to_directories(slct):
    slct.build(B + "RUN mkdir /real && ln -s /real /lib64x\nADD a.tar /\n",
               files={"a.tar": tar(("lib64x/so", "1", 0o644))})
    image = slct.image()
    assert image.text("real/so") == "1" and image["lib64x"].kind == "symlink"


def test_chown_of_an_archive(slct):
    slct.build(B + "ADD --chown=5:6 a.tar /new/\n", files={"a.tar": tar(("f", "1", 0o644))})
    assert slct.image()["new/f"].owner == "5:6" and slct.image()["new"].owner == "5:6"


def test_content_of_a_directory_only(slct):
    """The directory that is named gives what is in it; its own mode goes to no directory that the copy makes."""
    slct.build(B + "COPY d /new\n", files={"d/f": "1", "d/sub/g": "2", "d/sub": (None, 0o700), "d": (None, 0o711)})
    assert modes(slct.image(), "new", "new/sub") == [0o755, 0o700]


@pytest.mark.parametrize("line, want", [
    ("ENV A=b C=\"d e\"", "ENV A=b C=d e"),
    ("ARG X=1", "ARG X=1"),
    ("LABEL k=$P", "LABEL k=v"),
    ("CMD [\"a\", \"$P\"]", "CMD [\"a\" \"$P\"]"),
    ("CMD a b", "CMD [\"/bin/sh\" \"-c\" \"a b\"]"),
    ("EXPOSE 80 81/udp", "EXPOSE [80 81/udp]"),
    ("VOLUME /a /b", "VOLUME [/a /b]"),
    ("USER $P", "USER v"),
    ("WORKDIR $P", "WORKDIR /v"),
    ("COPY --chown=1:2 --chmod=0644 Dockerfile $P/", "COPY --chown=1:2 --chmod=0644 Dockerfile v/ # buildkit"),
    ("RUN echo $P", "RUN /bin/sh -c echo $P # buildkit"),
])
def test_history_as_the_reference_writes_it(slct, line, want):
    slct.build(B + "ENV P=v\n" + line + "\n")
    assert slct.config()["history"][-1]["created_by"] == want


def test_arguments_in_the_history_of_run(slct):
    slct.build(B + "ARG X=1\nRUN true\n")
    assert slct.config()["history"][-1]["created_by"] == "RUN |1 X=1 /bin/sh -c true # buildkit"
