"""Push and pull with a real registry: passwords, platforms, what is sent, what is refused, and what others read of
it."""
import base64
import hashlib
import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from lab import need

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

DOCKERFILE = """
    FROM localhost/busybox:1
    ENV GREETING=hello
    WORKDIR /srv
    COPY --chown=7:8 a.txt sub/
    RUN echo "$GREETING" >b.txt && chmod 4755 b.txt && mkdir -p /opt/empty && ln -s b.txt c.txt && rm /etc/group
    CMD ["/bin/cat", "/srv/b.txt"]
    """


@pytest.fixture
def built(slct):
    """slct, and the id of localhost/demo:1 in its store."""
    return slct, slct.build(DOCKERFILE, files={"a.txt": "from the context\n"}, tag="localhost/demo:1").id


def get(url, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers))


def send(method, url, data, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, data=data, method=method, headers=headers))


def manifest(ref):
    """The manifest of HOST/REPO:TAG as the registry gives it."""
    name, tag = ref.rsplit(":", 1)
    host, repo = name.split("/", 1)
    return json.load(get(f"http://{host}/v2/{repo}/manifests/{tag}", Accept=f"{OCI_MANIFEST}, {OCI_INDEX}"))


def uploads(requests):
    """Requests that carry a body."""
    return [r for r in requests if r[0] in ("POST", "PUT", "PATCH")]


def blob_gets(requests):
    return [r for r in requests if r[0] == "GET" and "/blobs/sha256:" in r[1]]


def docker_config(work, host, user, password):
    """A DOCKER_CONFIG with credentials for one registry, as an environment."""
    folder = work / f"docker-{user}-{password}"
    folder.mkdir()
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(folder)}


def blob_file(registry, digest):
    """Where docker-registry keeps a blob."""
    algorithm, hexa = digest.split(":")
    return registry.storage / f"docker/registry/v2/blobs/{algorithm}/{hexa[:2]}/{hexa}/data"


def test_what_is_pushed_comes_back(built, registry, new_slct):
    slct, image_id = built
    ref = registry.repo() + ":1"
    pushed = slct.run("push", "localhost/demo:1", f"docker://{ref}")
    other = new_slct(base=None)
    pulled = other.run("pull", ref, "copy:1")
    assert pulled.out.split()[-1] == image_id
    assert pushed.out.split()[-1] == json.loads(other.run("inspect", "copy:1").out)["digest"]
    image = other.image("copy:1")
    assert image.text("srv/b.txt") == "hello\n" and image["srv/b.txt"].mode == 0o4755
    assert image["srv/sub/a.txt"].owner == "7:8" and image["srv/c.txt"].link == "b.txt"
    assert "etc/group" not in image
    assert image.config["config"]["Cmd"] == ["/bin/cat", "/srv/b.txt"]
    assert image.diff_ids == slct.image("localhost/demo:1").diff_ids
    other.fsck()


def test_a_built_image_goes_where_its_name_says(slct, registry):
    ref = registry.repo() + ":2"
    slct.build(DOCKERFILE, "--push", files={"a.txt": "x"}, tag=ref)
    assert slct.run("tags", ref.rsplit(":", 1)[0]).out.split() == ["2"]
    assert manifest(ref)["mediaType"] == OCI_MANIFEST


def test_what_was_pulled_is_a_base(built, registry, new_slct):
    slct, _ = built
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    other = new_slct(base=None)
    other.build(f"FROM {ref}\nRUN test -e /srv/c.txt && test ! -e /etc/group && touch /new\n")
    assert other.image().changed() == ["new"]


def test_pull_twice_fetches_once(built, registry, new_slct):
    slct, _ = built
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    other, mark = new_slct(base=None), registry.mark()
    other.run("pull", ref)
    fetched = blob_gets(registry.requests(mark))
    assert len(fetched) == len(set(fetched)) == len(manifest(ref)["layers"]) + 1
    mark = registry.mark()
    other.run("pull", ref)
    assert blob_gets(registry.requests(mark)) == []


def test_repeated_push_sends_no_body(built, registry):
    slct, _ = built
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    mark = registry.mark()
    slct.run("push", "localhost/demo:1", ref)
    sent = uploads(registry.requests(mark))
    assert [r for r in sent if "/blobs/" in r[1]] == []
    assert len(sent) <= 1, sent   # the manifest's PUT at most


def test_another_repository_gets_its_blobs_by_mounts(built, registry):
    slct, _ = built
    slct.run("push", "localhost/demo:1", registry.repo() + ":1")
    mark = registry.mark()
    second = json.loads(slct.run("push", "--json", "localhost/demo:1", registry.repo() + ":1").out)
    assert second["blobs_sent"] == 0 and second["blobs_mounted"] > 0 and second["bytes_sent"] < 5000, second
    assert not [r for r in registry.requests(mark) if r[0] in ("PUT", "PATCH") and "/blobs/" in r[1]]


def test_a_changed_image_sends_only_its_new_layer(built, registry):
    slct, _ = built
    repo = registry.repo()
    slct.run("push", "localhost/demo:1", f"{repo}:1")
    slct.build("FROM localhost/demo:1\nRUN echo 3 >/three\n", tag="localhost/demo:2")
    mark = registry.mark()
    slct.run("push", "localhost/demo:2", f"{repo}:2")
    started = [r for r in registry.requests(mark) if r[0] == "POST"]
    assert len(started) == 2, started   # layer and config
    assert set(slct.run("tags", repo).out.split()) == {"1", "2"}


# --- passwords

def test_password_of_config_json(built, registry_auth, new_slct):
    slct, image_id = built
    ref = registry_auth.repo() + ":1"
    env = docker_config(slct.work, registry_auth.host, registry_auth.user, registry_auth.password)
    slct.run("push", "localhost/demo:1", ref, env=env)
    assert new_slct(base=None).run("pull", ref, env=env).out.split()[-1] == image_id
    assert slct.run("tags", ref.rsplit(":", 1)[0], env=env).out == "1\n"


@pytest.mark.parametrize("how", ["text", "file"])
def test_password_of_docker_auth_config(built, registry_auth, new_slct, how):
    """As CI systems set it: the text itself, or a file. It goes before config.json, and to its own registry only."""
    slct, image_id = built
    ref = registry_auth.repo() + ":1"
    text = json.dumps({"auths": {registry_auth.host: {"auth": base64.b64encode(
        f"{registry_auth.user}:{registry_auth.password}".encode()).decode()}}})
    (slct.work / "auth.json").write_text(text)
    env = docker_config(slct.work, registry_auth.host, registry_auth.user, "an-old-password")
    slct.run("push", "localhost/demo:1", ref, env=env, rc=4)
    env["DOCKER_AUTH_CONFIG"] = text if how == "text" else str(slct.work / "auth.json")
    slct.run("push", "localhost/demo:1", ref, env=env)
    other = new_slct(base=None)
    assert other.run("pull", ref, env=env).out.split()[-1] == image_id
    other.build(f"FROM {ref}\nRUN true\n", "--no-cache", "--pull", env=env)
    other.run("pull", ref, env={"DOCKER_AUTH_CONFIG": text.replace(registry_auth.host, "localhost:1")}, rc=4)
    got = other.run("pull", ref, env={"DOCKER_AUTH_CONFIG": '{"auths": {"x": '}, rc=None)
    assert got.rc and "DOCKER_AUTH_CONFIG" in got.err and registry_auth.password not in got.err, got


def test_password_by_option(built, registry_auth):
    slct, _ = built
    slct.run("push", "--creds", f"{registry_auth.user}:{registry_auth.password}", "localhost/demo:1",
             registry_auth.repo() + ":1")


@pytest.mark.parametrize("command", ["push", "pull"])
@pytest.mark.parametrize("password", [None, "wrong-pass-word"])
def test_wrong_or_no_password(built, registry_auth, command, password):
    slct, _ = built
    ref = registry_auth.repo() + ":1"
    env = docker_config(slct.work, registry_auth.host, registry_auth.user, password) if password else {}
    got = slct.run(command, *(["localhost/demo:1"] if command == "push" else []), ref, env=env, rc=4)
    assert "hint:" in got.err and registry_auth.host in got.err, got
    assert len(got.errors) == 1, got
    assert "wrong-pass-word" not in got.err + got.out
    assert base64.b64encode(b"tester:wrong").decode()[:12] not in got.err


def test_credentials_are_for_their_registry_only(built, registry_auth, registry):
    slct, _ = built
    env = docker_config(slct.work, registry.host, registry_auth.user, registry_auth.password)
    slct.run("push", "localhost/demo:1", registry_auth.repo() + ":1", env=env, rc=4)


# --- platforms

def two_platforms(slct, repo):
    """An index of two images in the registry, under REPO:multi; {platform: image id}."""
    ids, entries = {}, []
    host, name = repo.split("/", 1)
    for arch, variant in (("amd64", None), ("arm64", "v8")):
        ids[arch] = slct.build(f"FROM localhost/busybox:1\nRUN echo {arch} >/arch\n", tag=f"localhost/{arch}:1").id
        slct.run("push", f"localhost/{arch}:1", f"{repo}:{arch}")
        with get(f"http://{host}/v2/{name}/manifests/{arch}", Accept=OCI_MANIFEST) as answer:
            body = answer.read()
        platform = {"os": "linux", "architecture": arch, **({"variant": variant} if variant else {})}
        entries.append({"mediaType": OCI_MANIFEST, "digest": "sha256:" + hashlib.sha256(body).hexdigest(),
                        "size": len(body), "platform": platform})
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    send("PUT", f"http://{host}/v2/{name}/manifests/multi", json.dumps(index).encode(), **{"Content-Type": OCI_INDEX})
    return ids


def test_index_by_platform(slct, registry, new_slct):
    repo = registry.repo()
    ids = two_platforms(slct, repo)
    other = new_slct(base=None)
    for platform, arch in (("linux/arm64", "arm64"), ("linux/arm64/v8", "arm64"), ("linux/amd64", "amd64")):
        name = platform.replace("/", "-")
        got = other.run("pull", "--platform", platform, f"{repo}:multi", f"{name}:1", rc=None)
        assert got.rc == 0 and got.out.split()[-1] == ids[arch], got
    got = other.run("pull", "--platform", "linux/s390x", f"{repo}:multi", rc=4)
    assert "linux/s390x" in got.err and "linux/amd64" in got.err, got


# --- faults

def corrupt(registry, digest):
    """Another byte in the middle of a blob of the registry; returns the digest that it has now."""
    path = blob_file(registry, digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return "sha256:" + hashlib.sha256(data).hexdigest()


def files_of(store):
    """Blobs and layers that a store holds, and what is left in its directory of temporary files."""
    return sorted(str(p.relative_to(store)) for sub in ("blobs", "layers", "tmp")
                  for p in (store / sub).rglob("*") if p.is_file())


@pytest.mark.parametrize("which", ["config", "layer"])
def test_wrong_digest(slct, new_registry, new_slct, which):
    registry = new_registry()
    ref = registry.repo() + ":1"
    slct.build(DOCKERFILE, files={"a.txt": "x" * 5000}, tag="localhost/demo:1")
    slct.run("push", "localhost/demo:1", ref)
    found = manifest(ref)
    digest = (found["config"] if which == "config" else found["layers"][-1])["digest"]
    now = corrupt(registry, digest)
    registry.stop()   # it keeps no blob in memory, but nothing shall depend on that
    registry.start()
    other = new_slct(base=None)
    got = other.run("pull", ref, rc=6)
    assert digest in got.err and now in got.err, got
    assert len(got.errors) == 1
    hexa = digest.split(":")[1]
    assert not [name for name in files_of(other.store) if hexa in name or now.split(":")[1] in name]
    assert not [name for name in files_of(other.store) if name.startswith("tmp/")]
    assert other.run("images", "-q").out == ""
    other.fsck()


def test_registry_down(built, new_registry):
    slct, _ = built
    registry = new_registry()
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    registry.stop()
    for command in (["push", "localhost/demo:1", ref], ["pull", ref], ["tags", ref.rsplit(":", 1)[0]]):
        got = slct.run(*command, rc=4)
        assert len(got.errors) == 1 and "hint:" in got.err and registry.host in got.err, got
    got = slct.build(f"FROM {ref}\nRUN true\n", rc=4)
    assert registry.host in got.err and "Dockerfile:1" in got.err, got


def test_no_such_image(empty, registry):
    for ref in (registry.repo() + ":none", registry.repo() + "@sha256:" + "0" * 64):
        got = empty.run("pull", ref, rc=4)
        assert len(got.errors) == 1 and ref in got.err, got


# --- what others read

def test_skopeo_reads_it(built, registry, work):
    slct, image_id = built
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    skopeo = need("skopeo")
    seen = json.loads(subprocess.run([skopeo, "inspect", "--tls-verify=false", f"docker://{ref}"], check=True,
                                     capture_output=True).stdout)
    assert seen["Os"] == "linux" and "GREETING=hello" in seen["Env"]
    layout = work / "layout"
    subprocess.run([skopeo, "copy", "-q", "--src-tls-verify=false", f"docker://{ref}", f"oci:{layout}:1"], check=True)
    (top,) = json.loads((layout / "index.json").read_text())["manifests"]
    kept = json.loads((layout / "blobs/sha256" / top["digest"].split(":")[1]).read_text())
    assert kept["config"]["digest"] == image_id


def test_skopeo_pushed_it(built, registry, new_slct, work):
    """Docker media types, as most images of the world have."""
    slct, _ = built
    slct.run("save", "--format", "oci-dir", "-o", work / "layout", "localhost/demo:1")
    ref = registry.repo() + ":1"
    subprocess.run([need("skopeo"), "copy", "-q", "--insecure-policy", "--dest-tls-verify=false", "--format", "v2s2",
                    f"oci:{work / 'layout'}", f"docker://{ref}"], check=True)
    other = new_slct(base=None)
    other.run("pull", ref, "copy:1")
    assert other.image("copy:1").text("srv/b.txt") == "hello\n"


def test_umoci_unpacks_it(built, registry, work):
    slct, _ = built
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    layout, bundle = work / "layout", work / "bundle"
    subprocess.run([need("skopeo"), "copy", "-q", "--src-tls-verify=false", f"docker://{ref}", f"oci:{layout}:1"],
                   check=True)
    subprocess.run([need("umoci"), "unpack", "--image", f"{layout}:1", str(bundle)], check=True, capture_output=True)
    root = bundle / "rootfs"
    assert (root / "srv/b.txt").read_text() == "hello\n"
    status = (root / "srv/sub/a.txt").stat()
    assert (status.st_uid, status.st_gid) == (7, 8)
    assert not (root / "etc/group").exists()
    assert json.loads((bundle / "config.json").read_text())["process"]["cwd"] == "/srv"


@pytest.fixture
def podman(work):
    """podman with a store of its own."""
    program = need("podman")
    base = [program, "--root", str(work / "containers"), "--runroot", str(work / "run"), "--storage-driver", "vfs",
            "--cgroup-manager", "cgroupfs", "--events-backend", "none"]
    yield lambda *args, runtime="crun": subprocess.run([*base, "--runtime", need(runtime), *args], capture_output=True,
                                                       text=True, stdin=subprocess.DEVNULL)
    shutil.rmtree(work / "containers", ignore_errors=True)


def test_podman_reads_it(built, registry, podman):
    slct, image_id = built
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    pulled = podman("pull", "-q", "--tls-verify=false", ref)
    assert pulled.returncode == 0 and pulled.stdout.strip() == image_id.split(":")[1], pulled.stderr
    (seen,) = json.loads(podman("inspect", ref).stdout)
    assert seen["Config"]["Cmd"] == ["/bin/cat", "/srv/b.txt"] and seen["Config"]["WorkingDir"] == "/srv"
    root = Path(podman("image", "mount", ref).stdout.strip())
    assert (root / "srv/b.txt").read_text() == "hello\n"
    assert (root / "srv/b.txt").stat().st_mode & 0o7777 == 0o4755


def test_podman_runs_it(built, registry, podman):
    slct, _ = built
    ref = registry.repo() + ":1"
    slct.run("push", "localhost/demo:1", ref)
    run = ["run", "--rm", "-q", "--tls-verify=false", "--network", "none", "--ulimit", "nofile=1024:1024",
           "--ulimit", "nproc=1024:1024"]
    ran = podman(*run, "--cgroups", "disabled", ref)
    if "cgroups in hybrid mode not supported" in ran.stderr:
        ran = podman(*run, ref, runtime="runc")   # crun refuses hosts with cgroup v1 and v2 at once
    assert (ran.returncode, ran.stdout) == (0, "hello\n"), ran.stderr
