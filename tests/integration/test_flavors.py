"""Flavors in the shape of Exasol's 14: they are read, planned, built and named as their figures say."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import CI, REPO

# stages, edges, depth by flavor
SHAPES = [(14, 18, 8)] + [(10, 12, 5)] * 5 + [(12, 14, 7)] * 4 + [(11, 14, 6)] * 3 + [(11, 12, 7)]


def shape(plan):
    edges = {(s["name"], n["stage"]) for s in plan["stages"] for n in s["needs"] if n.get("stage")}

    def depth(name):
        return 1 + max((depth(to) for of, to in edges if of == name), default=0)

    return len(plan["stages"]), len(edges), max(depth(s["name"]) for s in plan["stages"])


@pytest.fixture
def repo(empty):
    root = empty.work / "repo"
    subprocess.run([sys.executable, REPO / "tests/data/flavors/make_flavors.py", root], check=True)
    return root


def test_shapes(empty, repo):
    flavors = sorted((repo / "flavors").iterdir())
    found = [shape(json.loads(empty.run("plan", "--offline", "--json", f).out)) for f in flavors]
    assert found == SHAPES and sum(s[0] for s in found) == 156
    together = json.loads(empty.run("plan", "--offline", "--json", *flavors).out)
    assert len(together["stages"]) == 156
    goals = [g for g in together["goals"] if g.startswith("flavor-00/")]
    assert goals == ["flavor-00/base_test_build_run", "flavor-00/flavor_test_build_run", "flavor-00/release"]


def test_lint(empty, repo):
    done = empty.run("lint", *sorted((repo / "flavors").iterdir()))
    assert "LegacyKeyValueFormat" in done.out, "the old form of ENV is in them"


def test_dot(empty, repo):
    dot = empty.run("plan", "--offline", "--format", "dot", repo / "flavors/flavor-00").out
    assert dot.count(" -> ") == 18 + 3 and dot.count("style=filled") == 14   # three stages stand on an image


def test_keys_and_names(slct, repo):
    """What a stage depends on is in its key, and nothing else."""
    def names(*args):
        done = slct.run("exaslct", "build", "--flavor-path", "flavors/flavor-00", "--no-shortcut-build", "--json",
                        *args,
                        cwd=repo)
        return {i["stage"].split("/")[1]: i["key"] for i in json.loads(done.out)["images"]}, done

    first, _ = names()
    assert len(first) == 13, "all but security_scan, which no default goal needs"
    again, done = names()
    assert again == first and not done.ran
    mapped = repo / "script-languages/ext/scripts/install.sh"
    mapped.write_text("#!/bin/sh\necho changed\n")
    second, done = names()
    changed = {s for s in first if first[s] != second[s]}
    assert changed == set(first), "scripts are mapped into what all others stand on"
    emulator = repo / "script-languages/ext/emulator/emulator.py"
    emulator.write_text("print('other')\n")
    third, done = names()
    assert {s for s in first if second[s] != third[s]} == {"base_test_build_run", "flavor_test_build_run"}
    packages = repo / "flavors/flavor-00/packages.yml"
    packages.write_text(packages.read_text().replace("libflavor-base-deps1", "libother"))
    fourth, done = names()
    assert {s for s in first if third[s] != fourth[s]} == {"flavor_base_deps", "flavor_customization", "release",
                                                           "flavor_test_build_run"}


@pytest.mark.skipif(CI or "EXASOL_RELEASE" not in os.environ,
                    reason="EXASOL_RELEASE is no checkout of exasol/script-languages-release with its submodule")
def test_exasols_own(empty):
    root = Path(os.environ["EXASOL_RELEASE"])
    flavors = sorted(p for p in (root / "flavors").iterdir() if p.is_dir())
    assert len(flavors) >= 14
    for flavor in flavors:
        plan = json.loads(empty.run("plan", "--offline", "--json", flavor).out)
        assert 10 <= len(plan["stages"]) <= 14
        empty.run("lint", flavor)
        empty.run("activation", flavor, "--container-name", "c")


@pytest.mark.parametrize("file, text, words", [
    ("flavor_base/language_definition", "A=x{{ nothing }}\n", "language_definition:1"),
    ("flavor_base/language_definitions.json", '{"schema_version": 1, "language_definitions": []}', "schema_version 1"),
    ("ci.json", '{"test_config": {"test_sets": [{"name": "x", "goal": "relase", "files": [], "folders": [], '
                '"generic_language_tests": []}]}}', 'no stage "relase"'),
    ("ci.json", '{"test_config": {"test_sets": [{"name": "x"}]}}', "test_sets[0]"),
    ("ci.json", "{", "ci.json"),
    ("flavor.yml", "goals: [nothing]\n", "flavor.yml:1"),
    ("flavor.yml", "version: 1\nstages:\n  release:\n    contxt: {}\n", "flavor.yml:4"),
    ("flavor_base/build_steps.py", "class A(DockerFlavorAnalyzeImageTask):\n    x = 1\n", "build_steps.py:2"),
    ("packages.yml", "build_steps:\n- name: a\n- name: a\n", "packages.yml:3"),
])
def test_lint_names_file_and_line(empty, repo, file, text, words):
    flavor = repo / "flavors/flavor-01"
    if file == "flavor.yml":
        flavor = repo / "plain"
        (flavor / "release").mkdir(parents=True)
        (flavor / "release/Dockerfile").write_text("FROM scratch\n")
    (flavor / file).write_text(text)
    done = empty.run("lint", flavor, rc=3)
    assert words in done.err, done
