"""Images out and in again: other tools read what slct writes, and what comes back is the same."""
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile

import pytest

from lab import Image, need, read_layer

DOCKERFILE = """\
FROM localhost/busybox:1
ENV A=b
COPY --chown=1:2 f /data/f
RUN mkdir -p /d/dev /d/proc && touch /d/dev/kept /d/proc/kept && ln /data/f /data/hard && ln -s f /data/soft && \\
    chown 12:34 /d && chmod 4755 /bin/busybox && rm -r /root
LABEL l=m
CMD ["/bin/sh"]
"""


def skopeo(*args):
    return subprocess.run([need("skopeo"), "--tmpdir", "/var/tmp", *map(str, args)], capture_output=True, text=True,
                          check=True).stdout


@pytest.fixture
def built(slct):
    slct.build(DOCKERFILE, files={"f": "content\n"}, tag="example.com/out/demo:1.0")
    return slct


NAME = "example.com/out/demo:1.0"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none", "gzip:9"])
def test_oci_directory_read_by_skopeo_and_umoci(built, compression):
    folder = built.work / "oci"
    built.run("save", "--format", "oci-dir", "--compression", compression, "-o", folder, NAME)
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_text())
    tag = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    seen = json.loads(skopeo("inspect", f"oci:{folder}:{tag}"))
    assert seen["Labels"] == {"l": "m"} and len(seen["Layers"]) == 3 and "A=b" in seen["Env"]
    config = json.loads(skopeo("inspect", "--config", f"oci:{folder}:{tag}"))
    assert config["config"]["Cmd"] == ["/bin/sh"]
    for blob in (folder / "blobs/sha256").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    if compression == "gzip" and os.geteuid() == 0:
        bundle = built.work / "bundle"
        subprocess.run([need("umoci"), "unpack", "--image", f"{folder}:{tag}", bundle], check=True, capture_output=True)
        root = bundle / "rootfs"
        assert (root / "data/f").read_text() == "content\n" and (root / "data/f").stat().st_uid == 1
        assert (root / "data/f").stat().st_ino == (root / "data/hard").stat().st_ino
        assert not (root / "root").exists() and (root / "bin/busybox").stat().st_mode & 0o7777 == 0o4755
        assert (root / "d").stat().st_gid == 34


def test_oci_archive(built):
    path = built.work / "a.tar"
    built.run("save", "--format", "oci-archive", "-o", path, NAME)
    assert json.loads(skopeo("inspect", f"oci-archive:{path}"))["Labels"] == {"l": "m"}
    assert {"oci-layout", "index.json"} <= set(tarfile.open(path).getnames())


def test_docker_archive(built):
    path = built.work / "d.tar"
    built.run("save", "--format", "docker-archive", "-o", path, NAME)
    assert json.loads(skopeo("inspect", f"docker-archive:{path}"))["Labels"] == {"l": "m"}
    (entry,) = json.load(tarfile.open(path).extractfile("manifest.json"))
    assert entry["RepoTags"] == [NAME] and len(entry["Layers"]) == 3


def test_podman_loads_and_runs_it(built):
    if os.geteuid() != 0:
        pytest.skip("podman needs set-up for an ordinary user")
    path = built.work / "d.tar"
    built.run("save", "--format", "docker-archive", "-o", path, NAME)
    podman = [need("podman"), "--root", built.work / "pod", "--runroot", built.work / "podrun", "--storage-driver",
              "vfs",
              "--events-backend", "none", "--cgroup-manager", "cgroupfs"]
    env = {**os.environ, "TMPDIR": "/var/tmp"}
    done = subprocess.run([*podman, "load", "-i", path], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0 and NAME in done.stdout, done
    seen = json.loads(subprocess.run([*podman, "image", "inspect", NAME], capture_output=True, check=True,
                                     env=env).stdout)
    assert seen[0]["Id"] == built.run("inspect", NAME).out.split('"id": "sha256:')[1][:64]
    ran = subprocess.run([*podman, "run", "--rm", "--network", "none", "--cgroups", "disabled", NAME, "cat",
                          "/data/soft"],
                         capture_output=True, text=True, check=False, env=env)
    if ran.returncode == 0:
        assert ran.stdout == "content\n"
    elif not re.search("cgroup|mount|not permitted|netns|seccomp|pivot_root|runtime", ran.stderr):
        raise AssertionError(ran.stderr)


@pytest.mark.parametrize("form", ["oci-dir", "oci-archive", "docker-archive"])
def test_save_and_load_give_the_same_image(built, new_slct, form):
    path = built.work / "saved"
    built.run("save", "--format", form, "-o", path, NAME)
    other = new_slct(base=None)
    loaded = other.run("load", "-i", path)
    image = json.loads(built.run("inspect", NAME).out)
    again = json.loads(other.run("inspect", NAME).out)
    assert loaded.id == image["id"] == again["id"] and again["config"] == image["config"]
    other.fsck()
    done = other.build(f"FROM {NAME}\nRUN cat /data/hard > /seen; stat -c %u:%g /d >> /seen\n", "--pull", "never")
    assert other.image().text("seen") == "content\n12:34\n", done


def test_load_of_what_skopeo_wrote(built, new_slct):
    built.run("save", "--format", "oci-archive", "-o", built.work / "a.tar", NAME)
    skopeo("copy", f"oci-archive:{built.work}/a.tar", f"docker-archive:{built.work}/d.tar:x.example/y:2")
    skopeo("copy", f"oci-archive:{built.work}/a.tar", f"oci:{built.work}/dir:two")
    other = new_slct(base=None)
    one = other.run("load", "-i", built.work / "d.tar").id
    two = other.run("load", "-i", built.work / "dir", "--tag", "two", "y:2").id
    assert two == json.loads(built.run("inspect", NAME).out)["id"]
    assert "x.example/y:2" in other.run("images", "-q").out.split() and one
    other.fsck()


def test_same_bytes_twice(built, new_slct):
    for form in ("oci-archive", "docker-archive"):
        sums = set()
        for n, one in enumerate((built, built, new_slct())):
            if one is not built:
                one.build(DOCKERFILE, files={"f": "content\n"}, tag=NAME)
            path = one.work / f"{form}{n}"
            one.run("save", "--format", form, "-o", path, NAME)
            sums.add(hashlib.sha256(path.read_bytes()).hexdigest())
        assert len(sums) == 1, form


def test_several_images_in_one_layout(built):
    built.run("tag", NAME, "example.com/out/demo:2.0")
    built.run("save", "--format", "oci-dir", "-o", built.work / "o", NAME, "localhost/busybox:1")
    built.run("save", "--format", "oci-dir", "-o", built.work / "o", "example.com/out/demo:2.0")
    assert len(json.loads((built.work / "o/index.json").read_text())["manifests"]) == 3


def test_damaged_layout_is_refused(built, new_slct):
    folder = built.work / "o"
    built.run("save", "--format", "oci-dir", "-o", folder, NAME)
    blob = max((folder / "blobs/sha256").iterdir(), key=lambda p: p.stat().st_size)
    blob.chmod(0o644)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    other = new_slct(base=None)
    done = other.run("load", "-i", folder, rc=6)
    assert blob.name[:12] in done.err
    assert other.run("images", "-q").out == ""
    other.fsck()


def test_import_keeps_everything(empty):
    """owners, modes, links, times, unusual names, without the directory entries that a tar may lack."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode, owner, link in (("a/b/f", tarfile.REGTYPE, 0o4750, (5, 6), ""),
                                              ("a/hard", tarfile.LNKTYPE, 0, (0, 0), "a/b/f"),
                                              ("./a/soft", tarfile.SYMTYPE, 0o777, (7, 8), "b/f"),
                                              ("n\nl", tarfile.REGTYPE, 0o600, (99999, 1), "")):
            info = tarfile.TarInfo(name)
            info.type, info.mode, (info.uid, info.gid), info.linkname, info.mtime = kind, mode, owner, link, 1000
            info.size = 1 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"x") if info.size else None)
    (empty.work / "r.tar").write_bytes(out.getvalue())
    (empty.work / "r.tar.gz").write_bytes(gzip.compress(out.getvalue(), mtime=1))
    first = empty.run("import", empty.work / "r.tar", "localhost/r:1").id
    assert empty.run("import", empty.work / "r.tar.gz", "localhost/r:2").id == first
    image = empty.image("localhost/r:1")
    assert image["a/b/f"].owner == "5:6" and image["a/b/f"].mode == 0o4750 and image["a/b/f"].mtime == 1000
    assert image["a/hard"].text == "x" and image["a/soft"].link == "b/f" and image["n\nl"].owner == "99999:1"
    empty.fsck()


def test_import_as_user_of_ids_beyond_the_map(new_slct, user):
    """The user's map has 65536 ids: a file of uid 99999 keeps its true owner in the image, or is refused, never
    changed."""
    one = new_slct(user)
    info = tarfile.TarInfo("f")
    info.uid, info.gid = 99999, 1
    with tarfile.open(one.work / "r.tar", "w") as tar:
        tar.addfile(info)
    done = one.run("import", one.work / "r.tar", "localhost/r:1", rc=None)
    if done.rc == 0:
        assert one.image("localhost/r:1")["f"].owner == "99999:1"
    else:
        assert done.rc == 5 and "99999" in done.err and "subuid" in done.err


@pytest.mark.parametrize("form", ["tar", "tar.gz", "tar.zst", "dir"])
def test_export_of_an_image_is_its_root_file_system(built, form):
    path = built.work / ("root." + form)
    built.run("export", "--format", form, "-o", path, NAME)
    if form == "dir":
        assert (path / "data/soft").read_text() == "content\n" and (path / "data/f").stat().st_nlink == 2
        return
    data = path.read_bytes()
    if form == "tar.zst":
        data = subprocess.run([need("zstd"), "-dc", path], capture_output=True, check=True).stdout
    entries = dict(read_layer(io.BytesIO(data)))
    assert entries["data/f"].text == "content\n" and entries["d"].owner == "12:34" and "root" not in entries
    assert not any(".wh." in name for name in entries)


def test_export_of_a_one_layer_image(slct):
    slct.run("export", "-o", slct.work / "o.tar", "localhost/busybox:1")
    assert "bin/busybox" in dict(read_layer((slct.work / "o.tar").open("rb")))


def test_export_to_standard_output(built):
    process = built.popen("export", "-o", "-", NAME)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "data/f" in dict(read_layer(io.BytesIO(out)))


RELEASE = """\
FROM localhost/busybox:1
RUN mkdir -p /var/cache/apt/x /var/lib/apt/lists /var/lib/dpkg/info /srv/dev /srv/proc /srv/etc /usr/var/lib/dpkg && \\
    echo kept > /srv/dev/kept && echo kept > /srv/proc/kept && echo kept > /srv/etc/hosts && \\
    echo kept > /usr/var/lib/dpkg/kept && echo gone > /var/cache/apt/x/gone && echo gone > /var/lib/dpkg/info/gone && \\
    echo gone > /var/lib/apt/lists/gone && chown 3:4 /srv/dev/kept && ln /srv/dev/kept /srv/linked
"""


def flavor_archive(slct, flavor, *args):
    folder = slct.work / f"out{slct.count}"
    slct.count += 1
    done = slct.run("export", flavor, "--export-path", folder, *args)
    return folder, done


def test_flavor_export(any_slct):
    flavor = any_slct.flavor({"release": RELEASE}, name="demo")
    folder, done = flavor_archive(any_slct, flavor)
    archive = folder / "demo_release.tar.gz"
    assert str(archive) in done.out
    (sums,) = [p for p in folder.iterdir() if p.name.endswith(".sha512sum")]
    hexa = hashlib.sha512(archive.read_bytes()).hexdigest()
    assert sums.name == "demo_release.tar.gz.sha512sum" and sums.read_text() == f"{hexa}  demo_release.tar.gz\n"
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        assert members[-1].name == "exasol-manifest.json"
        assert tar.extractfile(members[-1]).read() == b"{}"
    names = [m.name.removeprefix("./").rstrip("/") for m in members]
    assert not any(n.startswith("/") for n in names)
    byname = dict(zip(names, members))
    assert byname["etc/resolv.conf"].linkname == "/conf/resolv.conf" and byname["etc/hosts"].linkname == "/conf/hosts"
    for gone in ("dev/", "proc/", "var/cache/apt/", "var/lib/apt/", "var/lib/dpkg/"):
        assert not [n for n in names if n.startswith(gone)], gone
    for kept in ("srv/dev/kept", "srv/proc/kept", "srv/etc/hosts", "usr/var/lib/dpkg/kept", "bin/busybox"):
        assert kept in names, f"{kept}: excludes are anchored at the root"
    assert names.count("etc/hosts") == 1
    assert (byname["srv/dev/kept"].uid, byname["srv/dev/kept"].gid) == (3, 4)
    subprocess.run(["sha512sum", "-c", sums.name], cwd=folder, check=True, capture_output=True)


def test_flavor_export_gives_the_same_bytes(slct, new_slct):
    bytes_ = set()
    for one in (slct, slct, new_slct()):
        folder, _ = flavor_archive(one, one.flavor({"release": RELEASE}, name="demo"), "-j2")
        bytes_.add((folder / "demo_release.tar.gz").read_bytes())
    assert len(bytes_) == 1


def test_flavor_export_options(slct):
    flavor = slct.flavor({"base": RELEASE, "release": "FROM {{base}}\nRUN echo r > /r\n"}, name="demo")
    folder, _ = flavor_archive(slct, flavor, "--release-goal", "base", "--release-name", "nightly")
    assert sorted(p.name for p in folder.iterdir()) == ["demo_base_nightly.tar.gz",
                                                        "demo_base_nightly.tar.gz.sha512sum"]
    folder, _ = flavor_archive(slct, flavor, "--compression-strategy", "none")
    (archive,) = [p for p in folder.iterdir() if not p.name.endswith(".sha512sum")]
    assert archive.name == "demo_release.tar" and archive.read_bytes()[257:262] == b"ustar"


def test_build_outputs(slct):
    out = slct.work / "outs"
    out.mkdir()
    slct.build(DOCKERFILE, "-o", f"type=oci,dest={out}/oci.tar", "-o", f"type=docker,dest={out}/docker.tar", "-o",
               f"type=tar,dest={out}/root.tar", "-o", f"type=local,dest={out}/root", files={"f": "content\n"})
    assert json.loads(skopeo("inspect", f"oci-archive:{out}/oci.tar"))["Labels"] == {"l": "m"}
    assert json.loads(skopeo("inspect", f"docker-archive:{out}/docker.tar"))["Labels"] == {"l": "m"}
    assert (out / "root/data/soft").read_text() == "content\n"
    assert "data/f" in dict(read_layer((out / "root.tar").open("rb")))


def test_history_and_tag_and_rm(built):
    built.run("tag", NAME, "other:1")
    assert built.image("other:1").diff_ids == built.image(NAME).diff_ids
    assert "COPY --chown=1:2" in built.run("history", NAME).out
    built.run("rm", NAME)
    assert NAME not in built.run("images", "-q").out.split()
    assert built.image("other:1").text("data/f") == "content\n"


def test_store_is_an_oci_layout_for_others(built):
    """What was saved lies in the store as an OCI layout that other tools may read."""
    built.run("save", "--format", "oci-dir", "-o", built.work / "o", NAME)
    assert Image.of_layout(built.work / "o")
    index = json.loads((built.store / "index.json").read_text())
    for manifest in index["manifests"]:
        tag = manifest.get("annotations", {}).get("org.opencontainers.image.ref.name")
        if tag:
            skopeo("inspect", "--raw", f"oci:{built.store}:{tag}")
