"""A web server that takes PUT as BucketFS does: Debian's nginx with its dav module, TLS and basic authentication."""
import os
import socket
import subprocess
import time
from pathlib import Path

from certs import Authority
from lab import free_port, need


class Bucket:
    """user w writes with a password, everybody reads. .data holds the files, .log the requests."""

    def __init__(self, folder, tls=True, password="write-pass-1", extra=""):
        self.program, self.folder, self.tls, self.password = need("nginx"), Path(folder), tls, password
        self.port, self.data, self.log = free_port(), self.folder / "data", self.folder / "access.log"
        for one in (self.data, self.folder / "tmp"):
            one.mkdir(parents=True)
        hashed = subprocess.run([need("openssl"), "passwd", "-apr1", password], check=True, capture_output=True,
                                text=True).stdout.strip()
        (self.folder / "htpasswd").write_text(f"w:{hashed}\n")
        listen = f"127.0.0.1:{self.port}"
        if tls:
            authority = Authority(self.folder / "ca", "bucket")
            cert, key = authority.issue("localhost", "DNS:localhost", "IP:127.0.0.1")
            self.ca = authority.ca
            listen += f" ssl; ssl_certificate {cert}; ssl_certificate_key {key}"
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log; {user}
            events {{ worker_connections 64; }}
            http {{
                access_log {self.log};
                client_max_body_size 0;
                client_body_temp_path {self.folder}/tmp/body; proxy_temp_path {self.folder}/tmp/proxy;
                fastcgi_temp_path {self.folder}/tmp/f; uwsgi_temp_path {self.folder}/tmp/u; scgi_temp_path {self.folder}/tmp/s;
                server {{
                    listen {listen};
                    root {self.data};
                    location / {{
                        dav_methods PUT;
                        create_full_put_path on;
                        limit_except GET {{ auth_basic bucket; auth_basic_user_file {self.folder}/htpasswd; }}
                    }}
                    {extra}
                }}
            }}""")
        self.process = None

    @property
    def options(self):
        """Those of slct deploy and upload."""
        return ["--bucketfs-host", "localhost", "--bucketfs-port", self.port,
                *(["--ssl-cert-path", self.ca] if self.tls else ["--no-https"])]

    @property
    def env(self):
        return {"BUCKETFS_PASSWORD": self.password}

    def requests(self):
        return [line.split('"')[1].rsplit(" ", 1)[0] + " " + line.split('" ')[1].split()[0]
                for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def __enter__(self):
        self.process = subprocess.Popen([self.program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"),
                                         "-e", str(self.folder / "error.log")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise RuntimeError((self.folder / "error.log").read_text())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
