"""moto's S3 server: quick to start, checks no signatures and no checksums."""

from __future__ import annotations

import importlib.util
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from buckia_core.testing.fault_proxy.ports import HOST, free_port

from .certificate import can_make_certificates, make_certificate
from .process import ChildProcess, answers_http, module_command
from .s3_server import Available, S3Server


@dataclass(frozen=True, slots=True, kw_only=True)
class MotoServer(S3Server):
    """A running moto. It has an https endpoint where the `openssl` command is here."""

    name: ClassVar[str] = "moto"

    @classmethod
    def available(cls) -> Available:
        """Tell whether moto and what its server needs are installed."""
        missing = [module for module in ("moto", "flask", "boto3") if importlib.util.find_spec(module) is None]
        if missing:
            return Available(f"moto cannot run: no module {', '.join(missing)} (pip install 'moto[server]')")
        return Available()

    @classmethod
    @contextmanager
    def running(cls, directory: Path) -> Iterator[Self]:
        """Run moto until the block ends; it keeps its objects in memory, its log in `directory`."""
        port = free_port()
        arguments = [HOST, str(port)]
        endpoint_tls = ca_file = None
        if can_make_certificates():
            certificate, tls_port = make_certificate(directory), free_port()
            arguments += ["--tls", str(tls_port), str(certificate.cert_file), str(certificate.key_file)]
            endpoint_tls, ca_file = f"https://{HOST}:{tls_port}", str(certificate.ca_file)
        program, environment = module_command("moto_app", *arguments)
        with ChildProcess(program, log=directory / "moto.log", env=environment, grace=0) as child:
            child.wait_until(lambda: answers_http(port), seconds=60)
            yield cls(
                endpoint=f"http://{HOST}:{port}",
                endpoint_tls=endpoint_tls,
                ca_file=ca_file,
                access_key="moto-access-key",
                secret_key="moto-secret-key",
            )

    def forget_everything(self) -> None:
        """Empty the server. Other tests that share it lose their buckets too."""
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            response.read()
