"""--cache-to …,compression=CODEC: entries of zstd, tar and gzip layers, read back, mixed, and by other tools."""
import json
import subprocess
import urllib.request

import pytest

from lab import need

LINES = "FROM localhost/busybox:1\nRUN echo one >/one\nRUN echo two >/two\n"
KINDS = {"gzip": "tar+gzip", "zstd": "tar+zstd", "none": "tar"}


@pytest.fixture(params=["registry", "directory"])
def place(request, registry, work):
    return registry.repo("codec") if request.param == "registry" else str(work / "cache")


def manifests(one, place):
    """Of all entries of the cache."""
    entries = json.loads(one.run("cache", "ls", "--json", place).out)["entries"]
    if place.startswith("/"):
        return [json.loads(open(f"{place}/blobs/sha256/{e['digest'][7:]}", "rb").read()) for e in entries]
    host, path = place.split("/", 1)
    return [json.load(urllib.request.urlopen(urllib.request.Request(
        f"http://{host}/v2/{path}/manifests/{e['digest']}",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"}))) for e in entries]


def kinds(manifest):
    """Of its layers above the base."""
    return [layer["mediaType"].rsplit(".", 1)[1] for layer in manifest["layers"][1:]]


def whole(new_slct, place, text, **build):
    """Another machine takes all of it; what is in the image."""
    other = new_slct()
    got = other.build(text, "--cache-from", place, tag="got:1", **build)
    assert got.ran == [] and "warning" not in got.err, got
    other.run("save", "--format", "oci-dir", "-o", other.work / "out", "got:1")    # fetches and verifies every layer
    other.fsck()
    return got, other


def text_of(one, name, *paths):
    return [one.run("cat", name, f"/{path}").out for path in paths]


@pytest.mark.parametrize("codec", ["zstd", "zstd:9", "none", "gzip:9"])
def test_written_and_read(new_slct, place, codec):
    maker = new_slct()
    made = maker.build(LINES, "--cache-to", f"{place},compression={codec}")
    assert len(made.ran) == 2 and "warning" not in made.err, made
    found = manifests(maker, place)
    assert len(found) == 2 and all(set(kinds(m)) == {KINDS[codec.split(":")[0]]} for m in found), found
    got, other = whole(new_slct, place, LINES)
    assert got.id == made.id and text_of(other, "got:1", "one", "two") == ["one\n", "two\n"]
    # What stands on it is built on it.
    other = new_slct()
    more = other.build(LINES + "RUN cat /one /two >/both\n", "--cache-from", place, tag="more:1")
    assert len(more.ran) == 1 and text_of(other, "more:1", "both") == ["one\ntwo\n"]


def test_zstd_upon_gzip(new_slct, place):
    """What is there stays as it is: one image has layers of both, here and for others."""
    new_slct().build(LINES, "--cache-to", place)
    text = LINES + "RUN echo three >/three\n"
    middle = new_slct()
    built = middle.build(text, "--cache-from", place, "--cache-to", f"{place},compression=zstd")
    assert len(built.ran) == 1 and "warning" not in built.err, built
    longest = max(manifests(middle, place), key=lambda m: len(m["layers"]))
    assert kinds(longest) == ["tar+gzip", "tar+gzip", "tar+zstd"]
    got, other = whole(new_slct, place, text)
    assert got.id == built.id and text_of(other, "got:1", "one", "three") == ["one\n", "three\n"]
    # Written anew as a whole in another form.
    new_slct().build(text, "--no-cache", "--cache-to", f"{place},compression=zstd")
    longest = max(manifests(middle, place), key=lambda m: len(m["layers"]))
    assert kinds(longest) == ["tar+zstd"] * 3
    assert whole(new_slct, place, text)[0].id == built.id


def test_two_places_with_forms_of_their_own(new_slct, registry, work):
    one, two, three = registry.repo("codec"), registry.repo("codec"), str(work / "cache")
    maker = new_slct()
    made = maker.build(LINES, "--cache-to", one, "--cache-to", f"{two},compression=zstd")
    again = maker.build(LINES, "--cache-to", f"{three},compression=none")
    assert again.ran == [] and "warning" not in made.err + again.err
    for place, codec in ((one, "gzip"), (two, "zstd"), (three, "none")):
        assert all(set(kinds(m)) == {KINDS[codec]} for m in manifests(maker, place)), place
        assert whole(new_slct, place, LINES)[0].id == made.id


def test_other_tools_read_it(new_slct, place, work):
    skopeo, maker = need("skopeo"), new_slct()
    maker.build(LINES, "--cache-to", f"{place},compression=zstd")
    listed = json.loads(maker.run("cache", "ls", "--json", place).out)["entries"]
    for n, entry in enumerate(listed):
        tag = entry["tags"][0]
        source = f"oci:{place}:{tag}" if place.startswith("/") else f"docker://{place}:{tag}"
        done = subprocess.run([skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", source, f"dir:{work}/copy{n}"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
