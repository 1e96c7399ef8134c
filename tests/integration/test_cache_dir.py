"""Caches in directories (image layouts): an empty machine, several in order, read-only ones, age, jobs at one time."""
import hashlib
import json
import shutil
import subprocess
import time

import pytest

from faultproxy import FaultProxy, status
from lab import need

FILES = {
    "Dockerfile": """\
        FROM localhost/busybox:1 AS tool
        RUN echo tool >/tool && sleep 0.1
        FROM localhost/busybox:1
        COPY list.txt /
        RUN wc -l </list.txt >/count
        COPY --from=tool /tool /tool
        CMD ["cat", "/count"]
        """,
    "list.txt": "a\nb\n",
}

def ready(one, **changed):
    files = dict(FILES)
    files.update({name.replace("_", "."): text for name, text in changed.items()})
    return one.context(files)


def tags(folder):
    entries = json.loads((folder / "index.json").read_text())["manifests"]
    return {e["annotations"]["org.opencontainers.image.ref.name"]: e["digest"] for e in entries}


@pytest.fixture
def filled(new_slct, work):
    """A directory that one machine has filled; that machine, and what it built."""
    one = new_slct()
    folder = work / "cache"
    built = one.run("build", "--cache-to", folder, ready(one))
    assert len(built.ran) == 4, built
    return folder, one, built


def test_an_empty_machine_runs_nothing(filled, new_slct):
    folder, one, first = filled
    other = new_slct()
    built = other.run("build", "--cache-from", f"oci:{folder}", ready(other))
    assert built.ran == [] and built.out == first.out, built
    # Its layers come from there only now, and are what the other machine made.
    other.run("tag", built.id, "got:1")
    one.run("tag", first.id, "made:1")
    assert other.image("got:1").text("count").strip() == "2"
    assert other.image("got:1").diff_ids == one.image("made:1").diff_ids
    other.fsck()


def test_the_directory_is_a_layout_of_ordinary_images(filled, work):
    folder, _, _ = filled
    assert len([t for t in tags(folder) if t.startswith("slct-")]) >= 4
    skopeo = need("skopeo")
    for tag in tags(folder):
        done = subprocess.run([skopeo, "inspect", f"oci:{folder}:{tag}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_change_uses_what_is_before_it(filled, new_slct):
    folder, _, _ = filled
    other = new_slct()
    built = other.run("build", "-t", "x:1", "--cache-from", folder, ready(other, list_txt="a\nb\nc\n"))
    assert len(built.ran) == 3 and not any("tool" in step for step in built.ran), built
    assert other.image("x:1").text("count").strip() == "3"
    assert other.image("x:1").text("tool") == "tool\n"


def test_reading_writes_nothing(filled, new_slct):
    folder, _, _ = filled
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    other = new_slct()
    other.run("build", "--cache-from", folder, ready(other, list_txt="z\n"))
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before


def test_a_relative_name_and_a_missing_directory(new_slct):
    one = new_slct()
    context = ready(one)
    first = one.run("build", "--cache-from", "./none", "--cache-to", "./made,mode=stages", context)
    assert "warning" not in first.err, first
    assert not (one.work / "none").exists()
    assert len(set(tags(one.work / "made").values())) == 2     # the last step of each stage
    other = new_slct()
    built = other.run("build", "--cache-from", one.work / "made", ready(other))
    assert built.ran == [], built


def test_several_are_asked_in_their_order(filled, new_slct, work):
    folder, _, first = filled
    other = new_slct()
    other.run("build", "--cache-to", work / "second", ready(other, list_txt="1\n"))
    third = new_slct()
    empty = work / "empty"
    empty.mkdir()
    built = third.run("build", "--cache-from", empty, "--cache-from", work / "second", "--cache-from", folder,
                      ready(third))
    assert built.ran == [] and built.out == first.out, built


def test_entries_are_kept_unless_forced(filled, new_slct):
    folder, _, _ = filled
    before = tags(folder)
    other = new_slct()
    other.run("build", "--cache-to", folder, ready(other))
    assert tags(folder) == before
    time.sleep(1.1)   # entries hold their time in seconds
    other.run("build", "--no-cache", "--cache-to", folder, ready(other))
    after = tags(folder)
    assert set(after) == set(before) and all(after[t] != before[t] for t in before)


def test_ttl(filled, new_slct):
    folder, one, _ = filled
    fresh = new_slct()
    assert fresh.run("build", "--cache-ttl", "1h", "--cache-from", folder, ready(fresh)).ran == []
    time.sleep(2.1)
    other = new_slct()
    before = tags(folder)
    old = other.run("build", "--cache-ttl", "1s", "--cache-from", folder, "--cache-to", folder, ready(other))
    assert len(old.ran) == 4, old
    assert all(tags(folder)[t] != before[t] for t in before)
    assert other.run("build", ready(other)).ran == []
    assert len(one.run("build", "--cache-ttl", "1s", ready(one)).ran) == 4   # of local records, too
    assert one.run("build", "--cache-ttl", "1h", ready(one)).ran == []


def test_an_entry_that_lost_a_blob_is_none_and_heals(filled, new_slct):
    folder, _, first = filled
    (folder / "blobs").rename(folder / "gone")
    (folder / "blobs/sha256").mkdir(parents=True)
    for path in (folder / "gone/sha256").iterdir():
        if path.stat().st_size < 5000 and b"schemaVersion" in path.read_bytes():
            shutil.copy(path, folder / "blobs/sha256")
    shutil.rmtree(folder / "gone")
    other = new_slct()
    built = other.run("build", "--cache-from", folder, "--cache-to", folder, ready(other))
    assert len(built.ran) == 4 and built.out == first.out, built
    third = new_slct()
    assert third.run("build", "--cache-from", folder, ready(third)).ran == []


def test_damaged_entries_are_none(filled, new_slct):
    folder, _, _ = filled
    for path in (folder / "blobs/sha256").iterdir():
        data = path.read_bytes()
        if b"schemaVersion" in data:
            path.chmod(0o644)
            path.write_bytes(data.replace(b"io.slct.cache.made", b"io.slct.cache.maed"))
    other = new_slct()
    built = other.run("build", "--cache-from", folder, ready(other))
    assert len(built.ran) == 4, built
    other.fsck()


def test_a_directory_that_is_no_layout(new_slct, work):
    folder = work / "other"
    folder.mkdir()
    (folder / "notes").write_text("mine")
    one = new_slct()
    built = one.run("build", "--cache-to", folder, ready(one))
    assert "cannot be written" in built.err and "neither empty nor an image layout" in built.err
    assert sorted(p.name for p in folder.iterdir()) == ["notes"]
    bad = one.run("build", "--no-cache", "--cache-to", f"{folder},required", ready(one), rc=None)
    assert bad.rc != 0 and "required cache" in bad.err, bad


def test_jobs_at_one_time(new_slct, work):
    """Six machines build different things into one directory: every entry is there and whole."""
    folder = work / "cache"
    jobs = []
    for i in range(6):
        one = new_slct()
        context = ready(one, list_txt="a\n" * (1 + i % 3))
        jobs.append((one, i % 3, one.popen("build", "--cache-to", folder, context)))
    ids = {}
    for one, kind, job in jobs:
        out, err = job.communicate(timeout=120)
        assert job.returncode == 0 and b"warning" not in err, err
        assert ids.setdefault(kind, out) == out
    for kind in range(3):
        reader = new_slct()
        built = reader.run("build", "--cache-from", folder, ready(reader, list_txt="a\n" * (1 + kind)))
        assert built.ran == [] and built.out.encode() == ids[kind], built


def test_no_cache_filter(slct):
    context = ready(slct)
    first = slct.run("build", context)
    again = slct.run("build", "--no-cache-filter", "tool", context)
    assert len(again.ran) == 1 and "tool" in again.ran[0] and again.out == first.out, again
    assert "no stage" in slct.run("build", "--no-cache-filter", "tol", context, rc=3).err


def test_an_ordinary_user_and_another_directory(new_slct, user, work):
    """What root wrote serves an ordinary user, whose layers have other owners on disk."""
    folder = work / "cache"
    one = new_slct()
    first = one.run("build", "--cache-to", folder, ready(one))
    other = new_slct(user=user)
    built = other.run("build", "-t", "x:1", "--cache-from", folder, ready(other))
    assert built.ran == [] and built.out == first.out, built
    assert other.image("x:1").text("count").strip() == "2"
    denied = other.run("build", "--no-cache", "--cache-to", folder, ready(other))
    assert "cannot be written" in denied.err


# --- by stage, required, and none that is written

NAMED = {
    "Dockerfile": """\
        FROM localhost/busybox:1 AS deps
        RUN echo deps >/deps
        FROM localhost/busybox:1 AS tool
        RUN echo tool >/tool
        FROM deps AS app
        COPY --from=tool /tool /tool
        RUN cat /deps /tool >/both
        """,
}


def steps(built):
    """The stages of which steps ran."""
    return sorted({step.split(" ")[0] for step in built.ran})


def aged(folder, seconds=7200):
    """The entries of a cache become older. Their digests change, and the index with them."""
    index = json.loads((folder / "index.json").read_text())
    for entry in index["manifests"]:
        path = folder / "blobs/sha256" / entry["digest"].split(":")[1]
        manifest = json.loads(path.read_text())
        when = time.time() - seconds
        manifest["annotations"]["io.slct.cache.built"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
        text = json.dumps(manifest).encode()
        entry["digest"], entry["size"] = "sha256:" + hashlib.sha256(text).hexdigest(), len(text)
        (folder / "blobs/sha256" / entry["digest"].split(":")[1]).write_bytes(text)
    (folder / "index.json").write_text(json.dumps(index))


def test_only_some_stages_are_written(new_slct, work):
    one, all_of, some = new_slct(), work / "all", work / "some"
    one.run("build", "--cache-to", all_of, "--cache-to", f"{some},stage=deps,stage=tool", one.context(NAMED))
    assert len(set(tags(all_of).values())) == 4 and len(set(tags(some).values())) == 2
    other = new_slct()
    assert steps(other.run("build", "--cache-from", some, other.context(NAMED))) == ["app"]


def test_only_some_stages_are_read(new_slct, work):
    one, folder = new_slct(), work / "cache"
    one.run("build", "--cache-to", folder, one.context(NAMED))
    other = new_slct()
    built = other.run("build", "--cache-from", f"{folder},stage=tool", other.context(NAMED))
    assert steps(built) == ["app", "deps"], built
    third = new_slct()
    both = ["--cache-from", f"{folder},stage=tool", "--cache-from", f"{folder},stage=deps,stage=app"]
    assert third.run("build", *both, third.context(NAMED)).ran == []


@pytest.mark.parametrize("option", ["--cache-from", "--cache-to"])
def test_a_stage_that_is_not_there(slct, work, option):
    got = slct.run("build", option, f"{work}/cache,stage=depths", slct.context(NAMED), rc=3)
    assert len(got.errors) == 1 and "depths" in got.err and "deps" in got.err, got
    got = slct.run("build", "--cache-ttl", "depths=1h", slct.context(NAMED), rc=3)
    assert len(got.errors) == 1 and "--cache-ttl" in got.err, got


@pytest.mark.parametrize("ttl, ran", [
    (["1h"], ["app", "deps", "tool"]),
    (["3h"], []),
    (["tool=1h"], ["tool"]),    # what it makes is what the others were built with
    (["1h", "deps=3h", "app=3h"], []),    # the limit for all is one for each entry
    (["1h", "tool=0s"], ["app", "deps"]),
])
def test_ttl_of_a_stage(new_slct, work, ttl, ran):
    one, folder = new_slct(), work / "cache"
    one.run("build", "--cache-to", folder, one.context(NAMED))
    aged(folder)
    other = new_slct()
    options = [word for value in ttl for word in ("--cache-ttl", value)]
    built = other.run("build", "--target", "app", *options, "--cache-from", folder, other.context(NAMED))
    assert steps(built) == ran, built


def test_a_required_one_that_cannot_be_read(slct, work):
    (work / "cache").mkdir()
    (work / "cache/index.json").write_text("{")
    (work / "cache/oci-layout").write_text("{}")
    lenient = slct.run("build", "--cache-from", work / "cache", slct.context(NAMED))
    assert "cannot be read" in lenient.err
    strict = slct.run("build", "--cache-from", f"{work}/cache,required",
                      slct.context({"Dockerfile": "FROM localhost/busybox:1\nRUN echo other\n"}), rc=3)
    assert len(strict.errors) == 1 and "required cache" in strict.err and strict.ran == [], strict


def test_a_required_one_that_fails_later(new_slct, new_registry, work):
    """It is there when the build begins, and not when a content key is asked for."""
    registry, one = new_registry(), new_slct()
    repo = registry.repo("cache")
    with FaultProxy(registry.port) as proxy:
        place = repo.replace(registry.host, proxy.host)
        one.run("build", "--cache-to", place, one.context(NAMED))
        other = new_slct()
        changed = {"Dockerfile": NAMED["Dockerfile"].replace("echo tool >", "echo  tool >")}
        mark = len(proxy.seen)
        other.run("build", "--cache-from", f"{place},required", other.context(changed))
        asked = len([s for s in proxy.seen[mark:] if "/manifests/slct-" in s.path])
        third = new_slct()
        proxy.on("GET", "/manifests/slct-", status(403), only=asked)
        got = third.run("build", "--cache-from", f"{place},required", third.context(changed), rc=4)
        assert len(got.errors) == 1 and "required cache" in got.err, got
