"""run-db-test: EXASLCT's tests in a database that runs elsewhere, with stand-ins for database and BucketFS."""
import json
import signal
import tarfile
from pathlib import Path

import pytest

from bucket import Bucket
from exadb import Database, container_files
from exflavor import chain
from lab import command_lines, write_tree

TESTS = {"python3/all/b.py": "b", "python3/all/a.py": "a", "python3/all/notes.txt": "none", "one.py": "one",
         "generic/g.py": "g"}
CI = {"build_runners": [], "test_config": {"default_test_runners": [], "test_sets": [
    {"name": "x", "goal": "Release", "files": ["one.py"], "folders": ["python3/all"],
     "generic_language_tests": ["java", "r"]},
    {"name": "y", "goal": "base_test_build_run", "files": [], "folders": ["nosuch"], "generic_language_tests": []}]}}


@pytest.fixture
def bucket(work):
    with Bucket(work / "bucket", tls=False) as one:
        yield one


@pytest.fixture
def database():
    with Database() as one:
        yield one


def make(slct, tests=None, ci=CI, data=True):
    """A repository with the flavor demo and a test container."""
    slct.count += 1
    files = {f"flavors/demo/{p}": t for p, t in chain().items()}
    files.update({f"test_container/{p}": t for p, t in container_files(tests or TESTS, data).items()})
    if ci:
        files["flavors/demo/ci.json"] = json.dumps(ci)
    root = write_tree(slct.work / f"repo{slct.count}", files)
    slct.give(root)
    return root


def run(slct, root, bucket, database, *args, env=None, **kw):
    place = ["--environment-type", "external_db", "--external-exasol-db-host", "127.0.0.1", "--external-exasol-db-port",
             database.port, "--external-exasol-bucketfs-port", bucket.port, "--external-exasol-db-user", "sys",
             "--external-exasol-db-password", database.password, "--external-exasol-bucketfs-write-password",
             bucket.password]
    return slct.run("exaslct", "run-db-test", "--flavor-path", "flavors/demo", *place, *args, cwd=root,
                    env={"SLCT_BUCKETFS_WAIT": "1s", **(env or {})}, **kw)


def outputs(root):
    (job,) = (root / ".build_output/jobs").iterdir()
    assert job.name.endswith("_1_TestContainer")
    return job / "outputs/TestContainer"


def test_sets_of_ci_json(any_slct, bucket, database):
    root = make(any_slct)
    done = run(any_slct, root, bucket, database, "--test-environment-vars", '{"A": "x y", "N": 3, "B": true}')
    assert done.out == """\
- Tests: OK
  - Tests for flavor flavors/demo: OK
    - Tests for release goal release: OK
      - Tests in test folder generic with language java: OK
      - Tests in test folder generic with language r: OK
      - Tests in test folder python3/all with language None: OK
      - Tests in test files with language None: OK

"""
    assert database.seen == ["import rows", "test a", "test b", "test one", "test g java", "test g r"]
    # The container is where the database looks for it.
    assert bucket.requests() == ["PUT /myudfs/demo.tar.gz 201", "HEAD /myudfs/demo.tar.gz 200"]
    with tarfile.open(bucket.data / "myudfs/demo.tar.gz") as tar:
        assert tar.getnames()[-1].endswith("exasol-manifest.json")
    out = outputs(root)
    assert (out / "command_line_output").read_text() + "\n" == done.out
    log = (out / "demo/release/generic/generic/java/g.py/logs/test_output").read_text()
    definition = ("HELLO=localzmq+protobuf:///bfsdefault/myudfs/demo?lang=hello#buckets/bfsdefault/myudfs/demo/exaudf/"
                  "client "
                  "JAVA=builtin_java PYTHON3=builtin_python3 R=builtin_r")
    assert (f"called with --server 127.0.0.1:{database.port} --user sys --password *** --script-languages {definition} "
            "--lang-path /tests/lang --loglevel=critical --driver=/downloads/ODBC/lib/libexaodbc-1.so "
            "--jdbc-path /downloads/JDBC/exajdbc.jar --lang java in /tests/test\n") in log
    assert log.splitlines()[1] == ("environment: A=x y N=3 B=True TEST_ENVIRONMENT_TYPE=external_db "
                                   "TEST_ENVIRONMENT_NAME=demo_release TEST_DOCKER_NETWORK_NAME=host")
    results = json.loads((out / "test_results.json").read_text())
    (flavor,) = results["test_results_per_flavor"].values()
    assert flavor["tests_are_ok"] and list(flavor["test_results_per_release_goal"]) == ["release"]
    one = json.loads((out / "demo/release/test_files/one.py/test_result.json").read_text())
    assert one["is_ok"] and one["test_file"] == "one.py" and Path(one["test_output_file"]).exists()
    everything = done.out + done.err + "".join(p.read_text() for p in (root / ".build_output").rglob("*")
                                               if p.is_file() and p.suffix != ".gz")
    assert database.password not in everything and bucket.password not in everything
    for path in (root / ".build_output").rglob("*"):
        assert path.stat().st_uid == (any_slct.user.uid if any_slct.user else 0), path
    assert not (root / "test_container/tests/mine").exists()
    any_slct.fsck()


def test_environment_files(slct, bucket, database):
    """Exasol's own tests read members of the JSON file."""
    root = make(slct, {"e.py": "e"})
    look = ("cat /environment_info.json; . /environment_info.sh; echo; echo "
            "=$ITDE_DATABASE_HOST:$ITDE_DATABASE_DB_PORT=; env\n")
    (root / "test_container/tests/test/e.py").write_text(look)
    run(slct, root, bucket, database, "--test-file", "e.py", "--external-exasol-ssh-port", "2222",
        "--source-docker-username",
        "me", "--source-docker-password", "docker-pass", "--test-log-level", "info", "--test", "T.x", "--test", "-v")
    log = (outputs(root) / "demo/release/test_files/e.py/logs/test_output").read_text()
    assert f"=127.0.0.1:{database.port}=" in log and "DOCKER_USERNAME=me" in log and "docker-pass" not in log
    assert "--loglevel=info" in log.splitlines()[0] and log.splitlines()[0].endswith(' T.x -v"')
    info = json.loads((root / ".build_output/cache/environments/demo_release/environment_info.json").read_text())
    assert info["type"] == "external_db" and info["database_info"]["host"] == "127.0.0.1"
    assert info["database_info"]["ports"] == {"_database": database.port, "_bucketfs_http": bucket.port,
                                             "_bucketfs_https": 2581, "_ssh": 2222}
    assert '"_bucketfs_https": 2581' in log


def test_a_test_that_fails(slct, bucket, database):
    root = make(slct, {"bad.py": None, "good.py": "good", "f/x.py": "x"})
    done = run(slct, root, bucket, database, "--test-file", "bad.py", "--test-file", "good.py", "--test-folder", "f",
               rc=1)
    lines = done.out.splitlines()
    assert lines[0] == "- Tests: FAILED" and lines[3:] == ["      - Tests in test folder f with language None: OK",
                                                           "      - Tests in test files with language None: FAILED", ""]
    assert "broken\n" in done.err and "exit status 3" in done.err, "what a failed test has said is shown"
    assert database.seen == ["import rows", "test x", "test good"], "the others run, those of ci.json do not"
    assert not json.loads((outputs(root) / "test_results.json").read_text())["tests_are_ok"]
    shown = run(slct, root, bucket, database, "--test-file", "good.py", "--json")
    assert json.loads(shown.out)["tests_are_ok"]


def test_existing_container_and_reuse(slct, bucket, database):
    root = make(slct, {"a.py": "a"})
    slct.run("exaslct", "export", "--flavor-path", "flavors/demo", "--export-path", "out", "--compression-strategy",
             "none",
             cwd=root)
    done = run(slct, root, bucket, database, "--test-file", "a.py", "--use-existing-container", "out/demo_release.tar")
    assert (bucket.data / "myudfs/demo.tar").read_bytes() == (root / "out/demo_release.tar").read_bytes()
    again = run(slct, root, bucket, database, "--test-file", "a.py", "--use-existing-container", "out/demo_release.tar",
                "--reuse-test-environment")
    assert again.out == done.out
    assert bucket.requests() == ["PUT /myudfs/demo.tar 201", "HEAD /myudfs/demo.tar 200", "HEAD /myudfs/demo.tar 200"]
    # Of another size it is another one.
    (bucket.data / "myudfs/demo.tar").write_bytes(b"old")
    run(slct, root, bucket, database, "--test-file", "a.py", "--use-existing-container", "out/demo_release.tar",
        "--reuse-uploaded-container")
    assert (bucket.data / "myudfs/demo.tar").stat().st_size > 3
    (root / "out/x.zip").write_text("")
    assert ".tar.gz" in run(slct, root, bucket, database, "--test-file", "a.py", "--use-existing-container",
                            "out/x.zip", rc=2).err


def test_two_goals(slct, bucket, database):
    """Each goal's container is tested while it is the one in the bucket."""
    root = make(slct, {"a.py": "a"})
    done = run(slct, root, bucket, database, "--test-file", "a.py", "--release-goal", "release", "--release-goal",
               "lang")
    assert [line for line in done.out.splitlines() if "release goal" in line] == [
        f"    - Tests for release goal {g}: OK" for g in ("release", "lang")]
    assert database.seen == ["import rows", "test a"] * 2
    assert [r.split()[0] for r in bucket.requests()] == ["PUT", "HEAD"] * 2


def test_the_database_or_the_bucket_refuses(slct, bucket, database):
    root = make(slct, {"a.py": "a"})
    done = run(slct, root, bucket, database, "--test-file", "a.py", "--external-exasol-db-password", "wrong-password",
               rc=1)
    assert "filling the database" in done.err and "test_data/enginedb_small/import.sql" in done.err
    log = outputs(root) / "demo/release/PopulateTestEngine/logs/log"
    assert str(log) in done.err and not database.seen
    done = run(slct, root, bucket, database, "--test-file", "a.py", "--external-exasol-bucketfs-write-password",
               "wrong-word", rc=4)
    assert "401" in done.err and "wrong-word" not in done.err
    root = make(slct, {"a.py": "a"}, data=False)
    run(slct, root, bucket, database, "--test-file", "a.py")
    assert database.seen == ["test a"], "without data there is nothing to fill it with"


@pytest.mark.parametrize("args, rc, words", [
    (["--environment-type", "docker_db"], 2, "privileged"),
    (["--create-certificates"], 2, "--create-certificates"),
    (["--external-exasol-xmlrpc-host", "h"], 2, "bucket myudfs"),
    (["--external-exasol-db-host", "a b"], 2, "no host name"),
    (["--test-file", "nosuch.py"], 3, "nosuch.py"),
    (["--test-folder", "../../.."], 3, "not in the directory"),
    (["--test-environment-vars", "[1]"], 2, "an object is wanted"),
    (["--test-environment-vars", '{"A": null}'], 2, 'value of "A"'),
    (["--test-container-folder", "nosuch"], 2, "nosuch"),
    (["--release-goal", "nosuch", "--test-file", "one.py"], 3, "nosuch"),
    (["--release-goal", "base_test_build_run"], 3, "tests/test/nosuch"),
])
def test_wrong_use(slct, bucket, database, args, rc, words):
    root = make(slct)
    done = run(slct, root, bucket, database, *args, rc=rc)
    assert words in done.err and not bucket.requests() and not database.seen


def test_without_environment_type_and_ci_json(slct, bucket, database):
    root = make(slct, ci=None)
    done = slct.run("exaslct", "run-db-test", "--flavor-path", "flavors/demo", cwd=root, rc=2)
    assert "privileged" in done.err and "--environment-type external_db" in done.err
    done = run(slct, root, bucket, database, rc=3)
    assert "ci.json" in done.err and "--test-folder" in done.err


def test_container_without_drivers(slct, bucket, database):
    root = make(slct, {"a.py": "a"})
    (root / "test_container/build/Dockerfile").write_text("FROM localhost/busybox:1\n")
    assert "no ODBC driver" in run(slct, root, bucket, database, "--test-file", "a.py", rc=3).err
    assert not bucket.requests()


def test_interrupted(slct, bucket, database):
    root = make(slct, {"a.py": "a"})
    (root / "test_container/tests/test/a.py").write_text("exec sleep 4141.41\n")
    place = ["--environment-type", "external_db", "--external-exasol-db-host", "127.0.0.1", "--external-exasol-db-port",
             database.port, "--external-exasol-bucketfs-port", bucket.port, "--external-exasol-db-user", "sys"]
    one = slct.popen("exaslct", "run-db-test", "--flavor-path", "flavors/demo", *place, "--test-file", "a.py", cwd=root,
                     env={"SLCT_BUCKETFS_WAIT": "1s", "EXASOL_DB_PASSWORD": database.password,
                          "BUCKETFS_PASSWORD": bucket.password})
    while b"4141.41" not in command_lines():
        assert one.poll() is None, one.stderr.read()
    one.send_signal(signal.SIGTERM)
    assert one.wait(60) == 143 and b"4141.41" not in command_lines()
