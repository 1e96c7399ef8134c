"""slct why and build --explain: the reason of each step that ran."""
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
