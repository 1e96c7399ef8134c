"""Faults and attacks between slct and a registry: the right image, or an error that names registry, object and remedy;
never another content, never a login for anybody else, never a hang, never a storm of requests."""
import hashlib
import json
import os
import re
import subprocess
import time
import urllib.request

import pytest

from faultproxy import (Chaos, FaultProxy, Trap, body, close, corrupt, cut, encoded, endless, fields, header_bomb, late,
                        length, longer,
                        partial, raw, redirect, replaced, reset, shorter, stall, status)

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
BLOB, MANIFEST, UPLOAD = "/blobs/sha256", "/manifests/", "/blobs/uploads/"
LAYER = "{layer}"    # of noise: the largest blob
PASSWORD = "s3cret-for-faults"


class Source:
    """A store with an image of two layers besides the base, one of them of noise."""

    def __init__(self, slct, size):
        self.slct = slct
        self.id = slct.build("FROM localhost/busybox:1\nCOPY noise /noise\nRUN echo small >/small\n",
                             files={"noise": os.urandom(size)}, tag="localhost/demo:1").id
        slct.run("save", "--format", "oci-dir", "-o", slct.work / "layout", "localhost/demo:1")
        (top,) = json.loads((slct.work / "layout/index.json").read_text())["manifests"]
        manifest = json.loads((slct.work / "layout/blobs/sha256" / top["digest"][7:]).read_text())
        self.layer = manifest["layers"][1]["digest"]

    def push(self, ref, **kw):
        return self.slct.run("push", "localhost/demo:1", ref, **kw)


@pytest.fixture(scope="module")
def module_slct(binary, bases, session_dir):
    """One store for the images of this file."""
    from lab import Slct
    folder = session_dir / "faults"
    folder.mkdir()
    slct = Slct(binary, folder / "store", folder)
    slct.run("import", bases("busybox"), "localhost/busybox:1")
    return slct


@pytest.fixture(scope="module")
def small(module_slct):
    return Source(module_slct, 400000)


@pytest.fixture
def proxy(registry):
    with FaultProxy(registry.port) as one:
        yield one


def repo_of(registry):
    return registry.repo("f").split("/")[1]


@pytest.fixture
def pushed(small, registry):
    """The image in the registry, in a repository of its own: its path."""
    path = repo_of(registry)
    small.push(f"{registry.host}/{path}:1")
    return path


def registry_manifest(registry, path, tag="1"):
    request = urllib.request.Request(f"http://{registry.host}/v2/{path}/manifests/{tag}",
                                     headers={"Accept": OCI_MANIFEST})
    return json.load(urllib.request.urlopen(request))


def intact(slct):
    """Nothing in the store is other than its name says, nothing is left over."""
    for path in (slct.store / "blobs/sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    slct.fsck()


def in_registry(registry, path, want, new_slct, tag="1"):
    """Another machine gets the right image from the registry, without the proxy."""
    other = new_slct(base=None)
    assert other.run("pull", f"{registry.host}/{path}:{tag}").out.split()[-1] == want
    intact(other)


# --- pull: faults that are got over

PULL_OK = {
    "reset before the answer": [("", "/v2/.+", reset(), {"first": 1})],
    "reset after the registry's work": [("GET", MANIFEST, reset(after=True), {"first": 1})],
    "blob cut by a reset": [("GET", LAYER, cut(150000), {"first": 1})],
    "blob cut in good order": [("GET", LAYER, cut(150000, fin=True), {"first": 1})],
    "each blob is cut": [("GET", BLOB, cut(100), {"first": 3})],
    "manifest cut": [("GET", MANIFEST, cut(100), {"first": 2})],
    "config with a wrong byte": [("GET", BLOB, corrupt(), {"first": 1})],
    "Content-Length of a config too small": [("GET", BLOB, length(-5), {"first": 1})],
    "blob with a wrong byte": [("GET", LAYER, corrupt(), {"first": 1})],
    "manifest with a wrong byte": [("GET", MANIFEST, corrupt(), {"first": 1})],
    "blob too short, once": [("GET", LAYER, shorter(7), {"first": 1})],
    "blob too long, once": [("GET", LAYER, longer(7), {"first": 1})],
    "Content-Length too large": [("GET", LAYER, length(5), {"first": 1})],
    "Content-Length too small": [("GET", LAYER, length(-5), {"first": 1})],
    "429 with Retry-After": [("", "/v2/.+", status(429, Retry_After="1"), {"first": 2})],
    "429 with senseless Retry-After": [("", "/v2/.+", status(429, Retry_After="-1"), {"only": 1}),
                                       ("", "/v2/.+", status(429, Retry_After="Thu, 01 Jan 1970 00:00:00 GMT"),
                                        {"only": 1})],
    "503 and 500": [("", MANIFEST, status(503), {"only": 1}), ("", BLOB, status(500), {"only": 1})],
    "502 and 504": [("", MANIFEST, status(502), {"only": 1}), ("", BLOB, status(504), {"only": 1})],
    "connections close after each answer": [("", "/v2/", close(), {})],
    "Range is ignored": [("GET", LAYER, cut(150000), {"first": 1}),
                         ("GET", LAYER, fields(Content_Range=None), {})],
    "Content-Encoding": [("GET", BLOB, encoded(), {})],
}


def arm(proxy, rules, layer=""):
    for method, pattern, action, which in rules:
        proxy.on(method, pattern.replace(LAYER, layer), action, **which)


@pytest.mark.parametrize("name", PULL_OK)
def test_pull_gets_over(proxy, pushed, small, empty, name):
    arm(proxy, PULL_OK[name], small.layer)
    got = empty.run("pull", f"{proxy.host}/{pushed}:1", "copy:1")
    assert got.out.split()[-1] == small.id and proxy.faults, got
    assert len(proxy.seen) <= 25
    intact(empty)


def test_range_is_refused(proxy, pushed, small, empty):
    proxy.on("GET", small.layer, cut(150000), first=1)

    class NoRange:
        name, keep = "no range", None
        refused = 0

        def early(self, handler):
            if "Range" not in handler.headers:
                return False
            self.refused += 1
            handler.answer(416, [], b"")
            return True

        def late(self, handler, answer):
            return False

    rule = NoRange()
    proxy.on("GET", BLOB, rule)
    assert empty.run("pull", f"{proxy.host}/{pushed}:1").out.split()[-1] == small.id
    assert rule.refused == 1


def test_resumed_where_it_was_cut(proxy, pushed, small, empty):
    proxy.on("GET", small.layer, cut(300000), first=1)
    empty.run("pull", f"{proxy.host}/{pushed}:1")
    assert [s for s in proxy.seen if s.fields.get("Range", "").startswith("bytes=")]


# --- pull: attacks and faults without end

NESTED = "[" * 100000 + "]" * 100000
PULL_FAIL = {    # rules, exit status, what the error names
    "500 for ever": ([("", MANIFEST, status(500), {})], 4, "500"),
    "404 on a blob": ([("GET", BLOB, status(404), {})], 4, "sha256:"),
    "Retry-After of a day": ([("", "/v2/.+", status(429, Retry_After="86400"), {})], 4, "429"),
    "a wrong byte for ever": ([("GET", BLOB, corrupt(), {})], 6, "sha256:"),
    "shorter for ever": ([("GET", BLOB, shorter(1), {})], 6, "sha256:"),
    "longer for ever": ([("GET", BLOB, longer(1), {})], 6, "sha256:"),
    "a body without end": ([("GET", BLOB, endless(), {})], 4, "sha256:"),
    "no HTTP": ([("", "/v2/.+", raw("garbage", lambda: [b"SSH-2.0-OpenSSH\r\n"]), {})], 4, ""),
    "header bomb": ([("", "/v2/.+", header_bomb(), {})], 4, "header"),
    "empty manifest": ([("GET", MANIFEST, replaced("{}", OCI_MANIFEST), {})], 4, "manifest"),
    "captive portal": ([("GET", MANIFEST, replaced("<html>log in</html>", "text/html"), {})], 4, ""),
    "JSON depth bomb": ([("GET", MANIFEST, replaced(NESTED, OCI_MANIFEST), {})], 4, "manifest"),
    "huge manifest": ([("GET", MANIFEST, body("huge", lambda data: data + b" " * (5 << 20), digest=True), {})], 4, ""),
    "stated digest of something else": ([("GET", MANIFEST, fields(Docker_Content_Digest="sha256:" + "e" * 64), {})], 6,
                                        "eeee"),
    "Content-Type says index": ([("GET", MANIFEST, fields(Content_Type=OCI_INDEX), {})], 4, ""),
    "redirect to a file": ([("GET", BLOB, redirect("file:///etc/passwd"), {})], 4, "file"),
    "redirect to gopher": ([("GET", BLOB, redirect("gopher://127.0.0.1:1/x"), {})], 4, "gopher"),
    "redirect without Location": ([("GET", BLOB, status(307), {})], 4, "redirect"),
    "redirect without end": ([("GET", BLOB, redirect("{path}"), {})], 4, "redirects"),
    "realm of another scheme": ([("", "/v2/.+", status(401, WWW_Authenticate='Bearer realm="file:///etc/passwd"'), {})],
                                4, ""),
    "realm that is cut": ([("", "/v2/.+", status(401, WWW_Authenticate='Bearer realm="' + "A" * 10000), {})], 4, ""),
    "401 that asks for nothing": ([("", "/v2/.+", status(401), {})], 4, "slct login"),
}


@pytest.mark.parametrize("name", PULL_FAIL)
def test_pull_ends_in_an_error(proxy, pushed, empty, name):
    rules, rc, words = PULL_FAIL[name]
    arm(proxy, rules)
    got = empty.run("pull", f"{proxy.host}/{pushed}:1", "copy:1", rc=rc, timeout=60)
    assert len(got.errors) == 1 and words in got.err and proxy.host in got.err, got
    assert "root:" not in got.err
    assert len(proxy.seen) <= 20, "a storm of requests"
    assert empty.run("images", "-q").out == ""
    intact(empty)


def index_of(*entries):
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)})


def test_index_bomb(proxy, pushed, empty):
    """An index that names itself, and one of very many entries."""
    platform = {"os": "linux", "architecture": "amd64"}
    digest = "sha256:" + "1" * 64
    inner = index_of({"mediaType": OCI_INDEX, "digest": digest, "size": 10, "platform": platform})
    proxy.on("GET", MANIFEST, replaced(inner, OCI_INDEX))
    got = empty.run("pull", f"{proxy.host}/{pushed}:1", rc=None, timeout=60)
    assert got.rc in (4, 6) and len(proxy.seen) <= 10, got
    proxy.rules.clear()
    many = index_of(*[{"mediaType": OCI_MANIFEST, "digest": "sha256:" + f"{n:064x}", "size": 2,
                       "platform": {"os": "linux", "architecture": f"a{n}"}} for n in range(15000)])
    proxy.on("GET", MANIFEST, replaced(many, OCI_INDEX))
    before = time.monotonic()
    assert empty.run("pull", f"{proxy.host}/{pushed}:1", rc=None).rc in (4, 6)
    assert time.monotonic() - before < 20
    intact(empty)


def test_mediatype_of_the_body_disagrees(proxy, pushed, registry, empty):
    found = registry_manifest(registry, pushed)
    both = dict(found, manifests=[])
    proxy.on("GET", MANIFEST, replaced(json.dumps(both), OCI_MANIFEST), only=1)
    other = dict(found, mediaType=OCI_INDEX)
    proxy.on("GET", MANIFEST, replaced(json.dumps(other), OCI_MANIFEST), only=1)
    for _ in range(2):
        got = empty.run("pull", f"{proxy.host}/{pushed}:1", rc=4)
        assert len(got.errors) == 1, got
    intact(empty)


def test_schema_1_is_refused(proxy, pushed, empty):
    old = json.dumps({"schemaVersion": 1, "name": "x", "tag": "1", "fsLayers": [], "history": []})
    proxy.on("GET", MANIFEST, replaced(old, "application/vnd.docker.distribution.manifest.v1+prettyjws"))
    got = empty.run("pull", f"{proxy.host}/{pushed}:1", rc=4)
    assert "schema" in got.err, got


def test_wrong_manifest_under_its_digest(proxy, pushed, registry, empty):
    found = registry_manifest(registry, pushed)
    request = urllib.request.Request(f"http://{registry.host}/v2/{pushed}/manifests/1",
                                     headers={"Accept": OCI_MANIFEST})
    digest = urllib.request.urlopen(request).headers["Docker-Content-Digest"]
    found["annotations"] = {"x": "y"}
    proxy.on("GET", MANIFEST, replaced(json.dumps(found), OCI_MANIFEST))
    got = empty.run("pull", f"{proxy.host}/{pushed}@{digest}", rc=6)
    assert digest in got.err and len(proxy.seen) == 2, got
    intact(empty)


def put(registry, path, tag, manifest, kind=OCI_MANIFEST):
    request = urllib.request.Request(f"http://{registry.host}/v2/{path}/manifests/{tag}",
                                     data=json.dumps(manifest).encode(),
                                     method="PUT", headers={"Content-Type": kind})
    urllib.request.urlopen(request).read()


def test_layer_listed_twice(pushed, registry, proxy, empty):
    """The same blob twice is one download; the config has to agree."""
    found = registry_manifest(registry, pushed)
    found["layers"].append(found["layers"][-1])
    put(registry, pushed, "twice", found)
    got = empty.run("pull", f"{proxy.host}/{pushed}:twice", rc=None)
    assert got.rc in (4, 6) and len(got.errors) == 1, got
    fetched = [s.path for s in proxy.seen if s.method == "GET" and BLOB in s.path]
    assert len(fetched) == len(set(fetched))
    intact(empty)


def test_foreign_urls_are_not_followed(pushed, registry, empty):
    with Trap() as trap:
        found = registry_manifest(registry, pushed)
        with FaultProxy(registry.port) as proxy:
            found["layers"][-1]["urls"] = [trap.url + "/layer"]
            proxy.on("GET", MANIFEST, replaced(json.dumps(found), OCI_MANIFEST))
            empty.run("pull", f"{proxy.host}/{pushed}:1")    # an ordinary layer: from the registry
            found["layers"][-1]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
            proxy.rules.clear()
            proxy.on("GET", MANIFEST, replaced(json.dumps(found), OCI_MANIFEST))
            empty.run("rm", f"{proxy.host}/{pushed}:1")
            empty.run("gc")
            got = empty.run("pull", f"{proxy.host}/{pushed}:1", rc=4)
            assert "foreign" in got.err, got
        assert trap.seen == []


@pytest.mark.slow
def test_a_stall_is_given_up(proxy, pushed, small, empty):
    """The stall time-out is 60 s by default; SLCT_STALL_TIMEOUT makes it shorter."""
    proxy.on("GET", small.layer, stall(100000, 30), first=1)
    got = empty.run("pull", f"{proxy.host}/{pushed}:1", env={"SLCT_STALL_TIMEOUT": "2s"})
    assert got.out.split()[-1] == small.id and got.seconds < 25


# --- push

PUSH_OK = {
    "lost answer to a blob": [("PUT", UPLOAD, reset(after=True), {"first": 1})],
    "part of a blob arrives": [("PUT", UPLOAD, partial(100000), {"first": 1})],
    "reset before each method": [("HEAD", "", reset(), {"first": 1}), ("POST", "", reset(), {"first": 1}),
                                 ("PUT", "", reset(), {"first": 1})],
    "500 on each method": [(m, "/v2/", status(500), {"first": 1}) for m in ("HEAD", "POST", "PUT")],
    "manifest: 503": [("PUT", MANIFEST, status(503), {"first": 1})],
    "manifest: lost answer": [("PUT", MANIFEST, reset(after=True), {"first": 1})],
    "429 on opening": [("POST", "", status(429, Retry_After="1"), {"first": 2})],
    "session lost": [("PUT", UPLOAD, status(404), {"first": 2})],
    "416": [("PUT", UPLOAD, status(416), {"first": 1})],
    "connections close": [("", "/v2/", close(), {})],
}


@pytest.mark.parametrize("name", PUSH_OK)
def test_push_gets_over(proxy, small, registry, new_slct, name):
    arm(proxy, PUSH_OK[name])
    path = repo_of(registry)
    small.push(f"{proxy.host}/{path}:1")
    assert proxy.faults and len(proxy.seen) <= 50
    in_registry(registry, path, small.id, new_slct)


PUSH_FAIL = {
    "upload elsewhere: file": ([("POST", UPLOAD, fields(Location="file:///tmp/x"), {})], "upload"),
    "upload without Location": ([("POST", UPLOAD, fields(Location=None), {})], "where"),
    "upload at an empty Location": ([("POST", UPLOAD, fields(Location=""), {})], ""),
    "upload at another host": ([("POST", UPLOAD, fields(Location="http://127.0.0.2:9/x"), {})], "another host"),
    "blobs denied": ([("PUT", UPLOAD, status(403, body='{"errors":[{"code":"DENIED","message":"quota exceeded"}]}'),
                       {})],
                     "quota exceeded"),
    "manifest refused": ([("PUT", MANIFEST, status(400, body='{"errors":[{"code":"MANIFEST_INVALID"}]}'), {})],
                         "MANIFEST_INVALID"),
    "500 for ever": ([("PUT", "", status(500), {})], "500"),
    "HEAD lies": ([("HEAD", BLOB, status(200), {}),
                   ("PUT", MANIFEST, status(400, body='{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'), {})],
                  "MANIFEST_BLOB_UNKNOWN"),
}


@pytest.mark.parametrize("name", PUSH_FAIL)
def test_push_ends_in_an_error(proxy, small, registry, name):
    rules, words = PUSH_FAIL[name]
    arm(proxy, rules)
    got = small.push(f"{proxy.host}/{repo_of(registry)}:1", rc=4)
    assert len(got.errors) == 1 and words in got.err and proxy.host in got.err, got
    # Config and three layers, each tried six times.
    assert proxy.count("PUT", UPLOAD) <= 24 and proxy.count("POST", UPLOAD) <= 24, "a storm of uploads"
    assert len(proxy.seen) <= 68, "a storm of requests"


# --- chunks

@pytest.fixture(scope="module")
def big(module_slct):
    """More than two chunks."""
    slct = module_slct
    slct.build("FROM scratch\nCOPY noise /noise\n", files={"noise": os.urandom(70 << 20)}, tag="localhost/big:1")
    one = Source.__new__(Source)
    one.slct, one.id = slct, json.loads(slct.run("inspect", "localhost/big:1").out)["id"]
    one.push = lambda ref, **kw: slct.run("push", "localhost/big:1", ref, **kw)
    return one


CHUNKS = {    # rules, and whether all ends in one PUT
    "no fault": ([], False),
    "cut in the middle of a chunk": ([("PATCH", "", partial(1 << 20), {"only": 2})], False),
    "answer to a chunk lost": ([("PATCH", "", reset(after=True), {"only": 2})], False),
    "503": ([("PATCH", "", status(503, Retry_After="0"), {"only": 2})], False),
    "session lost once": ([("PATCH", "", status(404), {"only": 2})], False),
    "session lost again and again": ([("PATCH", "", status(404), {})], True),
    "chunks refused": ([("PATCH", "", status(405), {})], True),
    "chunks refused by 416": ([("PATCH", "", status(416), {})], True),
    "lying Range": ([("PATCH", "", fields(Range="0-12"), {})], False),
    "lying Range and status": ([("PATCH", "", fields(Range="0-12"), {}), ("GET", UPLOAD, fields(Range="0-12"), {})],
                               True),
    "chunks of 80 MiB wanted": ([("POST", "", fields(OCI_Chunk_Min_Length=str(80 << 20)), {})], True),
    "chunks of 40 MiB wanted": ([("POST", "", fields(OCI_Chunk_Min_Length=str(40 << 20)), {})], False),
    "closing fails": ([("PUT", UPLOAD, status(500), {"only": 1})], False),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks(proxy, big, registry, new_slct, name):
    rules, whole = CHUNKS[name]
    arm(proxy, rules)
    path = repo_of(registry)
    big.push(f"{proxy.host}/{path}:1")
    puts = [s for s in proxy.seen if s.method == "PUT" and UPLOAD in s.path and s.body > 1 << 20]
    assert bool(puts) == whole
    for s in proxy.seen:
        if s.method == "PATCH" and s.body:
            first, last = map(int, re.fullmatch(r"(\d+)-(\d+)", s.fields["Content-Range"]).groups())
            assert last - first + 1 == int(s.fields["Content-Length"])
    in_registry(registry, path, big.id, new_slct)


@pytest.mark.parametrize("fault", [partial(20 << 20), partial(1), reset(after=True), reset()], ids=str)
def test_what_arrived_is_not_sent_again(proxy, big, registry, new_slct, fault):
    proxy.keep_sessions()
    proxy.on("PATCH", "", fault, only=2)
    path = repo_of(registry)
    big.push(f"{proxy.host}/{path}:1")
    # The registry is asked once what it has, but for a request that ended before any of its body was sent.
    asked = proxy.count("GET", UPLOAD)
    assert len(proxy.faults) == 1 and (asked == 1 or asked == 0 and proxy.faults[0].body == 0)
    in_registry(registry, path, big.id, new_slct)
    sent = sum(s.body for s in proxy.seen if UPLOAD in s.path)
    assert sent <= (71 << 20)


# --- layers that are packed while they are sent

STREAMED = {
    "no fault": [],
    "cut": [("PATCH", "", partial(1 << 20), {"only": 2})],
    "session lost": [("PATCH", "", status(404), {"first": 1})],
    "chunks refused": [("PATCH", "", status(405), {})],
    "chunks of 20 MiB wanted": [("POST", "", fields(OCI_Chunk_Min_Length=str(40 << 20)), {})],
    "closing fails": [("PUT", UPLOAD, status(500), {"first": 1})],
}


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize("sessions", [False, True], ids=["", "kept"])
def test_packed_while_it_is_sent(proxy, registry, new_slct, name, sessions):
    """A layer that was never compressed: one pass makes the blob and sends it. The next push sends nothing."""
    slct, path = new_slct(), repo_of(registry)
    if sessions:
        proxy.keep_sessions()
    arm(proxy, STREAMED[name])
    made = slct.build("FROM localhost/busybox:1\nCOPY noise /noise\nRUN echo small >/small\n", tag="localhost/demo:1",
                      files={"noise": os.urandom(45 << 20)}).id
    slct.run("push", "localhost/demo:1", f"{proxy.host}/{path}:1")
    in_registry(registry, path, made, new_slct)
    intact(slct)
    mark = len(proxy.seen)
    slct.run("push", "localhost/demo:1", f"{proxy.host}/{path}:1")
    assert [s.method for s in proxy.seen[mark:]] == ["HEAD"]


def test_what_was_packed_is_kept_after_a_failure(registry, proxy, new_slct):
    """The registry takes nothing: the compressed layer is there for the next try, which packs nothing."""
    slct, path = new_slct(), repo_of(registry)
    proxy.on("POST", "", status(403))
    slct.build("FROM localhost/busybox:1\nCOPY noise /noise\n", tag="localhost/demo:1",
               files={"noise": os.urandom(1 << 20)})
    got = slct.run("push", "localhost/demo:1", f"{proxy.host}/{path}:1", rc=4)
    assert len(got.errors) == 1 and "403" in got.err, got
    blobs = sorted(p.name for p in (slct.store / "blobs/sha256").iterdir())
    proxy.rules.clear()
    slct.run("push", "localhost/demo:1", f"{proxy.host}/{path}:1")
    after = sorted(p.name for p in (slct.store / "blobs/sha256").iterdir())
    assert set(blobs) <= set(after) and len(after) == len(blobs) + 1    # the manifest
    assert not list((slct.store / "tmp").rglob("blob*"))
    intact(slct)


def test_a_layer_that_has_changed_is_not_sent(registry, proxy, new_slct):
    slct, path = new_slct(), repo_of(registry)
    slct.build("FROM localhost/busybox:1\nCOPY f /f\n", tag="localhost/demo:1", files={"f": "content\n"})
    (found,) = [p for p in (slct.store / "layers").rglob("f") if p.is_file()]
    found.write_text("other\n")
    got = slct.run("push", "localhost/demo:1", f"{proxy.host}/{path}:1", rc=6)
    assert len(got.errors) == 1 and "has changed" in got.err and "hint:" in got.err, got
    assert not proxy.count("PUT", MANIFEST)


def test_codecs_on_the_way(registry, any_slct, new_slct):
    slct, path = any_slct, repo_of(registry)
    for codec in ("none", "zstd:3", "gzip:9"):
        made = slct.build("FROM localhost/busybox:1\nCOPY noise /noise\n", tag="localhost/demo:1",
                          files={"noise": os.urandom(12 << 20)}).id
        slct.run("push", "--compression", codec, "localhost/demo:1", f"{registry.host}/{path}:1")
        in_registry(registry, path, made, new_slct)


# --- logins

def docker_config(folder, auths):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    return {"DOCKER_CONFIG": str(folder)}


@pytest.fixture
def login(work):
    """login(proxy) -> the environment with its login; it lies in a file, so that nobody else's is touched."""
    def make(proxy, **entry):
        return docker_config(work / f"docker{proxy.port}",
                             {proxy.host: entry or {"username": proxy.user, "password": proxy.password}})
    return make


@pytest.mark.parametrize("auth", ["basic", "bearer"])
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_login_follows_a_redirect(small, pushed, registry, new_slct, login, auth, code):
    found = registry_manifest(registry, pushed)
    layer = found["layers"][-1]["digest"]
    data = urllib.request.urlopen(f"http://{registry.host}/v2/{pushed}/blobs/{layer}").read()
    with Trap({f"/v2/{pushed}/blobs/{layer}": data}) as trap, FaultProxy(registry.port, auth=auth) as proxy:
        proxy.on("GET", layer, redirect(trap.url + "{path}", code))
        other = new_slct(base=None)
        got = other.run("-vv", "pull", f"{proxy.host}/{pushed}:1", env=login(proxy))
        assert got.out.split()[-1] == small.id
        assert trap.seen and trap.logins == [] and proxy.logins
        assert not any(k.lower() in ("cookie", "proxy-authorization") for s in trap.seen for k in s.fields)
        assert PASSWORD not in got.err and not any(t in got.err for t in proxy.tokens)


def test_no_login_for_a_realm_elsewhere(pushed, registry, new_slct, login):
    """In plain http anybody may have written the challenge."""
    with Trap() as trap, FaultProxy(registry.port) as proxy:
        proxy.on("", "/v2/",
                 status(401, WWW_Authenticate=f'Bearer realm="{trap.url}/token",service="x",scope="repository:a:pull"'))
        got = new_slct(base=None).run("pull", f"{proxy.host}/{pushed}:1", rc=4, env=login(proxy))
        assert trap.logins == [] and len(got.errors) == 1, got


def test_no_bytes_for_an_upload_elsewhere(small, registry, login):
    with Trap() as trap, FaultProxy(registry.port, auth="basic") as proxy:
        proxy.on("POST", UPLOAD, fields(Location=trap.url + "/v2/x/blobs/uploads/1"))
        small.push(f"{proxy.host}/{repo_of(registry)}:1", rc=4, env=login(proxy))
        assert trap.seen == []


def test_token_expires_on_the_way(small, big, registry, new_slct, login):
    for source, args in ((small, {"token_uses": 4}), (big, {"token_uses": 2}), (small, {"token_life": 0.3})):
        with FaultProxy(registry.port, auth="bearer", **args) as proxy:
            path = repo_of(registry)
            proxy.on("POST", "/blobs/", late(0.5), first=1)
            source.push(f"{proxy.host}/{path}:1", env=login(proxy))
            assert len(proxy.tokens) > 1
            in_registry(registry, path, source.id, new_slct)


def test_one_token_for_all(small, registry, login):
    with FaultProxy(registry.port, auth="bearer") as proxy:
        small.push(f"{proxy.host}/{repo_of(registry)}:1", env=login(proxy))
        assert len(proxy.asked) <= 2, proxy.asked
        assert proxy.count(status=401) <= 2


def test_refresh_token(small, registry, new_slct, login):
    """OAuth2: an identity token goes into the body of a POST, and is the only login."""
    with FaultProxy(registry.port, auth="bearer", token_uses=4) as proxy:
        path = repo_of(registry)
        env = login(proxy, identitytoken=proxy.refresh_token)
        got = small.slct.run("-vv", "push", "localhost/demo:1", f"{proxy.host}/{path}:1", env=env)
        assert {kind for kind, _ in proxy.asked} == {"refresh_token"} and len(proxy.asked) > 1
        assert all(s.login in ("", "Bearer") for s in proxy.seen)
        assert proxy.refresh_token not in got.err
        in_registry(registry, path, small.id, new_slct)


def test_logins_by_path(small, registry, work):
    """The longest prefix counts; another project's login is not tried."""
    with FaultProxy(registry.port, auth="basic") as proxy:
        path = repo_of(registry)
        right, wrong = {"username": proxy.user, "password": PASSWORD}, {"username": "nobody",
                                                                        "password": "wrong-password"}
        env = docker_config(work / "scoped", {proxy.host: wrong, f"{proxy.host}/{path}": right})
        small.push(f"{proxy.host}/{path}/app:1", env=env)
        got = small.push(f"{proxy.host}/{path}x:1", env=env, rc=4)
        assert "nobody" in got.err and "wrong-password" not in got.err and "slct login" in got.err, got


def test_wrong_password_is_final(small, registry, login):
    with FaultProxy(registry.port, auth="bearer") as proxy:
        got = small.push(f"{proxy.host}/{repo_of(registry)}:1", rc=4,
                         env=login(proxy, username=proxy.user, password="not-the-password"))
        assert "not-the-password" not in got.err and "slct login" in got.err and len(proxy.seen) <= 4, got


def test_no_secret_in_ps(small, registry, login):
    """What other users see of a push under way: command lines."""
    with FaultProxy(registry.port, auth="bearer") as proxy:
        proxy.on("POST", "", status(503, Retry_After="2"), first=1)
        running = small.slct.popen("push", "localhost/demo:1", f"{proxy.host}/{repo_of(registry)}:1", env=login(proxy))
        while not proxy.count("POST"):
            assert running.poll() is None
            time.sleep(0.02)
        seen = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert running.wait(60) == 0
        assert PASSWORD not in seen and not any(t in seen for t in proxy.tokens)


# --- all of it by chance

@pytest.mark.slow
def test_soak(small, registry, new_slct):
    """300 faults from a fixed seed: each run ends well or in one error, and the last ones give the right image."""
    failed = 0
    with FaultProxy(registry.port) as proxy:
        proxy.chaos = Chaos(20260, 300)
        for n in range(400):
            if not proxy.chaos.left:
                break
            path = repo_of(registry)
            sent = small.push(f"{proxy.host}/{path}:1", rc=None, timeout=120)
            other = new_slct(base=None)
            got = other.run("pull", f"{proxy.host}/{path}:1", rc=None, timeout=120) if sent.rc == 0 else None
            for result in filter(None, (sent, got)):
                assert result.rc in (0, 4, 6), result
                assert result.rc == 0 or len(result.errors) == 1, result
                failed += result.rc != 0
            if got and got.rc == 0:
                assert got.out.split()[-1] == small.id, got
            if got:
                intact(other)
            subprocess.run(["rm", "-rf", str(other.store)], check=True)
        assert proxy.chaos.left == 0 and len(proxy.faults) >= 300
        path = repo_of(registry)
        small.push(f"{proxy.host}/{path}:1")
    in_registry(registry, path, small.id, new_slct)
    assert failed <= n, f"{failed} of {2 * n} runs failed"
