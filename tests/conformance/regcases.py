#!/usr/bin/env python3
"""Runs the registry cases of the fault material against slct: regcases.py SHARED/faults

Starts a docker-registry on loopback, makes an image of a few MB, and lets the material's own runner pull and push it
through its proxy. Closes with "N passed, N failed"; the lines of the cases that failed come before that.
"""
import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from lab import Registry, free_port  # noqa: E402

WRAPPER = """#!/bin/sh
export SLCT_ROOT=$(mktemp -d {work}/store.XXXXXX) DOCKER_CONFIG={work}/docker
{body}
status=$?
rm -rf "$SLCT_ROOT"
exit $status
"""
PULL = '{slct} -q pull --no-unpack "$1" localhost/x:1 && {slct} -q save --format oci-dir -o "$2" localhost/x:1'
PUSH = '{slct} -q load -i "$1" localhost/x:1 >/dev/null && {slct} -q push localhost/x:1 "docker://$2"'


def script(work, name, body, slct):
    path = work / name
    path.write_text(WRAPPER.format(work=work, body=body.format(slct=slct)))
    path.chmod(0o755)
    return path


def layout(work, slct):
    """An OCI layout with the image, tagged 1."""
    env = dict(os.environ, SLCT_ROOT=str(work / "store"))
    context = work / "context"
    context.mkdir()
    (context / "noise").write_bytes(os.urandom(3000000))
    (context / "small").write_text("small\n")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY small /\nCOPY noise /\n")
    for args in (["build", "-q", "-t", "localhost/x:1", context],
                 ["save", "--format", "oci-dir", "-o", work / "layout", "localhost/x:1"]):
        subprocess.run([slct, *map(str, args)], env=env, check=True, stdout=subprocess.DEVNULL)
    index = work / "layout/index.json"
    index.write_text(index.read_text().replace('"localhost/x:1"', '"1"'))
    return work / "layout"


def main():
    faults = pathlib.Path(sys.argv[1])
    slct = os.environ.get("SLCT", str(ROOT / "build/slct"))
    with tempfile.TemporaryDirectory(prefix="slct-regcases.") as top:
        work = pathlib.Path(top)
        ports = [free_port(), free_port()]
        (work / "docker").mkdir()
        auth = base64.b64encode(b"u:p").decode()
        (work / "docker/config.json").write_text(json.dumps({"auths": {f"127.0.0.1:{ports[0]}": {"auth": auth}}}))
        registry = Registry(work / "registry").start()
        try:
            done = subprocess.run(
                [sys.executable, faults / "regcases.py", "run", "--registry", f"127.0.0.1:{registry.port}", "--ports",
                 ",".join(map(str, ports)), "--layout", f"{layout(work, slct)}:1", "--pull",
                 f"{script(work, 'pull', PULL, slct)} {{ref}} {{out}}", "--push",
                 f"{script(work, 'push', PUSH, slct)} {{layout}} {{ref}}"], capture_output=True, text=True, check=False)
        finally:
            registry.stop()
    verdicts = re.findall(r"^(\S+ (?:pull|push) \S+ +(\S+) rc=.*)$", done.stdout, re.M)
    for line, verdict in verdicts:
        if verdict != "PASS":
            print(line)
    failed = sum(verdict != "PASS" for _, verdict in verdicts)
    if done.returncode or not verdicts:
        print(done.stderr[-2000:])
        failed += 1
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
