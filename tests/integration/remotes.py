"""Fixtures: a web server and a git repository on loopback."""
import http.server
import os
import subprocess
import threading

import pytest

from lab import need, write_tree


@pytest.fixture
def web():
    """A server of byte strings by path: web.files; their ETags: web.tags; what was asked: web.seen, and answered with
    304:
    web.unchanged; the most requests at a time: web.most, where answers wait for the barrier web.gate."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.seen.append(self.path)
            data = self.server.files.get(self.path)
            tag = self.server.tags.get(self.path)
            with self.server.lock:
                self.server.now += 1
                self.server.most = max(self.server.most, self.server.now)
            if self.server.gate:
                self.server.gate.wait(10)
            with self.server.lock:
                self.server.now -= 1
            if tag and self.headers.get("If-None-Match") == tag:
                self.server.unchanged.append(self.path)
                self.send_response(304)
                data = b""
            elif isinstance(data, str):
                self.send_response(302)
                self.send_header("Location", data)
                data = b""
            else:
                self.send_response(200 if data is not None else 404)
            if tag:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.seen, server.tags, server.unchanged = {}, [], {}, []
        server.lock, server.now, server.most, server.gate = threading.Lock(), 0, 0, None
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def git(folder, *args):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run([need("git"), "-c", "user.name=t", "-c", "user.email=t@t.example", "-c",
                           "protocol.file.allow=always",
                           "-C", str(folder), *args], check=True, capture_output=True, text=True,
                           env=env).stdout.strip()


@pytest.fixture
def repo(work):
    """A repository with two commits, a branch and a tag; gives its folder, served as file://."""
    folder = work / "repo.git"
    write_tree(folder, {"Dockerfile": b"FROM localhost/busybox:1\nCOPY . /c/\n", "f": b"one\n",
                        "sub/Dockerfile": b"FROM scratch\nCOPY g /g\n", "sub/g": b"g\n"})
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "tag", "v1")
    git(folder, "checkout", "-q", "-b", "side")
    (folder / "f").write_text("side\n")
    git(folder, "commit", "-q", "-a", "-m", "side")
    git(folder, "checkout", "-q", "main")
    (folder / "f").write_text("two\n")
    git(folder, "commit", "-q", "-a", "-m", "two")
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    return folder
