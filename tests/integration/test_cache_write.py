"""How --cache-to writes: one client for a whole build, layers that are sent while they are packed, what is known to be
in the registry, and what happens when a write breaks or somebody else is faster."""
import base64
import json
import os
import threading

import pytest

from faultproxy import FaultProxy, cut, reset, status

LINES = "FROM localhost/busybox:1\n" + "".join(f"RUN echo {n} >/f{n}\n" for n in range(5))
BIG = 40 << 20    # more than one chunk of an upload
UPLOAD = "/blobs/uploads/"
TAGS = "/manifests/slct-"


@pytest.fixture
def proxy(registry):
    with FaultProxy(registry.port) as one:
        yield one


def place(registry, proxy):
    return f"{proxy.host}/{registry.repo('w').split('/')[1]}"


def big_context(slct):
    return slct.context({"Dockerfile": "FROM localhost/busybox:1\nCOPY noise /\nRUN wc -c </noise >/size\n",
                         "noise": os.urandom(BIG)})


def is_full(repo, new_slct, text=LINES, **build):
    """Another machine runs nothing, and what it takes is whole."""
    other = new_slct()
    got = other.build(text, "--cache-from", repo, tag="got:1", **build)
    assert got.ran == [], got
    other.run("save", "--format", "oci-dir", "-o", other.work / "out", "got:1")    # fetches and verifies every layer
    other.fsck()
    return got


def login(folder, proxy):
    folder.mkdir()
    text = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {proxy.host: {"auth": text}}}))
    return {"DOCKER_CONFIG": str(folder)}


def blobs_of(slct):
    return {p.name: p for p in (slct.store / "blobs/sha256").iterdir()}


def layers_of(slct):
    """Compressed layers in the store, by name."""
    return {name: p for name, p in blobs_of(slct).items() if p.read_bytes()[:2] == b"\x1f\x8b"}


# --- requests

def test_one_token_for_a_build(new_slct, registry, work):
    """Each entry used to be written by a client of its own, which asked for a token of its own."""
    with FaultProxy(registry.port, auth="bearer") as proxy:
        repo, slct = place(registry, proxy), new_slct()
        built = slct.run("build", "--cache-to", repo, slct.context({"Dockerfile": LINES}),
                         env=login(work / "login", proxy))
        assert "warning" not in built.err and len(built.ran) == 5, built
        assert len(proxy.asked) <= 2, proxy.asked    # to read the tags, to write
        assert proxy.count(status=401) <= 2
        is_full(repo.replace(proxy.host, registry.host), new_slct)


def test_a_token_that_ends_between_entries(new_slct, registry, work):
    with FaultProxy(registry.port, auth="bearer", token_uses=7) as proxy:
        repo, slct = place(registry, proxy), new_slct()
        built = slct.run("build", "--cache-to", repo, slct.context({"Dockerfile": LINES}),
                         env=login(work / "login", proxy))
        assert "warning" not in built.err and len(proxy.asked) > 2, built
        is_full(repo.replace(proxy.host, registry.host), new_slct)


def test_what_is_there_is_not_packed(new_slct, registry, proxy):
    repo = place(registry, proxy)
    new_slct().build(LINES, "--cache-to", repo)
    other = new_slct()
    before = set(layers_of(other))
    built = other.build(LINES, "--cache-to", repo)
    assert len(built.ran) == 5 and set(layers_of(other)) == before, built


# --- bytes

def test_a_layer_is_sent_while_it_is_packed(new_slct, registry, proxy):
    """In chunks, since its length is not known when the first bytes go out."""
    repo, slct = place(registry, proxy), new_slct()
    folder = big_context(slct)
    built = slct.run("build", "--cache-to", repo, folder)
    assert "warning" not in built.err
    sent = [s for s in proxy.seen if s.method == "PATCH" and s.status == 202]
    assert len(sent) >= 2 and sum(s.body for s in sent) >= BIG, [(s.method, s.body) for s in proxy.seen]
    other = new_slct()
    assert other.run("build", "-t", "x:1", "--cache-from", repo, folder).ran == []
    assert other.image("x:1").text("size").strip() == str(BIG)
    other.fsck()


@pytest.mark.parametrize("rule", [
    ("PATCH", UPLOAD, cut(0), 1),
    ("PATCH", UPLOAD, reset(), 2),
    ("PATCH", UPLOAD, status(405), 0),
    ("PATCH", UPLOAD, status(404), 1),
    ("PUT", UPLOAD, status(500), 1),
    ("POST", UPLOAD, reset(after=True), 1),
], ids=["cut", "reset", "no chunks", "lost", "500", "opened unheard"])
def test_a_broken_upload(new_slct, registry, proxy, rule):
    method, pattern, action, first = rule
    repo, slct = place(registry, proxy), new_slct()
    proxy.on(method, pattern, action, first=first)
    folder = big_context(slct)
    built = slct.run("build", "--cache-to", repo, folder)
    assert "warning" not in built.err and proxy.faults, built
    other = new_slct()
    assert other.run("build", "-t", "x:1", "--cache-from", repo, folder).ran == []
    assert other.image("x:1").text("size").strip() == str(BIG)
    other.fsck()


def test_a_registry_that_goes_away(new_slct, registry, proxy):
    """One warning, and a build that is as good as without; its layers are compressed all the same."""
    repo, slct = place(registry, proxy), new_slct()
    proxy.on("PUT", TAGS, status(403), first=100)
    built = slct.build(LINES, "--cache-to", repo)
    assert len(built.ran) == 5 and built.err.count("warning") == 1 and repo in built.err, built
    slct.fsck()


def test_a_required_one_that_goes_away(new_slct, registry, proxy):
    repo, slct = place(registry, proxy), new_slct()
    proxy.on("PUT", TAGS, status(403), first=100)
    built = slct.run("build", "--cache-to", f"{repo},required", slct.context({"Dockerfile": LINES}), rc=4)
    assert len(built.errors) == 1 and "required cache" in built.err, built


# --- what is in the registry already

def test_another_repository_gets_it_by_mounting(new_slct, registry, proxy):
    """What a remote cache answered goes into another one of that registry, and no layer comes here."""
    one, two = place(registry, proxy), place(registry, proxy)
    new_slct().build(LINES, "--cache-to", one)
    other = new_slct()
    assert other.build(LINES, "--cache-from", one).ran == []
    mark = len(proxy.seen)
    built = other.build(LINES, "--cache-from", one, "--cache-to", two)
    assert built.ran == [] and "warning" not in built.err, built
    asked = proxy.seen[mark:]
    assert not [s for s in asked if s.method == "GET" and "/blobs/" in s.path], asked
    assert [s for s in asked if s.method == "POST" and "mount=" in s.path and s.status == 201]
    # The last step has the entries of all: one image is enough for a machine that knows nothing.
    third = new_slct()
    assert third.build(LINES, "--cache-from", two).ran == []


def test_a_mount_that_is_refused(new_slct, registry, proxy):
    one, two = place(registry, proxy), place(registry, proxy)
    new_slct().build(LINES, "--cache-to", one)
    other = new_slct()
    other.build(LINES, "--cache-from", one)
    proxy.on("POST", "mount=", status(405))
    built = other.build(LINES, "--cache-from", one, "--cache-to", two)
    assert built.ran == [] and "warning" not in built.err, built
    assert new_slct().build(LINES, "--cache-from", two).ran == []


@pytest.mark.parametrize("to", ["registry", "directory"])
def test_from_one_place_to_a_foreign_one(new_slct, new_registry, registry, work, to):
    one = registry.repo("w")
    two = new_registry().repo("w") if to == "registry" else str(work / "cache")
    new_slct().build(LINES, "--cache-to", one)
    other = new_slct()
    other.build(LINES, "--cache-from", one)
    built = other.build(LINES, "--cache-from", one, "--cache-to", two)
    assert built.ran == [] and "warning" not in built.err, built
    is_full(two, new_slct)


def test_a_blob_that_was_lost_here_is_asked_for(new_slct, registry, proxy):
    """Its digest is known: what the registry has is not compressed again."""
    repo, slct = place(registry, proxy), new_slct()
    slct.build(LINES, "--cache-to", repo)
    mine = [p for p in layers_of(slct).values() if p.stat().st_size < 10000]
    assert len(mine) == 5
    for path in mine:
        path.unlink()
    twice = repo + "/twice"
    new_slct().build(LINES, "--cache-to", twice)
    slct.build(LINES + "RUN echo new >/new\n", "--cache-to", twice)
    assert not [p for p in mine if p.exists()]
    assert "warning" not in slct.build(LINES, "--cache-to", repo + "/empty").err
    is_full(repo + "/empty", new_slct)


# --- several writers

def test_builds_that_write_the_same_keys(new_slct, registry):
    repo, ones = registry.repo("w"), [new_slct() for _ in range(3)]
    text = LINES + "RUN cat /proc/sys/kernel/random/uuid >/chance\nCOPY list /\n"
    got = [None] * len(ones)

    def build(n):
        got[n] = ones[n].build(text, "--cache-to", repo, files={"list": "x\n"})

    threads = [threading.Thread(target=build, args=(n,)) for n in range(len(ones))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(g and "warning" not in g.err for g in got), got
    full = is_full(repo, new_slct, text, files={"list": "x\n"})
    assert full.id in {g.id for g in got}


def test_tags_that_cannot_be_written_twice(new_slct, registry, proxy):
    """Harbor, ECR and others: a refusal because of an entry that is there is a lost race."""
    repo = place(registry, proxy)
    new_slct().build(LINES, "--cache-to", repo)
    error = '{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}'
    proxy.on("PUT", TAGS, status(412, error))
    built = new_slct().build(LINES, "--no-cache", "--cache-to", repo)
    assert len(built.ran) == 5 and "warning" not in built.err, built
    refused = new_slct().build(LINES, "--cache-to", repo + "/other")
    assert "warning" in refused.err    # there is nothing in its place
