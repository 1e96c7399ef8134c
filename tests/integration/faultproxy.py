"""A proxy in front of a registry that breaks what it is told to break, and a trap that takes down who shows it a login.

    with FaultProxy(registry.port) as proxy:
        proxy.on("GET", "/blobs/", cut(1000), first=1)      the first such answer ends after 1000 bytes
        slct.run("pull", f"{proxy.host}/demo:1")
        proxy.seen                                          [Seen(method, path, login, status)]

All on loopback. A rule is a method ("" for any), a regular expression for path and query, an action and which of the
matching requests it is for: `first=2` the first two, `only=3` the third, nothing for all. The first rule that is for a
request counts. An action gets the handler; those below say when they work.
"""
import base64
import gzip
import hashlib
import http.client
import http.server
import json
import random
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

BODY_METHODS = ("PUT", "PATCH", "POST")


@dataclass
class Seen:
    """One request as it came in."""
    method: str
    path: str
    login: str = ""    # "Basic", "Bearer" or ""
    status: int = 0    # 0: none was sent
    fault: str = ""
    body: int = 0      # bytes of its body
    fields: dict = field(default_factory=dict)
    time: float = 0.0
    peer: object = None    # the client's certificate, under TLS


@dataclass
class Rule:
    method: str
    pattern: str
    action: object
    first: int = 0
    only: int = 0
    count: int = 0

    def takes(self, method, path):
        if (self.method and self.method != method) or not re.search(self.pattern, path):
            return False
        self.count += 1
        if self.only:
            return self.count == self.only
        return not self.first or self.count <= self.first


class Gone(Exception):
    """The connection is closed, there is nothing more to say."""


class Answer:
    """What the registry said, before the action changes it."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, list(fields), body

    def get(self, name):
        return next((v for k, v in self.fields if k.lower() == name.lower()), None)

    def set(self, name, value):
        self.fields = [(k, v) for k, v in self.fields if k.lower() != name.lower()]
        if value is not None:
            self.fields.append((name, str(value)))


# --- actions: objects with `name`, and `early(handler)` (before the registry is asked; True: answered), or
# `late(handler, answer)` (True: answered), or `keep` (bytes of the request's body that get through)

class Action:
    name = "?"
    keep = None

    def __str__(self):
        return self.name

    def early(self, handler):
        return False

    def late(self, handler, answer):
        return False


class status(Action):
    """An answer of our own; the registry is not asked."""

    def __init__(self, code, body=b"", **fields):
        self.name = f"status {code}"
        self.code, self.body = code, body if isinstance(body, bytes) else body.encode()
        self.fields = {k.replace("_", "-"): v for k, v in fields.items()}

    def early(self, handler):
        handler.drain()
        handler.answer(self.code, self.fields.items(), self.body)
        return True


class reset(Action):
    """The connection is cut before the registry is asked, or after it has done its work (`after`)."""

    def __init__(self, after=False):
        self.name, self.after = "reset after" if after else "reset", after

    def early(self, handler):
        if not self.after:
            handler.cut()
        return False

    def late(self, handler, answer):
        handler.cut()


class cut(Action):
    """The connection ends after so many bytes of the answer's body: by RST, or in good order (`fin`)."""

    def __init__(self, after, fin=False):
        self.name, self.after, self.fin = f"cut at {after}", after, fin

    def late(self, handler, answer):
        handler.head(answer.status, answer.fields, len(answer.body))
        handler.wfile.write(answer.body[:self.after])
        handler.cut(self.fin)


class body(Action):
    """Another body, with honest framing: `change` gets the bytes and gives others."""

    def __init__(self, name, change, digest=False, kind=None):
        self.name, self.change, self.digest, self.kind = name, change, digest, kind

    def late(self, handler, answer):
        if answer.status not in (200, 206) or handler.command == "HEAD":
            return False
        answer.body = self.change(answer.body)
        if self.digest:
            answer.set("Docker-Content-Digest", "sha256:" + hashlib.sha256(answer.body).hexdigest())
        if self.kind:
            answer.set("Content-Type", self.kind)
        return False


def corrupt():
    """One byte in the middle is another."""
    def change(data):
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:] if data else data
    return body("corrupt", change)


def shorter(by):
    return body(f"shorter by {by}", lambda data: data[:-by])


def longer(by):
    return body(f"longer by {by}", lambda data: data + b"x" * by)


def replaced(data, kind=None):
    data = data if isinstance(data, bytes) else data.encode()
    return body("replaced", lambda _: data, digest=True, kind=kind)


class length(Action):
    """A Content-Length that is off by so much; the connection ends with the body."""

    def __init__(self, off):
        self.name, self.off = f"length {off:+}", off

    def late(self, handler, answer):
        handler.head(answer.status, answer.fields, max(0, len(answer.body) + self.off))
        handler.wfile.write(answer.body)
        handler.cut(fin=True)


class fields(Action):
    """Header fields set (None: left out)."""

    def __init__(self, **values):
        self.name = "fields " + " ".join(values)
        self.values = {k.replace("_", "-"): v for k, v in values.items()}

    def late(self, handler, answer):
        for name, value in self.values.items():
            answer.set(name, value)
        return False


class encoded(Action):
    """A Content-Encoding that nobody asked for."""
    name = "gzip encoding"

    def late(self, handler, answer):
        answer.body = gzip.compress(answer.body)
        answer.set("Content-Encoding", "gzip")
        return False


class redirect(Action):
    def __init__(self, to, code=307):
        self.name, self.to, self.code = f"redirect {code}", to, code

    def early(self, handler):
        handler.drain()
        handler.answer(self.code, [("Location", self.to.replace("{path}", handler.path))], b"")
        return True


class stall(Action):
    """Nothing more after so many bytes, for so many seconds; then the connection is cut."""

    def __init__(self, after, seconds):
        self.name, self.after, self.seconds = f"stall at {after}", after, seconds

    def late(self, handler, answer):
        handler.head(answer.status, answer.fields, len(answer.body))
        handler.wfile.write(answer.body[:self.after])
        handler.wfile.flush()
        handler.proxy.ended.wait(self.seconds)
        handler.cut()


class late(Action):
    """The registry is asked so many seconds later."""

    def __init__(self, seconds):
        self.name, self.seconds = f"late by {seconds}", seconds

    def early(self, handler):
        time.sleep(self.seconds)
        return False


class partial(Action):
    """Only the beginning of the request's body reaches the registry; then both connections are cut."""

    def __init__(self, keep):
        self.name, self.keep = f"partial {keep}", keep


class endless(Action):
    """A body without end."""
    name = "endless"

    def early(self, handler):
        handler.drain()
        handler.head(200, [("Content-Type", "application/octet-stream"), ("Connection", "close")], None)
        while not handler.proxy.ended.is_set():
            handler.wfile.write(b"\0" * 65536)
        return True


class raw(Action):
    """Bytes that are no HTTP, or the beginning of it."""

    def __init__(self, name, make):
        self.name, self.make = name, make

    def early(self, handler):
        handler.drain()
        for part in self.make():
            handler.wfile.write(part)
        handler.cut(fin=True)


def header_bomb():
    return raw("header bomb",
               lambda: [b"HTTP/1.1 200 OK\r\n"] + [b"X-%d: " % n + b"y" * 4000 + b"\r\n" for n in range(5000)])


class close(Action):
    """A whole answer; then the connection closes without a word about it."""
    name = "close"

    def late(self, handler, answer):
        handler.answer(answer.status, answer.fields, answer.body)
        handler.cut(fin=True)


# --- the server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *args):
        pass

    @property
    def proxy(self):
        return self.server.proxy

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (Gone, OSError, ssl.SSLError):
            self.close_connection = True

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    def cut(self, fin=False):
        """End the connection; the client sees a reset, or the end of the stream."""
        try:
            self.wfile.flush()
            if not fin:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()
        except OSError:
            pass
        raise Gone()

    def drain(self, most=None):
        """The request's body, or its beginning."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self.drain_chunks()
        want = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(want if most is None else min(want, most))
        self.entry.body = len(data)
        return data

    def drain_chunks(self):
        """A body whose length is not said before (other programs' uploads)."""
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        self.entry.body = len(data)
        return data

    def head(self, code, items, size):
        self.entry.status = code
        self.send_response_only(code)
        for name, value in items:
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        if size is not None:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def answer(self, code, items, data):
        items = list(items)
        size = len(data)
        if self.command == "HEAD":
            size = next((int(v) for k, v in items if k.lower() == "content-length"), size)
        self.head(code, items, size if code != 204 else None)
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def run(self):
        login = self.headers.get("Authorization", "")
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        self.entry = Seen(self.command, self.path, login.split(" ")[0], fields=dict(self.headers.items()), peer=peer,
                          time=time.monotonic())
        with self.proxy.lock:
            self.proxy.seen.append(self.entry)
        if not self.proxy.front(self, login):
            self.proxy.forward(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = run


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class Server6(Server):
    address_family = socket.AF_INET6


class Listener:
    """A server on a free port; `tls` is an ssl.SSLContext. What it was asked is in `seen`."""

    def __init__(self, tls=None, address="127.0.0.1"):
        self.seen, self.lock, self.ended = [], threading.Lock(), threading.Event()
        self.server = (Server6 if ":" in address else Server)((address, 0), Handler)
        self.server.proxy = self
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.tls = tls
        self.port = self.server.server_address[1]
        self.host = f"[{address}]:{self.port}" if ":" in address else f"localhost:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def front(self, handler, login):
        return False

    def count(self, method="", pattern="", **want):
        return len([s for s in self.seen if (not method or s.method == method) and re.search(pattern, s.path) and
                    all(getattr(s, k) == v for k, v in want.items())])

    @property
    def logins(self):
        """Requests that carried a login."""
        return [s for s in self.seen if s.login]


class Trap(Listener):
    """A server that should never see a login; serves bytes by path from `files`, else 404."""

    def __init__(self, files=None, tls=None):
        super().__init__(tls)
        self.files = files or {}

    def forward(self, handler):
        handler.drain()
        data = self.files.get(handler.path.split("?")[0])
        handler.answer(404 if data is None else 200, [], data or b"")


class FaultProxy(Listener):
    """In front of a registry. auth: "basic" or "bearer" with user and password; `token_uses` is how many requests a
    token is good for, `token_life` how many seconds (0: no limit); answers say 300 seconds all the same."""

    def __init__(self, upstream, tls=None, auth=None, user="tester", password="s3cret-for-faults", token_uses=0,
                 token_life=0, address="127.0.0.1"):
        super().__init__(tls, address)
        self.upstream, self.rules = upstream, []
        self.auth, self.user, self.password = auth, user, password
        self.token_uses, self.token_life, self.tokens = token_uses, token_life, {}
        self.refresh_token = "refresh-token-of-the-tests"
        self.asked = []    # (grant type or "get", scopes) of each request for a token
        self.chaos = None
        self.sessions = None

    def keep_sessions(self):
        """Uploads in chunks are kept here, as the distribution specification describes them: what arrived of a chunk
        stays, GET says how much that is. (docker-registry forgets a session whose last chunk was cut.)"""
        self.sessions = {}

    def session(self, handler, action):
        """An upload session of our own: True if the request was one. The blob goes to the registry in one PUT."""
        address, _, query = handler.path.partition("?")
        begin, _, number = address.rpartition("/")
        if handler.command == "POST" and not number:
            number = str(len(self.sessions))
            self.sessions[number] = b""
            handler.drain()
            handler.answer(202, [("Location", f"{address}{number}"), ("Range", "0-0")], b"")
            return True
        if number not in self.sessions:
            return False
        data = handler.drain(action.keep if action else None)
        have = self.sessions[number]
        first = int(handler.headers.get("Content-Range", f"{len(have)}-").split("-")[0])
        if first != len(have):
            handler.answer(416, [("Range", f"0-{max(0, len(have) - 1)}")], b"")
            return True
        self.sessions[number] = have = have + data
        if action and action.keep is not None:
            handler.cut()
        items = [("Location", address), ("Range", f"0-{max(0, len(have) - 1)}")]
        if handler.command in ("PATCH", "GET"):
            answer = Answer(202 if handler.command == "PATCH" else 204, items, b"")
        else:
            answer = self.ask_for(have, begin + "/", query)
        if not action or not action.late(handler, answer):
            handler.answer(answer.status, answer.fields, answer.body)
        return True

    def ask_for(self, data, uploads, query):
        """The whole blob to the registry."""
        up = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        up.request("POST", uploads)
        place = up.getresponse()
        place.read()
        location = place.getheader("Location")
        up.request("PUT", location + ("&" if "?" in location else "?") + query, body=data)
        got = up.getresponse()
        answer = Answer(got.status, got.getheaders(), got.read())
        up.close()
        return answer

    def on(self, method, pattern, action, first=0, only=0):
        self.rules.append(Rule(method, pattern, action, first, only))
        return self

    @property
    def faults(self):
        return [s for s in self.seen if s.fault]

    # --- logins

    def token(self, handler):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query)
        login = handler.headers.get("Authorization", "")
        if handler.command == "POST":
            form = urllib.parse.parse_qs(handler.drain().decode())
            self.asked.append((form["grant_type"][0], form.get("scope", [""])[0]))
            good = form.get("refresh_token") == [self.refresh_token]
        else:
            self.asked.append(("get", " ".join(query.get("scope", []))))
            good = not login or login == self.basic
        if not good:
            handler.answer(401, [], b'{"errors":[{"code":"UNAUTHORIZED","message":"wrong login"}]}')
            return True
        value = f"tok{len(self.tokens)}." + base64.urlsafe_b64encode(random.randbytes(12)).decode()
        known = login == self.basic or handler.command == "POST"
        self.tokens[value] = {"uses": 0, "made": time.monotonic(), "known": known}
        handler.answer(200, [("Content-Type", "application/json")],
                       json.dumps({"token": value, "access_token": value, "expires_in": 300}).encode())
        return True

    @property
    def basic(self):
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def token_good(self, value):
        with self.lock:
            token = self.tokens.get(value)
            if not token or not token["known"]:
                return False
            token["uses"] += 1
            return not (self.token_uses and token["uses"] > self.token_uses) and \
                not (self.token_life and time.monotonic() - token["made"] > self.token_life)

    def front(self, handler, login):
        if handler.path.startswith("/token"):
            return self.token(handler)
        if not self.auth:
            return False
        if self.auth == "basic":
            if login == self.basic:
                return False
            challenge = 'Basic realm="tests"'
        else:
            if login.startswith("Bearer ") and self.token_good(login[7:]):
                return False
            repo = "/".join(handler.path.split("/")[2:]).rsplit("/blobs/", 1)[0].rsplit("/manifests/", 1)[0]
            challenge = f'Bearer realm="{self.url}/token",service="tests",scope="repository:{repo}:pull,push"'
        handler.drain()
        handler.answer(401, [("WWW-Authenticate", challenge)],
                       b'{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}')
        return True

    # --- faults

    def pick(self, method, path):
        with self.lock:
            for rule in self.rules:
                if rule.takes(method, path):
                    return rule.action
            return self.chaos.pick(method, path) if self.chaos else None

    def forward(self, handler):
        action = self.pick(handler.command, handler.path)
        handler.entry.fault = action.name if action else ""
        if action and action.early(handler):
            return
        if self.sessions is not None and "/blobs/uploads/" in handler.path and self.session(handler, action):
            return
        answer = self.ask(handler, handler.drain(action.keep if action else None), action)
        if action and action.late(handler, answer):
            return
        handler.answer(answer.status, answer.fields, answer.body)

    def ask(self, handler, data, action):
        passed = {}
        for k, v in handler.headers.items():    # a field may come several times (other programs' Accept)
            if k.lower() not in ("authorization", "connection", "content-length", "expect"):
                passed[k] = f"{passed[k]}, {v}" if k in passed else v
        if handler.command in BODY_METHODS:
            passed["Content-Length"] = str(len(data)) if "transfer-encoding" in map(str.lower, passed) else \
                handler.headers.get("Content-Length", "0")
            passed = {k: v for k, v in passed.items() if k.lower() != "transfer-encoding"}
        up = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        try:
            up.request(handler.command, handler.path, body=data or None, headers=passed)
            if action and action.keep is not None:
                up.sock.shutdown(socket.SHUT_WR)
                time.sleep(0.05)    # so that the registry has taken what came
                handler.cut()
            got = up.getresponse()
            return Answer(got.status, got.getheaders(), got.read())
        finally:
            up.close()


class Chaos:
    """So many faults by chance, from a seed; never more than `row` in a row for one method and path."""

    def __init__(self, seed, faults, chance=0.3, row=2):
        self.random, self.left, self.chance, self.row, self.rows = random.Random(seed), faults, chance, row, {}

    def kinds(self, method):
        r = self.random
        common = [reset(), reset(after=True), close(), status(500), status(502), status(503, Retry_After="0"),
                  status(429, Retry_After="0")]
        if method == "GET":
            return common + [cut(r.randrange(60000)), cut(r.randrange(60000), fin=True), corrupt(), shorter(3),
                             longer(3),
                             length(7), length(-7)]
        if method in BODY_METHODS:
            return common + [partial(r.randrange(100000)), status(404), status(416)]
        return common

    def pick(self, method, path):
        path = re.sub(r"/uploads/[^?]*.*", "/uploads/", path)
        row = self.rows.get((method, path), 0)
        if not self.left or row >= self.row or self.random.random() >= self.chance:
            self.rows[method, path] = 0
            return None
        self.rows[method, path] = row + 1
        self.left -= 1
        return self.random.choice(self.kinds(method))


class Tunnel:
    """A proxy for https (CONNECT) that leads every host to one port of this machine; `hosts` is what it was asked."""

    def __init__(self, port):
        self.port, self.hosts = port, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *args):
        self.socket.close()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(4096)
            if not part:
                return
            head += part
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.hosts.append(target)
        if method != "CONNECT":
            client.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        threading.Thread(target=self.pump, args=(client, server), daemon=True).start()
        self.pump(server, client)

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
