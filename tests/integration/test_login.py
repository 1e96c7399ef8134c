"""login, logout and credential helpers, against a registry with basic authentication and one with tokens."""
import base64
import http.server
import json
import os
import pty
import stat
import subprocess
import threading
import urllib.parse

import pytest

from lab import need


def files(slct):
    return slct.work / "home/.docker/config.json"


def login(slct, registry, *args, password=None, rc=0, env=None):
    word = registry.password if password is None else password
    return slct.run("login", "-u", registry.user, "--password-stdin", registry.host, *args, input=word.encode() + b"\n",
                    rc=rc, env=env)


def entry(slct, registry):
    return json.loads(files(slct).read_text())["auths"][registry.host]


def test_login_push_logout(slct, registry_auth):
    name = registry_auth.repo() + ":1"
    failed = slct.run("push", "localhost/busybox:1", name, rc=4)
    assert f"slct login {registry_auth.host}" in failed.err
    got = login(slct, registry_auth)
    assert f"logged in to {registry_auth.host} as {registry_auth.user}" in got.out
    assert registry_auth.password not in got.out + got.err
    stored = base64.b64decode(entry(slct, registry_auth)["auth"]).decode()
    assert stored == f"{registry_auth.user}:{registry_auth.password}"
    assert stat.S_IMODE(files(slct).stat().st_mode) == 0o600
    assert stat.S_IMODE(files(slct).parent.stat().st_mode) == 0o700
    assert [p.name for p in files(slct).parent.iterdir()] == ["config.json"]
    slct.run("push", "localhost/busybox:1", name)
    # skopeo reads the same file.
    subprocess.run([need("skopeo"), "inspect", "--tls-verify=false", "--authfile", files(slct), f"docker://{name}"],
                   check=True, capture_output=True)
    assert str(files(slct)) in slct.run("logout", registry_auth.host).out
    assert json.loads(files(slct).read_text()) == {"auths": {}}
    slct.run("push", "localhost/busybox:1", registry_auth.repo() + ":1", rc=4)
    assert "not logged in" in slct.run("logout", registry_auth.host).out


def test_a_wrong_password_is_not_saved(slct, registry_auth):
    got = login(slct, registry_auth, password="wrong-one", rc=4)
    assert "does not take this name and password" in got.err and "wrong-one" not in got.err
    assert not files(slct).exists()


def test_what_else_is_in_the_file_stays(slct, registry_auth):
    files(slct).parent.mkdir(parents=True)
    real = slct.work / "dotfiles.json"
    real.write_text(json.dumps({"HttpHeaders": {"X": "y"}, "auths": {
        "other.example": {"auth": "dTpw"}, f"http://{registry_auth.host}/v2/": {"auth": "b2xkOm9sZA=="}}}))
    files(slct).symlink_to(real)
    login(slct, registry_auth)
    now = json.loads(real.read_text())
    assert files(slct).is_symlink() and now["HttpHeaders"] == {"X": "y"}
    assert set(now["auths"]) == {"other.example", registry_auth.host}
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_broken_file_is_not_overwritten(slct, registry_auth):
    files(slct).parent.mkdir(parents=True)
    files(slct).write_text("{ half")
    assert str(files(slct)) in login(slct, registry_auth, rc=3).err
    assert files(slct).read_text() == "{ half"


@pytest.mark.parametrize("variable, place", [("REGISTRY_AUTH_FILE", "a/auth.json"), ("DOCKER_CONFIG", "d")])
def test_places(slct, registry_auth, variable, place):
    env = {variable: str(slct.work / place)}
    login(slct, registry_auth, env=env)
    file = slct.work / place if place.endswith("json") else slct.work / place / "config.json"
    assert registry_auth.host in json.loads(file.read_text())["auths"] and not files(slct).exists()
    slct.run("push", "localhost/busybox:1", registry_auth.repo() + ":1", env=env)
    slct.run("logout", registry_auth.host, env=env)
    assert json.loads(file.read_text())["auths"] == {}


def test_logins_at_the_same_time_lose_nothing(slct, registry_auth):
    hosts = [registry_auth.host, registry_auth.host.replace("localhost", "127.0.0.1"),
             registry_auth.host.replace("localhost", "127.0.0.2")]
    made = []
    for host in hosts * 3:
        p = slct.popen("login", "-u", registry_auth.user, "--password-stdin", host, stdin=subprocess.PIPE)
        p.stdin.write(registry_auth.password.encode())
        p.stdin.close()
        made.append(p)
    done = [p.wait() for p in made]
    for p in made:
        p.stdout.close()
        p.stderr.close()
    # docker-registry listens on 127.0.0.1 only.
    assert done == [0, 0, 4] * 3
    assert set(json.loads(files(slct).read_text())["auths"]) == set(hosts[:2])


def on_terminal(slct, args, answers):
    """Run slct on a terminal of its own and answer its questions; gives status and what the terminal showed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(slct.binary, [str(slct.binary), *args], slct.env)
    shown = b""
    for prompt, answer in answers:
        while prompt not in shown:
            shown += os.read(fd, 1000)
        os.write(fd, answer)
    try:
        while chunk := os.read(fd, 1000):
            shown += chunk
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_prompts_on_the_terminal(slct, registry_auth):
    typed = registry_auth.password.encode()
    rc, shown = on_terminal(slct, ["login", registry_auth.host],
                            [(b"User name for", registry_auth.user.encode() + b"\n"),
                             (b"Password for", b"wrong\x15" + typed[:-1] + b"x\x7f" + typed[-1:] + b"\n")])
    assert rc == 0, shown
    assert "logged in" in shown and registry_auth.password not in shown and "wrong" not in shown
    assert registry_auth.host in json.loads(files(slct).read_text())["auths"]


def test_a_prompt_can_be_cancelled(slct, registry_auth):
    rc, shown = on_terminal(slct, ["login", "-u", "x", registry_auth.host], [(b"Password for", b"abc\x03")])
    assert rc == 130 and "abc" not in shown and not files(slct).exists()


@pytest.mark.parametrize("args, input, text", [
    (["-u", "x", "localhost:1"], b"", "no terminal"),
    (["--password-stdin", "localhost:1"], b"x", "needs --username"),
    (["-u", "x", "--password-stdin", "localhost:1"], b"", "standard input is empty"),
    (["-u", "x", "--password-stdin", "localhost:1"], b"a\nb\n", "one line"),
    (["-u", "x:y", "--password-stdin", "localhost:1"], b"a", "no colon"),
    (["-u", "x", "--password-stdin", "name"], b"a", "not a registry"),
    (["-u", "x", "--password-stdin", "r.example/path"], b"a", "not a registry"),
    (["-u", "x", "--creds", "a:b", "localhost:1"], b"a", "exclude each other"),
])
def test_wrong_usage(slct, args, input, text):
    got = slct.run("login", *args, input=input, rc=2, prefix=[need("setsid"), "-w"])
    assert text in got.err


def test_nobody_listens(slct):
    got = slct.run("login", "-u", "x", "--password-stdin", "localhost:1", input=b"secret-word", rc=4)
    assert "secret-word" not in got.err and not files(slct).exists()


# --- credential helpers ---

HELPER = """#!/bin/sh
# A keyring that is a directory.
dir=$(dirname "$0")/keys
mkdir -p "$dir"
echo "$1" >>"$dir/../calls"
case $1 in
get)
    read -r server || true
    if ! cat "$dir/$(echo "$server" | tr / _)" 2>/dev/null; then
        echo "credentials not found in native keychain"
        exit 1
    fi ;;
store) text=$(cat); server=$(echo "$text" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/'); echo "$text" >"$dir/$(echo "$server" | tr / _)" ;;
erase) read -r server || true; rm -f "$dir/$(echo "$server" | tr / _)" ;;
esac
"""


@pytest.fixture
def helper(slct):
    """A helper "fake" in PATH; gives its folder."""
    folder = slct.work / "bin"
    folder.mkdir()
    program = folder / "docker-credential-fake"
    program.write_text(HELPER)
    program.chmod(0o755)
    slct.env["PATH"] = f"{folder}:{slct.env['PATH']}"
    return folder


def configure(slct, **config):
    files(slct).parent.mkdir(parents=True, exist_ok=True)
    files(slct).write_text(json.dumps(config))


def calls(helper):
    return (helper / "calls").read_text().split() if (helper / "calls").exists() else []


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_helper_keeps_the_login(slct, registry_auth, helper, key):
    configure(slct, **{key: "fake" if key == "credsStore" else {registry_auth.host: "fake"}})
    got = login(slct, registry_auth)
    assert 'credential helper "fake"' in got.out
    assert entry(slct, registry_auth) == {}
    assert json.loads((helper / "keys" / registry_auth.host).read_text())["Secret"] == registry_auth.password
    name = registry_auth.repo() + ":1"
    (helper / "calls").unlink()
    slct.run("push", "localhost/busybox:1", name)
    assert calls(helper) == ["get"]     # once, whatever the number of requests
    slct.run("logout", registry_auth.host)
    assert not (helper / "keys" / registry_auth.host).exists()
    failed = slct.run("push", "localhost/busybox:1", registry_auth.repo() + ":1", rc=4)
    assert 'credential helper "fake" has no login for it' in failed.err and "slct login" in failed.err


def test_helper_in_a_build(slct, registry_auth, helper):
    """FROM an image behind a login, push and remote cache."""
    configure(slct, credsStore="fake")
    login(slct, registry_auth)
    base, name = registry_auth.repo() + ":1", registry_auth.repo() + ":1"
    slct.run("push", "localhost/busybox:1", base)
    slct.build(f"FROM {base}\nRUN echo x >/x\n", "--push", "--cache-to", registry_auth.repo(), tag=name)


def test_a_helper_is_not_asked_where_no_login_is_wanted(slct, registry, helper):
    configure(slct, credsStore="fake")
    slct.run("push", "localhost/busybox:1", registry.repo() + ":1")
    assert calls(helper) == []


@pytest.mark.parametrize("script, text", [
    (None, "cannot run docker-credential-fake"),
    ("echo no key; exit 3", "no key"),
    ("echo '{'", "its answer"),
    ("echo '{}'", "lacks Username"),
    ("head -c 200000 /dev/zero", "more than"),
])
def test_a_helper_that_fails(slct, registry_auth, helper, script, text):
    program = helper / "docker-credential-fake"
    if script is None:
        program.unlink()
    else:
        program.write_text(f"#!/bin/sh\n{script}\n")
    configure(slct, credsStore="fake")
    failed = slct.run("push", "localhost/busybox:1", registry_auth.repo() + ":1", rc=4)
    assert text in failed.err and "fake" in failed.err


def test_a_helper_with_a_path_for_a_name(slct, registry_auth, helper):
    configure(slct, credsStore="../fake")
    failed = slct.run("push", "localhost/busybox:1", registry_auth.repo() + ":1", rc=4)
    assert "cannot be the name" in failed.err and calls(helper) == []


# --- tokens ---

class TokenRegistry(http.server.BaseHTTPRequestHandler):
    """/v2/ wants a token, which /token gives for the right password."""
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"{}", **fields):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        login = self.headers.get("Authorization", "")
        self.server.seen.append((self.path, login))
        if urllib.parse.urlsplit(self.path).path == "/token":
            right = "Basic " + base64.b64encode(b"me:right-word").decode()
            return self.answer(200, b'{"token": "t0ken"}') if login == right else self.answer(401)
        if login == "Bearer t0ken":
            return self.answer(200)
        realm = f"http://localhost:{self.server.server_address[1]}/token"
        return self.answer(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"')

    def log_message(self, *args):
        pass


@pytest.fixture
def token_registry():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenRegistry) as server:
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("password, rc", [(b"right-word", 0), (b"wrong-word", 4)])
def test_login_with_tokens(slct, token_registry, password, rc):
    host = f"localhost:{token_registry.server_address[1]}"
    slct.run("login", "-u", "me", "--password-stdin", host, input=password, rc=rc)
    assert files(slct).exists() == (rc == 0)
    assert all(not login.startswith("Basic") or path.startswith("/token") for path, login in token_registry.seen)


def test_a_registry_without_login(slct, registry):
    got = slct.run("login", "-u", "me", "--password-stdin", registry.host, input=b"word")
    assert "has not been verified" in got.err
