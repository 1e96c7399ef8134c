"""slct copy to a registry: blobs pass through, nothing is kept, what is there is not sent."""
import hashlib
import json
import os
import re
import subprocess
import urllib.request

import pytest

from certs import Authority
from faultproxy import FaultProxy, Trap, corrupt, cut, encoded, partial, reset, shorter, status
from lab import Registry, need

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MIB = 1 << 20


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_layout(folder, *sizes):
    """A layout of one image "x" with layers of random bytes (nobody unpacks them); digest of its manifest."""
    (folder / "blobs/sha256").mkdir(parents=True)

    def put(data, kind):
        (folder / "blobs/sha256" / digest(data)[7:]).write_bytes(data)
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}
    layers = [put(os.urandom(n), "application/vnd.oci.image.layer.v1.tar") for n in sizes]
    config = put(json.dumps({"architecture": "amd64", "os": "linux",
                             "rootfs": {"type": "layers", "diff_ids": [d["digest"] for d in layers]}}).encode(),
                 "application/vnd.oci.image.config.v1+json")
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).encode(),
                   MANIFEST)
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        {**manifest, "annotations": {"org.opencontainers.image.ref.name": "x"}}]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return manifest["digest"]


def kept(slct):
    """What a command has left in the store."""
    return [p for part in ("blobs", "images", "tmp", "layers") for p in (slct.store / part).rglob("*") if p.is_file()]


@pytest.fixture
def source(new_registry):
    with FaultProxy(new_registry().port) as one:
        yield one


@pytest.fixture
def target(registry):
    with FaultProxy(registry.port) as one:
        yield one


@pytest.fixture
def image(empty, source, target, registry, work):
    """An image in the source: a maker that gives (what to copy, where to, its digest)."""
    def make(*sizes):
        whole = make_layout(work / "made", *sizes)
        empty.run("copy", f"oci:{work}/made:x", f"docker://{source.host}/from:x")
        assert kept(empty) == []
        source.seen.clear()
        return f"docker://{source.host}/from:x", f"docker://{target.host}/{registry.repo('to').split('/')[1]}:y", whole
    return make


def whole_there(slct, place, work, sizes):
    """The target's image, with all its layers, by way of another store."""
    slct.run("copy", place, f"oci:{work}/back:x")
    return set(sizes) <= {p.stat().st_size for p in (work / "back/blobs/sha256").iterdir()}


def test_nothing_is_kept_and_nothing_is_sent_twice(empty, new_slct, image, source, target, work):
    sizes = (3 * MIB, 70 * MIB + 17, 1, 0)
    a, b, whole = image(*sizes)
    assert empty.run("copy", a, b).out.strip() == whole
    assert kept(empty) == []
    assert len([s for s in source.seen if s.method == "GET" and "/blobs/" in s.path]) == 4
    assert target.count("PATCH") == 3          # chunks of the large one
    assert whole_there(new_slct(base=None), b, work, sizes)
    # The same once more: each side is asked once, and nothing is sent.
    source.seen.clear(), target.seen.clear()
    assert empty.run("copy", a, b).out.strip() == whole
    assert [(s.method, s.body) for s in source.seen + target.seen] == [("GET", 0), ("HEAD", 0)]
    # Another tag: the manifest alone.
    source.seen.clear(), target.seen.clear()
    empty.run("copy", a, b[:-1] + "z")
    assert [s.path for s in source.seen + target.seen if s.body and "/manifests/" not in s.path] == []


def test_from_a_layout(empty, image, target, registry, work):
    whole = make_layout(work / "l", 40 * MIB, 100)
    to = f"docker://{target.host}/{registry.repo('to').split('/')[1]}:y"
    assert empty.run("copy", f"oci:{work}/l:x", to).out.strip() == whole
    assert kept(empty) == []
    target.seen.clear()
    empty.run("copy", f"oci:{work}/l:x", to)
    assert [(s.method, s.body) for s in target.seen] == [("HEAD", 0)]


def test_a_damaged_layout_is_not_sent(empty, target, registry, work):
    make_layout(work / "l", 5000)
    layer = next(p for p in (work / "l/blobs/sha256").iterdir() if p.stat().st_size == 5000)
    layer.write_bytes(bytes(5000))
    got = empty.run("copy", f"oci:{work}/l:x", f"docker://{target.host}/{registry.repo('to').split('/')[1]}:y", rc=6)
    assert layer.name in got.err and digest(bytes(5000)) in got.err, got
    assert not [s for s in target.seen if s.method in ("PUT", "PATCH") and "digest=sha256%3A" + layer.name in s.path]


SMALL, LARGE = 3 * MIB, 40 * MIB     # one PUT, two chunks

SOURCE_FAULTS = {
    "cut": cut(MIB + 5), "cut in order": cut(MIB + 5, fin=True), "cut at nothing": cut(0), "reset": reset(),
    "500": status(500), "429": status(429, Retry_After="0"), "corrupt": corrupt(), "shorter": shorter(100),
    "encoded": encoded()}


def cases(table, large):
    return [(name, SMALL) for name in table] + [(name, LARGE) for name in large]


@pytest.mark.parametrize("name, size", cases(SOURCE_FAULTS, ["cut", "corrupt", "shorter"]))
def test_the_source_fails_once(empty, new_slct, image, source, target, work, name, size):
    a, b, whole = image(size)
    layer = next(p.name for p in (work / "made/blobs/sha256").iterdir() if p.stat().st_size == size)
    source.on("GET", f"/blobs/sha256:{layer}", SOURCE_FAULTS[name], first=1)
    assert empty.run("copy", a, b).out.strip() == whole
    assert source.count("GET", layer) <= 2, source.seen
    assert whole_there(new_slct(base=None), b, work, (size,)) and kept(empty) == []


def test_a_cut_goes_on_by_range(empty, image, source, work):
    a, b, _ = image(SMALL)
    source.on("GET", "/blobs/", cut(2 * MIB), only=1)
    source.on("GET", "/blobs/", cut(2 * MIB), only=1)
    empty.run("copy", a, b)
    ranges = [s.fields.get("Range") for s in source.seen if "/blobs/" in s.path and s.fields.get("Range")]
    assert ranges and all(re.fullmatch(r"bytes=\d+-", r) for r in ranges), source.seen


def test_a_range_that_is_ignored(empty, new_slct, image, source, work):
    """All comes again: what has been sent on already is left out."""
    a, b, whole = image(SMALL)
    layer = next(p for p in (work / "made/blobs/sha256").iterdir() if p.stat().st_size == SMALL)
    source.on("GET", layer.name, cut(2 * MIB), only=1)
    source.on("GET", layer.name, status(200, layer.read_bytes()), only=1)
    assert empty.run("copy", a, b).out.strip() == whole
    assert whole_there(new_slct(base=None), b, work, (SMALL,))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_wrong_bytes_never_close_an_upload(empty, image, source, target, registry, work, size):
    a, b, _ = image(size)
    layer = next(p.name for p in (work / "made/blobs/sha256").iterdir() if p.stat().st_size == size)
    source.on("GET", f"/blobs/sha256:{layer}", corrupt())
    got = empty.run("copy", a, b, rc=6)
    assert len(set(re.findall(r"sha256:\w{64}", got.err))) == 2 and layer in got.err, got
    assert source.count("GET", layer) == 2
    # No request that would have made a blob of them came through whole.
    assert not [s for s in target.seen if s.method == "PUT" and s.status == 201 and layer in s.path]
    empty.run("inspect", "--raw", b, rc=4)


TARGET_FAULTS = {
    "put cut": ("PUT", "/blobs/uploads", partial(100000)),
    "put refused": ("PUT", "/blobs/uploads", status(503, Retry_After="0")),
    "answer lost": ("PUT", "/blobs/uploads", reset(after=True)),
    "patch cut": ("PATCH", "", partial(100000)),
    "patch refused": ("PATCH", "", status(405)), "session lost": ("PATCH", "", status(404)),
    "open refused": ("POST", "", status(500)), "manifest refused": ("PUT", "/manifests/", status(502))}


@pytest.mark.parametrize("name, size",
                         cases(TARGET_FAULTS, ["answer lost", "patch cut", "patch refused", "session lost"]))
def test_the_target_fails_once(empty, new_slct, image, target, work, name, size):
    """What was sent in vain is fetched again."""
    a, b, whole = image(size)
    method, path, action = TARGET_FAULTS[name]
    target.on(method, path, action, first=1)
    assert empty.run("copy", a, b).out.strip() == whole
    assert whole_there(new_slct(base=None), b, work, (size,)) and kept(empty) == []


def test_a_source_that_stays_away(empty, image, source, target):
    a, b, _ = image(SMALL)
    source.on("GET", "/blobs/", status(404))
    got = empty.run("copy", a, b, rc=4)
    assert source.host in got.err and "sha256:" in got.err and len(got.errors) == 1, got
    assert target.count("PUT", "/manifests/") == 0


def test_refused_mounts_within_a_registry(empty, new_slct, image, source, target, registry, work):
    """More layers than connections to one host: each that is sent needs one to be fetched over."""
    sizes = tuple(2 * MIB + n for n in range(14))
    _, b, whole = image(*sizes)
    here = b.replace("docker://", "").rsplit(":", 1)[0]
    empty.run("copy", f"oci:{work}/made:x", f"docker://{here}-first:x")
    target.on("POST", "mount=", status(400))
    assert empty.run("copy", f"docker://{here}-first:x", b).out.strip() == whole
    assert target.count("POST", "mount=") == 15
    assert whole_there(new_slct(base=None), b, work, sizes) and kept(empty) == []


def test_over_http2(empty, new_slct, work):
    """Two names of one registry, so that nothing is mounted: what is sent shares a connection, what is fetched does
    not."""
    authority = Authority(work / "authority")
    cert, key = authority.issue("localhost", "DNS:localhost,IP:127.0.0.1")
    registry = Registry(work / "h2", tls={"certificate": cert, "key": key}).start()
    env, sizes = {"SLCT_CA_FILE": str(authority.ca)}, tuple(5 * MIB + n for n in range(5)) + (50 * MIB,)
    try:
        whole = make_layout(work / "made", *sizes)
        empty.run("copy", f"oci:{work}/made:x", f"docker://{registry.host}/a:x", env=env)
        conf = work / "registries.conf"
        conf.write_text(f'[[registry]]\nprefix = "127.0.0.1:{registry.port}"\nlocation = "127.0.0.1:{registry.port}"\n'
                        f'[[registry.mirror]]\nlocation = "{registry.host}"\n')
        first = f"docker://127.0.0.1:{registry.port}/a:x"
        mark = registry.mark()
        assert empty.run("copy", first, f"docker://{registry.host}/b:x", env={
            **env, "CONTAINERS_REGISTRIES_CONF": str(conf)}).out.strip() == whole
        text = registry.log.read_bytes()[mark:].decode()
        assert re.search(r'"(PATCH|PUT) /v2/b/blobs/\S+ HTTP/2.0" 20', text) and "mount=" not in text
        assert not re.search(r'/v2/b/\S+ HTTP/1', text), text
        new_slct(base=None).run("copy", f"docker://{registry.host}/b:x", f"oci:{work}/back:x", env=env)
        assert len(list((work / "back/blobs/sha256").iterdir())) == len(sizes) + 2
    finally:
        registry.stop()


# --- indexes and referrers

def put_manifest(url, name, document):
    data = json.dumps(document).encode()
    request = urllib.request.Request(f"{url}/manifests/{name or digest(data)}", data, method="PUT",
                                     headers={"Content-Type": document["mediaType"]})
    urllib.request.urlopen(request, timeout=60).close()
    return {"mediaType": document["mediaType"], "digest": digest(data), "size": len(data)}


def test_referrers(empty, image, source, target, work):
    """A signature of the image, and one of the signature; the target keeps their lists under tags."""
    a, b, whole = image(1000)
    url = f"http://{source.host}/v2/from"
    image_manifest = json.loads(empty.run("inspect", "--raw", a).out)
    subject = {"mediaType": MANIFEST, "digest": whole, "size": len(empty.run("inspect", "--raw", a).out.encode())}

    def refer(subject, kind):
        one = put_manifest(url, None, {**image_manifest, "artifactType": kind, "subject": subject})
        put_manifest(url, subject["digest"].replace(":", "-"),
                     {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**one, "artifactType": kind}]})
        return one
    first = refer(subject, "application/x-signature")
    second = refer(first, "application/x-signature-of-it")
    place = b[len("docker://"):]
    repo = place.rsplit(":", 1)[0]
    empty.run("copy", a, b)
    assert empty.run("tags", "--referrers", place).out == ""        # not asked for
    empty.run("copy", "--referrers", a, b)
    assert empty.run("tags", "--referrers", place).out.split() == [first["digest"], "application/x-signature"]
    assert empty.run("tags", "--referrers", f"{repo}@{first['digest']}").out.split()[0] == second["digest"]
    # What the target has besides stays; a second time nothing is sent.
    other = {**second, "artifactType": "application/x-other"}
    put_manifest(f"http://{target.host}/v2/{repo.split('/')[1]}", whole.replace(":", "-"),
                 {"schemaVersion": 2, "mediaType": INDEX, "manifests": [other]})
    empty.run("copy", "--referrers", a, b)
    assert {line.split()[1] for line in empty.run("tags", "--referrers", place).out.splitlines()} == {
        "application/x-signature", "application/x-other"}
    target.seen.clear()
    empty.run("copy", "--referrers", a, b)
    assert not [s for s in target.seen if s.body], target.seen


def test_referrers_need_registries(empty, work):
    assert "registry" in empty.run("copy", "--referrers", f"oci:{work}/x", "docker://localhost:1/x", rc=2).err


def test_a_target_by_digest(empty, image):
    a, b, whole = image(1000)
    repo = b.rsplit(":", 1)[0]
    assert empty.run("copy", a, f"{repo}@{whole}").out.strip() == whole
    assert whole in empty.run("copy", a, f"{repo}@sha256:{'0' * 64}", rc=2).err


# --- to layout directories

def test_to_a_layout(empty, image, source, work):
    """Straight into the directory; what is there is not fetched again, and a layout that others read stays valid."""
    sizes = (3 * MIB, 100)
    a, _, whole = image(*sizes)
    assert empty.run("copy", a, f"oci:{work}/out:1").out.strip() == whole
    assert kept(empty) == [] and {p.stat().st_size for p in (work / "out/blobs/sha256").iterdir()} > set(sizes)
    source.seen.clear()
    assert empty.run("copy", a, f"oci:{work}/out:2").out.strip() == whole
    assert len(source.seen) == 1
    assert empty.run("copy", f"oci:{work}/out:2", f"oci:{work}/more:3").out.strip() == whole
    assert kept(empty) == [] and not [p for p in (work / "more").rglob(".slct-tmp*")]
    for place in ("out:1", "out:2", "more:3"):
        raw = subprocess.run([need("skopeo"), "inspect", "--raw", f"oci:{work}/{place}"], check=True,
                             capture_output=True)
        assert digest(raw.stdout) == whole


@pytest.mark.parametrize("name", ["cut", "corrupt", "reset", "500", "shorter"])
def test_a_layout_from_a_source_that_fails_once(empty, image, source, work, name):
    a, _, whole = image(SMALL)
    layer = next(p for p in (work / "made/blobs/sha256").iterdir() if p.stat().st_size == SMALL)
    source.on("GET", layer.name, SOURCE_FAULTS[name], first=1)
    assert empty.run("copy", a, f"oci:{work}/out:1").out.strip() == whole
    assert (work / "out/blobs/sha256" / layer.name).read_bytes() == layer.read_bytes()


def test_a_layout_gets_no_wrong_byte(empty, image, source, work):
    a, _, _ = image(SMALL)
    source.on("GET", "/blobs/", corrupt())
    empty.run("copy", a, f"oci:{work}/out:1", rc=6)
    assert not [p for p in (work / "out/blobs").rglob("*") if p.is_file()]
    # Nothing to copy: no directory either.
    empty.run("copy", a + "y", f"oci:{work}/none:1", rc=None)
    assert not (work / "none").exists()


# --- what stays where it is

def test_foreign_layers_stay_where_they_are(empty, target, registry, work):
    """Nobody is asked for their bytes, and a word is said about it."""
    make_layout(work / "l", 1000, 2000)
    index = json.loads((work / "l/index.json").read_text())
    entry = index["manifests"][0]
    manifest = json.loads((work / "l/blobs/sha256" / entry["digest"][7:]).read_text())
    foreign = manifest["layers"][0]
    (work / "l/blobs/sha256" / foreign["digest"][7:]).unlink()
    with Trap() as trap:
        foreign.update(mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar", urls=[f"{trap.url}/layer"])
        data = json.dumps(manifest).encode()
        entry.update(digest=digest(data), size=len(data))
        (work / "l/blobs/sha256" / entry["digest"][7:]).write_bytes(data)
        (work / "l/index.json").write_text(json.dumps(index))
        target.on("PUT", "/manifests/", status(201))    # docker's registry takes no such manifest as it comes
        to = f"docker://{target.host}/{registry.repo('to').split('/')[1]}:y"
        got = empty.run("copy", f"oci:{work}/l:x", to)
        assert f"foreign layer {foreign['digest']} stays where it is" in got.err, got
        assert not [s for s in target.seen if foreign["digest"][7:] in s.path] and trap.seen == []
        assert empty.run("copy", f"oci:{work}/l:x", f"oci:{work}/more:x").out.strip() == entry["digest"]
        assert trap.seen == []


def test_netrc_is_nobodys_login(empty, image, work):
    """Logins come from the files of registries alone, also where the registry asks for one."""
    a, b, _ = image(1000)
    (work / "other").mkdir()
    (work / "other/.netrc").write_text("machine localhost login somebody password s3cret-of-netrc\n"
                                       "default login x password y\n")
    with Trap() as trap:
        trap.front = lambda handler, login: (handler.drain(),
                                             handler.answer(401, [("WWW-Authenticate", 'Basic realm="x"')], b""))
        got = empty.run("copy", a, f"docker://{trap.host}/x:1", rc=4,
                        env={"HOME": str(work / "other"), "NETRC": str(work / "other/.netrc")})
    assert trap.seen and trap.logins == [] and "not logged in" in got.err + str(got.errors), got
