"""A certificate for 127.0.0.1, signed by a certificate authority that exists for one test run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .process import run


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a server's certificate. Clients trust `ca_file`."""

    ca_file: Path
    cert_file: Path
    key_file: Path
    pem_file: Path
    """Certificate and key in one file, as some servers want it."""


def can_make_certificates() -> bool:
    """Tell whether the `openssl` command is here."""
    return shutil.which("openssl") is not None


def make_certificate(directory: Path) -> Certificate:
    """Write a new certificate for 127.0.0.1 and localhost into `directory`, which exists.

    The server's own certificate is not the trusted one: TLS libraries differ in whether they accept an
    authority as a server.
    """
    log = directory / "openssl.log"
    ca_file, ca_key = directory / "ca.pem", directory / "ca.key"
    cert_file, key_file = directory / "server.crt", directory / "server.key"
    request, extensions = directory / "server.csr", directory / "server.ext"
    new_key = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    authority = ["-subj", "/CN=tests", "-days", "30", "-addext", "keyUsage=critical,keyCertSign"]
    run([*new_key, "-x509", "-keyout", str(ca_key), "-out", str(ca_file), *authority], log=log)
    run([*new_key, "-keyout", str(key_file), "-out", str(request), "-subj", "/CN=127.0.0.1"], log=log)
    extensions.write_text(
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n"
        "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
    )
    signing = ["-CA", str(ca_file), "-CAkey", str(ca_key), "-set_serial", "2", "-days", "30"]
    openssl_sign = ["openssl", "x509", "-req", "-in", str(request), "-extfile", str(extensions)]
    run([*openssl_sign, *signing, "-out", str(cert_file)], log=log)

    pem_file = directory / "server.pem"
    pem_file.write_text(cert_file.read_text() + key_file.read_text())
    return Certificate(ca_file, cert_file, key_file, pem_file)
