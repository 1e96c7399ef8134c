"""The five-minute tour of README.md: its commands are run as they stand there."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

REGISTRY_CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def blocks():
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def registry_port(tmp_path):
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    port = free_port()
    config = tmp_path / "registry.yml"
    config.write_text(REGISTRY_CONFIG.format(root=tmp_path / "registry", port=port))
    with open(tmp_path / "registry.log", "wb") as log:
        server = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
    deadline = time.monotonic() + 20
    while not answers(port):
        assert server.poll() is None, (tmp_path / "registry.log").read_text()
        assert time.monotonic() < deadline, "the registry does not start"
        time.sleep(0.05)
    yield port
    server.terminate()
    server.wait()


def test_tour(tmp_path, registry_port):
    script = "\n".join(blocks())
    assert "slct build" in script and "localhost:5000" in script
    script = script.replace("localhost:5000", f"localhost:{registry_port}")
    env = dict(os.environ, SLCT_ROOT=str(tmp_path / "store"), TMPDIR=str(tmp_path), SLCT_PROGRESS="plain")
    run = subprocess.run(["bash", "-e", "-u", "-o", "pipefail", "-c", script], cwd=ROOT, env=env,
                         capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "the store is clean" in run.stdout
    # The last build finds all in the registry.
    last = run.stderr[run.stderr.rindex("isolation:"):]
    assert "CACHED" in last and "DONE" not in last, last
