"""slct why and build --explain: the reason of each step that ran."""
import hashlib
import json
import re

import pytest

FILES = {
    "deps/Dockerfile": """\
        FROM localhost/busybox:1
        ARG VERSION=1
        ENV MODE=fast
        RUN echo $VERSION >/version
        COPY deps/src/ /src/
        RUN cat /src/* >/all
        """,
    "deps/src/a": "a\n",
    "deps/src/b": "b\n",
    "release/Dockerfile": """\
        FROM {{deps}}
        RUN echo release >/release
        """,
    "flavor.yml": "version: 1\ngoals: [release, tool]\n",
    "tool/Dockerfile": """\
        FROM localhost/busybox:1
        COPY --from={{deps}} /all /all
        """,
}


@pytest.fixture
def flavor(slct):
    folder = slct.flavor({}, extra={name: text for name, text in FILES.items()})
    return folder


def write(folder, name, old, new):
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def explained(run):
    """{step: reasons} of build --explain."""
    return {m[1].split("/")[1] + " " + m[2]: m[3]
            for m in re.finditer(r"^\[(\S+) (\d+)/\d+\] WHY (.*)$", run.err, re.M)}


def why(slct, folder, *args):
    """{step: (state, reasons)} of slct why."""
    got = json.loads(slct.run("why", "--json", *args, folder).out)
    assert got["version"] == 1
    return {f"{s['stage'].split('/')[1]} {s['n']}": (s["state"], s.get("reasons")) for s in got["steps"]}


def test_the_first_build(slct, flavor):
    assert all(got == ("will run", ["no earlier record of it: it is new here"]) for got in why(slct, flavor).values())
    built = slct.run("build", "--explain", flavor)
    assert set(explained(built).values()) == {"no earlier record of it: it is new here"}
    assert {state for state, _ in why(slct, flavor).values()} == {"ran"}


def test_files(slct, flavor):
    slct.run("build", flavor)
    write(flavor, "deps/src/a", "a", "A")
    (flavor / "deps/src/b").unlink()
    (flavor / "deps/src/c").write_text("c\n")
    before = why(slct, flavor)
    assert before["deps 4"] == ("will run", ["deps/src/a changed", "deps/src/c is new", "deps/src/b is gone"])
    assert before["deps 5"] == ("will run", ["the step before it was rebuilt"])
    assert before["deps 3"][0] == "ran"
    said = explained(slct.run("build", "--explain", flavor))
    assert said == {
        "deps 4": "deps/src/a changed; deps/src/c is new; deps/src/b is gone",
        "deps 5": "the step before it was rebuilt",
        "release 1": "stage flavor/deps, which it stands on, was rebuilt",
        "tool 1": "stage flavor/deps, which it takes files from, was rebuilt"}
    after = why(slct, flavor)
    assert after["deps 3"] == ("cached", None)
    assert {k: "; ".join(v[1]) for k, v in after.items() if v[0] == "ran"} == said


def test_arguments_variables_commands(slct, flavor):
    slct.run("build", flavor)
    assert why(slct, flavor, "--build-arg", "VERSION=2")["deps 3"] == ("will run", ["ARG VERSION 1 → 2"])
    write(flavor, "deps/Dockerfile", "MODE=fast", "MODE=slow")
    assert why(slct, flavor)["deps 3"][1] == ["ENV MODE fast → slow"]
    slct.run("build", flavor)
    write(flavor, "deps/Dockerfile", "cat /src/* >/all", "cat /src/a >/all")
    assert explained(slct.run("build", "--explain", flavor))["deps 5"] == (
        "command /bin/sh -c cat /src/* >/all → /bin/sh -c cat /src/a >/all")


def test_the_base_image(slct, flavor, bases, work):
    slct.run("build", flavor)
    again = slct.build("FROM localhost/busybox:1\nRUN echo new >/new\n", tag="localhost/busybox:1")
    said = explained(slct.run("build", "--explain", flavor))
    assert re.fullmatch(r"base image localhost/busybox:1: sha256:\w+ → " + again.id[:19], said["deps 3"]), said
    write(flavor, "deps/Dockerfile", "localhost/busybox:1", "localhost/busybox:2")
    slct.build("FROM localhost/busybox:1\nRUN echo new >/newer\n", tag="localhost/busybox:2")
    assert why(slct, flavor)["deps 3"][1] == ["base image localhost/busybox:1 → localhost/busybox:2"]


def test_secrets_are_not_recorded(slct):
    dockerfile = """\
        FROM localhost/busybox:1
        ARG API_TOKEN
        ARG URL
        RUN DB_PASSWORD=hunter2 true && echo https://me:hunter3@host/ >/f
        """
    folder = slct.context({"Dockerfile": dockerfile})
    args = ["--build-arg", "API_TOKEN=hunter4", "--build-arg", "URL=https://a:hunter5@b/"]
    slct.run("build", *args, folder)
    slct.run("build", *args[:1], "API_TOKEN=hunter6", *args[2:], folder)
    records = b"".join(p.read_bytes() for p in (slct.store / "cache").glob("*.json"))
    assert b"API_TOKEN" in records and b"hunter" not in records
    got = slct.run("why", "--build-arg", "API_TOKEN=hunter6", *args[2:], folder)
    assert "something that records leave out changed" in got.out and "hunter" not in got.out + got.err, got


def test_cached_and_forced(slct, flavor):
    slct.run("build", flavor)
    assert explained(slct.run("build", "--explain", flavor)) == {}
    assert set(explained(slct.run("build", "--explain", "--no-cache", flavor)).values()) == {"it was forced to run"}


def test_text_and_goals(slct, flavor):
    slct.run("build", flavor)
    write(flavor, "deps/src/a", "a", "A")
    slct.run("build", flavor)
    got = slct.run("why", f"{flavor}:release")
    assert "[flavor/deps 4/5] COPY deps/src/ /src/\n    deps/src/a changed\n" in got.out and "tool" not in got.out, got
    assert "[flavor/deps 3/5]" not in got.out
    assert "[flavor/deps 3/5]" in slct.run("why", "-a", f"{flavor}:release").out
    assert "ran 3 of 4" in got.out, got
    inside = slct.run("why", "release", cwd=flavor)
    assert inside.out == got.out
    assert "there is no stage" in slct.run("why", "nothing", cwd=flavor, rc=3).err


def test_gc_removes_lists_of_files(slct, flavor):
    slct.run("build", flavor)
    lists = slct.store / "files"
    assert len(list(lists.iterdir())) == 1
    write(flavor, "deps/src/a", "a", "A")
    slct.run("build", flavor)
    assert len(list(lists.iterdir())) == 2
    slct.run("gc")
    assert len(list(lists.iterdir())) == 2
    slct.run("gc", "--all")
    assert len(list(lists.iterdir())) == 0
    slct.fsck()


# --- on another machine, by what the cache's writer left there

STAGES = {
    "Dockerfile": """\
        FROM localhost/busybox:1 AS deps
        ARG VERSION=1.2
        COPY src /src
        RUN echo $VERSION >/version
        FROM deps
        RUN echo app >/app
        """,
    "src/a.py": "1\n", "src/b.py": "2\n",
}


def places(registry, work, kind):
    return registry.repo("why") if kind == "registry" else str(work / "cache")


@pytest.mark.parametrize("kind", ["registry", "directory"])
def test_another_machine(new_slct, registry, work, kind):
    place, maker, other = places(registry, work, kind), new_slct(), new_slct()
    built = maker.run("build", "--cache-to", f"{place},why", maker.context(STAGES))
    assert "warning" not in built.err, built
    changed = other.context({**STAGES, "src/a.py": "3\n", "src/c.py": ""})
    why = other.run("why", "--cache-from", place, "--build-arg", "VERSION=1.3", changed)
    assert "src/a.py changed" in why.out and "src/c.py is new" in why.out and "b.py" not in why.out, why
    assert "ARG VERSION 1.2 → 1.3" in why.out, why
    assert "stage deps, which it stands on, was rebuilt" in why.out, why
    got = other.run("build", "--explain", "--cache-from", place, "--build-arg", "VERSION=1.3", changed)
    assert "src/a.py changed" in got.err and "ARG VERSION 1.2 → 1.3" in got.err, got
    # Without the cache nothing is known.
    assert "it is new here" in new_slct().run("why", changed).out


@pytest.mark.parametrize("kind", ["registry", "directory"])
def test_nothing_is_left_unless_it_is_asked_for(new_slct, registry, work, kind):
    place, maker = places(registry, work, kind), new_slct()
    maker.run("build", "--cache-to", place, maker.context(STAGES))
    listed = maker.run("cache", "ls", place).out
    assert ".why" not in listed
    maker.run("build", "--no-cache", "--cache-to", f"{place},why", maker.context(STAGES))
    assert maker.run("cache", "ls", place).out.count(".why") == 2    # one for each stage
    # Removed by age, as entries are.
    maker.run("cache", "gc", "--yes", "--keep", "0s", place, rc=None)


def test_secrets_stay_out_of_it(new_slct, work):
    place, maker = work / "cache", new_slct()
    text = "FROM localhost/busybox:1\nARG API_TOKEN\nRUN echo x >/x\n"
    maker.run("build", "--cache-to", f"{place},why", "--build-arg", "API_TOKEN=hidden-in-here",
              maker.context({"Dockerfile": text}))
    found = [p for p in (place / "blobs/sha256").iterdir() if b"io.slct.why" in p.read_bytes()]
    assert found and b"***" in found[0].read_bytes()
    assert not any(b"hidden-in-here" in p.read_bytes() for p in found)


def test_only_stages_that_run_are_asked_for(new_slct, registry):
    place, maker, other = registry.repo("why"), new_slct(), new_slct()
    maker.run("build", "--cache-to", f"{place},why", maker.context(STAGES))
    mark = registry.mark()
    other.run("build", "--explain", "--cache-from", place, other.context(STAGES))
    assert not [r for r in registry.requests(mark) if ".why" in r[1]]
    text = STAGES["Dockerfile"].replace("echo app", "echo other")
    mark = registry.mark()
    got = other.run("build", "--explain", "--cache-from", place, other.context({**STAGES, "Dockerfile": text}))
    assert len([r for r in registry.requests(mark) if ".why" in r[1]]) == 1
    assert "echo app" in got.err and "echo other" in got.err, got


def spoil(place, change):
    """Every record of a stage in a cache directory becomes another one; the layout stays whole."""
    index = json.loads((place / "index.json").read_text())
    for entry in index["manifests"]:
        if not entry["annotations"]["org.opencontainers.image.ref.name"].endswith(".why"):
            continue
        path = place / "blobs/sha256" / entry["digest"].split(":")[1]
        manifest = json.loads(path.read_text())
        change(manifest)
        text = json.dumps(manifest).encode()
        entry["digest"], entry["size"] = "sha256:" + hashlib.sha256(text).hexdigest(), len(text)
        (place / "blobs/sha256" / entry["digest"].split(":")[1]).write_bytes(text)
    (place / "index.json").write_text(json.dumps(index))


def document(change):
    def apply(manifest):
        doc = json.loads(manifest["annotations"]["io.slct.why"])
        change(doc)
        manifest["annotations"]["io.slct.why"] = json.dumps(doc)
    return apply


@pytest.mark.parametrize("change", [
    lambda m: m["annotations"].pop("io.slct.why"),
    lambda m: m["annotations"].update({"io.slct.why": "{"}),
    lambda m: m["annotations"].update({"io.slct.why": '{"steps":' + "[" * 100 + "]" * 100 + "}"}),
    document(lambda d: d.update(version=2)),
    document(lambda d: d.update(stage="another")),
    document(lambda d: d.update(steps=[{"n": -1, "key": "x", "inputs": {}}])),
    document(lambda d: d["steps"][0]["inputs"].update(env=["A=\x1b[2J"])),
    document(lambda d: d.update(files={"sha256:" + "0" * 64: "\x07"})),
    document(lambda d: d.update(padding="x" * (1 << 20))),
], ids=["none", "no json", "deep", "version", "stage", "step", "escape", "bell", "large"])
def test_records_that_do_not_hold(new_slct, work, change):
    place, maker, other = work / "cache", new_slct(), new_slct()
    maker.run("build", "--cache-to", f"{place},why", maker.context(STAGES))
    spoil(place, change)
    folder = other.context({**STAGES, "src/a.py": "3\n"})
    got = other.run("build", "--explain", "--cache-from", place, folder)
    assert len(got.ran) == 3 and "is ignored" in got.err and "it is new here" in got.err, got
    assert "\x1b[2J" not in got.err


def test_a_damaged_list_of_files_names_none(new_slct, work):
    place, maker, other = work / "cache", new_slct(), new_slct()
    maker.run("build", "--cache-to", f"{place},why", maker.context(STAGES))
    spoil(place, document(lambda d: d["files"].update({k: v[:-5] for k, v in d["files"].items()})))
    why = other.run("why", "--cache-from", place, other.context({**STAGES, "src/a.py": "3\n"}))
    assert "files of the context changed" in why.out and "src/a.py" not in why.out, why
