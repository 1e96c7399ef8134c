"""build --trace: what took how long, for other programs to show."""
import json
import signal

B = "FROM localhost/busybox:1\n"


def check(text):
    """The Trace Event Format as chrome://tracing and Perfetto's importer take it; the events without those of the
    rows."""
    whole = json.loads(text)
    assert set(whole) == {"traceEvents", "displayTimeUnit"} and whole["displayTimeUnit"] in ("ms", "ns")
    rows, groups, events, last, nested = {}, {}, [], 0, {}
    for e in whole["traceEvents"]:
        assert isinstance(e["name"], str) and e["ph"] in ("X", "M", "i")
        assert all(isinstance(e[k], int) and e[k] >= 0 for k in ("pid", "tid", "ts"))
        if e["ph"] == "M":
            assert not events, "names come first"
            assert e["name"] in ("process_name", "thread_name") and isinstance(e["args"]["name"], str)
            place = groups if e["name"] == "process_name" else rows
            key = e["pid"] if place is groups else (e["pid"], e["tid"])
            assert key not in place, "a name of its own"
            place[key] = e["args"]["name"]
            continue
        assert e["ts"] >= last, "sorted"
        last = e["ts"]
        assert e["pid"] in groups and (e["pid"], e["tid"]) in rows and isinstance(e["cat"], str)
        assert isinstance(e["args"], dict)
        if e["ph"] == "i":
            assert e["s"] in ("t", "p", "g")
        else:
            assert isinstance(e["dur"], int) and e["dur"] >= 0
            # A span of a row lies within the one that is open there, or behind it.
            open_ends = nested.setdefault((e["pid"], e["tid"]), [])
            while open_ends and open_ends[-1] <= e["ts"]:
                open_ends.pop()
            assert not open_ends or e["ts"] + e["dur"] <= open_ends[-1], e
            open_ends.append(e["ts"] + e["dur"])
        events.append((rows[e["pid"], e["tid"]], {**e, "group": groups[e["pid"]]}))
    assert len({tid for _, tid in rows}) == len(rows), "a row's number is of one row, for tools that ignore the groups"
    return events


def trace(slct, flavor, *args, rc=0):
    file = slct.work / "trace.json"
    slct.run("build", "--trace", file, *args, flavor, rc=rc)
    return check(file.read_text())


def test_steps_and_stages_with_their_times(any_slct):
    f = any_slct.flavor({"a": B + "RUN sleep 0.3\n", "b": "FROM {{ a }}\nRUN echo b > /b\n"})
    found = trace(any_slct, f)
    steps = {e["name"]: (row, e) for row, e in found if e.get("cat") == "step"}
    first, second = steps["RUN sleep 0.3"], steps["RUN echo b > /b"]
    assert (first[0], second[0]) == ("flavor/a", "flavor/b")
    assert first[1]["ph"] == "X" and first[1]["dur"] >= 300_000, "microseconds"
    assert second[1]["ts"] >= first[1]["ts"] + first[1]["dur"], "it waits for the stage that it stands on"
    assert {row for row, e in found if e.get("cat") == "stage"} == {"flavor/a", "flavor/b"}
    roles = {e["args"]["role"]: e["args"].get("of") for row, e in found if e["group"] == "workers"}
    assert roles["run"] in ("flavor/a", "flavor/b")


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


def test_rows_of_parallel_work(slct):
    """Each waits for the other, so both run at one time: they are in two rows."""
    meet = "RUN --mount=type=cache,target=/c touch /c/{0}; n=0; until [ -e /c/{1} ] || [ $n -gt 600 ]; do sleep 0.1; " \
           "n=$((n+1)); done; [ -e /c/{1} ]\n"
    f = slct.flavor({"a": B + meet.format("a", "b"), "b": B + meet.format("b", "a"),
                     "c": "FROM {{ a }}\nCOPY --from={{ b }} /bin/sh /s\n"})
    found = trace(slct, f, "--goal", "c", "-j2")
    rows = {e["args"]["of"]: row for row, e in found if e["group"] == "workers" and e["args"]["role"] == "run"}
    assert rows["flavor/a"] != rows["flavor/b"]


def test_uploads_and_fetches(slct, new_slct, registry):
    repo = registry.repo()
    f = slct.flavor({"a": B + "RUN head -c 200000 /dev/urandom > /a\n", "b": "FROM {{ a }}\nRUN true\n"})
    found = trace(slct, f, "--cache-to", repo, "--goal", "b")
    sent = [e for _, e in found if e["cat"] == "upload"]
    assert {(e["args"]["stage"], e["args"]["step"]) for e in sent} == {("flavor/a", 1), ("flavor/b", 1)}
    assert all(e["group"] == "transfers" and e["args"]["to"] == repo for e in sent)
    assert max(e["args"]["bytes"] for e in sent) > 200_000
    (f / "b/Dockerfile").write_text("FROM {{ a }}\nRUN echo x > /x\n")
    other = new_slct()
    found = trace(other, f, "--cache-from", repo, "--goal", "b")
    roles = [e["args"]["role"] for _, e in found if e["group"] == "workers"]
    assert "fetch" in roles and "unpack" in roles
    assert [e["args"]["source"] for _, e in found if e["cat"] == "cached"] == ["remote"]
    assert all(e["args"]["bytes"] > 0 for _, e in found if e["group"] == "transfers")


def test_of_failures_and_hostile_names(slct):
    f = slct.flavor({"a": B + "RUN : '\"]}<script>'; printf '\\377'; exit 3\n", "b": "FROM {{ a }}\nRUN true\n"},
                    name="\"'<b>")
    found = trace(slct, f, "--goal", "b", rc=1)
    assert any("<script>" in e["name"] for _, e in found)


def test_of_an_interrupted_build(slct):
    f = slct.flavor({"a": B + "RUN echo begun; sleep 1000\n"})
    file = slct.work / "trace.json"
    run = slct.popen("build", "--trace", file, "--progress", "plain", f)
    for line in run.stderr:
        if line.strip() == b"[flavor/a] begun":
            break
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    (step,) = [e for _, e in check(file.read_text()) if e["cat"] == "step"]
    assert step["args"]["unfinished"]
