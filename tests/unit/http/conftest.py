"""Both ways to call the client, and servers that send what a test says."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from buckia_core.http.blocking import run_blocking
from buckia_core.http.client import HttpClient, HttpRequest
from buckia_core.http.event_loop import EventLoopThread
from buckia_core.http.origin import Origin
from buckia_core.http.response import BufferedResponse
from buckia_core.http.timeouts import Timeouts


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: Any, number: int) -> None:
        self.sock = sock
        self.number = number
        self._unread = b""

    def head(self) -> bytes:
        """Read the head of a request; nothing at the end of the connection."""
        while b"\r\n\r\n" not in self._unread:
            more = self.sock.recv(1 << 16)
            if not more:
                return b""
            self._unread += more
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head

    def request(self) -> tuple[bytes, bytes]:
        """Read a request: its head and its body."""
        head = self.head()
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        while len(self._unread) < length:
            more = self.sock.recv(1 << 16)
            if not more:
                raise ConnectionError
            self._unread += more
        body, self._unread = self._unread[:length], self._unread[length:]
        return head, body

    def send(self, *pieces: bytes) -> None:
        """Send pieces, each in a packet of its own as far as the system lets it."""
        for piece in pieces:
            self.sock.sendall(piece)

    def reset(self) -> None:
        """Close the connection with a reset."""
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.sock.close()


Handler = Callable[[Peer], object]


class RawServer:
    """A server on 127.0.0.1 that runs `handler` for each connection, and then closes it."""

    def __init__(self, handler: Handler, context: Any = None) -> None:
        self.handler = handler
        self.connections = 0
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._peers: list[socket.socket] = []
        self.port: int = self._listening.getsockname()[1]
        self.origin = Origin("https" if context else "http", "127.0.0.1", self.port)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, self.connections))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with suppress(OSError), ExitStack() as stack:
            stack.callback(sock.close)
            wrapped: Any = self._context.wrap_socket(sock, server_side=True) if self._context else sock
            stack.callback(wrapped.close)
            self.handler(Peer(wrapped, number))

    def close(self) -> None:
        with suppress(OSError):
            # On Linux, closing it would not wake the thread that accepts.
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for sock in self._peers:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in [self._thread, *self._threads]:
            thread.join(10)


class Face:
    """One way to call: `run` runs a coroutine with blocking sockets, or on an event loop in another thread."""

    def __init__(self, loop: EventLoopThread | None) -> None:
        self.loop = loop
        self.clients: list[HttpClient] = []

    def run(self, coroutine: Any) -> Any:
        return run_blocking(coroutine) if self.loop is None else self.loop.run(coroutine)

    def client(self, timeouts: Timeouts | None = None, **options: Any) -> HttpClient:
        client = HttpClient(
            timeouts or Timeouts(10, 10), find_proxy=options.pop("find_proxy", lambda _: None), **options
        )
        self.clients.append(client)
        return client

    def send(self, client: HttpClient, request: HttpRequest, max_bytes: int = 1 << 20) -> BufferedResponse:
        response: BufferedResponse = self.run(client.send(request, max_bytes=max_bytes))
        return response

    def close(self) -> None:
        for client in self.clients:
            client.close()
            if self.loop is not None:
                self.loop.run(client.close_async())


@pytest.fixture(params=["blocking", "loop"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    """Both ways to call."""
    with ExitStack() as stack:
        loop = stack.enter_context(EventLoopThread()) if request.param == "loop" else None
        found = Face(loop)
        stack.callback(found.close)
        yield found


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    """Start servers that send what a handler says; a list of pieces is the response to every request."""
    with ExitStack() as stack:

        def start(handler: Handler | list[bytes], context: Any = None) -> RawServer:
            if isinstance(handler, list):
                pieces = handler

                def respond(peer: Peer) -> None:
                    peer.request()
                    peer.send(*pieces)

                handler = respond
            server = RawServer(handler, context)
            stack.callback(server.close)
            return server

        yield start
