"""slct copy and manifest: bytes and digests from place to place, indexes with all their images."""
import hashlib
import json
import re
import shutil
import subprocess

import pytest

from lab import need


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layout_image(folder, arch, text):
    """Add an image of one layer to a layout; its descriptor."""
    import gzip
    import io
    import tarfile
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        info = tarfile.TarInfo("f")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    layer = gzip.compress(raw.getvalue(), mtime=0)
    config = json.dumps({"architecture": arch, "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [digest(raw.getvalue())]}}, indent=3).encode()

    def put(data, kind):
        (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (folder / "blobs/sha256" / digest(data)[7:]).write_bytes(data)
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": put(config, "application/vnd.oci.image.config.v1+json"),
                "layers": [put(layer, "application/vnd.oci.image.layer.v1.tar+gzip")]}
    # Bytes that no program of ours would write.
    return {**put(json.dumps(manifest, indent=4).encode(), manifest["mediaType"]),
            "platform": {"architecture": arch, "os": "linux"}}


@pytest.fixture
def layout(work):
    """A layout with an index "all" of two platforms, and the image "one"; (folder, digest of all, digest of one)."""
    folder = work / "layout"
    folder.mkdir()
    images = [layout_image(folder, "amd64", b"amd\n"), layout_image(folder, "arm64", b"arm\n")]
    kind = "application/vnd.oci.image.index.v1+json"
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": images}, indent=2).encode()
    (folder / "blobs/sha256" / digest(index)[7:]).write_bytes(index)
    name = "org.opencontainers.image.ref.name"
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": kind, "digest": digest(index), "size": len(index), "annotations": {name: "all"}},
        {**images[0], "annotations": {name: "one"}}]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder, digest(index), images[0]["digest"]


def blobs(folder):
    return {p.name: p.read_bytes() for p in (folder / "blobs/sha256").iterdir()}


def test_all_ways(empty, layout, registry, work):
    folder, whole, one = layout
    first, second = registry.repo(), registry.repo()
    ways = [f"oci:{folder}:all", f"docker://{first}:x", f"docker://{second}:y", f"oci:{work}/out:z",
            f"oci-archive:{work}/out.tar:z"]
    for a, b in zip(ways, ways[1:]):
        assert empty.run("copy", a, b).out.strip() == whole
    got = blobs(work / "out")
    assert got == {k: v for k, v in blobs(folder).items() if k in got} and len(got) == 7
    # Another program sees the same.
    skopeo = need("skopeo")
    for place in (f"docker://{first}:x", f"docker://{second}:y"):
        raw = subprocess.run([skopeo, "inspect", "--raw", "--tls-verify=false", place], capture_output=True).stdout
        assert digest(raw) == whole
    assert empty.run("copy", f"docker://{first}@{one}", f"oci:{work}/out:one").out.strip() == one
    assert empty.run("copy", f"oci:{folder}:one", f"oci:{work}/fresh").out.strip() == one
    assert empty.run("copy", "--platform", "linux/arm64", f"docker://{first}:x", "store:arm:1").out.strip() != whole
    assert empty.config("arm:1")["architecture"] == "arm64"
    assert empty.run("cat", "arm:1", "/f").out == "arm\n"
    empty.fsck()


def test_within_a_registry_no_layer_moves(empty, new_slct, layout, registry):
    folder, whole, _ = layout
    first, second = registry.repo(), registry.repo()
    new_slct(base=None).run("copy", f"oci:{folder}:all", f"docker://{first}:x")
    mark = registry.mark()
    assert empty.run("copy", f"docker://{first}:x", f"docker://{second}:x").out.strip() == whole
    log = registry.requests(mark)
    assert not [r for r in log if r[0] == "GET" and "/blobs/" in r[1]], log
    mark = registry.mark()
    empty.run("copy", f"docker://{first}:x", f"docker://{second}:x")
    assert not [r for r in registry.requests(mark) if r[0] in ("PUT", "POST", "PATCH")]


def test_between_registries(empty, layout, new_registry):
    folder, whole, _ = layout
    a, b = new_registry(), new_registry()
    empty.run("copy", f"oci:{folder}:all", f"docker://{a.host}/x:1")
    other = shutil.rmtree(empty.store)
    assert other is None
    assert empty.run("copy", f"docker://{a.host}/x:1", f"docker://{b.host}/y/z:2").out.strip() == whole
    raw = subprocess.run([need("skopeo"), "inspect", "--raw", "--tls-verify=false", f"docker://{b.host}/y/z:2"],
                         capture_output=True).stdout
    assert digest(raw) == whole


def test_from_the_store_and_docker_archives(slct, registry, work):
    slct.build("FROM localhost/busybox:1\nRUN echo hi >/hi\n", tag="hi:1")
    repo = registry.repo()
    made = slct.run("copy", "hi:1", f"docker://{repo}:1").out.strip()
    assert slct.run("copy", f"docker://{repo}:1", f"docker-archive:{work}/d.tar:hi:9").out.strip() == made
    other = slct.run("copy", f"docker-archive:{work}/d.tar", f"oci:{work}/o:9").out.strip()
    assert re.fullmatch(r"sha256:\w{64}", other)
    slct.run("copy", f"oci:{work}/o:9", "store:back:1")
    assert slct.run("inspect", "back:1").out and slct.run("cat", "back:1", "hi").out == "hi\n"
    ids = {json.loads(slct.run("inspect", name).out)["id"] for name in ("hi:1", "back:1")}
    assert len(ids) == 1


@pytest.mark.parametrize("args, words", [
    (("oci:none:x", "oci:out"), "cannot open the layout"),
    (("docker://", "oci:out"), "name is missing"),
    (("nothing:1", "oci:out"), "nothing:1"),
])
def test_errors(empty, args, words):
    got = empty.run("copy", *args, rc=None)
    assert got.rc not in (0, 1) and words in got.err, got


def test_which_one(empty, layout):
    folder, _, _ = layout
    assert "name its tag" in empty.run("copy", f"oci:{folder}", "store:x", rc=3).err
    done = empty.run("copy", f"oci:{folder}:two", "store:x", rc=None)
    assert "has no image two" in done.err and f"oci:{folder}:one" in done.err and f"oci:{folder}:all" in done.err


def test_damage_is_found(empty, layout, registry):
    folder, _, one = layout
    path = folder / "blobs/sha256" / one[7:]
    path.write_bytes(path.read_bytes().replace(b"schemaVersion", b"schemaversion"))
    got = empty.run("copy", f"oci:{folder}:all", f"docker://{registry.repo()}:x", rc=6)
    assert one in got.err, got


def test_manifest(slct, layout, registry):
    folder, whole, _ = layout
    slct.build("FROM localhost/busybox:1\nRUN echo hi >/hi\n", tag="hi:1")
    slct.run("copy", f"oci:{folder}:all", f"docker://{registry.repo()}:x")
    repo = registry.repo()
    made = slct.run("manifest", "create", "all:1", f"oci:{folder}:all").out.strip()
    added = slct.run("manifest", "add", "all:1", "hi:1").out.strip()
    assert made != added
    index = json.loads(slct.run("manifest", "inspect", "all:1").out)
    arches = [m["platform"]["architecture"] for m in index["manifests"]]
    assert len(arches) == 2 and "arm64" in arches        # this machine's was replaced
    assert slct.run("manifest", "push", "all:1", f"docker://{repo}:1").out.strip() == added
    raw = slct.run("inspect", "--raw", f"docker://{repo}:1").out
    assert digest(raw.encode()) == added
    there = json.loads(slct.run("inspect", f"docker://{repo}:1").out)
    assert there["id"] == json.loads(slct.run("inspect", "hi:1").out)["id"]
    slct.run("gc", "--all")
    assert slct.run("manifest", "push", "all:1", f"{registry.repo()}:2").out.strip() == added
    assert "no index none:1" in slct.run("manifest", "push", "none:1", f"{repo}:2", rc=None).err
    assert "is an image of the store" in slct.run("manifest", "create", "hi:1", "hi:1", rc=3).err
    assert "is not create" in slct.run("manifest", "make", "x", rc=2).err
    slct.fsck()


# --- options of commands on images

def test_platform_chooses_from_an_index(empty, layout, registry):
    folder, whole, one = layout
    place = f"docker://{registry.repo()}:x"
    empty.run("copy", f"oci:{folder}:all", place)
    for arch in ("amd64", "arm64"):
        shown = json.loads(empty.run("inspect", "--platform", f"linux/{arch}", place).out)
        assert shown["config"]["architecture"] == arch and shown["digest"] != whole
        raw = empty.run("inspect", "--raw", "--platform", f"linux/{arch}", place).out
        assert digest(raw.encode()) == shown["digest"] and (shown["digest"] == one) == (arch == "amd64")
        empty.run("history", "--platform", f"linux/{arch}", place)
    assert "s390x" in empty.run("history", "--platform", "linux/s390x", place, rc=4).err


def test_history_no_trunc(slct):
    long = "echo " + "x" * 200
    slct.build(f"FROM localhost/busybox:1\nRUN {long}\n", tag="long:1")
    assert long not in slct.run("history", "long:1").out and "…" in slct.run("history", "long:1").out
    assert long in slct.run("history", "--no-trunc", "long:1").out


def test_pull_no_unpack(empty, registry, new_slct):
    """The bytes come, no tree is made; a command that needs one makes it."""
    place = registry.repo() + ":1"
    new_slct().run("push", "localhost/busybox:1", place)
    empty.run("pull", "--no-unpack", place, "mine:1")
    trees = [p for p in (empty.store / "layers").rglob("bin")] if (empty.store / "layers").exists() else []
    assert trees == [] and list((empty.store / "blobs/sha256").iterdir())
    assert "bin" in empty.run("ls", "mine:1", "/").out


def test_long_names_of_save_and_load(slct, empty, work):
    slct.run("save", "--output", work / "a.tar", "localhost/busybox:1")
    before = json.loads(slct.run("inspect", "localhost/busybox:1").out)["id"]
    slct.run("rm", "localhost/busybox:1")
    slct.run("load", "--input", work / "a.tar", "again:1")
    assert json.loads(slct.run("inspect", "again:1").out)["id"] == before


def test_import_platform(empty, bases):
    empty.run("import", "--platform", "linux/arm64", bases("busybox"), "other:1")
    assert empty.config("other:1")["architecture"] == "arm64"
