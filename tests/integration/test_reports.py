"""build --trace: what took how long, for other programs to show."""
import json

B = "FROM localhost/busybox:1\n"


def trace(slct, flavor, *args, rc=0):
    file = slct.work / "trace.json"
    slct.run("build", "--trace", file, *args, flavor, rc=rc)
    events = json.loads(file.read_text())["traceEvents"]
    rows = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    return [(rows[e["tid"]], e) for e in events if e["ph"] != "M"]


def test_steps_and_stages_with_their_times(any_slct):
    f = any_slct.flavor({"a": B + "RUN sleep 0.3\n", "b": "FROM {{ a }}\nRUN echo b > /b\n"})
    found = trace(any_slct, f)
    steps = {e["name"]: (row, e) for row, e in found if e.get("cat") == "step"}
    first, second = steps["RUN sleep 0.3"], steps["RUN echo b > /b"]
    assert (first[0], second[0]) == ("flavor/a", "flavor/b")
    assert first[1]["ph"] == "X" and first[1]["dur"] >= 300_000, "microseconds"
    assert second[1]["ts"] >= first[1]["ts"] + first[1]["dur"], "it waits for the stage that it stands on"
    assert {row for row, e in found if e.get("cat") == "stage"} == {"flavor/a", "flavor/b"}


def test_cached_and_failed(slct):
    f = slct.flavor({"a": B + "RUN echo a > /a\n"})
    trace(slct, f)
    (found,) = [e for _, e in trace(slct, f) if e.get("cat") == "cached"]
    assert found["ph"] == "i" and found["args"]["source"] == "local"
    f = slct.flavor({"a": B + "RUN exit 3\n"})
    (found,) = [e for _, e in trace(slct, f, rc=1) if e.get("cat") == "step"]
    assert "exit status 3" in found["args"]["error"]


def test_secrets_are_masked(slct):
    f = slct.flavor({"a": B + "ARG DB_PASSWORD\nRUN echo a > /a\n"})
    slct.run("build", "--trace", slct.work / "t.json", "--creds", "me:hunter22hunter22", "--cache-from",
             "127.0.0.1:9/x", f, rc=None)
    assert "hunter22hunter22" not in (slct.work / "t.json").read_text()


def test_unwritable(slct):
    f = slct.flavor({"a": B + "RUN true\n"})
    assert "--trace" in slct.run("build", "--trace", "/nosuch/t.json", f, rc=None).err
