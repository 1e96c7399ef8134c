"""Layers of an image from a registry: unpacked while others are on their way, and few on their way at a time."""
import json
import threading
import time

import pytest

from faultproxy import Action, FaultProxy

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


def test_few_at_a_time(slct, registry, proxy, new_slct):
    """What a build stands on; more would be as many connections at once as the image has layers."""
    path, slow = pushed(slct, registry, 14), Slow()
    proxy.on("GET", BLOB, slow)
    other = new_slct(base=None)
    other.build(f"FROM {proxy.host}/{path}:1\nRUN cat /f0 /f12 >/all\n")
    assert other.image().text("all") == "0\n12\n"
    assert 2 <= slow.most <= 6, slow.most
