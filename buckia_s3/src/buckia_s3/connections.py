"""Keep-alive connections to one server, shared by all threads."""

from __future__ import annotations

import base64
import http.client
import importlib.util
import select
import socket
import ssl
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from buckia_s3.endpoint import Endpoint
from buckia_s3.settings import S3Settings

_IDLE_SECONDS = 10.0
_MOST_KEPT = 64


class ConnectionPool:
    """Connections to whatever server is asked for; those given back are used again for the same one.

    A connection that was idle for long, or that the server has closed meanwhile, is not used again: a request
    that fails on one could not be told from a request that reached the server.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str, int], list[tuple[float, http.client.HTTPConnection]]] = {}
        self._context: ssl.SSLContext | None = None
        self._closed = False

    def take(self, endpoint: Endpoint) -> http.client.HTTPConnection:
        """Return a connection for one request. It may not be connected yet."""
        place = (endpoint.scheme, endpoint.host, endpoint.port)
        while True:
            with self._lock:
                kept = self._idle.get(place)
                since, connection = kept.pop() if kept else (0.0, None)
            if connection is None:
                return self._new(endpoint)
            if time.monotonic() - since < _IDLE_SECONDS and not _is_readable(connection.sock):
                return connection
            connection.close()

    def give(self, endpoint: Endpoint, connection: http.client.HTTPConnection) -> None:
        """Take back a connection whose last answer was read to its end."""
        place = (endpoint.scheme, endpoint.host, endpoint.port)
        with self._lock:
            kept = self._idle.setdefault(place, [])
            if not self._closed and connection.sock is not None and len(kept) < _MOST_KEPT:
                kept.append((time.monotonic(), connection))
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle; what comes back later is closed then."""
        with self._lock:
            self._closed = True
            connections = [connection for kept in self._idle.values() for _, connection in kept]
            self._idle.clear()
        for connection in connections:
            connection.close()

    def _new(self, endpoint: Endpoint) -> http.client.HTTPConnection:
        proxy = _proxy_for(endpoint)
        host, port = (proxy.host, proxy.port) if proxy else (endpoint.host, endpoint.port)
        if endpoint.scheme == "http":
            return _PlainConnection(host, port, self._settings, proxy, f"http://{endpoint.authority}")
        connection = _TlsConnection(host, port, self._tls_context(), self._settings)
        if proxy:
            connection.set_tunnel(endpoint.host, endpoint.port, proxy.headers)
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = tls_context(verify=self._settings.verify_tls, ca_bundle=self._settings.ca_bundle)
            return self._context


def tls_context(*, verify: bool, ca_bundle: Path | None) -> ssl.SSLContext:
    """Return what TLS is set up with: the system's authorities, and those of `ca_bundle`.

    Raises:
        OSError: The bundle can't be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if ca_bundle is not None:
        context.load_verify_locations(ca_bundle)
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None and not context.cert_store_stats()["x509_ca"]:
        # Pythons of python.org on macOS bring no authorities along; botocore does.
        package = importlib.util.find_spec("botocore")
        if package and package.origin:
            context.load_verify_locations(Path(package.origin).with_name("cacert.pem"))
    return context


class _PlainConnection(http.client.HTTPConnection):
    """An HTTP connection with one timeout for connecting and another for each step after that."""

    def __init__(self, host: str, port: int, settings: S3Settings, proxy: _Proxy | None, origin: str) -> None:
        super().__init__(host, port, timeout=settings.connect_timeout)
        self._read_timeout = settings.read_timeout
        self._proxy = proxy
        self._origin = origin

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        """Begin a request; a proxy is told the whole address."""
        if self._proxy is None:
            super().putrequest(method, url, skip_host, skip_accept_encoding)
            return
        super().putrequest(method, f"{self._origin}{url}", skip_host, skip_accept_encoding)
        for name, value in self._proxy.headers.items():
            self.putheader(name, value)

    def connect(self) -> None:
        super().connect()
        _tune(self.sock, self._read_timeout)


class _TlsConnection(http.client.HTTPSConnection):
    """The same over TLS."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, settings: S3Settings) -> None:
        super().__init__(host, port, timeout=settings.connect_timeout, context=context)
        self._read_timeout = settings.read_timeout

    def connect(self) -> None:
        super().connect()
        _tune(self.sock, self._read_timeout)


def _tune(sock: socket.socket, seconds: float) -> None:
    sock.settimeout(seconds)


# `select` can't take numbers of files above 1,024, and `poll` does not exist on Windows.
if sys.platform == "win32":

    def _has_input(sock: socket.socket) -> bool:
        return bool(select.select([sock], [], [], 0)[0])

else:

    def _has_input(sock: socket.socket) -> bool:
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))


def _is_readable(sock: socket.socket | None) -> bool:
    """Tell whether something came on a connection that nothing was asked on: its end, most likely."""
    try:
        return sock is None or _has_input(sock)
    except (OSError, ValueError):
        return True


@dataclass(frozen=True, slots=True)
class _Proxy:
    host: str
    port: int
    headers: dict[str, str] = field(repr=False)


def _proxy_for(endpoint: Endpoint) -> _Proxy | None:
    """Return the proxy that the environment names for this server."""
    url = urllib.request.getproxies().get(endpoint.scheme)
    if not url or urllib.request.proxy_bypass(endpoint.host):
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    return _Proxy(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), headers)
