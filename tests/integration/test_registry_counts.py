"""How many requests a registry gets: a full cache, a filled one, a push and the same push again."""
import os
import re

import pytest

from faultproxy import FaultProxy, late

STEPS = "".join(f"RUN echo {n} >/f{n}\n" for n in range(22))
DOCKERFILE = "FROM {base}\n" + STEPS


@pytest.fixture
def base(slct, registry):
    """A base image in the registry, so that it must be resolved."""
    ref = registry.repo("base") + ":1"
    slct.run("push", "localhost/busybox:1", ref)
    return ref


@pytest.fixture
def proxy(registry):
    with FaultProxy(registry.port) as one:
        yield one


def rounds(seen):
    """Sequential rounds: a request that came after the answer to one of a round belongs to a later one."""
    n, end = 0, 0.0
    for s in sorted(seen, key=lambda s: s.time):
        if s.time >= end:
            n, end = n + 1, s.time + 0.15    # when the first answer of this round can have been given
    return n


def show(seen):
    return "\n".join(f"{s.method} {s.status} {re.sub('[0-9a-f]{60}', '', s.path)[:90]}" for s in seen)


ONCE = 3    # the list of tags, and the base's layer


def cache_repo(registry, proxy):
    return f"{proxy.host}/{registry.repo('cache').split('/')[1]}"


def test_filling_a_cache(base, new_slct, registry, proxy):
    slct, repo = new_slct(base=None), cache_repo(registry, proxy)
    slct.build(DOCKERFILE.format(base=base), "--cache-to", repo)
    assert len(proxy.seen) <= 6 * 22 + ONCE, show(proxy.seen)
    other = new_slct(base=None)
    assert other.build(DOCKERFILE.format(base=base), "--cache-from", repo).ran == []


def test_filling_a_cache_that_is_asked_first(base, new_slct, registry, proxy):
    """Besides, each step is looked up by both of its keys."""
    slct, repo = new_slct(base=None), cache_repo(registry, proxy)
    slct.build(DOCKERFILE.format(base=base), "--cache-to", repo, "--cache-from", repo)
    writes = [s for s in proxy.seen if s.method != "GET"]
    assert len(writes) <= 6 * 22 + ONCE and len(proxy.seen) - len(writes) <= 2 * 22 + 1, show(proxy.seen)


def test_adding_to_a_cache(base, new_slct, registry, proxy):
    """New steps in a repository that has others: large layers are asked for before they are sent."""
    slct, repo = new_slct(base=None), cache_repo(registry, proxy)
    slct.build(DOCKERFILE.format(base=base), "--cache-to", repo)
    mark = len(proxy.seen)
    built = slct.build(DOCKERFILE.format(base=base) + "RUN echo more >/more\nRUN head -c 200000 /dev/urandom >/noise\n",
                       "--cache-to", repo)
    assert len(built.ran) == 2
    assert len(proxy.seen) - mark <= 6 * 2 + 3 + 22, show(proxy.seen[mark:])


def test_writing_what_is_there(base, new_slct, registry, proxy):
    """Another machine builds the same without asking the cache: no blob moves."""
    repo = cache_repo(registry, proxy)
    new_slct(base=None).build(DOCKERFILE.format(base=base), "--cache-to", repo)
    mark = len(proxy.seen)
    new_slct(base=None).build(DOCKERFILE.format(base=base), "--cache-to", repo)
    again = proxy.seen[mark:]
    assert not [s for s in again if s.method in ("PUT", "POST", "PATCH")], show(again)


def test_fully_cached(base, new_slct, registry, proxy):
    repo, first = cache_repo(registry, proxy), new_slct(base=None)
    made = first.build(DOCKERFILE.format(base=base), "--cache-to", repo)
    mark = len(proxy.seen)
    proxy.on("", "/v2/", late(0.15))    # so that what is asked in parallel overlaps
    other = new_slct(base=None)
    built = other.build(DOCKERFILE.format(base=base), "--cache-from", repo)
    assert built.ran == [] and built.id == made.id
    asked = proxy.seen[mark:]
    assert len(asked) <= 8, show(asked)
    assert rounds(asked) <= 3, show(asked)
    assert not [s for s in asked if "/blobs/" in s.path], show(asked)


def test_fully_cached_and_written(base, new_slct, registry, proxy):
    """Read and written: besides, what is there is listed, and once a day it is noted that it was of use."""
    repo = cache_repo(registry, proxy)
    new_slct(base=None).build(DOCKERFILE.format(base=base), "--cache-to", repo)
    for _ in range(2):
        mark = len(proxy.seen)
        built = new_slct(base=None).build(DOCKERFILE.format(base=base), "--cache-from", repo, "--cache-to", repo)
        asked = proxy.seen[mark:]
        assert built.ran == [] and "warning" not in built.err
        assert len(asked) <= 3, show(asked)    # each of them may be a round
        assert len([s for s in asked if s.body]) <= 1, show(asked)


@pytest.mark.parametrize("count", [1, 5])
def test_repeated_push(slct, registry, proxy, count):
    """The same tag: one request. Another tag: nothing is sent but the manifest."""
    path = registry.repo("p").split("/")[1]
    slct.build("FROM localhost/busybox:1\n" + "".join(f"COPY f{n} /\n" for n in range(count)), tag="localhost/p:1",
               files={f"f{n}": os.urandom(50000) for n in range(count)})
    slct.run("push", "localhost/p:1", f"{proxy.host}/{path}:1")
    blobs = count + 2    # the base, the layers, the config
    assert len(proxy.seen) <= 1 + 3 * blobs + 1
    mark = len(proxy.seen)
    slct.run("push", "localhost/p:1", f"{proxy.host}/{path}:1")
    assert len(proxy.seen) == mark + 1 and not proxy.seen[-1].body
    mark = len(proxy.seen)
    slct.run("push", "localhost/p:1", f"{proxy.host}/{path}:2")
    again = proxy.seen[mark:]
    assert len(again) <= 1 + blobs + 1, show(again)
    assert [s.method for s in again if s.body] == ["PUT"], show(again)


def test_pull_asks_once_for_each(slct, registry, proxy, new_slct):
    path = registry.repo("p").split("/")[1]
    slct.run("push", "localhost/busybox:1", f"{registry.host}/{path}:1")
    other = new_slct(base=None)
    other.run("pull", f"{proxy.host}/{path}:1")
    assert len(proxy.seen) == 3, show(proxy.seen)    # manifest, config, layer
    other.run("pull", f"{proxy.host}/{path}:1")
    assert len(proxy.seen) == 4, show(proxy.seen)


def test_fully_cached_and_pushed(base, new_slct, registry, proxy):
    """An empty machine, the goal in the cache's repository: what that has becomes an image, and no layer moves."""
    repo = cache_repo(registry, proxy)
    base = base.replace(registry.host, proxy.host)    # the same registry for all
    made = new_slct(base=None).build(DOCKERFILE.format(base=base), "--cache-to", repo)
    mark, other = len(proxy.seen), new_slct(base=None)
    built = other.build(DOCKERFILE.format(base=base), "--cache-from", repo, "--push", tag=f"{repo}:goal")
    asked = proxy.seen[mark:]
    assert built.id == made.id and built.ran == []
    assert len(asked) <= 8, show(asked)
    assert sum(s.body for s in asked) < 20000, show(asked)
    path = repo.split("/")[1]
    assert not [s for s in asked if s.method == "GET" and f"/{path}/blobs/" in s.path], show(asked)
    assert new_slct(base=None).run("pull", f"{repo}:goal").out.split()[-1] == made.id
    other.fsck()
