"""A real Ceph RADOS Gateway, the software that Linode's object storage runs."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from buckia_core.testing.fault_proxy.ports import HOST

from .ceph_daemons import PROGRAMS, start_daemons
from .certificate import can_make_certificates, make_certificate
from .process import run
from .s3_server import Available, S3Server


@dataclass(frozen=True, slots=True, kw_only=True)
class CephGateway(S3Server):
    """A running gateway. It checks signatures, honours conditions on PUT, and can really apply lifecycle rules.

    To count the requests that reach it, put a `FaultProxy` without faults in front.
    """

    name: ClassVar[str] = "ceph"

    configuration: str
    """The path of its `ceph.conf`, for Ceph's own commands."""

    @classmethod
    def available(cls) -> Available:
        """Tell whether Ceph's programs and openssl are here."""
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            return Available(
                f"Ceph cannot run: {', '.join(missing)} not found (Debian: radosgw ceph-mon ceph-osd ceph-common)"
            )
        if not can_make_certificates():
            return Available("Ceph cannot run: the openssl command, which makes its certificate, is not found")
        return Available()

    @classmethod
    @contextmanager
    def running(cls, directory: Path, *, capacity: int = 64 << 30, lifecycle_day: int | None = None) -> Iterator[Self]:
        """Run a gateway in the empty folder `directory` until the block ends.

        `capacity` is a bound in bytes, not a reservation: memory follows what is stored.
        `lifecycle_day` makes the gateway apply lifecycle rules, and take that many seconds for a day. Without it,
        as in the fixture `ceph`, rules are only kept.
        """
        access_key, secret_key = secrets.token_hex(10).upper(), secrets.token_hex(20)
        with ExitStack() as stack:
            certificate = make_certificate(directory)
            daemons = start_daemons(
                stack,
                directory,
                certificate,
                capacity=capacity,
                lifecycle_day=lifecycle_day,
                access_key=access_key,
                secret_key=secret_key,
            )
            yield cls(
                endpoint=f"http://{HOST}:{daemons.port}",
                endpoint_tls=f"https://{HOST}:{daemons.tls_port}",
                ca_file=str(certificate.ca_file),
                access_key=access_key,
                secret_key=secret_key,
                configuration=str(daemons.configuration),
            )

    def version(self) -> str:
        """Return the version of the gateway, such as `16.2.15`."""
        words = run(["radosgw", "--version"], log=Path(self.configuration).parent / "commands.log").split()
        return words[2]
