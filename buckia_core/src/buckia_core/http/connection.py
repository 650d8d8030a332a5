"""Connections with blocking sockets. Their coroutines never wait for an event loop."""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from buckia_core.http.errors import ProtocolError, ProxyError
from buckia_core.http.http11 import ResponseParser, request_head
from buckia_core.http.proxy import Proxy, Route
from buckia_core.http.timeouts import Deadline

if TYPE_CHECKING:
    import ssl

READ_BYTES = 64 << 10
"""Most bytes of one read that is not into a buffer of the caller."""


class Connection(Protocol):
    """Connection: sends and receives bytes within the timeouts of a request; one request at a time.

    Attributes:
        route: Where it leads.
        deadline: Timeouts of the request; to be started before each.
        idle_since: When it was put back into the pool, by `time.monotonic`.
    """

    route: Route
    deadline: Deadline
    idle_since: float

    async def send(self, data: bytes | memoryview, /) -> None:
        """Send all bytes.

        Raises:
            OSError: Sending failed.
            TimeoutError: It took longer than `write`.
        """

    async def receive(self) -> bytes:
        """Return the next bytes, as many as have arrived; none at the end of the connection. Raises as `send`."""

    async def receive_into(self, buffer: memoryview, /) -> int:
        """Write the next bytes into a buffer that is not empty; return their number, 0 at the end. Raises as `send`."""

    def received_early(self) -> bytes | None:
        """Return bytes that have arrived, none at the end of the connection; `None` if there is nothing yet.

        Raises:
            OSError: The connection failed.
        """

    def is_stale(self) -> bool:
        """Tell whether an idle connection has been closed by the server, or has bytes that nobody asked for."""

    def close(self) -> None:
        """Close the connection without waiting. Closing twice is no error."""


class SocketConnection:
    """SocketConnection: a connection with a blocking socket."""

    def __init__(self, route: Route, deadline: Deadline) -> None:
        self.route = route
        self.deadline = deadline
        self.idle_since = 0.0
        self._sock: socket.socket | None = None
        self._timeout: float | None = None

    def connect(self, context: ssl.SSLContext | None) -> None:
        """Connect, with TLS if there is a context.

        Raises:
            ProxyError: The proxy can't be reached, or refuses.
            OSError: The server can't be reached, or its certificate is not trusted.
        """
        seconds = self.deadline.remaining(self.deadline.connect)
        try:
            sock = socket.create_connection(self.route.address, seconds)
        except OSError as error:
            if self.route.proxy is None:
                raise
            raise unreached_proxy(error, self.route.proxy) from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.route.tunnel is not None:
                _open_tunnel(sock, self.route)
            if context is not None:
                sock = context.wrap_socket(sock, server_hostname=self.route.origin.host)
        except BaseException:
            sock.close()
            raise
        self._sock, self._timeout = sock, None

    async def send(self, data: bytes | memoryview, /) -> None:
        """See `Connection`."""
        self._ready(self.deadline.write).sendall(data)

    async def receive(self) -> bytes:
        """See `Connection`."""
        return self._ready(self.deadline.read).recv(READ_BYTES)

    async def receive_into(self, buffer: memoryview, /) -> int:
        """See `Connection`."""
        return self._ready(self.deadline.read).recv_into(buffer)

    def received_early(self) -> bytes | None:
        """See `Connection`."""
        if self._sock is None or not input_check(self._sock)():
            return None
        self._sock.settimeout(0)
        self._timeout = None
        try:
            return self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            import ssl  # noqa: PLC0415  # slow to import, and not needed without TLS

            if not isinstance(error, ssl.SSLWantReadError):
                raise
            # The input was no content, such as a session ticket of TLS.
            return None

    def is_stale(self) -> bool:
        """See `Connection`."""
        try:
            return self._sock is None or bool(input_check(self._sock)())
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        """See `Connection`."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _ready(self, most: float) -> socket.socket:
        """Return the socket with the timeout for the next step."""
        if self._sock is None:
            raise OSError("the connection is closed")
        seconds = self.deadline.remaining(most)
        if seconds != self._timeout:
            self._sock.settimeout(seconds)
            self._timeout = seconds
        return self._sock


def unreached_proxy(error: OSError, proxy: Proxy) -> ProxyError:
    """Return the error for a proxy that can't be reached."""
    reason = "no progress in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
    return ProxyError(error.errno or 0, f"the proxy {proxy.authority} can't be reached: {reason}")


def tunnel_head(route: Route) -> bytes:
    """Return the head of the CONNECT request.

    Raises:
        ValueError: The credentials of the proxy can't be sent.
    """
    assert route.tunnel is not None
    target, headers = route.tunnel
    return request_head("CONNECT", target, target, headers, None)


def bad_tunnel(error: ProtocolError, route: Route) -> ProxyError:
    """Return the error for an invalid response to CONNECT."""
    return ProxyError(0, f"the response of the proxy {route.proxy.authority if route.proxy else ''} {error}")


def check_tunnel(status: int, rest: bytes, route: Route) -> None:
    """Check the response to CONNECT.

    Raises:
        ProxyError: The proxy refuses, or sends more than a head.
    """
    if 200 <= status < 300 and not rest:
        return
    message = f"refuses to connect (status {status})"
    if status == 407:
        message = "asks for a user and a password, or for others (status 407)"
    elif rest and status < 300:
        message = "sent bytes of its own"
    raise ProxyError(0, f"the proxy {route.proxy.authority if route.proxy else ''} {message}")


def _open_tunnel(sock: socket.socket, route: Route) -> None:
    sock.sendall(tunnel_head(route))
    parser = ResponseParser("CONNECT")
    head = None
    try:
        while head is None:
            # What the server sends after the tunnel is open must not be read here.
            head = parser.feed(sock.recv(READ_BYTES))
    except ProtocolError as error:
        raise bad_tunnel(error, route) from error
    check_tunnel(head.status, head.rest, route)


# `select` does not support file descriptors above 1,024, and `poll` does not exist on Windows.
if sys.platform == "win32":

    def input_check(sock: socket.socket) -> Callable[[], object]:
        """Return a function whose result is true if a read would not wait: bytes came, or the connection ended."""
        return lambda: select.select([sock], [], [], 0)[0]

else:

    def input_check(sock: socket.socket) -> Callable[[], object]:
        """Return a function whose result is true if a read would not wait: bytes came, or the connection ended."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return partial(poll.poll, 0)
