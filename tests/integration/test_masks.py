"""Secrets in everything that slct writes about a build: display, logs, report, trace, dot file."""
import json
import re
import shutil
import subprocess

import pytest

from lab import need

B = "FROM localhost/busybox:1\n"
SECRETS = {
    "option": "0ption-s3cret-Aa",           # --creds
    "argument": "argum3nt-s3cret-Bb",       # --build-arg DB_PASSWORD=...
    "environment": "environ-s3cret-Cc",     # --build-arg API_TOKEN, its value from the environment
    "variable": "variabl3-s3cret-Dd",       # --secret id=v,env=V
    "file": "f1le-s3cret-Ee",               # --secret id=f,src=...
}
DOCKERFILE = B + """ARG DB_PASSWORD
ARG API_TOKEN
ARG GIVEN
ENV SEEN=$DB_PASSWORD
LABEL seen=$API_TOKEN given=$GIVEN
RUN --mount=type=secret,id=v --mount=type=secret,id=f cat /run/secrets/v /run/secrets/f; echo; \\
    echo $DB_PASSWORD $API_TOKEN $GIVEN; printf '%s' "$DB_PASSWORD" | sed 's/-/-\\n/'; echo
RUN echo "{option} by hand"; exit {status}
"""


def build(slct, status, *args, rc):
    f = slct.flavor({"a": DOCKERFILE.replace("{option}", SECRETS["option"]).replace("{status}", str(status))})
    (slct.work / "secret").write_text(SECRETS["file"] + "\n")
    slct.give(slct.work / "secret")
    logs = slct.work / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    return slct.run("build", f, "--creds", "me:" + SECRETS["option"], "--cache-from", "127.0.0.1:9/none",
                    "--build-arg", "DB_PASSWORD=" + SECRETS["argument"], "--build-arg", "API_TOKEN",
                    "--build-arg", "GIVEN=" + SECRETS["variable"], "--secret", "id=v,env=V",
                    "--secret", f"id=f,src={slct.work / 'secret'}", "--report", slct.work / "r.html", "--trace",
                    slct.work / "t.json", "--output-directory", logs, *args,
                    env={"API_TOKEN": SECRETS["environment"], "V": SECRETS["variable"]}, rc=rc), logs


def check(name, text, starred=True):
    for kind, value in SECRETS.items():
        assert value not in text, f"{name} has the secret of the {kind}"
    assert not starred or "***" in text, f"{name} shows that something was there"


@pytest.mark.parametrize("progress", ["plain", "json"])
@pytest.mark.parametrize("status", [0, 3])
def test_of_a_build(any_slct, progress, status):
    result, logs = build(any_slct, status, "--progress", progress, "--explain", "-v", rc=1 if status else 0)
    check("the display", result.err)
    check("standard output", result.out, starred=False)
    check("the report", (any_slct.work / "r.html").read_text())
    check("the trace", (any_slct.work / "t.json").read_text())
    found = sorted(logs.iterdir())
    assert found
    for log in found:
        check(log.name, log.read_text())
    assert re.search(r"\*\*\* \*\*\* \*\*\*", found[0].read_text()), "what is echoed"


def test_of_a_build_that_is_repeated(slct):
    """What records keep of the first build shows up as the reason of the second one."""
    build(slct, 0, rc=0)
    old, SECRETS["argument"] = SECRETS["argument"], "an0ther-s3cret-Ff"
    try:
        result, _ = build(slct, 0, "--explain", rc=0)
    finally:
        SECRETS["argument"], new = old, SECRETS["argument"]
    for text in (result.err, (slct.work / "r.html").read_text(), (slct.work / "t.json").read_text()):
        assert old not in text and new not in text
    why = slct.run("why", slct.work / "f2/flavor", "--build-arg", "DB_PASSWORD=" + new, rc=None, env={"V": "x"})
    assert new not in why.out + why.err and old not in why.out + why.err


def test_a_short_word_is_no_secret(slct):
    f = slct.flavor({"a": B + "ARG USE_TOKEN\nRUN echo it is $USE_TOKEN\n"})
    assert "it is true" in slct.run("build", f, "--build-arg", "USE_TOKEN=true").err
    f = slct.flavor({"a": B + "ARG AUTHOR\nRUN echo by $AUTHOR\n"})
    assert "by Ada Lovelace" in slct.run("build", f, "--build-arg", "AUTHOR=Ada Lovelace").err


def test_command_line_in_the_report(slct):
    f = slct.flavor({"a": B + "RUN true\n"})
    slct.run("build", f, "--report", slct.work / "r.html", "--build-arg=MY_TOKEN=with 'quotes' and spaces",
             "--build-arg", "URL=https://me:pa55word@example.org/", "--label", "k=<v>")
    text = (slct.work / "r.html").read_text()
    for secret in ("quotes", "pa55word"):
        assert secret not in text
    assert "MY_TOKEN=***" in text and "&lt;v&gt;" in text


def test_exaslct_graph_and_logs(slct):
    """EXASLCT's own options: passwords by option and by the environment."""
    f = slct.flavor({"release": B + "RUN echo opt-s3cret-1234 env-s3cret-5678\n"})
    dot = slct.work / "g.dot"
    result = slct.run("exaslct", "build", "--flavor-path", f, "--goal", "release", "--task-dependencies-dot-file", dot,
                      "--output-directory", slct.work / "out", "--source-docker-username", "me",
                      "--source-docker-password", "opt-s3cret-1234", "--source-docker-repository-name", "127.0.0.1:9/a",
                      "--target-docker-username", "me", env={"TARGET_DOCKER_PASSWORD": "env-s3cret-5678"})
    texts = [result.out, result.err, dot.read_text()]
    texts += [p.read_text() for p in (slct.work / "out").rglob("*") if p.is_file()]
    assert len(texts) > 3
    for text in texts:
        assert "s3cret" not in text


def test_graph_is_one_for_graphviz(slct):
    """Nodes and edges as the program dot reads them, whatever the names are."""
    program = need("dot")
    name = "f\"l\\a<v>ör&"
    f = slct.flavor({"base": B + "RUN true\n", "mid": "FROM {{ base }}\nRUN true\n",
                     "release": "FROM {{ mid }}\nCOPY --from={{ base }} /bin/sh /s\n"}, name=name)
    dot = slct.work / "g.dot"
    dot.write_text(slct.run("plan", "--offline", "--format", "dot", "--goal", "release", f).out)
    done = subprocess.run([program, "-Tjson", dot], capture_output=True, check=True)
    graph = json.loads(done.stdout)
    assert done.stderr == b"", "no warning"
    # A name is text with escapes, as a label has them: a backslash is two.
    nodes = {n["_gvid"]: n["name"].replace("\\\\", "\\") for n in graph["objects"]}
    edges = {(nodes[e["tail"]], nodes[e["head"]]) for e in graph["edges"]}
    assert len(nodes) == 4
    long = {s: f"{name}/{s}" for s in ("base", "mid", "release")}
    assert graph["directed"] and edges == {("localhost/busybox:1", long["base"]), (long["base"], long["mid"]),
                                           (long["mid"], long["release"]), (long["base"], long["release"])}
    svg = subprocess.run([program, "-Tsvg", dot], capture_output=True, check=True).stdout.decode()
    assert "f&quot;l\\a&lt;v&gt;ör&amp;/base" in svg.replace("&#45;", "-"), "names are what is shown, too"
