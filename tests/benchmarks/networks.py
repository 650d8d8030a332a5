"""Ways to reach a server: directly or through TLS, on this machine or 30 ms away."""

from __future__ import annotations

import shutil
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from buckia_core.testing.fault_proxy.ports import HOST, free_port
from tests.benchmarks.files import ROOT
from tests.benchmarks.measure import Missing
from tests.servers.certificate import make_certificate
from tests.servers.process import ChildProcess, clean_environment

ROUND_TRIP: Final = 30
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Network:
    """How a client reaches the server: with TLS or without, with a delay or without."""

    tls: bool = False
    delay: bool = False

    @property
    def name(self) -> str:
        """What options and result files call it."""
        return ("https" if self.tls else "http") + (f"-{ROUND_TRIP}ms" if self.delay else "")


HTTP, HTTPS = Network(), Network(tls=True)
HTTP_DELAYED, HTTPS_DELAYED = Network(delay=True), Network(tls=True, delay=True)
NETWORKS: Final = (HTTP, HTTPS, HTTP_DELAYED, HTTPS_DELAYED)

_HAPROXY: Final = """\
global
    maxconn 4096
defaults
    mode tcp
    timeout connect 30s
    timeout client 300s
    timeout server 300s
frontend tls
    bind {host}:{port} ssl crt {pem}
    default_backend server
backend server
    server server {host}:{target}
"""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a client finds the server, and the certificate authority that it has to trust for that."""

    endpoint: str
    ca_file: str | None = None


class Approaches:
    """Proxies in front of one http server, each started when it is first asked for, stopped at the block's end."""

    def __init__(self, endpoint: str, directory: Path) -> None:
        """`directory` exists, and takes configurations, certificates and logs."""
        port = urlsplit(endpoint).port
        assert port is not None
        self._directory = directory
        self._port = port
        self._stack = ExitStack()
        self._ports: dict[Network, int] = {HTTP: port}
        self._ca_file: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def by(self, network: Network) -> Access:
        """Return where the server is reached that way.

        Raises:
            Missing: haproxy is not installed.
        """
        port = self._port_of(network)
        return Access(f"https://{HOST}:{port}", self._ca_file) if network.tls else Access(f"http://{HOST}:{port}")

    def _port_of(self, network: Network) -> int:
        if network not in self._ports:
            if network.delay:
                self._ports[network] = self._start_delay(self._port_of(Network(tls=network.tls)))
            else:
                self._ports[network] = self._start_haproxy()
        return self._ports[network]

    def _start_haproxy(self) -> int:
        # Debian installs it where the path of ordinary users does not lead.
        program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise Missing("haproxy is not installed (Debian: haproxy)")
        place = self._directory / "haproxy"
        place.mkdir()
        certificate = make_certificate(place)
        self._ca_file = str(certificate.ca_file)
        port, configuration = free_port(), place / "haproxy.cfg"
        text = _HAPROXY.format(host=HOST, port=port, pem=certificate.pem_file, target=self._port)
        configuration.write_text(text, encoding="utf-8")
        self._start([program, "-db", "-f", str(configuration)], port, place / "haproxy.log")
        return port

    def _start_delay(self, target: int) -> int:
        port = free_port()
        command = [sys.executable, "-m", "tests.benchmarks.delay_proxy", str(port), str(target), str(ROUND_TRIP / 2)]
        self._start(command, port, self._directory / f"delay-{port}.log")
        return port

    def _start(self, command: list[str], port: int, log: Path) -> None:
        child = ChildProcess(command, log=log, env=clean_environment(PYTHONPATH=str(ROOT)), grace=0)
        self._stack.enter_context(child).wait_until(lambda: _accepts(port))


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=5).close()
    except OSError:
        return False
    return True
