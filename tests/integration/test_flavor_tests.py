"""slct test: tests and services of flavor.yml."""
import json
import signal
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from lab import command_lines

BASE = "FROM localhost/busybox:1\nRUN echo data > /data\n"
WEB = """
  web:
    image: localhost/busybox:1
    run: echo served > /tmp/f; exec httpd -f -p 8080 -h /tmp
    ready: wget -qO- http://127.0.0.1:8080/f
    timeout: 30s
"""


def flavor(slct, yml, files=None, stages=None):
    return slct.flavor(stages or {"base": BASE}, extra={"flavor.yml": yml, **(files or {})})


def test_tests_in_copies_of_their_stage(any_slct, work):
    f = flavor(any_slct, """
        tests:
          good: {stage: base, run: [sh, /tests/t.sh], files: checks, env: {X: "1.10"}, user: "1000"}
          bad: {stage: base, run: "echo '<out>' ; exit 3"}
          late: {stage: base, run: sleep 60, timeout: 1s}
          alone: {stage: base, run: "test ! -e /mine && touch /mine; tail -n +3 /proc/net/dev | grep -v lo: && exit 1; exit 0"}
          again: {stage: base, run: "test ! -e /mine && touch /mine"}
        """, {"checks/t.sh": "cat /data; echo $X; id -u; touch /tests/x || echo refused\n"})
    done = any_slct.run("test", f, "--junit", any_slct.work / "j.xml", "--output-directory", any_slct.work / "logs", rc=1)
    words = {line.split()[1]: line.split()[0] for line in done.out.splitlines() if line[:4] in ("ok  ", "FAIL")}
    assert words == {"flavor/good": "ok", "flavor/bad": "FAIL", "flavor/late": "FAIL", "flavor/alone": "ok",
                     "flavor/again": "ok"}
    assert "exit status 3" in done.out and "<out>" in done.out and "timeout" in done.out
    (log,) = (any_slct.work / "logs").rglob("test.flavor.good.log")
    assert log.read_text().split()[:3] == ["data", "1.10", "1000"] and log.read_text().endswith("refused\n")
    cases = ElementTree.parse(any_slct.work / "j.xml").getroot().findall(".//testcase")
    assert [c.get("name") for c in cases] == ["good", "bad", "late", "alone", "again"]
    assert [c.get("name") for c in cases if c.find("failure") is not None] == ["bad", "late"]
    assert not (Path(f) / "checks/x").exists()


def test_chosen_tests_and_json(slct):
    f = flavor(slct, "tests:\n  a: {stage: base, run: 'true'}\n  b: {stage: base, run: 'false'}\n")
    found = json.loads(slct.run("test", "--test", "a", "--json", f).out)
    assert found["failed"] == 0 and [t["name"] for t in found["tests"]] == ["flavor/a"]
    assert json.loads(slct.run("test", "--json", f, rc=1).out)["failed"] == 1
    slct.run("test", "--test", "nosuch", f, rc=2)


def test_services(any_slct):
    """Two tests with the same port at the same time: each has a network and a service of its own."""
    f = flavor(any_slct, "tests:\n"
               "  one: {stage: base, run: 'wget -qO- http://127.0.0.1:8080/f', services: [web]}\n"
               "  two: {stage: base, run: 'wget -qO- http://127.0.0.1:8080/f', services: [web]}\n"
               "services:" + WEB)
    done = any_slct.run("test", "-j2", f, "--output-directory", any_slct.work / "logs")
    assert done.out.count("ok ") == 2
    assert [log.read_text().endswith("served\n") for log in (any_slct.work / "logs").rglob("test.*.log")] == [True, True]
    assert b"httpd\0-f\0-p\0" not in command_lines()


@pytest.mark.parametrize("service, why", [("run: exit 4\n    ready: 'false'", "ended before it was ready"),
                                          ("run: sleep 60\n    ready: 'false'\n    timeout: 1s", "was not ready in time")])
def test_services_that_do_not_come(slct, service, why):
    f = flavor(slct, "tests:\n  a: {stage: base, run: touch /ran, services: [s]}\n"
               f"services:\n  s:\n    stage: base\n    {service}\n")
    assert f"service s {why}" in slct.run("test", f, rc=1).out


@pytest.mark.parametrize("yml, line, why", [
    ("tests:\n  a: {stage: nosuch, run: x}\n", 2, "no stage nosuch"),
    ("tests:\n  a: {stage: base}\n", 2, "needs stage and run"),
    ("tests:\n  a: {stage: base, run: x, services: [s]}\n", 2, "no service s"),
    ("tests:\n  a:\n    stage: base\n    run: x\n    image: y\n", 5, "unknown key image"),
    ("tests:\n  a:\n    stage: base\n    run: x\n    network: bridge\n", 5, "network is none or host"),
    ("tests:\n  a:\n    stage: base\n    run: x\n    timeout: soon\n", 5, "duration"),
    ("tests:\n  ../a: {stage: base, run: x}\n", 2, "a name has"),
    ("services:\n  s: {run: x}\n", 2, "either image or stage"),
    ("services:\n  s: {image: x, stage: base}\n", 2, "either image or stage"),
])
def test_wrong_descriptions(slct, yml, line, why):
    err = slct.run("test", flavor(slct, yml), rc=3).err
    assert why in err and f"flavor.yml:{line}" in err


def test_without_tests(slct):
    assert "has no tests" in slct.run("test", slct.flavor({"base": BASE}), rc=3).err


def test_interrupted(slct):
    f = flavor(slct, "tests:\n  a: {stage: base, run: exec sleep 4343.43, services: [web]}\nservices:" + WEB)
    run = slct.popen("test", f)
    while b"4343.43" not in command_lines():
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    assert run.wait(30) == 130 and b"4343.43" not in command_lines()


SCAN = r"""FROM localhost/busybox:1
RUN printf '#!/bin/sh\necho scan $1; mkdir $1/d; echo r > $1/d/r; chown 1000:1000 $1/d $1/d/r; exit %s' {} > /s; chmod 755 /s
ENTRYPOINT ["/s"]
"""


def test_security_scan(any_slct):
    f = any_slct.flavor({"security_scan": SCAN.format(0)}, name="scanned")
    for words in (["scan", f], ["exaslct", "security-scan", "--flavor-path", f]):
        out = any_slct.work / words[0]
        done = any_slct.run(*words, "--output-directory", out)
        assert done.out.startswith("scan /report\n")
        report = out / "security_scan/scanned/report/d/r"
        assert report.read_text() == "r\n"
        assert report.stat().st_uid == (any_slct.user.uid if any_slct.user else 0), "it is the caller's"
        summary = (out / "security_scan/security_report").read_text()
        assert "Successful:True" in summary and "scan /report" in summary


def test_security_scan_that_fails(slct):
    f = slct.flavor({"security_scan": SCAN.format(42)}, name="scanned")
    done = slct.run("scan", f, "--output-directory", slct.work / "out", rc=42)
    assert "exit status 42" in done.err and (slct.work / "out/security_scan/scanned/report/d/r").exists()
    assert "security_scan" in slct.run("scan", slct.flavor({"other": BASE}), rc=3).err
