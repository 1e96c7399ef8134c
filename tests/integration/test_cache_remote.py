"""build --cache-to and --cache-from: a build of another machine is taken over, and nothing else than what fits."""
import json
import shutil
import urllib.request

import pytest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"

STAGES = {
    "deps": """
        FROM localhost/busybox:1
        RUN mkdir /deps && echo 1 >/deps/version
        COPY deps/list.txt /deps/
        RUN wc -l </deps/list.txt >/deps/count
        """,
    "tool": """
        FROM localhost/busybox:1
        COPY tool/tool.sh /usr/bin/tool
        RUN chmod 755 /usr/bin/tool
        """,
    "release": """
        FROM {{deps}}
        COPY --from={{tool}} /usr/bin/tool /usr/bin/
        RUN tool >/result
        ENV NAME=release
        CMD ["/usr/bin/tool"]
        """,
}
FILES = {"deps/list.txt": "a\nb\n", "tool/tool.sh": "#!/bin/sh\necho made by tool\n"}
STEPS = ["flavor/deps 1", "flavor/deps 2", "flavor/deps 3", "flavor/release 1", "flavor/release 2", "flavor/tool 1",
         "flavor/tool 2"]


def ready(slct, files=None):
    """The flavor in a directory of its own."""
    return slct.flavor(STAGES, extra={**FILES, **(files or {})})


def blob_gets(requests):
    return [r for r in requests if r[0] == "GET" and "/blobs/sha256:" in r[1]]


def uploads(requests):
    return [r for r in requests if r[0] in ("POST", "PUT", "PATCH")]


@pytest.fixture
def cached(new_slct, registry):
    """A repository that holds the flavor's build, the machine that made it, and the result of that build."""
    repo, maker = registry.repo("cache"), new_slct()
    first = maker.run("build", "--goal", "release", "--cache-to", repo, ready(maker))
    assert first.ran == STEPS and "warning" not in first.err, first
    return repo, maker, first


def test_another_machine_runs_nothing(cached, new_slct, registry):
    repo, _, first = cached
    other = new_slct()
    mark = registry.mark()
    second = other.run("build", "--goal", "release", "--cache-from", repo, ready(other))
    assert second.ran == [] and second.out == first.out, second
    assert blob_gets(registry.requests(mark)) == [], "a goal that is cached needs no layer bytes"
    assert uploads(registry.requests(mark)) == []
    other.fsck()


def test_equal_output_cuts_off_on_another_machine(cached, new_slct):
    """The step that changed runs; what it makes is as before, so that nothing after it does."""
    repo, _, first = cached
    other = new_slct()
    stages = {**STAGES, "tool": STAGES["tool"].replace("chmod 755", "chmod 0755")}
    second = other.run("build", "--goal", "release", "--cache-from", repo, other.flavor(stages, extra=FILES))
    assert second.ran == ["flavor/tool 2"] and second.out == first.out, second


def test_the_same_machine_after_its_store_is_gone(cached, bases):
    repo, maker, first = cached
    shutil.rmtree(maker.store)
    maker.run("import", bases("busybox"), "localhost/busybox:1")
    again = maker.run("build", "--goal", "release", "--cache-from", repo, ready(maker))
    assert again.ran == [] and again.out == first.out, again


def test_layers_come_when_they_are_needed(cached, new_slct, registry):
    repo, maker, _ = cached
    other = new_slct()
    other.run("build", "--goal", "release", "--cache-from", repo, ready(other))
    mark = registry.mark()
    image = other.image("flavor-release")
    assert image.text("result") == "made by tool\n" and image.text("deps/count").strip() == "2"
    assert blob_gets(registry.requests(mark)), "the layers must have come from the cache"
    assert image.diff_ids == maker.image("flavor-release").diff_ids
    other.fsck()


def test_a_change_rebuilds_what_follows(cached, new_slct, registry):
    repo, _, first = cached
    other = new_slct()
    folder = ready(other, {"deps/list.txt": "a\nb\nc\n"})
    mark = registry.mark()
    built = other.run("build", "--goal", "release", "--cache-from", repo, folder)
    assert built.ran == ["flavor/deps 2", "flavor/deps 3", "flavor/release 1", "flavor/release 2"], built
    assert built.out != first.out
    image = other.image("flavor-release")
    assert image.text("deps/count").strip() == "3" and image.text("result") == "made by tool\n"
    # Base and first layer of deps, layers of tool: each once.
    fetched = blob_gets(registry.requests(mark))
    assert len(fetched) == len(set(fetched)), fetched


def test_meta_changes_run_nothing(cached, new_slct):
    repo, _, first = cached
    other = new_slct()
    folder = ready(other)
    dockerfile = folder / "release/Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("NAME=release", "NAME=other"))
    built = other.run("build", "--goal", "release", "--cache-from", repo, folder)
    assert built.ran == [] and built.out != first.out, built
    assert "NAME=other" in other.config("flavor-release")["config"]["Env"]


def test_writing_again_sends_nothing(cached, registry):
    repo, maker, first = cached
    mark = registry.mark()
    again = maker.run("build", "--goal", "release", "--cache-to", repo, "--cache-from", repo, ready(maker))
    assert again.ran == [] and again.out == first.out, again
    assert [r for r in uploads(registry.requests(mark)) if "/blobs/" in r[1]] == []


def test_entries_are_ordinary_images(cached, new_slct):
    repo, maker, _ = cached
    tags = maker.run("tags", repo).out.split()
    steps = [tag for tag in tags if tag.startswith("slct-")]
    assert len(steps) >= len(STEPS), tags
    other = new_slct(base=None)
    other.run("pull", f"{repo}:{steps[0]}", "entry:1")
    assert "bin/sh" in other.image("entry:1")


# --- what must be ignored

def api(repo, path):
    host, name = repo.split("/", 1)
    return f"http://{host}/v2/{name}/{path}"


def get_manifest(repo, tag):
    request = urllib.request.Request(api(repo, f"manifests/{tag}"), headers={"Accept": OCI_MANIFEST})
    return urllib.request.urlopen(request).read()


def put_manifest(repo, tag, body):
    request = urllib.request.Request(api(repo, f"manifests/{tag}"), data=body, method="PUT",
                                     headers={"Content-Type": OCI_MANIFEST})
    urllib.request.urlopen(request).read()


def step_tags(slct, repo):
    return sorted(tag for tag in slct.run("tags", repo).out.split() if tag.startswith("slct-"))


def swap(bodies):
    """Every entry becomes the answer to another key; a step has two tags for one entry."""
    tags = sorted(bodies)
    return {tag: next(bodies[other] for other in tags[n + 1:] + tags[:n] if bodies[other] != bodies[tag])
            for n, tag in enumerate(tags)}


def strip(bodies):
    """Entries without their annotations, as a foreign image under a tag of ours would be."""
    out = {}
    for tag, body in bodies.items():
        manifest = json.loads(body)
        manifest.pop("annotations", None)
        out[tag] = json.dumps(manifest).encode()
    return out


def shorten(bodies):
    """Entries that lost a layer."""
    out = {}
    for tag, body in bodies.items():
        manifest = json.loads(body)
        for layer in manifest["layers"]:
            layer.get("annotations", {}).pop("io.slct.diff-id", None)
        out[tag] = json.dumps(manifest).encode()
    return out


@pytest.mark.parametrize("spoil", [swap, strip, shorten])
def test_wrong_entries_are_ignored(cached, new_slct, spoil):
    repo, maker, first = cached
    bodies = {tag: get_manifest(repo, tag) for tag in step_tags(maker, repo)}
    for tag, body in spoil(bodies).items():
        put_manifest(repo, tag, body)
    other = new_slct()
    built = other.run("build", "--goal", "release", "--cache-from", repo, ready(other))
    assert built.ran == STEPS and built.out == first.out, built
    other.fsck()


def test_a_spoilt_layer_is_an_error(new_slct, new_registry):
    """The manifest is there, but a blob is another: never a wrong image. In a registry of its own, since all
    repositories of one share their blobs."""
    registry, maker, other = new_registry(), new_slct(), new_slct()
    repo = registry.repo("cache")
    maker.run("build", "--goal", "release", "--cache-to", repo, ready(maker))
    built = other.run("build", "--goal", "release", "--cache-from", repo, ready(other))
    assert built.ran == []
    for tag in step_tags(maker, repo):
        for layer in json.loads(get_manifest(repo, tag))["layers"]:
            hexa = layer["digest"].split(":")[1]
            path = registry.storage / f"docker/registry/v2/blobs/sha256/{hexa[:2]}/{hexa}/data"
            if path.exists():
                path.write_bytes(path.read_bytes()[:-1] + b"!")
    got = other.run("save", "--format", "oci-dir", "-o", other.work / "broken", "flavor-release", rc=None)
    assert got.rc in (4, 6) and len(got.errors) == 1, got
    assert not (other.work / "broken/index.json").exists()


def test_no_registry_is_a_warning(new_slct, new_registry):
    registry = new_registry()
    repo = registry.repo("cache")
    registry.stop()
    slct = new_slct()
    built = slct.run("build", "--goal", "tool", "--cache-from", repo, "--cache-to", repo, ready(slct))
    assert built.ran == ["flavor/tool 1", "flavor/tool 2"] and repo in built.err, built
    assert built.err.count("cannot be read") == built.err.count("cannot be written") == 1, built    # and no waiting for it again


def test_required_cache_that_is_not_there(new_slct, new_registry):
    registry = new_registry()
    repo = registry.repo("cache")
    registry.stop()
    slct = new_slct()
    built = slct.run("build", "--goal", "tool", "--cache-to", f"{repo},required", ready(slct), rc=4)
    assert len(built.errors) == 1 and repo in built.err, built


def test_cache_of_stages_only(new_slct, registry):
    repo, maker = registry.repo("cache"), new_slct()
    first = maker.run("build", "--goal", "release", "--cache-to", f"{repo},mode=stages", ready(maker))
    steps = registry.repo("cache")
    new = new_slct()
    new.run("build", "--goal", "release", "--cache-to", steps, ready(new))
    assert len(step_tags(maker, repo)) < len(step_tags(maker, steps))
    other = new_slct()
    assert other.run("build", "--goal", "release", "--cache-from", repo, ready(other)).ran == []
    assert first.out == other.run("build", "--goal", "release", ready(other)).out


def test_a_forced_build_replaces_entries(new_slct, registry):
    repo = registry.repo("cache")
    text = "FROM localhost/busybox:1\nRUN cat /proc/sys/kernel/random/uuid >/chance\n"
    first, second, third = new_slct(), new_slct(), new_slct()
    old = first.build(text, "--cache-to", repo).id
    assert second.build(text, "--cache-from", repo, "--cache-to", repo).id == old
    new = second.build(text, "--force-rebuild", "--cache-to", repo).id
    assert new != old
    assert third.build(text, "--cache-from", repo).id == new


def test_an_ordinary_build_keeps_entries(new_slct, registry):
    repo = registry.repo("cache")
    text = "FROM localhost/busybox:1\nRUN cat /proc/sys/kernel/random/uuid >/chance\n"
    first, second, third = new_slct(), new_slct(), new_slct()
    old = first.build(text, "--cache-to", repo).id
    assert second.build(text, "--cache-to", repo).id != old
    assert third.build(text, "--cache-from", repo).id == old


@pytest.mark.parametrize("text", ["localhost:1/x:tag", "localhost:1/x,mode=other", "localhost:1/UPPER", "oci:"])
def test_bad_cache_operand(slct, text):
    got = slct.run("build", "--cache-to", text, slct.context({"Dockerfile": "FROM scratch\n"}), rc=2)
    assert len(got.errors) == 1, got
