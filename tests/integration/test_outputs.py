"""What build writes beside the store, read by other programs: -o, --push, --compression, --iidfile, --metadata-file."""
import gzip
import io
import json
import os
import stat
import subprocess
import tarfile

import pytest

from lab import Image, need

DOCKERFILE = """
    FROM localhost/busybox:1
    ENV COLOUR=green
    RUN echo hi >/hi && ln -s hi /link && mkdir -p /d/e && echo old >/d/gone && chown 7:8 /hi && chmod 4755 /hi
    RUN rm /d/gone
    CMD ["cat", "/hi"]
"""


def run(*argv, **kw):
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, **kw).stdout


def skopeo_config(image):
    return json.loads(run(need("skopeo"), "inspect", "--config", image))


def check_tree(folder, owners=True):
    """The root file system as a directory."""
    hi = folder / "hi"
    assert hi.read_text() == "hi\n" and stat.S_IMODE(hi.stat().st_mode) == 0o4755
    assert os.readlink(folder / "link") == "hi"
    assert (folder / "d/e").is_dir() and not (folder / "d/gone").exists()
    if owners:
        assert (hi.stat().st_uid, hi.stat().st_gid) == (7, 8)
    assert not [p for p in folder.rglob(".wh.*")]


def check_tar(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        hi = tar.getmember("hi")
        assert tar.extractfile(hi).read() == b"hi\n" and (hi.uid, hi.gid, hi.mode) == (7, 8, 0o4755)
        assert tar.getmember("link").linkname == "hi" and "d/gone" not in tar.getnames()
        assert not [n for n in tar.getnames() if ".wh." in n]


def test_oci_archive(any_slct):
    out = any_slct.work / "out.tar"
    got = any_slct.build(DOCKERFILE, "-o", f"type=oci,dest={out}", tag="demo:1")
    config = skopeo_config(f"oci-archive:{out}:demo:1")
    assert "COLOUR=green" in config["config"]["Env"] and config["config"]["Cmd"] == ["cat", "/hi"]
    manifest = json.loads(run(need("skopeo"), "inspect", "--raw", f"oci-archive:{out}:demo:1"))
    assert manifest["config"]["digest"] == got.id
    assert all(d["mediaType"].endswith("tar+gzip") for d in manifest["layers"])


def test_oci_directory_is_unpacked_by_umoci(slct):
    out, bundle = slct.work / "layout", slct.work / "bundle"
    slct.build(DOCKERFILE, "-o", f"type=oci,tar=false,dest={out}", tag="demo:1")
    # umoci takes no colon in a tag.
    run(need("skopeo"), "copy", "--insecure-policy", f"oci:{out}:demo:1", f"oci:{out}-2:one")
    run(need("umoci"), "unpack", "--image", f"{out}-2:one", bundle)
    check_tree(bundle / "rootfs")


def test_docker_archive(slct):
    out = slct.work / "out.tar"
    got = slct.build(DOCKERFILE, "-o", f"type=docker,dest={out}", tag="demo:1")
    assert "COLOUR=green" in skopeo_config(f"docker-archive:{out}:demo:1")["config"]["Env"]
    with tarfile.open(out) as tar:
        (one,) = json.load(tar.extractfile("manifest.json"))
        assert [t.split("/")[-1] for t in one["RepoTags"]] == ["demo:1"] and got.id[7:] in one["Config"]


def test_root_file_system(any_slct):
    folder, tar = any_slct.work / "tree", any_slct.work / "tree.tar"
    any_slct.build(DOCKERFILE, "-o", f"type=local,dest={folder}", "-o", f"type=tar,dest={tar}", tag=None)
    check_tree(folder, owners=any_slct.user is None)
    check_tar(tar.read_bytes())


def test_path_alone_is_a_directory_and_what_is_there_is_merged(slct):
    folder = slct.work / "tree"
    (folder / "d/e").mkdir(parents=True)
    (folder / "mine").write_text("mine")
    (folder / "hi").write_text("a longer text than the new one")
    (folder / "d/e/mine").write_text("mine")
    (folder / "link").mkdir()
    slct.build(DOCKERFILE, "-o", folder)
    check_tree(folder)
    assert (folder / "mine").read_text() == "mine" and (folder / "d/e/mine").read_text() == "mine"


def test_a_link_in_the_destination_does_not_lead_out(slct):
    folder, outside = slct.work / "tree", slct.work / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "d").symlink_to(outside)
    slct.build(DOCKERFILE, "-o", folder)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("output", ["type=tar,dest=-", "-"])
def test_tar_on_standard_output_has_nothing_else(slct, output):
    folder = slct.context({"Dockerfile": DOCKERFILE})
    with slct.popen("build", "-q", "-o", output, folder) as process:
        data = process.stdout.read()
    assert process.returncode == 0
    check_tar(data)
    assert data.rstrip(b"\0")[-64:].find(b"sha256:") < 0


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_archives_on_standard_output(slct, kind):
    folder = slct.context({"Dockerfile": DOCKERFILE})
    file = slct.work / "out.tar"
    with file.open("wb") as out:
        out.write(b"")
        with slct.popen("build", "-q", "-t", "demo:1", "-o", f"type={kind},dest=-", folder, stdout=out) as process:
            pass
    assert process.returncode == 0
    assert "COLOUR=green" in skopeo_config(f"{kind}-archive:{file}:demo:1")["config"]["Env"]
    assert slct.work.joinpath("-").exists() is False


def test_a_pipe_is_written_and_not_replaced(slct):
    fifo = slct.work / "fifo"
    os.mkfifo(fifo)
    copy = slct.work / "copy"
    with copy.open("wb") as out, subprocess.Popen(["cat", fifo], stdout=out):
        slct.build(DOCKERFILE, "-o", f"type=tar,dest={fifo}", timeout=30)
    check_tar(copy.read_bytes())
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def layer_types(layout):
    (top,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads((layout / "blobs/sha256" / top["digest"][7:]).read_text())
    blobs = [(layout / "blobs/sha256" / d["digest"][7:]).read_bytes() for d in manifest["layers"]]
    return [d["mediaType"] for d in manifest["layers"]], blobs


MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "none": b""}
TYPE = {"gzip": "tar+gzip", "zstd": "tar+zstd", "none": "layer.v1.tar"}


@pytest.mark.parametrize("codec, level", [("gzip", ":1"), ("zstd", ""), ("zstd", ":9"), ("none", "")])
def test_compression(slct, codec, level):
    """The codec that was asked for is used, also where another build of the same image used another one."""
    slct.build(DOCKERFILE, "-o", f"type=oci,dest={slct.work}/first.tar")
    out = slct.work / "layout"
    slct.build(DOCKERFILE, "--compression", codec + level, "-o", f"type=oci,tar=false,dest={out}")
    types, blobs = layer_types(out)
    assert all(t.endswith(TYPE[codec]) for t in types)
    assert all(blob.startswith(MAGIC[codec]) for blob in blobs)
    image = Image.of_layout(out) if codec != "zstd" else None
    if image:
        assert image.text("hi") == "hi\n"
    assert "COLOUR=green" in skopeo_config(f"oci:{out}")["config"]["Env"]
    if codec == "gzip":
        assert gzip.decompress(blobs[-1])


def test_compression_of_an_output(slct):
    out = slct.work / "layout"
    slct.build(DOCKERFILE, "-o", f"type=oci,tar=false,dest={out},compression=zstd,compression-level=3")
    assert all(t.endswith("tar+zstd") for t in layer_types(out)[0])
    got = slct.build(DOCKERFILE, "-o", "type=oci,dest=a,compression=zstd", "-o", "type=oci,dest=b,compression=gzip",
                     rc=2)
    assert "one build has one" in got.err and not got.ran


def test_push(slct, registry):
    name, other = registry.repo("pushed") + ":1", registry.repo("other") + ":2"
    got = slct.build(DOCKERFILE, "--push", "-t", other, tag=name)
    for one in (name, other):
        raw = json.loads(run(need("skopeo"), "inspect", "--tls-verify=false", "--raw", f"docker://{one}"))
        assert raw["config"]["digest"] == got.id


@pytest.mark.parametrize("output", ["type=image,name={},push=true", "type=registry,name={}"])
def test_push_by_output(slct, registry, output):
    name = registry.repo("byoutput") + ":1"
    got = slct.build(DOCKERFILE, "-o", output.format(name), tag=None)
    raw = json.loads(run(need("skopeo"), "inspect", "--tls-verify=false", "--raw", f"docker://{name}"))
    assert raw["config"]["digest"] == got.id
    assert name in slct.run("images", "-q").out


def test_push_with_zstd_and_credentials(slct, registry_auth):
    name = registry_auth.repo() + ":1"
    creds = f"{registry_auth.user}:{registry_auth.password}"
    failed = slct.build(DOCKERFILE, "--push", tag=name, rc=4)
    assert "log" in failed.err and registry_auth.password not in failed.err
    slct.build(DOCKERFILE, "--push", "--creds", creds, "--compression", "zstd", tag=name)
    raw = json.loads(run(need("skopeo"), "inspect", "--tls-verify=false", "--creds", creds, "--raw",
                         f"docker://{name}"))
    assert all(d["mediaType"].endswith("+zstd") for d in raw["layers"])


def test_iidfile_and_metadata(slct, registry):
    iid, meta = slct.work / "iid", slct.work / "meta.json"
    name = registry.repo("meta") + ":1"
    got = slct.build(DOCKERFILE, "--push", "--iidfile", iid, "--metadata-file", meta, tag=name)
    assert iid.read_text() == got.id
    shown = json.loads(meta.read_text())
    assert shown["version"] == 1 and shown["containerimage.config.digest"] == got.id and shown["image.name"] == name
    assert [g["id"] for g in shown["goals"]] == [got.id]
    digest = json.loads(run(need("skopeo"), "inspect", "--tls-verify=false", f"docker://{name}"))["Digest"]
    assert shown["containerimage.digest"] == digest


def test_iidfile_of_a_failed_build_is_not_that_of_an_earlier_one(slct):
    iid = slct.work / "iid"
    slct.build(DOCKERFILE, "--iidfile", iid)
    slct.build("FROM localhost/busybox:1\nRUN false\n", "--iidfile", iid, rc=1)
    assert not iid.exists()
    assert slct.build(DOCKERFILE, "--iidfile", "/dev/stdout").out.count("sha256:") == 2
    assert stat.S_ISLNK(os.lstat("/dev/stdout").st_mode)


@pytest.mark.parametrize("args, text", [
    (["-o", "type=oci"], "dest=PATH is missing"),
    (["-o", "type=oci,dest=a,b"], "not KEY=VALUE"),
    (["-o", "type=zip,dest=a"], "the types are"),
    (["-o", "type=local,dest=-"], "standard output"),
    (["-o", "-", "-o", "type=oci,dest=-"], "two outputs"),
    (["-o", "type=image,name=UPPER"], "upper-case"),
    (["--push"], "-t REGISTRY/NAME"),
    (["--compression", "lzma"], "not gzip, zstd or none"),
])
def test_wrong_outputs_are_found_before_the_build(slct, args, text):
    got = slct.build(DOCKERFILE, *args, tag=None, rc=2)
    assert text in got.err and not got.ran


def test_outputs_of_several_goals_are_refused(slct):
    flavor = slct.flavor({"a": "FROM localhost/busybox:1\nENV A=1\n", "b": "FROM localhost/busybox:1\nENV A=2\n"})
    got = slct.run("build", "--goal", "a", "--goal", "b", "-o", "type=oci,dest=x", flavor, rc=2)
    assert "one image" in got.err


def test_where_an_output_cannot_be_written(slct):
    got = slct.build(DOCKERFILE, "-o", "type=oci,dest=nosuch/dir/a.tar", rc=5)
    assert "nosuch" in got.err
    got = slct.build(DOCKERFILE, "-o", "type=tar,dest=nosuch/dir/a.tar", rc=5)
    assert "nosuch" in got.err
