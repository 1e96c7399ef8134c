"""Layers of an image from a registry: unpacked while they and others are on their way, and few on their way at a time."""
import json
import os
import threading
import time
import urllib.request

import pytest

from faultproxy import Action, FaultProxy, corrupt

BLOB = "/blobs/sha256"
WAIT = 60    # seconds for what must come


class Held(Action):
    """Answers wait until the test lets them go."""
    name = "held"

    def __init__(self):
        self.free, self.lock, self.at_once, self.most = threading.Event(), threading.Lock(), 0, 0

    def early(self, handler):
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.free.wait(WAIT)
        with self.lock:
            self.at_once -= 1
        return False


class Half(Action):
    """The first half of a body, and when the test lets it go the other one, or the end of the connection, or wrong bytes."""
    name = "half"

    def __init__(self, then=""):
        self.then, self.free, self.sent = then, threading.Event(), threading.Event()

    def late(self, handler, answer):
        half, data = len(answer.body) // 2, answer.body
        handler.head(answer.status, answer.fields, len(data))
        handler.wfile.write(data[:half])
        handler.wfile.flush()
        self.sent.set()
        self.free.wait(WAIT)
        if self.then == "cut":
            handler.cut()
        handler.wfile.write(bytes(len(data) - half) if self.then == "wrong" else data[half:])
        handler.wfile.flush()
        return True


class Slow(Held):
    """Answers that are late enough for others to be asked for meanwhile."""
    name = "slow"

    def early(self, handler):
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.3)
        with self.lock:
            self.at_once -= 1
        return False


@pytest.fixture
def proxy(registry):
    with FaultProxy(registry.port) as one:
        yield one


def pushed(slct, registry, layers):
    """An image of that many layers: its path in the registry."""
    path = registry.repo("o").split("/")[1]
    text = "FROM localhost/busybox:1\n" + "".join(f"RUN echo {n} >/f{n}\n" for n in range(layers - 1))
    slct.build(text, tag="localhost/order:1")
    slct.run("push", "localhost/order:1", f"{registry.host}/{path}:1")
    return path


def trees(slct):
    """Layers that are unpacked."""
    return list((slct.store / "layers").glob("*/*")) if (slct.store / "layers").is_dir() else []


def test_unpacked_while_others_are_on_their_way(slct, registry, proxy, new_slct):
    path, held = pushed(slct, registry, 4), Held()
    other = new_slct(base=None)
    last = json.loads(other.run("inspect", "--raw", f"docker://{registry.host}/{path}:1").out)["layers"][-1]["digest"]
    proxy.on("GET", f"/blobs/{last}", held)
    pull = other.popen("pull", f"{proxy.host}/{path}:1")
    try:
        end = time.monotonic() + WAIT
        while len(trees(other)) < 3:
            assert pull.poll() is None and time.monotonic() < end, trees(other)
            time.sleep(0.05)
        assert held.at_once == 1
    finally:
        held.free.set()
    assert pull.wait(WAIT) == 0 and len(trees(other)) == 4 and other.fsck()


def large(slct, registry):
    """An image whose last layer is 4 MB of noise in 64 files: its path in the registry, that layer's digest, the image's."""
    path = registry.repo("o").split("/")[1]
    built = slct.build("FROM localhost/busybox:1\nCOPY . /noise/\n", tag="localhost/large:1",
                       files={f"f{n:02}": os.urandom(1 << 16) for n in range(64)})
    slct.run("push", "localhost/large:1", f"{registry.host}/{path}:1")
    raw = slct.run("inspect", "--raw", f"docker://{registry.host}/{path}:1").out
    return path, json.loads(raw)["layers"][-1]["digest"], built.id


def unpacked(slct):
    """Files of the large layer in trees that have no name yet. What vanishes meanwhile is passed over."""
    return sum(len(files) for place, _, files in os.walk(slct.store / "tmp") if place.endswith("/noise"))


def until(what, process):
    end = time.monotonic() + WAIT
    while not what():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("then", ["", "cut", "wrong"])
def test_unpacked_while_it_arrives(slct, registry, proxy, new_slct, then):
    """Also what goes on by a range; what turns out to be wrong is unpacked again. Nothing has a name before all is right."""
    (path, layer, want), half = large(slct, registry), Half(then)
    other = new_slct(base=None)
    proxy.on("GET", f"/blobs/{layer}", half, first=1)
    pull = other.popen("pull", f"{proxy.host}/{path}:1")
    try:
        until(lambda: unpacked(other) > 8, pull)
        assert len(trees(other)) <= 1 and not (other.store / "blobs/sha256" / layer[7:]).exists()
    finally:
        half.free.set()
    assert pull.communicate(timeout=WAIT)[0].decode().split()[-1] == want and pull.returncode == 0
    assert len(trees(other)) == 2 and other.fsck() and unpacked(other) == 0
    asked = [s for s in proxy.seen if layer in s.path]
    assert len(asked) == (2 if then else 1)
    assert [s.fields.get("Range", "") != "" for s in asked[1:]] == ([then == "cut"] if then else [])


@pytest.mark.parametrize("command", ["pull", "build"])
def test_wrong_bytes_leave_no_tree(slct, registry, proxy, new_slct, command):
    """The layer's files may have been unpacked on the way: they never get its name."""
    path, layer, _ = large(slct, registry)
    other = new_slct(base=None)
    proxy.on("GET", f"/blobs/{layer}", corrupt())
    if command == "pull":
        got = other.run("pull", f"{proxy.host}/{path}:1", rc=6)
    else:
        got = other.build(f"FROM {proxy.host}/{path}:1\nRUN true\n", rc=6)
    assert layer in got.err and "what came is sha256:" in got.err, got
    assert len(trees(other)) <= 1 and not (other.store / "blobs/sha256" / layer[7:]).exists() and unpacked(other) == 0
    assert other.fsck()


def test_a_layer_of_another_diff_id(slct, registry, new_slct, proxy):
    """The bytes are those of the manifest, but not of the config: refused, and no tree."""
    path, *_ = large(slct, registry)
    raw = json.loads(slct.run("inspect", "--raw", f"docker://{registry.host}/{path}:1").out)
    raw["layers"].reverse()
    text = json.dumps(raw).encode()
    urllib.request.urlopen(urllib.request.Request(f"http://{registry.host}/v2/{path}/manifests/swapped", data=text, method="PUT",
                                                  headers={"Content-Type": raw["mediaType"]})).close()
    other = new_slct(base=None)
    got = other.run("pull", f"{proxy.host}/{path}:swapped", rc=6)
    assert "diff id" in got.err and any(d["digest"] in got.err for d in raw["layers"]), got
    assert trees(other) == [] and unpacked(other) == 0


def test_one_client_for_a_base_image(slct, registry, new_slct, work):
    """Many layers, one client to fetch them; the other one is of whoever looked the image up. (Each asks twice: this proxy
    challenges for more than is wanted.)"""
    path = pushed(slct, registry, 9)
    with FaultProxy(registry.port, auth="bearer") as proxy:
        (work / "docker").mkdir()
        (work / "docker/config.json").write_text(json.dumps(
            {"auths": {proxy.host: {"username": proxy.user, "password": proxy.password}}}))
        other = new_slct(base=None)
        other.build(f"FROM {proxy.host}/{path}:1\nRUN cat /f0 /f7 >/all\n", env={"DOCKER_CONFIG": str(work / "docker")})
        assert 2 <= len(proxy.asked) <= 4, proxy.asked


def test_few_at_a_time(slct, registry, proxy, new_slct):
    """What a build stands on; more would be as many connections at once as the image has layers."""
    path, slow = pushed(slct, registry, 14), Slow()
    proxy.on("GET", BLOB, slow)
    other = new_slct(base=None)
    other.build(f"FROM {proxy.host}/{path}:1\nRUN cat /f0 /f12 >/all\n")
    assert other.image().text("all") == "0\n12\n"
    assert 2 <= slow.most <= 6, slow.most
