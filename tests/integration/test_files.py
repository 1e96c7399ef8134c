"""slct ls, cat and diff: what is in images, without running them."""
import json
import re

import pytest

DOCKERFILE = """\
    FROM localhost/busybox:1
    RUN mkdir -p /d/sub /out && echo one >/d/one && echo two >/d/two && chmod 4755 /d/two && chown 7:8 /d/one \\
     && ln -s ../../../../d/one /out/link && ln -s /d /out/dir && mkfifo /d/pipe && ln -s loop /out/loop \\
     && ln -s /etc/shadow /out/host
    """


@pytest.fixture
def image(any_slct):
    any_slct.build(DOCKERFILE)
    return any_slct


def ls(slct, *args):
    return {f["name"]: f for f in json.loads(slct.run("ls", "--json", *args).out)["files"]}


def test_ls(image):
    files = ls(image, "test:1", "/d")
    assert list(files) == ["one", "pipe", "sub", "two"]
    assert files["one"] == {**files["one"], "type": "file", "uid": 7, "gid": 8, "size": 4, "mode": 0o644}
    assert files["two"]["mode"] == 0o4755 and files["pipe"]["type"] == "fifo" and files["sub"]["type"] == "dir"
    assert ls(image, "store:test:1", "out/dir").keys() == files.keys()
    assert ls(image, "test:1", "/out")["link"]["target"] == "../../../../d/one"
    assert ls(image, "test:1", "/out/link")["/out/link"]["size"] == 4
    text = image.run("ls", "test:1", "/d").out
    assert re.search(r"^-rwsr-xr-x +0:0 +4 +\S+ \S+ +two$", text, re.M), text
    assert "etc" in ls(image, "test:1") and ls(image, "test:1").keys() == ls(image, "test:1", "/").keys()


def test_cat(image):
    assert image.run("cat", "test:1", "/d/one").out == "one\n"
    assert image.run("cat", "test:1", "out/link").out == "one\n"      # ".." stops at the image's root
    for path, words in (("/nothing", "no /nothing in it"), ("/d", "is no regular file but a dir"),
                        ("/d/pipe", "is no regular file but a fifo"), ("/out/loop", "/out/loop"),
                        ("/out/host", "no /out/host in it")):
        got = image.run("cat", "test:1", path, rc=None)
        assert got.rc not in (0, 1) and got.out == "" and words in got.err, got
    assert "slct pull" in image.run("cat", "docker://localhost:1/x", "/f", rc=2).err


def test_diff(image):
    image.build(DOCKERFILE.replace("echo two", "echo TWO").replace("7:8", "9:8") + """\
        RUN rm -r /d/sub && echo new >/d/new && rm /out/link && ln -s x /out/link && chmod 700 /out && rm /d/pipe \\
         && mkdir /d/pipe && echo longer >>/etc/group2
        """, tag="test:2")
    got = json.loads(image.run("diff", "--json", "test:1", "test:2").out)
    assert got["version"] == 1
    assert [f["path"] for f in got["added"]] == ["d/new", "etc/group2"]
    assert [f["path"] for f in got["removed"]] == ["d/sub"]
    changed = {c["path"]: c["changes"] for c in got["changed"]}
    assert changed == {"d/one": {"owner": ["7:8", "9:8"]}, "d/two": {"content": True},
                       "d/pipe": {"type": ["fifo", "dir"], **changed["d/pipe"]},
                       "out": {"mode": ["0755", "0700"]}, "out/link": {"target": ["../../../../d/one", "x"]}}
    text = image.run("diff", "test:1", "test:2").out
    assert "~ d/one  owner 7:8 → 9:8\n" in text and "- d/sub  dir 0755 0:0 0 B\n" in text, text
    assert image.run("diff", "test:1", "test:1").out == ""
    markdown = image.run("diff", "--format", "markdown", "test:1", "test:2").out
    assert "| + | `d/new` | file 0644 0:0 4 B |" in markdown, markdown


def test_diff_of_rpm_packages(slct):
    """The text list of distroless images is read; of the database it is said that it is not."""
    path = "/var/lib/rpmmanifest/container-manifest-2"
    row = "{}\\t{}\\t1\\t1\\tvendor\\t(none)\\t1\\tx86_64\\t0\\tx.src.rpm\\n"
    slct.build(f"FROM localhost/busybox:1\nRUN mkdir -p /var/lib/rpmmanifest && printf "
               f"'{row.format('glibc', '2.35-4')}{row.format('gone', '1-1')}' > {path}\n", tag="localhost/test:1")
    slct.build(f"FROM localhost/test:1\nRUN printf '{row.format('glibc', '2.35-5')}' > {path}\n", tag="test:2")
    found = json.loads(slct.run("diff", "--json", "localhost/test:1", "test:2").out)
    assert found["packages"] == {"rpm": {"added": {}, "removed": {"gone": "1-1"},
                                         "changed": {"glibc": ["2.35-4", "2.35-5"]}}}
    assert found["notes"] == []
    slct.build("FROM localhost/busybox:1\nRUN mkdir -p /usr/lib/sysimage/rpm\n", tag="test:3")
    (note,) = json.loads(slct.run("diff", "--json", "localhost/test:1", "test:3").out)["notes"]
    assert "rpm's database is not in SQLite's form" in note


def test_diff_of_packages(slct):
    slct.build("""\
        FROM localhost/busybox:1
        RUN mkdir -p /var/lib/dpkg /lib/apk/db /usr/lib/python3/dist-packages/six-1.16.0.dist-info
        COPY <<EOF /var/lib/dpkg/status
        Package: libc6
        Status: install ok installed
        Architecture: amd64
        Version: 2.36-9

        Package: gone
        Status: install ok installed
        Version: 1

        Package: removed-before
        Status: deinstall ok config-files
        Version: 1
        EOF
        COPY <<EOF /lib/apk/db/installed
        P:musl
        V:1.2.3-r4
        EOF
        """, tag="localhost/test:1")
    slct.build("""\
        FROM localhost/test:1
        RUN sed -i 's/2.36-9/2.36-10/; /^Package: gone/,/^$/d' /var/lib/dpkg/status \\
         && printf '\\nP:new\\nV:1\\n' >>/lib/apk/db/installed && cd /usr/lib/python3/dist-packages \\
         && mv six-1.16.0.dist-info six-1.17.0.dist-info
        """, tag="test:2")
    packages = json.loads(slct.run("diff", "--json", "localhost/test:1", "test:2").out)["packages"]
    assert packages == {
        "dpkg": {"added": {}, "removed": {"gone": "1"}, "changed": {"libc6": ["2.36-9", "2.36-10"]}},
        "apk": {"added": {"new": "1"}, "removed": {}, "changed": {}},
        "pip": {"added": {}, "removed": {}, "changed": {"six": ["1.16.0", "1.17.0"]}}}
    text = slct.run("diff", "--packages", "localhost/test:1", "test:2").out
    assert text == ("Packages (apk):\n+ new  1\n\nPackages (dpkg):\n- gone  1\n~ libc6  2.36-9 → 2.36-10\n\n"
                    "Packages (pip):\n~ six  1.16.0 → 1.17.0\n"), text
