"""A stand-in for a database: a server on loopback that answers lines "LOGIN USER PASSWORD WORD…" with "ok WORD…"."""
import socketserver
import threading


class Database:
    """user sys logs in with a password. .seen has the words of all that have logged in, in their order."""

    def __init__(self, password="exa-pass-1"):
        self.password, self.seen = password, []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                words = self.rfile.readline().decode().split()
                if words[:3] != ["LOGIN", "sys", outer.password]:
                    self.wfile.write(b"refused\n")
                    return
                outer.seen.append(" ".join(words[3:]))
                self.wfile.write(f"ok {' '.join(words[3:])}\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# EXASLCT's test containers have bash, python3, Exasol's drivers and exaplus; these are shell scripts of the same names.
ASK = r"""#!/bin/sh
# ask HOST:PORT USER PASSWORD WORD…
server=$1 user=$2 password=$3
shift 3
echo "LOGIN $user $password $*" | nc ${server%:*} ${server#*:}
"""
EXAPLUS = r"""#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in -c) s=$2;; -u) u=$2;; -p) p=$2;; -f) f=$2;; esac
    shift
done
ask "$s" "$u" "$p" import $(cat $f) | grep ok
"""
DOCKERFILE = r"""FROM localhost/busybox:1
COPY deps/ask deps/exaplus deps/bash deps/python3 /bin/
RUN mkdir -p /downloads/ODBC/lib && touch /downloads/ODBC/lib/libexaodbc-1.so
ENV EXAPLUS=exaplus
ENTRYPOINT ["/bin/false"]
"""
SHELL = "#!/bin/sh\nexec sh \"$@\"\n"
# A test file: reads its command line as EXASLCT's test framework does.
TEST = r"""
args="$*"
while [ $# -gt 0 ]; do
    case $1 in --server) s=$2;; --user) u=$2;; --password) p=$2;; --lang) l=$2;; esac
    shift
done
echo "called with $args in $PWD"
touch /tests/mine && ! touch /tests_src/mine
ask "$s" "$u" "$p" test {name} $l | grep ok
"""


def container_files(tests, data=True):
    """Files of a test container; tests: {path in tests/test: name of the test, or None for one that fails}."""
    files = {"build/Dockerfile": DOCKERFILE, "tests/lang/l.txt": "x"}
    for name, text in (("ask", ASK), ("exaplus", EXAPLUS), ("bash", SHELL), ("python3", SHELL)):
        files[f"build/deps/{name}"] = (text, 0o755)
    for path, name in tests.items():
        files[f"tests/test/{path}"] = TEST.replace("{name}", name) if name else "echo broken; exit 3\n"
    if data:
        files["test_data/enginedb_small/import.sql"] = "rows\n"
    return files
