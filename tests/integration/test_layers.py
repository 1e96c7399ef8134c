"""Layers: what a step changed, exactly, in canonical tars."""
import io
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import time

import pytest

from lab import Image, lack

B = "FROM localhost/busybox:1\n"
ORIGIN = 315619200  # 1980-01-02


def names(image, layer=-1):
    return set(image.changed(layer)) - {""}


def test_whiteouts(any_slct):
    any_slct.build(B + "RUN mkdir -p /d/e && touch /d/f /d/e/g /one\nRUN rm -r /one /d/e\n")
    image = any_slct.image()
    assert names(image) == {".wh.one", "d", "d/.wh.e"}
    assert "one" not in image and "d/e" not in image and "d/f" in image
    any_slct.build(B + "RUN mkdir -p /d/e && touch /d/f /d/e/g /one\nRUN rm -r /one /d/e\nRUN touch /one; ls -R /d > "
                       "/seen\n")
    image = any_slct.image()
    assert image["one"].kind == "file" and "e" not in image.text("seen").split()


def test_opaque_directory(any_slct):
    any_slct.build(B + "RUN mkdir /d && touch /d/a /d/b\nRUN rm -r /d && mkdir /d && touch /d/c\nRUN ls /d > /seen\n")
    image = any_slct.image()
    assert names(image, 2) == {"d", "d/.wh..wh..opq", "d/c"}
    assert {n for n in image.files if n.startswith("d/")} == {"d/c"}
    assert image.text("seen") == "c\n"


def test_a_file_becomes_a_directory_and_the_reverse(any_slct):
    any_slct.build(B + "RUN touch /f && mkdir /d && touch /d/x && ln -s /d /l\n"
                   "RUN rm /f && mkdir /f && touch /f/y && rm -r /d && echo d > /d && rm /l && mkdir /l\n"
                   "RUN ls /f /d /l > /seen\n")
    image = any_slct.image()
    assert image["f/y"].kind == "file" and image.text("d") == "d\n" and image["l"].kind == "dir"
    assert "d/x" not in image


def test_hard_links(any_slct):
    any_slct.build(B + "RUN mkdir /d && echo x > /d/b && ln /d/b /d/a && ln /d/b /c\n"
                   "RUN stat -c %h /c > /count && cp /c /copy && cat /d/a > /seen\n")
    image = any_slct.image()
    kinds = [image.layers[1][i][1].kind for i, (n, _) in enumerate(image.layers[1]) if n in ("c", "d/a", "d/b")]
    assert sorted(kinds) == ["file", "link", "link"]
    assert image.text("count") == "3\n"
    assert image.text("seen") == "x\n"


def test_symlinks_fifos_and_modes(any_slct):
    any_slct.build(B + "RUN ln -s /none /dangling && ln -s ../../.. /up && mkfifo -m 640 /pipe && mkdir -m 1777 /sticky"
                   " && touch /w && chmod 0 /w && touch /su && chmod 6755 /su\nRUN true\n")
    image = any_slct.image()
    assert image["dangling"].link == "/none" and image["up"].link == "../../.."
    assert image["pipe"].kind == "fifo" and image["pipe"].mode == 0o640
    assert image["sticky"].mode == 0o1777 and image["w"].mode == 0 and image["su"].mode == 0o6755


def test_xattrs(any_slct):
    """user.* and capabilities of a base image come back in the tar, are seen by a step, and go along with COPY
    --from."""
    out, capability = io.BytesIO(), struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw+ep, version 2
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("t")
        info.mode = 0o755
        info.pax_headers = {"SCHILY.xattr.user.color": "blue",
                            "SCHILY.xattr.security.capability": capability.decode("utf-8", "surrogateescape")}
        tar.addfile(info)
    (any_slct.work / "x.tar").write_bytes(out.getvalue())
    any_slct.run("import", any_slct.work / "x.tar", "localhost/x:1")
    any_slct.build(B + "COPY --from=localhost/x:1 /t /t\nRUN mv /t /moved\nRUN touch /unrelated\n")
    image = any_slct.image()
    assert image["moved"].xattrs == {"user.color": b"blue", "security.capability": capability}
    names_ = {k for f in image.files.values() for k in f.xattrs}
    assert names_ == {"user.color", "security.capability"}, "nothing of the overlay's own"


def test_xattrs_of_the_context(slct):
    """They are copied, and part of what the key holds."""
    context = slct.context({"Dockerfile": B + "COPY f /f\n", "f": "f"})
    assert len(slct.build(context).ran) == 1
    try:
        os.setxattr(context / "f", "user.color", b"blue")
    except OSError as e:
        lack(f"no xattrs here: {e}")
    assert len(slct.build(context).ran) == 1
    assert slct.image()["f"].xattrs == {"user.color": b"blue"}
    assert slct.build(context).ran == []


def test_what_is_opened_and_left_alone_is_no_change(any_slct):
    """An overlay copies it into the step's layer; useradd and the like lock files by opening them."""
    any_slct.build(B + "COPY f /etc/f\nRUN exec 3<>/etc/f; chmod 644 /etc/f; chmod 755 /etc\nRUN exec 3<>/etc/f; echo "
                       "new > /etc/g\n",
                   files={"f": "text"})
    image = any_slct.image()
    assert [step.get("empty_layer", False) for step in any_slct.config()["history"]][-2:] == [True, False]
    assert names(image) == {"etc", "etc/g"}
    assert image.text("etc/f") == "text"


def test_big_file(slct):
    """A large file and a sparse one: the layer is streamed, and not held in memory."""
    slct.build(B + "RUN dd if=/dev/zero of=/big bs=1M count=200 2>/dev/null && truncate -s 300M /sparse && "
               "echo end >> /sparse\nRUN stat -c '%s %b' /sparse > /stat\n", env={"MALLOC_ARENA_MAX": "1"})
    folder = slct.work / "big"
    # Asked of a small process between: what a process peaked at before exec counts for the program, too.
    peak = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=2); " \
           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    saving = subprocess.run([sys.executable, "-c", peak,
                             *map(str, slct.argv("save", "--format", "oci-dir", "-o", folder, "test:1"))],
                            env=slct.env, capture_output=True, text=True, check=True)
    assert 1 << 10 < int(saving.stdout) < 150 << 10, "KiB"
    image = Image.of_layout(folder)
    assert image["big"].info.size == 200 << 20 and image["sparse"].info.size == (300 << 20) + 4
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 20 << 20
    assert image.text("stat").split()[0] == str((300 << 20) + 4)


UNUSUAL = ["with space", "new\nline", "tab\there", "ünïcödé-名前", "-dash", "back\\slash", "quote'\"", "*?[x]", "%s{}",
           "n" * 255, "é" * 127, ".hidden", "...", "trailing.", "$HOME", "#hash"]


def test_unusual_names(slct):
    context = slct.context({"Dockerfile": B + "COPY d /d\nRUN cp -a /d /copy && ls /d | wc -l > /count\n"
                            "COPY --from=localhost/busybox:1 /etc /deep\n", "d": None})
    for name in UNUSUAL:
        (context / "d" / name).write_text(name)
    deep = context / "d/deep"
    for n in range(20):
        deep = deep / ("x" * 40)
    deep.mkdir(parents=True)
    (deep / "end").write_text("end")
    slct.build(context)
    image = slct.image()
    for name in UNUSUAL:
        assert image.text("d/" + name) == name and image.text("copy/" + name) == name
    assert any(path.endswith("x/end") and path.startswith("copy/deep/") for path in image.files)
    slct.fsck()


def test_names_that_are_no_utf8(slct):
    context = slct.context({"Dockerfile": B + "COPY d /d\nRUN cp -a /d /copy\n", "d": None})
    with open(bytes(context / "d") + b"/latin\xe9\xff", "wb") as f:
        f.write(b"x")
    slct.build(context)
    assert os.fsdecode(b"copy/latin\xe9\xff") in slct.image()


def test_names_that_look_like_whiteouts_are_refused(slct):
    """A real file .wh.x cannot be said in a layer: an error that names it, not a silent loss."""
    done = slct.build(B + "RUN touch /x\nRUN touch /.wh.x\n", rc=None)
    assert done.rc != 0 and ".wh.x" in done.err


def test_run_true_makes_no_layer(any_slct):
    any_slct.build(B + "RUN echo 1 > /1\n")
    before = any_slct.image().diff_ids
    any_slct.build(B + "RUN true\nRUN echo 1 > /1\nRUN true\nRUN ls -lR /etc /bin /usr > /dev/null\n")
    image = any_slct.image()
    assert len(image.diff_ids) == len(before)
    assert [bool(h.get("empty_layer")) for h in image.config["history"]] == [False, True, False, True, True]


def test_temporary_files_leave_no_trace(slct):
    slct.build(B + "RUN mkdir /x && touch /x/y && rm -r /x\n")
    image = slct.image()
    if len(image.layers) > 1:
        assert names(image) == set(), "at most the root directory itself"


def test_what_the_sandbox_provides_is_not_captured(any_slct):
    any_slct.build(B + "RUN cat /etc/resolv.conf /etc/hosts > /dev/null && ls /dev /proc /sys > /seen && touch "
                       "/dev/shm/x"
                   " && echo 127.0.0.1 x >> /etc/hosts || true\n")
    image = any_slct.image()
    assert names(image) == {"seen"}
    assert "etc/resolv.conf" not in image and "etc/hosts" not in image
    assert not [n for n in image.files if n.startswith(("dev/", "proc/", "sys/"))]


def test_an_image_s_own_resolv_conf_stays(slct):
    slct.build(B + "COPY mine /etc/resolv.conf\nRUN echo 1 > /1\n", files={"mine": "nameserver 192.0.2.1\n"})
    image = slct.image()
    assert image.text("etc/resolv.conf") == "nameserver 192.0.2.1\n"
    assert names(image) == {"1"}


def test_mtimes_follow_the_logical_clock(slct):
    slct.build(B + "RUN echo new > /new && echo old > /old && touch -d '1975-05-05 00:00' /old\nWORKDIR /w\n"
               "COPY Dockerfile /copied\nRUN stat -c %Y /new /copied > /seen; mkdir /d; ln -s x /l\n")
    image = slct.image()
    assert image["new"].mtime == ORIGIN + 1
    assert 0 < image["old"].mtime < ORIGIN
    assert image["w"].mtime == ORIGIN + 2 and image["copied"].mtime == ORIGIN + 3
    assert image["seen"].mtime == image["d"].mtime == image["l"].mtime == ORIGIN + 4
    assert image.text("seen").split() == [str(ORIGIN + 1), str(ORIGIN + 3)]


def test_real_timestamps(slct):
    began = time.time()
    slct.build(B + "RUN echo new > /new\n", "--timestamps", "real")
    assert began - 2 <= slct.image()["new"].mtime <= time.time() + 1


def test_source_date_epoch_caps(slct):
    slct.build(B + "RUN echo $SOURCE_DATE_EPOCH > /new\n", env={"SOURCE_DATE_EPOCH": "1000"})
    image = slct.image()
    assert image["new"].mtime == 1000 and image.text("new") == "1000\n"


def test_layers_are_canonical(slct):
    slct.build(B + "RUN mkdir -p /z /a/b && touch /z/2 /z/1 /a/b/c && chown 1:2 /z/1\n")
    layer = slct.image().layers[-1]
    paths = [p for p, _ in layer]
    key = [p.split("/") for p in paths]
    assert key == sorted(key), "sorted by path"
    for _, file in layer:
        assert not file.info.uname and not file.info.gname
        assert "atime" not in file.info.pax_headers and "ctime" not in file.info.pax_headers


def test_copy_from_leaves_out_what_is_there_already(slct):
    slct.build(B + "RUN mkdir /t && echo 1 > /t/1 && echo 2 > /t/2\n", tag="localhost/one:1")
    one = "FROM localhost/one:1"
    slct.build(f"{one} AS two\nRUN echo 3 > /t/3; echo changed > /t/2\n{one}\nCOPY --from=two /t /t\n")
    image = slct.image()
    assert names(image) >= {"t/2", "t/3"} and "t/1" not in names(image)
    assert image.text("t/1") == "1\n" and image.text("t/2") == "changed\n"


def test_many_layers(slct):
    slct.build(B + "".join(f"RUN echo {n} > /f{n} && rm -f /f{n - 3}\n" for n in range(60)))
    image = slct.image()
    assert {n for n in image.files if re.fullmatch(r"f\d+", n)} == {"f57", "f58", "f59"}
    slct.fsck()


def test_fsck_finds_damage(slct):
    slct.build(B + "RUN echo 1 > /1\n")
    (victim,) = [p for p in (slct.store / "layers").rglob("1") if p.is_file() and p.read_text() == "1\n"]
    victim.chmod(0o644)
    victim.write_text("2\n")
    done = slct.fsck(rc=6)
    assert "layer" in done.out + done.err


def test_blob_damage_is_found(slct):
    slct.build(B + "RUN echo 1 > /1\n")
    slct.run("save", "--format", "oci-dir", "-o", slct.work / "o", "test:1")
    blobs = [p for p in (slct.store / "blobs/sha256").iterdir()]
    if not blobs:
        pytest.skip("no blob in the store")
    blobs[0].chmod(0o644)
    with blobs[0].open("r+b") as f:
        f.seek(5)
        f.write(b"XX")
    done = slct.fsck(rc=6)
    assert blobs[0].name in done.out + done.err


def test_every_published_json_parses(slct):
    slct.build(B + "RUN echo 1 > /1\n")
    index = json.loads((slct.store / "index.json").read_text())
    assert index["schemaVersion"] == 2
    assert json.loads((slct.store / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


def test_mode_and_owner_of_the_root_itself(any_slct):
    """No layer holds them (BuildKit's neither): said, and the next step sees what it would see after a pull."""
    plain = any_slct.build(B + "RUN touch /x\n").id
    done = any_slct.build(B + "RUN chmod 700 / && chown 5:6 / && touch /x\nRUN stat -c 'root %a %u:%g' /\n",
                          "--no-cache")
    assert "warning" in done.err and "of / itself" in done.err
    assert "root 755 0:0" in done.err
    done = any_slct.build(B + "RUN chmod 711 /\n", "--no-cache")
    assert "of / itself" in done.err
    assert any_slct.build(B + "RUN touch /x\n", "--no-cache").id == plain
    assert "of / itself" not in any_slct.build(B + "RUN chmod 755 / && chown 0:0 / && touch /y\n").err
