"""Certificates for tests, made by OpenSSL: an authority, and what it signs."""

import subprocess
from pathlib import Path


class Certificate:
    """The files of one: cert, key, and the authority's certificate ca."""

    def __init__(self, cert, key, ca):
        self.cert, self.key, self.ca = cert, key, ca


class Authority:
    def __init__(self, folder, name="test authority"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cert = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", f"/CN={name}", "-keyout", self.key,
                      "-out", self.cert)

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sign(self, name, names, days=2):
        """A certificate for "DNS:a.example,IP:192.0.2.1"; days < 0: one
        that is over."""
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        cert, more = self.folder / f"{name}.pem", self.folder / f"{name}.ext"
        self._openssl("req", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:P-256", "-nodes", "-subj",
                      f"/CN={name}", "-keyout", key, "-out", request)
        more.write_text(f"subjectAltName={names}\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.cert,
                      "-CAkey", self.key, "-CAcreateserial", "-days",
                      str(days), "-extfile", more, "-out", cert)
        return Certificate(cert, key, self.cert)
