"""A registry's cache that lies or has lost something: a right build, or one error with its remedy; and images that are
published from a cache are those that are published by who built them."""
import gzip
import hashlib
import io
import json
import tarfile
import urllib.error
import urllib.request

import pytest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LINES = "FROM localhost/busybox:1\nRUN echo one >/one\nRUN echo two >/two\n"


def ask(place, tail, body=None, method="GET", kind=MANIFEST):
    host, path = place.split("/", 1)
    url = tail if tail.startswith("http") else f"http://{host}/v2/{path}/{tail}"
    fields = {"Content-Type": kind} if body is not None else {"Accept": kind}
    return urllib.request.urlopen(urllib.request.Request(url, data=body, method=method, headers=fields))


def put_blob(place, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    where = ask(place, "blobs/uploads/", b"", "POST").headers["Location"]
    ask(place, where + ("&" if "?" in where else "?") + "digest=" + digest, data, "PUT", "application/octet-stream")
    return digest, len(data)


def layer_of(name, text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return gzip.compress(out.getvalue())


def entries(place):
    """Manifests by tag."""
    tags = json.load(ask(place, "tags/list"))["tags"]
    return {tag: json.load(ask(place, f"manifests/{tag}")) for tag in tags if tag.startswith("slct-")}


def foreign_type(place, layer):
    layer["mediaType"] = "application/x-foo"


def poisoned(place, layer):
    layer["digest"], layer["size"] = put_blob(place, layer_of("evil", b"evil\n"))


def no_layer(place, layer):
    layer["digest"], layer["size"] = put_blob(place, b"this is no tar at all")


def lost(place, layer):
    try:
        ask(place, f"blobs/{layer['digest']}", method="DELETE")
    except urllib.error.HTTPError as e:
        assert e.code == 404    # by another entry's turn


def spoil(place, change):
    """The last layer of each entry."""
    for tag, manifest in entries(place).items():
        change(place, manifest["layers"][-1])
        if change is not lost:
            ask(place, f"manifests/{tag}", json.dumps(manifest).encode(), "PUT")


def test_what_is_no_layer_is_no_hit(new_slct, registry):
    place = registry.repo("lies")
    made = new_slct().build(LINES, "--cache-to", place)
    spoil(place, foreign_type)
    built = new_slct().build(LINES, "--cache-from", place)
    assert len(built.ran) == 2 and built.id == made.id and "x-foo" in built.err, built


@pytest.mark.parametrize("change", [poisoned, no_layer, lost])
def test_a_layer_that_is_not_what_was_promised(new_slct, registry, change):
    """The image of a cached build is right, but its layers cannot be had: an error that names the place and the remedy, which
    works, and mends the cache."""
    place = registry.repo("lies")
    made = new_slct().build(LINES, "--cache-to", place)
    spoil(place, change)
    other, more = new_slct(), LINES + "RUN cat /one /two >/both\n"
    failed = other.run("build", "--cache-from", place, other.context({"Dockerfile": more}), rc=None)
    assert failed.rc not in (0, 1) and len(failed.errors) == 1, failed
    assert place in failed.err and "--no-cache" in failed.err, failed
    other.fsck()
    mended = other.build(more, "--no-cache", "--cache-to", place, tag="more:1")
    assert other.image("more:1").text("both") == "one\ntwo\n" and "warning" not in mended.err, mended
    third = new_slct()
    got = third.build(more, "--cache-from", place, tag="more:1")
    assert got.ran == [] and got.id == mended.id and third.image("more:1").text("both") == "one\ntwo\n"
    assert third.build(LINES, "--cache-from", place).id == made.id


def test_published_images_say_nothing_of_the_cache(new_slct, registry):
    """Whoever built it or took it from a cache: the same manifest, of layers and config alone."""
    place, name = registry.repo("lies"), registry.repo("goal")
    one, two = new_slct(), new_slct()
    one.build(LINES, "--cache-to", place, "--push", tag=f"{name}:one")
    assert two.build(LINES, "--cache-from", place, "--push", tag=f"{name}:two").ran == []
    texts = [ask(name, f"manifests/{tag}").read() for tag in ("one", "two")]
    assert texts[0] == texts[1] and b"io.slct" not in texts[0], texts
