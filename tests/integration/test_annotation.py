"""--annotation: of the manifest, whichever command writes it."""
import json


def manifest(layout):
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    return json.loads((layout / "blobs" / entry["digest"].replace(":", "/")).read_text())


def test_annotations_of_the_manifest(slct, work):
    text = "FROM localhost/busybox:1\nRUN echo x >/x\n"
    id = slct.build(text, "--annotation", "a.b=c=d", "--annotation", "manifest:e=", "-o",
                    f"type=oci,tar=false,dest={work}/first").id
    want = {"a.b": "c=d", "e": ""}
    assert manifest(work / "first")["annotations"] == want
    slct.run("save", "--format", "oci-dir", "--compression", "zstd", "-o", work / "second", "test:1")
    assert manifest(work / "second")["annotations"] == want
    slct.run("tag", "test:1", "other:1")
    slct.run("save", "--format", "oci-dir", "-o", work / "third", "other:1")
    assert manifest(work / "third")["annotations"] == want
    slct.fsck()
    assert slct.build(text).id == id   # no part of the image's id, nor of the next build
    slct.run("save", "--format", "oci-dir", "-o", work / "fourth", "test:1")
    assert "annotations" not in manifest(work / "fourth")


def test_pushed(slct, registry, work):
    ref = registry.repo() + ":1"
    slct.build("FROM localhost/busybox:1\n", "--annotation", "a=b", "--push", tag=ref)
    slct.run("pull", ref, "localhost/pulled:1")
    slct.run("save", "--format", "oci-dir", "-o", work / "pulled", "localhost/pulled:1")
    assert manifest(work / "pulled")["annotations"] == {"a": "b"}


def test_refused(slct):
    assert "is not KEY=VALUE" in slct.build("FROM scratch\n", "--annotation", "a", rc=2).err
    assert "no index" in slct.build("FROM scratch\n", "--annotation", "index:a=b", rc=2).err
