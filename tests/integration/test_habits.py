"""What people bring along from other builders, and the remedies that errors name."""
import json

import pytest

BASE = "FROM localhost/busybox:1"


@pytest.mark.parametrize("option", ["--pull", "--pull=true", "--pull=false", "--rm", "--force-rm", "--load",
                                    "--provenance=false", "--sbom=false"])
def test_dockers_options(slct, option):
    slct_dir = slct.context({"Dockerfile": f"{BASE}\nRUN true\n"})
    assert slct.run("build", option, slct_dir).id.startswith("sha256:")


def test_pull_still_takes_a_word(slct):
    slct_dir = slct.context({"Dockerfile": "FROM localhost:1/none:1\n"})
    assert "it is not in the store" in slct.run("build", "--pull", "never", slct_dir, rc=3).err


@pytest.mark.parametrize("option, remedy", [
    ("--tls-verify=false", "--insecure-registry"), ("--check", "slct lint"), ("--builder=x", "leave it out"),
    ("--format=docker", "type=docker"), ("--volume=/a:/b", "--build-context"),
])
def test_options_of_others(slct, option, remedy):
    slct_dir = slct.context({"Dockerfile": f"{BASE}\n"})
    got = slct.run("build", option, slct_dir, rc=2)
    assert "unknown option" in got.err and remedy in got.err


def test_dockers_cache_directory(slct, new_slct):
    slct_dir = slct.context({"Dockerfile": f"{BASE}\nRUN echo 1 > /one\n"})
    first = slct.run("build", "--cache-to", "type=local,dest=kept,mode=max", slct_dir)
    assert first.ran and (slct.work / "kept/index.json").exists()
    other = new_slct()
    other_dir = other.context({"Dockerfile": f"{BASE}\nRUN echo 1 > /one\n"})
    second = other.run("build", "--cache-from", f"type=local,src={slct.work}/kept", other_dir)
    assert not second.ran and second.id == first.id


def test_dockers_cache_repository(slct, new_slct, registry):
    repo, dockerfile = registry.repo("cache"), f"{BASE}\nRUN echo 1 > /one\n"
    first = slct.build(dockerfile, "--cache-to", f"type=registry,ref={repo}:main,mode=max")
    second = new_slct().build(dockerfile, "--cache-from", f"type=registry,ref={repo}:main")
    assert first.ran and not second.ran and second.id == first.id
    assert slct.run("cache", "ls", repo).out.count("slct-") == 1
    got = slct.build(dockerfile, "--cache-from", "type=gha", rc=2)
    assert "type=gha" in got.err and "type=registry,ref=" in got.err


# Dockerfile, options, what the hint says.
HINTS = [
    ("RNU true", [], "did you mean RUN?"),
    ("COPY --form=x f /f", [], "did you mean --from?"),
    ("COPY File /f", [], "did you mean file?"),
    ("COPY nothing-like-it /f", [], "relative to the build context, /"),
    ("COPY ../other /f", [], "no path leads out of the build context"),
    ("COPY --from=biuld /x /x", ["--pull", "never"], "did you mean the stage build?"),
    ("COPY --from=here /x /x", ["--pull", "never"], "a stage cannot use itself"),
    ("COPY --from=later /x /x", ["--pull", "never"], "stands below"),
    ("EXPOSE http", [], "write PORT"),
]


@pytest.mark.parametrize("line, options, hint", HINTS)
def test_hints(slct, line, options, hint):
    dockerfile = f"{BASE} AS build\nRUN true\n{BASE} AS here\n{line}\n{BASE} AS later\nRUN true\n"
    got = slct.build(dockerfile, "--target", "here", *options, files={"file": ""}, rc=3)
    assert "Dockerfile:4:" in got.err and "error:" in got.err
    assert hint in got.err.split("hint: ", 1)[1]


def test_variable_without_value_in_from(slct):
    got = slct.build("ARG V\nFROM localhost/busybox:${V}\n", rc=3)
    assert "Dockerfile:2:" in got.err and "localhost/busybox:${V}" in got.err and "--build-arg" in got.err


def test_misspelt_build_argument(slct):
    got = slct.build(f"{BASE}\nARG VERSION=1\nRUN true\n", "--build-arg", "VERSOIN=2")
    assert "VERSOIN was not used" in got.err and "did you mean VERSION?" in got.err
    assert "did you mean" not in slct.build(f"{BASE}\nARG VERSION=1\n", "--build-arg", "OTHER_THING=2").err


def test_no_shell_in_the_image(slct):
    got = slct.build("FROM scratch\nCOPY f /f\nRUN true\n", files={"f": ""}, rc=3)
    assert '"/bin/sh" is not in the image' in got.err and "JSON form" in got.err and "whole output" not in got.err


def test_no_such_tag(slct, registry):
    repo = registry.repo()
    got = slct.build(f"FROM {repo}:1\n", rc=3)
    assert "404" in got.err and f"slct tags {repo} " in got.err


def test_platform_that_is_none(slct):
    assert "no operating system and no architecture" in slct.build(f"{BASE}\n", "--platform", "foo", rc=3).err
    slct.build(f"{BASE}\n", "--platform", "x86_64")


def test_pull_of_another_platform_warns(slct, registry):
    name = f"{registry.repo()}:1"
    slct.run("push", "localhost/busybox:1", f"docker://{name}")
    assert "is an image for" in slct.run("pull", "--platform", "linux/s390x", name).err
    assert "is an image for" not in slct.run("pull", name).err


def test_checksum_names_the_new_one(slct, registry):
    wrong = "sha256:" + "0" * 64
    got = slct.build(f"{BASE}\nADD --checksum={wrong} http://{registry.host}/v2/ /x\n", rc=6)
    assert wrong in got.err and "write --checksum=sha256:" in got.err


def test_layers_of_recorded_owners_are_nobodys_loss(new_slct, plain_user):
    one = new_slct(user=plain_user)
    found = json.loads(one.run("doctor", "--json", rc=None).out)["findings"]
    assert [f for f in found if f["name"].startswith("layers/") and f["state"] == "warning"] == []


@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_load_from_a_pipe(slct, new_slct, form):
    slct.build(f"{BASE}\nRUN echo 1 > /one\n")
    slct.run("save", "--format", form, "-o", "out.tar", "test:1")
    other = new_slct(base=None)
    packed = (slct.work / "out.tar").read_bytes()
    got = other.run("load", "-i", "-", input=packed)
    assert got.out.strip() == slct.image("test:1").manifest["config"]["digest"]
    assert other.run("cat", "test:1", "/one").out == "1\n"
    assert [path for path in (other.store / "tmp").rglob("*") if path.is_file()] == []
    assert "empty" in other.run("load", "-i", "-", rc=3).err
    assert "-i -" in other.run("load", rc=2).err
    assert other.run("load", "-i", "-", input=packed[:2000], rc=None).rc in (3, 6)


@pytest.mark.parametrize("form", ["oci-archive", "oci-dir"])
def test_a_damaged_blob_is_not_passed_on(slct, form):
    """Somebody's disk lost a byte of a layer; whoever gets the copy could not tell where."""
    slct.build(f"{BASE}\nRUN seq 100000 > /one\n")
    slct.run("save", "--format", form, "-o", "good", "test:1")
    blobs = sorted((slct.store / "blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size)
    data = bytearray(blobs[-1].read_bytes())
    data[len(data) // 2] ^= 1
    blobs[-1].chmod(0o600)
    blobs[-1].write_bytes(data)
    got = slct.run("save", "--format", form, "-o", "bad", "test:1", rc=6)
    assert blobs[-1].name in got.err and "damaged" in got.err and "slct fsck" in got.err
    assert not (slct.work / "bad/index.json").exists() and not (slct.work / "bad").is_file()


def test_a_damaged_store_is_mended_as_fsck_says(slct):
    slct.build(f"{BASE}\nRUN seq 100000 > /one\n")
    slct.run("save", "-o", "good", "test:1")
    blob = max((slct.store / "blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size)
    blob.chmod(0o600)
    blob.write_bytes(b"!" + blob.read_bytes()[1:])
    assert "slct gc --all" in slct.run("fsck", rc=6).err
    for line in slct.run("images", "-q").out.split():
        slct.run("rm", line)
    slct.run("gc", "--all")
    slct.fsck()
