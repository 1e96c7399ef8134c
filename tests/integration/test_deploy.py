"""upload and deploy against a real web server, and the whole way of a flavor made of Debian's packages."""
import gzip
import hashlib
import json
import re
import shutil
import socket
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from bucket import Bucket
from exadb import Database
from exflavor import chain
from lab import REPO, need, write_tree


@pytest.fixture
def bucket(work):
    with Bucket(work / "bucket") as one:
        yield one


@pytest.fixture
def repo(slct):
    return write_tree(slct.work / "repo", {f"flavors/demo/{p}": t for p, t in chain().items()})


def ex(slct, repo, command, bucket, *args, **kw):
    place = {"deploy": ["--bucketfs-host", "localhost", "--bucketfs-user", "w", "--bucket", "default",
                        "--bucketfs-use-https", str(bucket.tls)],
             "upload": ["--database-host", "localhost", "--bucketfs-username", "w", "--bucket-name", "default",
                        "--bucketfs-https" if bucket.tls else "--no-bucketfs-https"]}[command]
    return slct.run("exaslct", command, "--flavor-path", "flavors/demo", "--bucketfs-port", bucket.port,
                    "--bucketfs-name", "bfsdefault", *place, *args, cwd=repo, **kw)


@pytest.mark.parametrize("command", ["deploy", "upload"])
def test_exaslct(slct, repo, bucket, command):
    done = ex(slct, repo, command, bucket, "--ssl-cert-path", bucket.ca, "--path-in-bucket", "a/b", "--release-name",
              "r1", "--bucketfs-password", bucket.password)
    url = f"https://localhost:{bucket.port}/default/a/b/demo-release-r1.tar.gz"
    file = bucket.data / "default/a/b/demo-release-r1.tar.gz"
    words = {"deploy": r"^Uploaded release='release' located at (\S+) to (\S+)$", "upload": r"^Uploaded (\S+) to (\S+)$"}
    uploaded = re.search(words[command], done.out, re.M)
    assert (done.out.splitlines()[-1] == "=" * 49) == (command == "upload"), "EXASLCT's words"
    assert uploaded[2] == url and (repo / uploaded[1]).read_bytes() == file.read_bytes()
    definition = ("HELLO=localzmq+protobuf:///bfsdefault/default/a/b/demo-release-r1?lang=hello"
                  "#buckets/bfsdefault/default/a/b/demo-release-r1/exaudf/client")
    for scope in ("SESSION", "SYSTEM"):
        assert f"ALTER {scope} SET SCRIPT_LANGUAGES='{definition}';" in done.out
    assert bucket.requests() == [f"{m} /default/a/b/demo-release-r1.tar.gz {s}" for m, s in (("PUT", 201), ("HEAD", 200))]
    assert bucket.password not in done.out + done.err


def test_without_a_name_the_key_is_the_name(slct, repo, bucket):
    done = ex(slct, repo, "deploy", bucket, "--ssl-cert-path", bucket.ca, "--compression-strategy", "none",
              env=bucket.env)
    (file,) = (bucket.data / "default").iterdir()
    assert re.fullmatch(r"demo-release-[a-z2-7]{32}\.tar", file.name) and file.stem in done.out
    tarfile.open(file).close()


def test_certificates_are_verified(slct, repo, bucket):
    refused = ex(slct, repo, "deploy", bucket, env=bucket.env, rc=4)
    assert "certificate" in refused.err and "--ssl-cert-path" in refused.err
    assert not bucket.requests()
    ex(slct, repo, "deploy", bucket, "--no-use-ssl-cert-validation", env=bucket.env)
    missing = ex(slct, repo, "deploy", bucket, "--ssl-cert-path", "nothere.pem", env=bucket.env, rc=2)
    assert "nothere.pem" in missing.err


def test_wrong_password(slct, repo, bucket):
    done = ex(slct, repo, "deploy", bucket, "--ssl-cert-path", bucket.ca, env={"BUCKETFS_PASSWORD": "not-the-one"}, rc=4)
    assert "401" in done.err and "hint: the server does not take this user name and password" in done.err
    assert "not-the-one" not in done.err and not any(bucket.data.iterdir())
    none = ex(slct, repo, "deploy", bucket, rc=2)
    assert "BUCKETFS_PASSWORD" in none.err
    asked = ex(slct, repo, "deploy", bucket, "--bucketfs-password", env=bucket.env, rc=2)
    assert "no terminal" in asked.err, "without a value it is asked for, whatever the environment has"


def test_wrong_scheme(slct, repo, bucket):
    done = ex(slct, repo, "deploy", bucket, "--bucketfs-use-https", "no", env=bucket.env, rc=4)
    assert "http or https" in done.err


def test_nothing_is_built_for_a_wrong_command_line(slct, repo, bucket):
    for args, words in ((["--path-in-bucket", "a/../../b"], "leaves the bucket"), (["--bucket", "a/b"], "no name of a bucket"),
                        (["--bucketfs-host", "http://localhost"], "no host name")):
        done = ex(slct, repo, "deploy", bucket, *args, env=bucket.env, rc=2)
        assert words in done.err and "DONE" not in done.err
    (repo / "flavors/demo/flavor_base/language_definition").unlink()
    done = ex(slct, repo, "deploy", bucket, env=bucket.env, rc=3)
    assert "no language_definition" in done.err and "DONE" not in done.err


def test_dry_run_and_our_own_commands(slct, repo, bucket):
    dry = slct.run("deploy", "flavors/demo", *bucket.options, "--release-name", "1", "--dry-run", "--json", cwd=repo)
    (release,) = json.loads(dry.out)["releases"]
    assert release["uploaded"] is False and not bucket.requests()
    assert release["url"] == f"https://localhost:{bucket.port}/default/demo-release-1.tar.gz"
    done = slct.run("deploy", "flavors/demo", *bucket.options, "--release-name", "1", cwd=repo, env=bucket.env)
    assert release["session"] in done.out
    assert not done.ran, "the dry run has built it"
    slct.run("export", "flavors/demo", "--export-path", "out", cwd=repo)
    sent = slct.run("upload", "out/demo_release.tar.gz", *bucket.options, "--path-in-bucket", "/x y/", cwd=repo, env=bucket.env)
    assert sent.out.strip() == f"https://localhost:{bucket.port}/default/x%20y/demo_release.tar.gz"
    assert (bucket.data / "default/x y/demo_release.tar.gz").read_bytes() == (repo / "out/demo_release.tar.gz").read_bytes()
    assert "unpacks" in slct.run("upload", "out/x.tar.zst", *bucket.options, cwd=repo, rc=2).err


class Fickle:
    """A server of our own: the first PUTs are cut or refused, then it takes one; HEAD says `size` bytes."""

    def __init__(self, faults, size=None):
        self.faults, self.size, self.seen, self.body = list(faults), size, [], b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.tls = False
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            with conn:
                self.one(conn)

    def one(self, conn):
        data = b""
        while b"\r\n\r\n" not in data:
            got = conn.recv(65536)
            if not got:
                return
            data += got
        head, body = data.split(b"\r\n\r\n", 1)
        fields = {k.lower(): v.strip() for k, v in (line.split(b":", 1) for line in head.split(b"\r\n")[1:])}
        self.seen.append(head.split()[0].decode())
        if head.startswith(b"HEAD"):
            size = len(self.body) if self.size is None else self.size
            conn.sendall(b"HTTP/1.1 %s\r\nConnection: close\r\n\r\n" % (
                b"405 No" if size < 0 else b"200 OK\r\nContent-Length: %d" % size))
            return
        fault = self.faults.pop(0) if self.faults else None
        if b"expect" in fields:
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault == "cut":
            return
        while len(body) < int(fields[b"content-length"]):
            body += conn.recv(65536)
        if fault:
            conn.sendall(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % fault)
            return
        self.body = body
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def upload(slct, server, **kw):
    file = slct.work / "x.tar.gz"
    file.write_bytes(bytes(range(256)) * 5000)
    return file, slct.run("upload", file, "--bucketfs-host", "127.0.0.1", "--bucketfs-port", server.port, "--no-https",
                          env={"BUCKETFS_PASSWORD": "p"}, **kw)


def test_a_broken_transfer_is_repeated(empty):
    server = Fickle(["cut", 503])
    file, _ = upload(empty, server)
    assert server.seen == ["PUT", "PUT", "PUT", "HEAD"] and server.body == file.read_bytes()


def test_the_size_is_read_back(empty):
    _, done = upload(empty, Fickle([], size=17), rc=6)
    assert "17 bytes of 1280000" in done.err
    _, done = upload(empty, Fickle([], size=-1))
    assert "could not be checked" in done.err


def test_a_refusal_is_final(empty):
    server = Fickle([403])
    _, done = upload(empty, server, rc=4)
    assert server.seen == ["PUT"] and "may not write there" in done.err


# --- a flavor of Debian's packages, end to end ---

TEST_CONTAINER = {
    "build/Dockerfile": """FROM localhost/debian:12
        RUN apt-get -qq update && apt-get -qq -y --no-install-recommends install python3 && apt-get clean
        COPY deps/exaplus /downloads/EXAplus/exaplus
        RUN mkdir /downloads/ODBC && touch /downloads/ODBC/libexaodbc-1.so
        ENV EXAPLUS=/downloads/EXAplus/exaplus
        """,
    "build/deps/exaplus": ("#!/bin/bash\n[[ $* == *'-f import.sql'* ]] && grep -q rows import.sql\n", 0o755),
    "test_data/enginedb_small/import.sql": "rows\n",
    "tests/test/client/languages.py": """
        import argparse
        import json
        import socket

        options = argparse.ArgumentParser()
        for name in ("server", "user", "password", "script-languages", "lang-path", "loglevel", "driver", "jdbc-path"):
            options.add_argument("--" + name, required=True)
        given = options.parse_args()
        host, port = given.server.split(":")
        assert json.load(open("/environment_info.json"))["database_info"]["ports"]["_database"] == int(port)
        with socket.create_connection((host, int(port))) as s:
            s.sendall(f"LOGIN {given.user} {given.password} {given.script_languages}\\n".encode())
            assert s.makefile().readline().startswith("ok ")
        """,
}


def in_a_database(slct, run, flavor, tmp_path):
    """The test sets of its ci.json in a container of Debian's packages."""
    write_tree(slct.work / "test_container", TEST_CONTAINER)
    with Bucket(tmp_path / "plain", tls=False) as plain, Database() as database:
        tested = run("run-db-test", *flavor, "--environment-type", "external_db", "--external-exasol-db-host", "127.0.0.1",
                     "--external-exasol-db-port", database.port, "--external-exasol-db-user", "sys",
                     "--external-exasol-bucketfs-port", plain.port, EXASOL_DB_PASSWORD=database.password,
                     SLCT_BUCKETFS_WAIT="1s", **plain.env)
    assert "Tests in test folder client with language None: OK" in tested.stdout
    (languages,) = database.seen
    assert "/myudfs/python-demo" in languages and "JAVA=builtin_java" in languages
    assert (plain.data / "myudfs/python-demo.tar.gz").stat().st_size > 1 << 20


def test_debian_flavor(new_slct, bucket, tmp_path):
    slct = new_slct(base="debian")
    shutil.copytree(REPO / "flavors", slct.work / "flavors", symlinks=True)
    link = slct.work / "exaslct"
    link.symlink_to(slct.binary)

    def run(*args, rc=0, **env):
        done = subprocess.run([link, *map(str, args)], cwd=slct.work, env={**slct.env, **env}, capture_output=True,
                              text=True, timeout=1500)
        assert done.returncode == rc, done.stdout + done.stderr
        return done

    flavor = ["--flavor-path", "flavors/python-demo"]
    built = run("build", *flavor, "--workers", "2")
    assert [n.split(":")[1].split("_x")[0].split("_a")[0] for n in built.stdout.split()] == [
        f"python-demo-{goal}" for goal in ("base_test_build_run", "flavor_test_build_run", "release")]
    again = run("build", *flavor)
    assert "0 steps run" in again.stderr and again.stdout == built.stdout
    run("export", *flavor, "--export-path", "out", "--release-name", "1.0")
    archive = slct.work / "out/python-demo_release_1.0.tar.gz"
    digest, _ = Path(f"{archive}.sha512sum").read_text().split()
    assert digest == hashlib.sha512(archive.read_bytes()).hexdigest()
    deployed = run("deploy", *flavor, "--bucketfs-host", "localhost", "--bucketfs-port", bucket.port, "--bucketfs-user",
                   "w", "--bucketfs-name", "bfsdefault", "--bucket", "default", "--bucketfs-use-https", "true",
                   "--ssl-cert-path", bucket.ca, "--release-name", "1.0", **bucket.env)
    file = bucket.data / "default/python-demo-release-1.0.tar.gz"
    assert gzip.decompress(file.read_bytes()) == gzip.decompress(archive.read_bytes())
    activation = run("generate-language-activation", *flavor, "--bucketfs-name", "bfsdefault", "--bucket-name", "default",
                     "--container-name", "python-demo-release-1.0")
    assert activation.stdout.strip() in deployed.stdout
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run([need("tar"), "-xzf", str(file), "-C", str(root)], check=True)
    out = subprocess.run([need("chroot"), str(root), "/exaudf/exaudfclient", "lang=none"], input=b"20\n22\n",
                         capture_output=True, check=True)
    assert b"42" in out.stdout, "the program of the container runs where the database would run it"
    assert (root / "etc/hosts").readlink() == Path("/conf/hosts")
    run("clean-flavor-images", *flavor)
    assert slct.run("images", "-q").out.split() == ["localhost/debian:12"]
    in_a_database(slct, run, flavor, tmp_path)
