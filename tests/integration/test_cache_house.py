"""slct cache ls and gc: directories and repositories."""
import hashlib
import json
import os
import re
import subprocess
import threading
import time
import urllib.request

import pytest

from faultproxy import Action, FaultProxy, status
from remotes import web  # noqa: F401 (fixture)

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NAME = "org.opencontainers.image.ref.name"

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


def make_old(place, days, used=None):
    """Entries of a directory as if they had been built so many days ago, and used as many days ago, or `used`."""
    index = json.loads((place / "index.json").read_text())
    then = time.time() - days * 86400
    for entry in index["manifests"]:
        if not entry["annotations"][NAME].startswith("slct-"):
            continue
        manifest = json.loads((place / "blobs/sha256" / entry["digest"][7:]).read_text())
        manifest["annotations"]["io.slct.cache.built"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))
        data = json.dumps(manifest).encode()
        entry["digest"], entry["size"] = "sha256:" + hashlib.sha256(data).hexdigest(), len(data)
        path = place / "blobs/sha256" / entry["digest"][7:]
        path.write_bytes(data)
        last = then if used is None else time.time() - used * 86400
        os.utime(path, (last, last))
    (place / "index.json").write_text(json.dumps(index))


def test_gc_of_a_directory(slct, new_slct, work):
    place = work / "cache"
    build(slct, "old", place)
    slct.run("save", "--format", "oci-dir", "-o", place, "localhost/busybox:1")   # an image that is no entry
    make_old(place, 20)
    build(slct, "new", place)
    before = sorted(p.name for p in (place / "blobs/sha256").iterdir())
    assert "would remove 0 entries" in slct.run("cache", "gc", place).out    # 30 days
    dry = slct.run("cache", "gc", "--keep", "240h", place)
    assert "would remove" in dry.out and "--yes" in dry.out
    assert sorted(p.name for p in (place / "blobs/sha256").iterdir()) == before and len(ls(slct, place)) == 4
    done = json.loads(slct.run("cache", "gc", "--json", "--keep", "240h", "--yes", place).out)
    assert done["entries"] >= 2 and done["blobs"] >= 4 and done["bytes"] > 0 and done["in_use"] is False
    assert len(ls(slct, place)) == 2
    other = new_slct()
    again = other.run("build", "--cache-from", place, other.context({"Dockerfile": DOCKERFILE.format("new")}))
    assert again.ran == [], again
    assert "busybox:1" in (place / "index.json").read_text()
    make_old(place, 1)
    slct.run("cache", "gc", "--keep", "1h", "--yes", place)
    assert ls(slct, place) == [] and "busybox:1" in (place / "index.json").read_text()


def test_what_is_used_stays(slct, new_slct, work):
    """Built long ago, used by a build today: that is noted by the day; what nobody used goes."""
    place = work / "cache"
    for word in ("used", "unused"):
        build(slct, word, place)
    make_old(place, 100)
    other = new_slct()
    again = other.run("build", "--cache-from", place, other.context({"Dockerfile": DOCKERFILE.format("used")}))
    assert again.ran == []
    done = json.loads(slct.run("cache", "gc", "--json", "--yes", place).out)
    kept, = ls(slct, place)    # that of the last step, which is all that a build of the same needs
    assert done["entries"] >= 2 and kept["layers"] == 3
    third = new_slct()
    assert third.run("build", "--cache-from", place, third.context({"Dockerfile": DOCKERFILE.format("used")})).ran == []
    # Used long ago is not used.
    make_old(place, 100, used=31)
    slct.run("cache", "gc", "--yes", place)
    assert ls(slct, place) == []


@pytest.mark.parametrize("writable", [True, False], ids=["writable", "read-only"])
def test_gc_while_a_build_reads(new_slct, web, work, user, writable):
    """The build has found an entry and needs its layer later: gc in between takes the name away, not the layer."""
    place, reached, gate = work / "cache", threading.Event(), threading.Event()
    cached = "FROM localhost/busybox:1\nRUN head -c 100000 /dev/urandom >/big\n"
    writer = new_slct()
    writer.run("build", "--cache-to", place, writer.context({"Dockerfile": cached}))
    make_old(place, 100)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)

    class Gate:
        """Whoever asks the server waits until the test says so."""
        @staticmethod
        def wait(_):
            reached.set()
            gate.wait(100)
    web.files["/go"], web.gate = b"go\n", Gate
    reader = new_slct() if writable else new_slct(user=user)
    both = f"FROM localhost/busybox:1 AS slow\nRUN wget -q -O /go {web.url}/go\n" + cached + "COPY --from=slow /go /go\n"
    context = reader.context({"Dockerfile": both})
    job = reader.popen("build", "--network", "host", "--cache-from", place, context, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    try:
        assert reached.wait(60), "the slow stage does not run"
        for path in (place / "blobs/sha256").iterdir():
            os.utime(path, (1, 1))    # else its use today would keep it
        got = json.loads(writer.run("cache", "gc", "--json", "--yes", place).out)
        assert got["entries"] and got["in_use"] and got["blobs"] == 0, got
        assert ls(writer, place) == []
        assert "a build is reading" in writer.run("cache", "gc", "--yes", place).out
    finally:
        gate.set()
        out = job.communicate(timeout=100)[0].decode()
    assert job.returncode == 0 and "RUN head" in out, out
    assert len(re.findall(r"DONE", out)) == 2, out    # the cached step was not run again
    done = json.loads(writer.run("cache", "gc", "--json", "--yes", place).out)
    assert not done["in_use"] and done["blobs"] >= 2
    assert not list((place / "blobs/sha256").iterdir())


class Hold(Action):
    """A request waits until the test says so."""

    def __init__(self):
        self.reached, self.go = threading.Event(), threading.Event()

    def early(self, handler):
        self.reached.set()
        self.go.wait(100)


@pytest.mark.parametrize("way", ["build", "push"])
def test_gc_while_a_push_reads(new_slct, registry, work, way):
    """The image's layers lie in the directory alone: they stay until the command that sends them has ended."""
    place, hold = work / "cache", Hold()
    text = {"Dockerfile": "FROM localhost/busybox:1\nRUN head -c 100000 /dev/urandom >/big\n"}
    writer, reader = new_slct(), new_slct()
    writer.run("build", "--cache-to", place, writer.context(text))
    make_old(place, 100)
    with FaultProxy(registry.port) as proxy:
        proxy.on("", "/v2/", hold, first=1)
        name = f"{proxy.host}/{registry.repo('p').split('/')[1]}:1"
        build = ["build", "-t", name, "--cache-from", place, reader.context(text)]
        if way == "push":
            assert reader.run(*build).ran == []
        job = reader.popen(*([*build, "--push"] if way == "build" else ["push", name]), stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        try:
            assert hold.reached.wait(60), "nothing is sent"
            for path in (place / "blobs/sha256").iterdir():
                os.utime(path, (1, 1))    # else its use today would keep it
            got = json.loads(writer.run("cache", "gc", "--json", "--yes", place).out)
            assert got["entries"] and got["in_use"] and got["blobs"] == 0, got
        finally:
            hold.go.set()
            out = job.communicate(timeout=100)[0].decode()
        assert job.returncode == 0, out
    assert json.loads(writer.run("cache", "gc", "--json", "--yes", place).out)["blobs"] >= 2
    reader.fsck()


def api(place, tail, body=None, kind=MANIFEST):
    host, path = place.split("/", 1)
    request = urllib.request.Request(f"http://{host}/v2/{path}/{tail}", data=body, method="PUT" if body else "GET",
                                     headers={"Content-Type" if body else "Accept": kind})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def all_tags(place):
    return sorted(json.loads(api(place, "tags/list"))["tags"] or [])


def notes(place):
    return [tag for tag in all_tags(place) if tag.startswith("slct-used-")]


def make_old_there(place, days):
    """The same for a repository: what was built, and the days of the notes."""
    then = time.gmtime(time.time() - days * 86400)
    moved = {}
    for tag in all_tags(place):
        if tag.startswith("slct-used-") or not tag.startswith("slct-"):
            continue
        manifest = json.loads(api(place, f"manifests/{tag}"))
        manifest["annotations"]["io.slct.cache.built"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", then)
        old, new = api(place, f"manifests/{tag}"), json.dumps(manifest).encode()
        api(place, f"manifests/{tag}", new)
        moved["sha256:" + hashlib.sha256(old).hexdigest()] = (new, "sha256:" + hashlib.sha256(new).hexdigest())
    for tag in notes(place):
        index = json.loads(api(place, f"manifests/{tag}", kind=INDEX))
        for entry in index["manifests"]:
            text, entry["digest"] = moved.get(entry["digest"], (None, entry["digest"]))
            entry["size"] = len(text) if text else entry["size"]
        index["annotations"]["io.slct.cache.used"] = time.strftime("%Y-%m-%dT00:00:00Z", then)
        api(place, f"manifests/{time.strftime('slct-used-%Y%m%d-', then)}{tag[-16:]}", json.dumps(index).encode(), INDEX)
        digest = hashlib.sha256(api(place, f"manifests/{tag}", kind=INDEX)).hexdigest()
        host, path = place.split("/", 1)
        urllib.request.urlopen(urllib.request.Request(f"http://{host}/v2/{path}/manifests/sha256:{digest}", method="DELETE"))


def read(one, word, place, *more):
    return one.run("build", "--cache-from", place, *more, one.context({"Dockerfile": DOCKERFILE.format(word)}))


def test_gc_of_a_repository(slct, registry):
    place = registry.repo()
    build(slct, "old", place)
    slct.run("push", "localhost/busybox:1", f"{place}:image")    # an image that is no entry
    make_old_there(place, 20)
    build(slct, "new", place)
    assert "would remove 0 entries" in slct.run("cache", "gc", place).out    # 30 days
    before = all_tags(place)
    dry = slct.run("cache", "gc", "--keep", "240h", place)
    assert "would remove 2 entries" in dry.out and "--yes" in dry.out and all_tags(place) == before
    done = json.loads(slct.run("cache", "gc", "--json", "--keep", "240h", "--yes", place).out)
    assert done["entries"] == 2 and len(ls(slct, place)) == 2 and "image" in all_tags(place)


def test_what_is_used_stays_in_a_repository(slct, new_slct, registry):
    """Built long ago, read by a build today that may write there, too."""
    place = registry.repo()
    for word in ("used", "unused"):
        build(slct, word, place)
    make_old_there(place, 100)
    reader = new_slct()
    assert read(reader, "used", place).ran == []
    assert notes(place) == []    # who may only read leaves nothing behind
    other = new_slct()
    assert read(other, "used", place, "--cache-to", place).ran == []
    note, = notes(place)
    kept, = [e for e in ls(slct, place) if e["used"]]
    assert kept["layers"] == 3 and kept["used"][:10].replace("-", "") == note[10:18]
    third = new_slct()
    assert read(third, "used", place, "--cache-to", place).ran == []
    assert len({tag[10:18] for tag in notes(place)}) == len(notes(place))    # one a day
    done = json.loads(slct.run("cache", "gc", "--json", "--yes", place).out)
    assert done["entries"] == 3 and [e["digest"] for e in ls(slct, place)] == [kept["digest"]]
    assert read(new_slct(), "used", place).ran == []
    # Used long ago is not used, and the note of that day goes, too.
    make_old_there(place, 40)
    assert notes(place)
    slct.run("cache", "gc", "--yes", place)
    assert ls(slct, place) == [] and notes(place) == []


def test_a_note_that_cannot_be_written(new_slct, registry):
    """It is of no consequence to the build, not even where the cache is required."""
    with FaultProxy(registry.port) as proxy:
        place = f"{proxy.host}/{registry.repo('p').split('/')[1]}"
        build(new_slct(), "one", place)
        proxy.on("PUT", "/manifests/slct-used-", status(400, '{"errors":[{"code":"MANIFEST_INVALID"}]}'))
        got = read(new_slct(), "one", place, "--cache-to", f"{place},required")
        assert got.ran == [] and "warning" not in got.err and proxy.faults, got


def test_errors(slct, work):
    assert "is not ls or gc" in slct.run("cache", "rm", "./x", rc=2).err
    assert slct.run("cache", "gc", "./none", rc=None).rc not in (0, 1)
    assert not (work / "none").exists()
    assert slct.run("cache", "ls", "./none", rc=None).rc not in (0, 1)
