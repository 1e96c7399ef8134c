"""Certificates for tests, made by the openssl program."""
import ssl
import subprocess

from lab import need


class Authority:
    """A certificate authority in a directory of its own; .ca is its certificate."""

    def __init__(self, folder, name="tests"):
        self.folder, self.count = folder, 0
        folder.mkdir(parents=True)
        self.ca, self.ca_key = folder / "ca.crt", folder / "ca.key"
        self.openssl("req", "-x509", *self.new_key(self.ca_key), "-out", self.ca, "-days", "2", "-subj",
                     f"/CN={name} authority",
                     "-addext", "basicConstraints=critical,CA:TRUE")

    @staticmethod
    def openssl(*args):
        subprocess.run([need("openssl"), *map(str, args)], check=True, capture_output=True)

    @staticmethod
    def new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]

    def issue(self, name, *alternatives):
        """A certificate and its key: (path, path). alternatives: "DNS:localhost", "IP:127.0.0.1"."""
        self.count += 1
        stem = self.folder / f"{self.count}"
        cert, key, request, extra = (stem.with_suffix(s) for s in (".cert", ".key", ".csr", ".ext"))
        extra.write_text(f"subjectAltName={','.join(alternatives)}\n" if alternatives
                         else "basicConstraints=CA:FALSE\n")
        self.openssl("req", *self.new_key(key), "-out", request, "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-out",
                     cert,
                     "-days", "2", "-extfile", extra)
        return cert, key

    def context(self, ask_client=False):
        """For a server on localhost and registry.example.test; ask_client: it asks for a certificate, and takes
        none."""
        cert, key = self.issue("localhost", "DNS:localhost", "IP:127.0.0.1", "DNS:registry.example.test")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        if ask_client:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self.ca)
        return context
