"""Images whose config and layers are named by SHA-512: made by another hand, in a registry (which keeps its manifests by
SHA-256), and through all that moves images."""
import gzip
import hashlib
import io
import json
import tarfile
import urllib.request

import pytest

from faultproxy import FaultProxy, corrupt

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
KIND = "application/vnd.oci.image"


def wide(data):
    return "sha512:" + hashlib.sha512(data).hexdigest()


def ask(url, data=None, method="GET", kind="application/octet-stream"):
    return urllib.request.urlopen(urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind}))


def put_blob(base, data):
    with ask(f"{base}/blobs/uploads/", b"", "POST") as begun:
        place = begun.headers["Location"]
    ask(f"{place}{'&' if '?' in place else '?'}digest={wide(data)}", data, "PUT").close()
    return {"digest": wide(data), "size": len(data)}


@pytest.fixture
def foreign(registry, bases):
    """busybox and a file /hello: (reference, config's digest)."""
    repo = registry.repo("wide")
    base = f"http://{registry.host}/v2/{repo.split('/')[1]}"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("hello")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"hi\n"))
    tars = [bases("busybox").read_bytes(), out.getvalue()]
    layers = [{"mediaType": f"{KIND}.layer.v1.tar+gzip", **put_blob(base, gzip.compress(tar, 1))} for tar in tars]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]}}).encode()
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
                "config": {"mediaType": f"{KIND}.config.v1+json", **put_blob(base, config)}}
    ask(f"{base}/manifests/1", json.dumps(manifest).encode(), "PUT", MANIFEST).close()
    return f"{repo}:1", wide(config)


def in_order(slct):
    for path in (slct.store / "blobs/sha512").iterdir():
        assert hashlib.sha512(path.read_bytes()).hexdigest() == path.name
    slct.fsck()


def test_pulled_and_pushed(foreign, empty, new_slct, registry):
    ref, config = foreign
    assert empty.run("pull", ref).out.split()[-1] == config
    assert empty.run("cat", ref, "/hello").out == "hi\n"
    copy = registry.repo("wide") + ":1"
    mark = registry.mark()
    empty.run("push", ref, copy)
    other = new_slct(base=None)
    assert other.run("pull", copy).out.split()[-1] == config
    assert other.run("cat", copy, "/hello").out == "hi\n"
    empty.run("push", ref, copy)
    assert [r for r in registry.requests(mark) if r[0] in ("PUT", "PATCH")][4:] == []   # three blobs, a manifest
    for slct in (empty, other):
        in_order(slct)
        slct.run("gc")
        assert slct.run("cat", ref if slct is empty else copy, "/hello").out == "hi\n"


def test_copied(foreign, empty, new_slct, registry, work):
    """Between repositories (where docker-registry's mounts by SHA-512 are not to be believed), layouts and archives."""
    ref, config = foreign
    places = [f"docker://{ref}", f"docker://{registry.repo('wide')}:1", f"oci:{work}/layout:1", f"oci-archive:{work}/one.tar:1",
              f"docker://{registry.repo('wide')}:1", "store:localhost/wide:1"]
    for source, target in zip(places, places[1:]):
        empty.run("copy", source, target)
    assert empty.run("cat", "localhost/wide:1", "/hello").out == "hi\n"
    other = new_slct(base=None)
    assert other.run("pull", places[4]).out.split()[-1] == config
    in_order(empty)


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_saved_and_loaded(foreign, empty, new_slct, work, form):
    ref, config = foreign
    empty.run("pull", ref)
    empty.run("save", "--format", form, "-o", work / "wide.tar", ref)
    other = new_slct(base=None)
    made = other.run("load", "-i", work / "wide.tar", "localhost/wide:1").out.split()[-1]
    assert (made == config) == (form == "oci-archive")    # docker's archives have no digests
    assert other.run("cat", "localhost/wide:1", "/hello").out == "hi\n"
    other.fsck()


def test_a_base_and_a_cache(foreign, empty, new_slct, registry):
    """A build upon it fills a cache, and another machine takes it from there."""
    cache, text = registry.repo("cache"), f"FROM {foreign[0]}\nRUN cat /hello /hello >/twice\n"
    made = empty.build(text, "--cache-to", cache, "--push", tag=f"{registry.repo('out')}:1")
    assert len(made.ran) == 1
    other = new_slct(base=None)
    got = other.build(text, "--cache-from", cache, "--push", tag=f"{registry.repo('out')}:1")
    assert got.ran == [] and got.id == made.id
    assert other.image(got.id).text("twice") == "hi\nhi\n"
    in_order(empty)


def test_wrong_bytes(foreign, empty, registry):
    """Named by both digests; nothing of it stays."""
    layer = json.loads(empty.run("inspect", "--raw", f"docker://{foreign[0]}").out)["layers"][1]
    with FaultProxy(registry.port) as proxy:
        proxy.on("GET", layer["digest"], corrupt())
        got = empty.run("pull", f"{proxy.host}/{foreign[0].split('/')[1]}", rc=6)
    assert layer["digest"] in got.err and got.err.count("sha512:") >= 2, got
    assert not (empty.store / "blobs/sha512" / layer["digest"][7:]).exists()
