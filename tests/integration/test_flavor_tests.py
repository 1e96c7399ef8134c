"""slct test: tests and services of flavor.yml."""
import json
import signal
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bucket import Bucket
from exadb import Database, container_files
from exflavor import DEFINITION
from lab import command_lines, on_terminal, write_tree

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
    done = any_slct.run("test", f, "--junit", any_slct.work / "j.xml", "--output-directory", any_slct.work / "logs",
                        rc=1)
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


@pytest.mark.parametrize("upper", ["store", "tmpfs"])
def test_services(any_slct, upper):
    """Two tests with the same port at the same time: each has a network and a service of its own."""
    f = flavor(any_slct, "tests:\n"
               "  one: {stage: base, run: 'wget -qO- http://127.0.0.1:8080/f', services: [web]}\n"
               "  two: {stage: base, run: 'wget -qO- http://127.0.0.1:8080/f', services: [web]}\n"
               "services:" + WEB)
    done = any_slct.run("test", "-j2", "--upper", upper, f, "--output-directory", any_slct.work / "logs")
    assert done.out.count("ok ") == 2
    assert [log.read_text().endswith("served\n")
            for log in (any_slct.work / "logs").rglob("test.*.log")] == [True, True]
    assert b"httpd\0-f\0-p\0" not in command_lines()


@pytest.mark.parametrize("service, why", [("run: exit 4\n    ready: 'false'", "ended before it was ready"),
                                          ("run: sleep 60\n    ready: 'false'\n    timeout: 1s",
                                           "was not ready in time")])
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


def test_services_end_by_their_signal(any_slct):
    """SIGTERM for one, the image's own signal for another; what they do then is done before the next is said."""
    def service(name, stage, signo, port):   # ready when the trap is set
        return (f"  {name}:\n    stage: {stage}\n    timeout: 5m\n    stop: 5m\n"
                f"    ready: wget -qO- http://127.0.0.1:{port}/f >/dev/null 2>&1\n"
                f"    run: trap 'echo {name} ended; exit 0' {signo}; touch /tmp/f; httpd -p {port} -h /tmp; "
                "while :; do sleep 1; done\n")

    f = flavor(any_slct, "tests:\n  a: {stage: base, run: echo tested, services: [term, usr]}\nservices:\n" +
               service("term", "base", "TERM", 8081) + service("usr", "other", "USR1", 8082),
               stages={"base": BASE, "other": "FROM {{ base }}\nSTOPSIGNAL SIGUSR1\n"})
    any_slct.run("test", f, "--output-directory", any_slct.work / "logs")
    (log,) = (any_slct.work / "logs").rglob("test.flavor.a.log")
    lines = log.read_text().splitlines()
    assert sorted(lines[lines.index("tested") + 1:]) == ["term ended", "usr ended"], lines


POSTGRES = r"""FROM localhost/debian:12
RUN apt-get -qq update && apt-get -qq -y --no-install-recommends install postgresql && apt-get clean && \
    ([ -e /etc/postgresql/15/main ] || pg_createcluster 15 main) && \
    echo 'host all all 127.0.0.1/32 trust' > /etc/postgresql/15/main/pg_hba.conf
ENV CONF=/etc/postgresql/15/main/postgresql.conf
STOPSIGNAL SIGINT
"""


def test_postgresql(new_slct):
    """A real database from Debian beside two tests, each with one of its own; it is shut down, not killed."""
    slct = new_slct(base="debian")
    f = slct.flavor({"db": POSTGRES}, extra={"flavor.yml": """
        tests:
          one: {stage: db, run: "$Q 'create table t(a int)'; $Q 'select 6*7'", env: {Q: psql -h 127.0.0.1 -U postgres -Atc}, services: [pg]}
          two: {stage: db, run: "$Q 'create table t(a int)'; $Q 'select 7*7'", env: {Q: psql -h 127.0.0.1 -U postgres -Atc}, services: [pg]}
        services:
          pg:
            stage: db
            user: postgres
            run: exec /usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main -c config_file=$CONF -c ssl=off
                 -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp
            ready: pg_isready -h 127.0.0.1
            timeout: 5m
            stop: 5m
        """})
    slct.run("test", "-j2", f, "--output-directory", slct.work / "logs", timeout=1500)
    for name, answer in (("one", "42"), ("two", "49")):
        (log,) = (slct.work / "logs").rglob(f"test.flavor.{name}.log")
        text = log.read_text()
        assert f"\nCREATE TABLE\n{answer}\n" in text.replace("\r", "") and "database system is shut down" in text, text


def test_a_service_that_does_not_end_is_killed(slct):
    f = flavor(slct, "tests:\n  a: {stage: base, run: 'true', services: [s]}\n"
               "services:\n  s: {stage: base, run: \"trap '' TERM; exec sleep 4545.45\", stop: 1s}\n")
    slct.run("test", f)
    assert b"4545.45" not in command_lines()


def test_exported_files(any_slct):
    """The files that a database would have: no package database, links for /conf, nested dev and proc kept."""
    base = BASE + ("RUN mkdir -p /var/lib/dpkg /opt/dev /opt/proc /conf && touch /var/lib/dpkg/status /opt/dev/k "
                   "/opt/proc/k\n"
                   "ENV E=image\nUSER 1000\n")
    look = ("test ! -e /var/lib/dpkg && test -e /opt/dev/k && test -e /opt/proc/k && test -e /exasol-manifest.json && "
            "test $E-$(id -u) = image-1000 && cat /data")
    f = flavor(any_slct, f"""
        tests:
          out: {{stage: base, exported: "true", run: "{look}"}}
          again: {{stage: base, exported: "true", run: "test ! -e /var/lib/dpkg"}}
          in: {{stage: base, run: "test -e /var/lib/dpkg/status"}}
        """, stages={"base": base})
    assert any_slct.run("test", f, "-j1").out.count("ok ") == 3
    assert "exported" not in any_slct.run("images").out
    any_slct.fsck()


def test_keep_failed(any_slct):
    f = flavor(any_slct, """
        tests:
          bad: {stage: base, run: "echo left > /left; rm /data; mkdir /d; chown 1234:5678 /d; exit 3", env: {X: "7"}, workdir: /tmp}
          out: {stage: base, exported: "true", run: "echo out > /left; false"}
          good: {stage: base, run: "true"}
        """)
    done = any_slct.run("test", f, "--keep-failed", rc=1)
    assert "kept flavor/bad: slct run -it failed:flavor-bad sh\n" in done.out and "failed:flavor-good" not in done.out
    look = any_slct.run("run", "failed:flavor-bad", "sh", "-c", "cat /left; ls /data; stat -c %u:%g /d; echo $X $PWD",
                        rc=0)
    assert look.out.split("\n")[:3] == ["left", "1234:5678", "7 /tmp"]
    assert any_slct.run("run", "failed:flavor-out", "cat", "/left", "/exasol-manifest.json").out == "out\n{}"
    assert any_slct.run("run", "failed:flavor-bad", rc=3).out == "", "its command is the test's"
    found = json.loads(any_slct.run("test", f, "--keep-failed", "--json", "--test", "bad", rc=1).out)
    assert found["tests"][0]["kept"] == "failed:flavor-bad"
    image = any_slct.image("failed:flavor-bad")
    assert "left" in image and "data" not in image and image["d"].owner == "1234:5678"
    any_slct.fsck()


def test_shell_in_what_a_failed_test_left(any_slct):
    f = flavor(any_slct, """
        services:
          s: {image: localhost/busybox:1, run: sleep 1000}
        tests:
          good: {stage: base, run: "true", services: [s]}
          bad: {stage: base, run: "echo left > /left; exit 3", env: {X: "7"}, workdir: /srv, files: t, services: [s]}
        """, {"t/f": "of the tests\n"})
    rc, seen = on_terminal(any_slct, "test", "--shell-on-fail", str(f),
                           keys=b"cat /left /data /tests/f; echo $X-$((X+1)) $PWD\nexit 5\n")
    assert rc == 1 and "A shell in what flavor/bad has left." in seen, seen
    assert all(word in seen for word in ("left\r\n", "data\r\n", "of the tests\r\n", "7-8 /srv")), seen
    assert "failed" not in any_slct.run("images").out
    done = any_slct.run("test", "--shell-on-fail", f, rc=1)
    assert "no terminal" in done.err and "FAIL flavor/bad" in done.out
    rc, seen = on_terminal(any_slct, "test", "--shell-on-fail", "--test", "good", str(f), keys=b"")
    assert rc == 0 and "A shell" not in seen
    any_slct.fsck()


def test_sets_of_ci_json(slct, work):
    """They run in a database after the tests of flavor.yml; --test names sets, too."""
    sets = [{"name": n, "goal": "base", "files": [f"{n}.py"], "folders": [], "generic_language_tests": []}
            for n in "xy"]
    files = {"ci.json": json.dumps({"build_runners": [],
                                    "test_config": {"default_test_runners": [], "test_sets": sets}}),
             "language_definition": DEFINITION}
    write_tree(slct.work / "tc", container_files({"x.py": "x", "y.py": "y"}))
    with Bucket(work / "bucket", tls=False) as bucket, Database() as database:
        def test(f, *args, rc=0):
            return slct.run("test", f, *args, "--external-exasol-db-host", "127.0.0.1", "--external-exasol-db-port",
                            database.port, "--external-exasol-db-user", "sys", "--external-exasol-bucketfs-port",
                            bucket.port,
                            "--test-container-folder", slct.work / "tc", "--output-directory", slct.work / "out", rc=rc,
                            env={"SLCT_BUCKETFS_WAIT": "1s", "EXASOL_DB_PASSWORD": database.password, **bucket.env})

        both = flavor(slct, "tests:\n  a: {stage: base, run: 'true'}\n", files)
        done = test(both)
        assert done.out.startswith("ok   flavor/a ") and "Tests for release goal base: OK" in done.out
        assert database.seen == ["import rows", "test x", "test y"]
        test(both, "--junit", slct.work / "j.xml")
        suites = ElementTree.parse(slct.work / "j.xml").getroot().findall("testsuite")
        assert [s.get("name") for s in suites] == ["slct", "flavor_base"]
        assert [c.get("name") for c in suites[1]] == ["test_files/x.py", "test_files/y.py"]
        assert {s.get("failures") for s in suites} == {"0"}
        del database.seen[3:]
        test(slct.flavor({"base": BASE}, extra=files), "--test", "y")
        assert database.seen[3:] == ["import rows", "test y"]
        write_tree(slct.work / "tc/tests/test", {"x.py": "exit 1\n"})
        assert "Tests: FAILED" in test(both, "--junit", slct.work / "j.xml", rc=1).out
        failed = ElementTree.parse(slct.work / "j.xml").getroot().findall("testsuite/testcase/failure")
        assert [f.get("message") for f in failed] == ["exit status 1"]
    assert "--external-exasol-db-host" in slct.run("test", slct.flavor({"base": BASE}, extra=files), rc=3).err
