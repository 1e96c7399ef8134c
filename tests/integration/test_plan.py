"""plan, progress and what goes to which stream."""
import json
import re
import shutil
import subprocess

from lab import need

B = "FROM localhost/busybox:1\n"
STAGES = {
    "base": B + "# a comment\nRUN echo base > /base\n",
    "tools": B + "RUN echo tools > /tools\n",
    "release": "FROM {{base}}\nCOPY --from={{ tools }} /tools /tools\nRUN cat /base /tools > /all\nLABEL a=b\n",
    "other": B + "RUN echo other > /other\n",
}


def plan(slct, *args):
    return json.loads(slct.run("plan", "--json", *args).out)


def by_name(p):
    return {s["name"].split("/")[-1]: s for s in p["stages"]}


def states(p):
    return {name: s["state"] for name, s in by_name(p).items()}


def test_shape(slct):
    flavor = slct.flavor(STAGES)
    p = plan(slct, flavor)
    assert p["version"] == 1 and p["goals"] == ["flavor/release"]
    stages = by_name(p)
    assert set(stages) == set(STAGES), "all stages, also those outside the goals"
    for name, s in stages.items():
        assert set(s) >= {"name", "flavor", "dockerfile", "platform", "goal", "key", "state", "needs", "steps"}
        assert s["name"] == f"flavor/{name}" and s["flavor"] == "flavor" and s["platform"].startswith("linux/")
        assert s["dockerfile"].endswith(f"{name}/Dockerfile")
        assert re.fullmatch("[0-9a-f]{64}", s["key"])
        assert [step["n"] for step in s["steps"]] == list(range(1, len(s["steps"]) + 1))
        for step in s["steps"]:
            assert set(step) >= {"n", "line", "instruction", "key", "state"}
    assert stages["release"]["goal"] is True and stages["other"]["goal"] is False and stages["base"]["goal"] is False
    assert stages["base"]["steps"][0]["line"] == 3 \
        and stages["base"]["steps"][0]["instruction"].startswith("RUN echo base")
    assert {(n.get("stage"), n["kind"])
            for n in stages["release"]["needs"]} == {("flavor/base", "from"), ("flavor/tools", "copy")}
    assert {(n.get("ref"), n["kind"]) for n in stages["base"]["needs"]} == {("localhost/busybox:1", "image")}


def test_states_before_and_after_a_build(slct):
    flavor = slct.flavor(STAGES)
    assert {s for n, s in states(plan(slct, flavor)).items() if n != "other"} == {"build"}
    slct.run("build", flavor)
    after = states(plan(slct, flavor))
    assert after["release"] == after["base"] == after["tools"] == "local" and after["other"] != "local"
    assert slct.run("build", flavor).ran == []
    (flavor / "tools/Dockerfile").write_text(B + "RUN echo more tools > /tools\n")
    changed = plan(slct, flavor)
    assert states(changed) | {"other": 0} == {"base": "local", "tools": "build", "release": "build", "other": 0}


def test_a_plan_says_local_after_an_early_cut_off(slct):
    flavor = slct.flavor({"one": B + "ARG V=1\nRUN echo $V | tr 0-9 x > /out\n",
                          "release": "FROM {{one}}\nRUN cat /out > /n\n"})
    slct.run("build", flavor)
    slct.run("build", "--build-arg", "V=2", flavor)
    assert set(states(plan(slct, "--build-arg", "V=2", flavor)).values()) == {"local"}


def test_plan_is_what_build_then_does(slct):
    flavor = slct.flavor(STAGES)
    slct.run("build", "--goal", "base", flavor)
    p = plan(slct, flavor)
    expected = {f"{s['name']} {step['n']}" for s in p["stages"] for step in s["steps"]
                if step["state"] == "build" and not step["instruction"].startswith("LABEL")}
    assert set(slct.run("build", flavor).ran) == expected


def test_plan_changes_nothing(slct):
    flavor = slct.flavor(STAGES)
    before = sorted(p.name for p in (slct.store / "cache").rglob("*"))
    plan(slct, flavor)
    assert slct.run("images", "-q").out.split() == ["localhost/busybox:1"]
    assert sorted(p.name for p in (slct.store / "cache").rglob("*")) == before


def test_keys_depend_on_the_inputs_only(slct, new_slct, user):
    flavor = slct.flavor(STAGES, extra={"base/f": "x"})
    keys = {n: s["key"] for n, s in by_name(plan(slct, flavor)).items()}
    other = new_slct(user)
    copy = other.flavor(STAGES, extra={"base/f": "x"})
    assert {n: s["key"] for n, s in by_name(plan(other, copy)).items()} == keys
    changed = {n: s["key"] for n, s in by_name(plan(slct, "--network", "none", flavor)).items()}
    assert not set(changed.values()) & set(keys.values())


def test_goals(slct):
    flavor = slct.flavor(STAGES)
    p = plan(slct, "--goal", "tools", flavor)
    assert p["goals"] == ["flavor/tools"] and by_name(p)["tools"]["goal"] is True


def test_offline_needs_only_the_files(empty):
    flavor = empty.flavor({"base": "FROM registry.example.com/debian:12\nRUN true\n",
                           "release": "FROM {{base}}\nRUN true\n"})
    p = plan(empty, "--offline", flavor)
    assert set(states(p).values()) == {"unknown"} and all(s["key"] is None for s in p["stages"])
    assert by_name(p)["base"]["needs"] == [{"ref": "registry.example.com/debian:12", "kind": "image"}]


def test_example_flavor_offline(empty):
    from lab import REPO
    p = plan(empty, "--offline", REPO / "flavors/python-demo")
    names = set(by_name(p))
    assert {"udfclient_deps", "language_deps", "build_deps", "build_run", "flavor_base_deps", "flavor_customization",
            "release", "base_test_build_run"} <= names
    assert {"flavor_base_deps"} <= names and "python-demo/release" in p["goals"]


def test_text_and_dot(slct):
    flavor = slct.flavor(STAGES)
    text = slct.run("plan", flavor).out
    assert all(f"flavor/{n}" in text for n in STAGES)
    dot = slct.run("plan", "--format", "dot", flavor).out
    assert dot.startswith("digraph") and re.search(r'"flavor/tools" -> "flavor/release" \[.*dashed', dot)
    assert re.search(r'"flavor/base" -> "flavor/release" \[.*solid', dot)
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=dot.encode(), capture_output=True, check=True)


def test_plain_dockerfile(slct):
    context = slct.context({"Dockerfile": B.replace("\n", " AS a\n") + "RUN true\nFROM a AS b\nRUN true\nFROM b\n"})
    p = plan(slct, context)
    assert len(p["stages"]) == 3 and len(p["goals"]) == 1
    assert sum(s["goal"] for s in p["stages"]) == 1


def test_plan_errors_have_the_status_of_their_class(slct):
    slct.run("plan", slct.flavor({"release": "FROM {{nosuch}}\n"}), rc=3)
    slct.run("plan", slct.context({"Dockerfile": "NOSUCH\n"}), rc=3)
    slct.run("plan", rc=2)


def test_progress_json_is_one_event_a_line(slct):
    flavor = slct.flavor(STAGES)
    done = slct.run("build", "--progress", "json", flavor)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", done.out)
    events = [json.loads(line) for line in done.err.splitlines()]
    kinds = [e["event"] for e in events]
    assert {"stage-start", "step-start", "step-done", "stage-done"} <= set(kinds)
    finished = {(e["stage"], e["n"]) for e in events if e["event"] == "step-done"}
    assert finished == {("flavor/base", 1), ("flavor/tools", 1), ("flavor/release", 1), ("flavor/release", 2)}
    again = [json.loads(line) for line in slct.run("build", "--progress", "json", flavor).err.splitlines()]
    assert "step-done" not in {e["event"] for e in again}
    failed = slct.build(B + "RUN echo said; exit 3\n", "--progress", "json", rc=1)
    events = [json.loads(line) for line in failed.err.splitlines()]
    assert "step-error" in {e["event"] for e in events}


def test_quiet(slct):
    done = slct.build(B + "RUN echo noise\n", "-q")
    assert done.err == "" and re.fullmatch(r"sha256:[0-9a-f]{64}\n", done.out)
    failed = slct.build(B + "RUN echo why; exit 1\n", "-q", rc=1)
    assert "why" in failed.err


def test_plain_progress(slct):
    done = slct.build(B + "ENV A=b\nRUN echo hi\n", "--progress", "plain")
    lines = done.err.splitlines()
    assert "[stage-0 2/2] RUN echo hi" in lines
    assert any(re.fullmatch(r"\[stage-0 2/2\] DONE \d+\.\ds", line) for line in lines)
    assert any(re.fullmatch(r"\[stage-0.*\] hi", line) for line in lines)
    assert not any("DONE" in line and "1/2" in line for line in lines), "ENV does not run"


def test_terminal_progress(slct):
    """On a terminal there is a live display, and the terminal is left as it was."""
    context = slct.context({"Dockerfile": B + "RUN echo in the step; sleep 0.5\n"})
    command = " ".join(map(str, slct.argv("build", "-t", "test:1", context)))
    log = slct.work / "typescript"
    done = subprocess.run([need("script"), "-qec", command, log], env={**slct.env, "TERM": "xterm"},
                          capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)
    text = done.stdout.decode()
    assert done.returncode == 0 and "\x1b[" in text and "RUN echo in the step" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h"), "the cursor is shown again"


def test_iidfile_and_metadata(slct):
    done = slct.build(B + "RUN echo 1 > /1\n", "--iidfile", slct.work / "iid", "--metadata-file", slct.work / "meta")
    assert (slct.work / "iid").read_text().strip() == done.id
    meta = json.loads((slct.work / "meta").read_text())
    assert meta["goals"][0]["id"] == done.id and meta["steps_run"] == 1


def test_a_device_is_written_and_not_replaced(slct):
    """--metadata-file /dev/stdout and the like, here a fifo."""
    import os
    fifo = slct.work / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    slct.build(B, "--metadata-file", fifo)
    assert json.loads(reader.communicate(timeout=20)[0])["version"] == 1 and fifo.is_fifo()
    with (slct.work / "copy").open("wb") as copy:
        reader = subprocess.Popen(["cat", fifo], stdout=copy)
        slct.run("export", "-o", fifo, "test:1", timeout=20)
        assert reader.wait(timeout=20) == 0 and copy.tell() > 1 << 20 and fifo.is_fifo()


def test_broken_pipe_of_the_reader(slct):
    """slct images | true"""
    process = slct.popen("images")
    process.stdout.close()
    assert process.wait(timeout=20) in (0, 5, 141, -13)


def test_json_of_the_tables(slct):
    slct.build(B + "RUN echo 1 > /1\n")
    for command in (["images"], ["inspect", "test:1"], ["history", "test:1"], ["du"], ["version"]):
        value = json.loads(slct.run(*command, "--json").out)
        assert value["version"], command


def test_help_has_an_example_for_every_command(slct):
    for name in slct.run("help", "--list").out.split():
        text = slct.run(name, "--help").out
        assert text.startswith("Usage: slct " + name) and "xample" in text, name


def test_plain_contexts_have_names_of_their_own(slct):
    one = slct.context({"Dockerfile": "FROM localhost/busybox:1\nRUN echo 1 >/f\n"})
    two = slct.context({"Dockerfile": "FROM localhost/busybox:1\nRUN echo 2 >/f\n"})
    stages = json.loads(slct.run("plan", "--json", one, two, two).out)["stages"]
    assert [s["name"] for s in stages] == ["stage-0", f"{two.name}/stage-0", f"{two.name}-2/stage-0"]
    built = slct.run("build", "--goal", f"{two.name}/stage-0", one, two)
    assert built.ran == [f"{two.name}/stage-0 1"], built


def test_states_of_stages_outside_the_goals(slct, new_slct, work):
    files = {"base": "FROM localhost/busybox:1\nRUN echo 1 >/f\n",
             "other": "FROM localhost/busybox:1\nRUN echo 2 >/g\n",
             "last": "FROM {{base}}\nRUN echo 3 >/h\n"}
    extra = {"flavor.yml": "version: 1\ngoals: [last]\n"}

    def states(one, *args):
        plan = json.loads(one.run("plan", "--json", *args, one.flavor(files, extra=extra)).out)
        return {s["name"].split("/")[1]: (s["state"], s["goal"]) for s in plan["stages"]}

    assert states(slct) == {"base": ("build", False), "other": ("unknown", False), "last": ("build", True)}
    slct.run("build", "--goal", "last", "--goal", "other", "--cache-to", work / "cache",
             slct.flavor(files, extra=extra))
    assert states(slct) == {"base": ("local", False), "other": ("local", False), "last": ("local", True)}
    empty = new_slct()
    assert states(empty, "--cache-from", work / "cache") == {
        "base": ("remote", False), "other": ("remote", False), "last": ("remote", True)}
