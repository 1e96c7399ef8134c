"""slct cache ls and gc: directories and repositories."""
import json
import time

import pytest

DOCKERFILE = "FROM localhost/busybox:1\nRUN echo {0} >/{0}\nRUN echo more >/more\n"


def build(one, word, place):
    return one.run("build", "--cache-to", place, one.context({"Dockerfile": DOCKERFILE.format(word)}))


def ls(one, place):
    return json.loads(one.run("cache", "ls", "--json", place).out)["entries"]


@pytest.fixture(params=["directory", "repository"])
def place(request, registry, work):
    return str(work / "cache") if request.param == "directory" else registry.repo()


def test_ls(slct, place):
    build(slct, "one", place)
    entries = ls(slct, place)
    assert len(entries) == 2 and all(t.startswith("slct-") for e in entries for t in e["tags"])
    assert sorted(e["layers"] for e in entries) == [2, 3] and all(e["built"].endswith("Z") for e in entries)
    text = slct.run("cache", "ls", place).out
    assert "2 entries, " in text and entries[0]["tags"][0] in text


def test_gc_of_a_directory(slct, new_slct, work):
    place = work / "cache"
    build(slct, "old", place)
    slct.run("save", "--format", "oci-dir", "-o", place, "localhost/busybox:1")   # an image that is no entry
    time.sleep(2.1)
    build(slct, "new", place)
    before = sorted(p.name for p in (place / "blobs/sha256").iterdir())
    dry = slct.run("cache", "gc", "--keep", "1s", place)
    assert "would remove" in dry.out and "--yes" in dry.out
    assert sorted(p.name for p in (place / "blobs/sha256").iterdir()) == before and len(ls(slct, place)) == 4
    done = json.loads(slct.run("cache", "gc", "--json", "--keep", "1s", "--yes", place).out)
    assert done["entries"] >= 2 and done["blobs"] >= 4 and done["bytes"] > 0
    assert len(ls(slct, place)) == 2
    other = new_slct()
    again = other.run("build", "--cache-from", place, other.context({"Dockerfile": DOCKERFILE.format("new")}))
    assert again.ran == [], again
    assert "busybox:1" in (place / "index.json").read_text()
    time.sleep(1.1)   # entries hold their time in seconds
    slct.run("cache", "gc", "--keep", "0s", "--yes", place)
    assert ls(slct, place) == [] and "busybox:1" in (place / "index.json").read_text()


def test_gc_of_a_repository(slct, registry):
    place = registry.repo()
    build(slct, "old", place)
    assert len(ls(slct, place)) == 2
    time.sleep(1.1)
    done = slct.run("cache", "gc", "--keep", "0s", "--yes", place, rc=None)
    if done.rc:   # as docker's registry comes
        assert done.rc == 4 and "allows no deletion" in done.err, done
        assert len(ls(slct, place)) == 2
    else:
        assert ls(slct, place) == []


def test_errors(slct, work):
    assert "is not ls or gc" in slct.run("cache", "rm", "./x", rc=2).err
    assert slct.run("cache", "gc", "./none", rc=None).rc not in (0, 1)
    assert not (work / "none").exists()
    assert slct.run("cache", "ls", "./none", rc=None).rc not in (0, 1)
