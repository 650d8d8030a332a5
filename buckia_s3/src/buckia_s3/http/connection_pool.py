"""Connection pool: keep-alive connections, shared by all threads."""

from __future__ import annotations

import base64
import http.client
import re
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from buckia_core.http.proxy import system_proxy
from buckia_s3.certificates import tls_context
from buckia_s3.config.options import ClientOptions
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import Endpoint
from buckia_s3.http.response import Response, read_response
from buckia_s3.http.timeouts import Deadline, Timeouts


class ConnectionPool:
    """ConnectionPool: reuses connections to the same endpoint.

    It discards a connection that was idle for too long or closed by the server: after a failure on a reused connection,
    it is unknown whether the request reached the server.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._options = settings.client_options
        self._verify = settings.verifies_certificates
        self._ca_bundle = settings.ca_bundle
        self._timeouts = Timeouts(settings.connect_timeout, settings.read_timeout, self._options.timeout)
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str, int], list[tuple[float, Connection]]] = {}
        self._context: ssl.SSLContext | None = None
        self._closed = False

    def acquire(self, endpoint: Endpoint) -> Connection:
        """Return a connection for one request, and start its deadline. It may not be connected yet."""
        connection = self._idle_or_new(endpoint)
        connection.deadline.start()
        return connection

    def _idle_or_new(self, endpoint: Endpoint) -> Connection:
        address = (endpoint.scheme, endpoint.host, endpoint.port)
        while True:
            with self._lock:
                kept = self._idle.get(address)
                since, connection = kept.pop() if kept else (0.0, None)
            if connection is None:
                return self._new(endpoint)
            if time.monotonic() - since < self._options.pool_idle_timeout and not _is_readable(connection.sock):
                return connection
            connection.close()

    def release(self, endpoint: Endpoint, connection: Connection) -> None:
        """Return a connection to the pool after its response has been read completely."""
        address = (endpoint.scheme, endpoint.host, endpoint.port)
        with self._lock:
            kept = self._idle.setdefault(address, [])
            room = len(kept) < self._options.pool_max_idle_per_host
            if not self._closed and connection.sock is not None and room:
                kept.append((time.monotonic(), connection))
                return
        connection.close()

    def route(self, endpoint: Endpoint) -> str:
        """Return the server's host for messages, with that of its proxy, since either may fail."""
        proxy = _proxy_for(endpoint, self._options)
        return f"{endpoint.authority} through the proxy {proxy.authority}" if proxy else endpoint.authority

    def close(self) -> None:
        """Close idle connections now, and others when they are released."""
        with self._lock:
            self._closed = True
            connections = [connection for kept in self._idle.values() for _, connection in kept]
            self._idle.clear()
        for connection in connections:
            connection.close()

    def _new(self, endpoint: Endpoint) -> Connection:
        proxy = _proxy_for(endpoint, self._options)
        host, port = (proxy.host, proxy.port) if proxy else (endpoint.host, endpoint.port)
        if endpoint.scheme == "http":
            return _PlainConnection(host, port, self._timeouts, proxy, f"http://{endpoint.authority}")
        connection = _TlsConnection(host, port, self._tls_context(), self._timeouts)
        if proxy:
            connection.set_tunnel(endpoint.host, endpoint.port, proxy.headers)
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = tls_context(
                    verify=self._verify,
                    ca_bundle=self._ca_bundle,
                    more=self._options.root_certificate,
                    system=not self._options.disable_system_certificates,
                )
            return self._context


_BREAKS = re.compile(r"[\r\n\0]")
_OF_CREDENTIALS = ("authorization", "x-amz-security-token")
_NOT_LATIN_1 = re.compile(r"[^\x00-\xff]")


class Connection(http.client.HTTPConnection):
    """Connection: an `HTTPConnection` with timeouts to connect, for each read and write, and for a whole request."""

    deadline: Deadline

    def connect(self) -> None:
        """Connect within the connect timeout."""
        self.timeout = self.deadline.remaining(self.deadline.timeouts.connect)
        super().connect()
        self.deadline.connected(self.sock)

    def send_request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send the head of a request together with the first bytes of its body.

        Raises:
            ValueError: A header contains a line break, a NUL, or a character outside Latin-1.
            OSError: Sending failed.
        """
        if self.sock is None:
            self.connect()
        lines = [f"{method} {url} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        head = "\r\n".join(lines)
        if head.count("\n") >= len(lines) or head.count("\r") >= len(lines) or "\0" in head:
            name = next((name for name, value in headers.items() if _BREAKS.search(name + value)), "")
            hint = "; its access key or token has one" if name.lower() in _OF_CREDENTIALS else ""
            raise ValueError(f"the header {name!r} has a line break or a NUL in it{hint}")
        if _NOT_LATIN_1.search(head):
            # The error of `encode` would contain the whole head, including secrets.
            raise ValueError("a header has a character outside Latin-1")
        self.send(head.encode("latin-1") + body)

    def send(self, data: Any) -> None:
        """Send data within the read timeout."""
        self._before_step()
        super().send(data)

    def get_response(self, method: str) -> Response:
        """Read the head of the response and return it. Raises the same errors as `read_response`."""
        return read_response(method, self.sock, self._before_step)

    def _before_step(self) -> None:
        if self.sock is not None:
            self.deadline.set_timeout(self.sock)


class _PlainConnection(Connection):
    """A connection without encryption."""

    def __init__(self, host: str, port: int, limits: Timeouts, proxy: _Proxy | None, origin: str) -> None:
        super().__init__(host, port, timeout=limits.connect)
        self.deadline = Deadline(limits)
        self._proxy = proxy
        self._origin = origin

    def send_request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """See `Connection`. The request to a proxy has an absolute URL."""
        if self._proxy is None:
            super().send_request(method, url, headers, body)
        else:
            super().send_request(method, f"{self._origin}{url}", {**headers, **self._proxy.headers}, body)


class _TlsConnection(Connection, http.client.HTTPSConnection):
    """A connection over TLS."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, limits: Timeouts) -> None:
        super().__init__(host, port, timeout=limits.connect, context=context)
        self.deadline = Deadline(limits)


# `select` does not support file descriptors above 1,024, and `poll` does not exist on Windows.
if sys.platform == "win32":

    def _has_input(sock: socket.socket) -> bool:
        return bool(select.select([sock], [], [], 0)[0])

else:

    def _has_input(sock: socket.socket) -> bool:
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))


def _is_readable(sock: socket.socket | None) -> bool:
    """Tell whether an idle connection has data to read, which most likely means that the server closed it."""
    try:
        return sock is None or _has_input(sock)
    except (OSError, ValueError):
        return True


@dataclass(frozen=True, slots=True)
class _Proxy:
    host: str
    port: int
    headers: dict[str, str] = field(repr=False)

    @property
    def authority(self) -> str:
        """Host and port, without credentials."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def find_proxy(endpoint: Endpoint, options: ClientOptions) -> str | None:
    """Return the URL of the proxy to this server, from the options or the environment."""
    if options.proxy_url is None:
        return system_proxy(endpoint.scheme, endpoint.host, endpoint.port)
    return None if options.bypasses_proxy(endpoint.host, endpoint.port) else options.proxy_url.reveal()


def _proxy_for(endpoint: Endpoint, options: ClientOptions) -> _Proxy | None:
    url = find_proxy(endpoint, options)
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    return _Proxy(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), headers)
