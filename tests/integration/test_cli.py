"""The command line itself: help, settings, exit statuses, the commands that only need the store."""

import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLCT = os.path.abspath(os.environ.get("SLCT") or ROOT / "build" / "slct")


@pytest.fixture
def slct(tmp_path):
    """Runs slct with a store of its own; returns the finished process."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("SLCT_")
           and k not in ("NO_COLOR", "XDG_CONFIG_HOME")}
    env.update(HOME=str(tmp_path), SLCT_ROOT=str(tmp_path / "store"), SOURCE_DATE_EPOCH="1704067200")

    def run(*args, status=0, **more):
        done = subprocess.run([SLCT, *map(str, args)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env=dict(env, **more))
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def image(slct, tmp_path):
    """A tiny image in the store; returns its id."""
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        entry = tarfile.TarInfo("etc/motd")
        entry.size = 6
        tar.addfile(entry, io.BytesIO(b"hello\n"))
    return slct("import", "root.tar", "tiny:1").stdout.strip()


def working(slct):
    return slct("help", "--list").stdout.split()


def test_every_working_command_explains_itself(slct):
    for name in working(slct):
        text = slct(name, "--help").stdout
        assert text.startswith(f"Usage: slct {name}") and "Examples:" in text
        assert text == slct("help", name).stdout


@pytest.mark.parametrize("args, message", [
    (["biuld"], "did you mean slct build?"),
    ([], "a command is missing"),
    (["images", "--jsn"], "did you mean --json?"),
    (["tag", "one"], "usage: slct tag"),
    (["version", "x"], '"x" is too much'),
    (["save", "x"], "-o PATH is missing"),
    (["build", "-t", "UPPER", "."], "upper-case"),
    (["build", "--target", "a", "--goal", "b", "."], "exclude each other"),
    (["build", "--created", "today", "."], '"today" is neither now nor a date'),
    (["build", "--created", "2026-13-01", "."], "neither now nor a date"),
    (["build", "--created", "1969-12-31", "."], "neither now nor a date"),
    (["build", "--created", "", "."], "neither now nor a date"),
    (["completion", "tcsh"], "not built"),
])
def test_wrong_usage(slct, args, message):
    done = slct(*args, status=2)
    assert message in done.stderr and done.stderr.startswith("slct: error: ") and not done.stdout


def test_settings_and_their_origins(slct, tmp_path):
    config = tmp_path / ".config" / "slct" / "slct.yml"
    config.parent.mkdir(parents=True)
    config.write_text("jobs: 3\nprogress: plain\ninsecure-registry: [a.example:5000]\n")
    values = json.loads(slct("version", "-v", "--json", "--progress", "json", SLCT_JOBS="5").stdout)["settings"]
    assert values["jobs"] == {"value": "5", "origin": "SLCT_JOBS"}
    assert values["progress"] == {"value": "json", "origin": "--progress"}
    assert values["insecure-registry"] == {"value": ["a.example:5000"], "origin": f"{config}:3"}
    assert values["color"]["origin"] == "built in"
    config.write_text("jobs: 3\njbos: 4\n")
    assert f"{config}:2: unknown setting \"jbos\"" in slct("images", status=3).stderr
    slct("help")


def test_results_that_cannot_be_written_are_an_error(slct, image, tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run([SLCT, "images"], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=dict(os.environ, SLCT_ROOT=str(tmp_path / "store")))
    assert done.returncode == 5 and "standard output" in done.stderr


def test_images_tag_rm(slct, image):
    slct("tag", "tiny:1", "other.example/x/y:2")
    images = {i["name"]: i for i in json.loads(slct("images", "--json").stdout)["images"]}
    assert set(images) == {"tiny:1", "other.example/x/y:2"}
    assert {i["id"] for i in images.values()} == {image}
    listed = json.loads(slct("images", "--json").stdout)["images"]
    assert slct("images", "-q").stdout.split() == [i["name"] for i in listed]
    slct("rm", "tiny:1", "nosuch", status=3)
    assert "tiny:1" in slct("images", "-q").stdout
    slct("rm", "tiny:1", image[7:19])
    assert slct("images", "-q").stdout == ""
    assert "no image" in slct("rm", "tiny:1", status=3).stderr


def test_inspect_and_history(slct, image):
    shown = json.loads(slct("inspect", "tiny:1").stdout)
    assert shown["version"] == 1 and shown["id"] == image and shown["manifest"] is None
    assert shown["config"]["rootfs"]["type"] == "layers"
    assert json.loads(slct("inspect", image).stdout)["config"] == shown["config"]
    assert "no manifest yet" in slct("inspect", "--raw", "tiny:1", status=3).stderr
    steps = json.loads(slct("history", "--json", "tiny:1").stdout)["history"]
    assert len(steps) == 1 and steps[0]["layer"] == shown["config"]["rootfs"]["diff_ids"][0]
    assert "did you mean tiny:1?" in slct("inspect", "tinny:1", status=3).stderr


def test_inspect_of_a_layout(slct, image, tmp_path):
    slct("save", "--format", "oci-dir", "-o", "layout", "tiny:1")
    shown = json.loads(slct("inspect", "oci:layout").stdout)
    assert shown["id"] == image
    assert json.loads(slct("inspect", "--raw", "tiny:1").stdout) == shown["manifest"]
    blob = tmp_path / "layout" / "blobs" / "sha256" / image[7:]
    blob.write_bytes(blob.read_bytes().replace(b"linux", b"minix"))
    assert "digest" in slct("inspect", "oci:layout", status=6).stderr


def test_fsck_du_gc(slct, image, tmp_path):
    assert json.loads(slct("fsck", "--json").stdout)["problems"] == []
    assert json.loads(slct("du", "--json").stdout)["parts"]["layers"]["bytes"] > 0
    blob = next(p for p in (tmp_path / "store" / "blobs" / "sha256").iterdir() if p.name == image[7:])
    blob.chmod(0o600)
    blob.write_bytes(b"{}")
    done = slct("fsck", status=6)
    assert image[7:] in done.stdout and "problem" in done.stderr


def test_json_progress_is_one_object_a_line(slct, image, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM localhost/nosuch:1\n")
    done = slct("build", "--progress", "json", ".", status=3)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert events[-1]["event"] == "error" and events[-1]["error"]["status"] == 3


def test_completion(slct):
    script = slct("completion", "bash").stdout
    script += """
    COMP_WORDS=(slct build --pu); COMP_CWORD=2; _slct; echo "${COMPREPLY[*]}"
    COMP_WORDS=(slct build --pull ''); COMP_CWORD=3; _slct; echo "${COMPREPLY[*]}"
    COMP_WORDS=(slct --root x ima); COMP_CWORD=3; _slct; echo "${COMPREPLY[*]}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["--pull --push", "auto always missing never", "images"], done.stderr


def test_install(slct, tmp_path):
    """The manual pages are complete and groff has nothing to say about them."""
    subprocess.run(["make", "-s", "install", f"DESTDIR={tmp_path}/dest", "PREFIX=/usr"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    assert os.access(tmp_path / "dest/usr/bin/slct", os.X_OK)
    pages = {p.name for p in (tmp_path / "dest/usr/share/man/man1").iterdir()}
    assert pages == {"slct.1"} | {f"slct-{name}.1" for name in slct("help", "--list", "--man").stdout.split()}
    assert {f"slct-{name}.1" for name in working(slct)} | {"slct-exaslct-build.1"} <= pages
