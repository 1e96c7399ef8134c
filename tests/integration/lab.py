"""Helpers of the integration tests: run slct, start a registry, read images without the help of slct."""
import hashlib
import io
import json
import os
import pty
import re
import socket
import subprocess
import tarfile
import textwrap
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
CI = os.environ.get("CI", "") in ("true", "1")


def command_lines():
    """The command lines of all processes, NUL-separated; one that ends meanwhile, as many do here, has none."""
    lines = b""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            lines += Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return lines


def lack(reason):
    """The host lacks something that a test needs: a skip, and a failure where everything must be there."""
    if CI:
        pytest.fail("this host must have it: " + reason, pytrace=False)
    pytest.skip(reason)


def need(program):
    """The path of a program that the test needs."""
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin", "/usr/bin"]:
        path = Path(folder, program)
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    return lack(f"{program} is not installed")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write_tree(folder, files):
    """Write files into a directory. A value is text (dedented), bytes, None for a directory or a tuple (value,
    mode)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        path = folder / name
        value, mode = value if isinstance(value, tuple) else (value, None)
        if value is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(value if isinstance(value, bytes) else textwrap.dedent(value).encode())
        if mode is not None:
            path.chmod(mode)
    return folder


class Result:
    """What one run of slct gave: exit status, standard output and error, and the steps by what became of them."""

    LINE = re.compile(r"^\[(?P<stage>[^\s\]]+) (?P<n>\d+)/(?P<m>\d+)\] (?P<text>.*)$")

    def __init__(self, argv, rc, out, err, seconds):
        self.argv, self.rc, self.out, self.err, self.seconds = argv, rc, out, err, seconds

    def __str__(self):
        return f"{' '.join(map(str, self.argv))}\nexit {self.rc}\n--- stdout\n{self.out}--- stderr\n{self.err}"

    def _steps(self, word):
        for line in self.err.splitlines():
            m = self.LINE.match(line)
            if m and re.fullmatch(word, m["text"]):
                yield f"{m['stage']} {m['n']}"

    @property
    def ran(self):
        """Steps that ran, as "stage n"."""
        return sorted(self._steps(r"DONE [0-9.]+m?s.*"))

    @property
    def cached(self):
        return sorted(self._steps(r"CACHED.*"))

    @property
    def failed(self):
        return sorted(self._steps(r"ERROR.*"))

    @property
    def ids(self):
        return self.out.split()

    @property
    def id(self):
        (one,) = self.ids
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", one), self
        return one

    @property
    def errors(self):
        return [line for line in self.err.splitlines() if line.startswith("slct: error:")]


class Slct:
    """The program with a store, as some user (None: the caller)."""

    def __init__(self, binary, store, work, user=None, env=None):
        self.binary, self.store, self.work, self.user = binary, Path(store), Path(work), user
        home = Path(user.home) if user else self.work / "home"
        if not user:
            home.mkdir(parents=True, exist_ok=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "SLCT_ROOT": str(store), "LC_ALL": "C.UTF-8",
                    "TMPDIR": str(work)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "SLCT_UPPER"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.env.update(env or {})
        self.count = 0

    def argv(self, *args):
        return (self.user.prefix if self.user else []) + [str(self.binary), *map(str, args)]

    def popen(self, *args, env=None, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(self.argv(*args), env={**self.env, **(env or {})}, **kw)

    def run(self, *args, rc=0, cwd=None, env=None, input=None, timeout=120, prefix=()):
        """Run slct; rc is the exit status that is expected (None: any)."""
        argv = [*prefix, *self.argv(*args)]
        began = time.monotonic()
        done = subprocess.run(argv, env={**self.env, **(env or {})}, cwd=cwd or self.work, timeout=timeout,
                              input=input if input is not None else b"", capture_output=True)
        result = Result(argv, done.returncode, done.stdout.decode(errors="surrogateescape"),
                        done.stderr.decode(errors="surrogateescape"), time.monotonic() - began)
        if rc is not None:
            assert result.rc == rc, f"exit {result.rc} instead of {rc}: {result}"
        return result

    def context(self, files):
        """A new directory with these files, which the user of this slct owns."""
        self.count += 1
        folder = write_tree(self.work / f"context{self.count}", files)
        self.give(folder)
        return folder

    def give(self, folder):
        if self.user:
            subprocess.run(["chown", "-R", f"{self.user.uid}:{self.user.gid}", str(folder)], check=True)

    def build(self, dockerfile, *args, files=None, tag="test:1", **kw):
        """Build one Dockerfile (text, or a context directory) under a name."""
        made = isinstance(dockerfile, Path)
        folder = dockerfile if made else self.context({"Dockerfile": dockerfile, **(files or {})})
        return self.run("build", *(["-t", tag] if tag else []), *args, folder, **kw)

    def image(self, name="test:1"):
        """The image as it is in an OCI layout, read by Python."""
        self.count += 1
        folder = self.work / f"image{self.count}"
        self.run("save", "--format", "oci-dir", "--compression", "none", "-o", folder, name)
        return Image.of_layout(folder)

    def config(self, name="test:1"):
        return json.loads(self.run("inspect", name).out)["config"]

    def fsck(self, rc=0):
        return self.run("fsck", rc=rc)

    def flavor(self, stages, name="flavor", extra=None):
        """A flavor: {stage: Dockerfile text}, and other files by their path in it."""
        self.count += 1
        files = {f"{stage}/Dockerfile": text for stage, text in stages.items()}
        folder = write_tree(self.work / f"f{self.count}" / name, {**files, **(extra or {})})
        self.give(folder.parent)
        return folder


def on_terminal(slct, *args, keys=b"", cwd=None):
    """Run slct with a terminal; gives the exit status and what the terminal showed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd or slct.work)
        os.execvpe(slct.argv(*args)[0], slct.argv(*args), slct.env)
    os.write(fd, keys)
    seen = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode(errors="replace")


class File:
    """A file of an image; data is its content unless it is large (1 MiB)."""

    def __init__(self, info, data, layer):
        self.info, self.data, self.layer = info, data, layer
        self.mode, self.uid, self.gid, self.mtime = info.mode & 0o7777, info.uid, info.gid, info.mtime
        self.link = info.linkname
        self.xattrs = {k[len("SCHILY.xattr."):]: v.encode("utf-8", "surrogateescape")
                       for k, v in info.pax_headers.items() if k.startswith("SCHILY.xattr.")}

    @property
    def text(self):
        return self.data.decode()

    @property
    def kind(self):
        table = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "link",
                 tarfile.FIFOTYPE: "fifo", tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block"}
        return table[self.info.type]

    @property
    def owner(self):
        return f"{self.uid}:{self.gid}"


def read_layer(stream, number=0):
    """Entries of a layer's tar, in order: [(path, File)]."""
    entries = []
    with tarfile.open(fileobj=stream, mode="r:*") as tar:
        for info in tar:
            data = tar.extractfile(info).read() if info.isreg() and info.size < 1 << 20 else None
            path = os.path.normpath(info.name).lstrip("/")
            entries.append(("" if path == "." else path, File(info, data, number)))
    return entries


class Image:
    """Manifest, config, layers and files of an image."""

    def __init__(self, manifest, config, blobs):
        self.manifest, self.config = manifest, config
        self.layers = [read_layer(blob, n) for n, blob in enumerate(blobs)]
        self.diff_ids = config["rootfs"]["diff_ids"]
        self.files = {}
        for layer in self.layers:
            self._apply(layer)

    @classmethod
    def of_layout(cls, folder):
        index = json.loads((folder / "index.json").read_text())

        def blob(desc):
            algorithm, hexa = desc["digest"].split(":")
            path = folder / "blobs" / algorithm / hexa
            data = path.read_bytes() if desc["size"] < 64 << 20 else None
            assert path.stat().st_size == desc["size"]
            if data is not None:
                assert hashlib.new(algorithm, data).hexdigest() == hexa
                return io.BytesIO(data)
            return path.open("rb")

        (top,) = index["manifests"]
        manifest = json.load(blob(top))
        return cls(manifest, json.load(blob(manifest["config"])), [blob(d) for d in manifest["layers"]])

    def _remove(self, path):
        for name in [n for n in self.files if n == path or n.startswith(path + "/")]:
            del self.files[name]

    def _apply(self, layer):
        for path, _ in layer:
            folder, name = os.path.split(path)
            if name == ".wh..wh..opq":
                for n in [n for n in self.files if n.startswith(folder + "/")]:
                    del self.files[n]
            elif name.startswith(".wh."):
                self._remove(os.path.join(folder, name[4:]))
        for path, file in layer:
            if os.path.basename(path).startswith(".wh."):
                continue
            if path in self.files and not (file.kind == "dir" and self.files[path].kind == "dir"):
                self._remove(path)
            if file.kind == "link":
                target = self.files[os.path.normpath(file.link).lstrip("/")]
                file.data = target.data
            self.files[path] = file

    def __getitem__(self, path):
        return self.files[path]

    def __contains__(self, path):
        return path in self.files

    def text(self, path):
        return self.files[path].data.decode()

    def changed(self, layer=-1):
        """The paths of one layer."""
        return [path for path, _ in self.layers[layer]]


class Registry:
    """A docker-registry on loopback. Its access log is in self.log."""

    def __init__(self, folder, user=None, password=None, port=None, tls=None):
        self.program, self.folder = need("docker-registry"), Path(folder)
        self.user, self.password, self.port = user, password, port or free_port()
        self.log = self.folder / "log"
        self.storage = self.folder / "storage"
        self.process = None
        self.count = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = ["version: 0.1", "log:", "  level: info", "  accesslog:", "    disabled: false", "storage:",
                 "  filesystem:", f"    rootdirectory: {self.storage}", "  delete:", "    enabled: true", "http:",
                 f"  addr: 127.0.0.1:{self.port}", "  secret: for-tests-only"]
        if tls:    # certificate, key, clientcas
            ca = tls.get("clientcas")
            lines += ["  tls:", f"    certificate: {tls['certificate']}", f"    key: {tls['key']}",
                      *([f"    clientcas: [{ca}]"] if ca else [])]
        if user:
            hashed = subprocess.run([need("htpasswd"), "-nbB", "-C", "4", user, password], check=True,
                                    capture_output=True, text=True).stdout.strip()
            (self.folder / "htpasswd").write_text(hashed + "\n")
            lines += ["auth:", "  htpasswd:", "    realm: test", f"    path: {self.folder / 'htpasswd'}"]
        (self.folder / "config.yml").write_text("\n".join(lines) + "\n")

    @property
    def host(self):
        return f"localhost:{self.port}"

    def repo(self, name="r"):
        """The name of a repository that no other test uses."""
        self.count += 1
        return f"{self.host}/{name}{self.count}"

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.program, "serve", str(self.folder / "config.yml")], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)
        raise AssertionError("the registry does not answer")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def requests(self, since=0):
        """[(method, path, status)] of the requests that were answered, from a byte offset of the log on."""
        text = self.log.read_bytes()[since:].decode(errors="replace")
        found = re.findall(r'"([A-Z]+) (/v2/\S*) HTTP/[\d.]+" (\d+)', text)
        return [(method, path, int(status)) for method, path, status in found]

    def mark(self):
        return self.log.stat().st_size
