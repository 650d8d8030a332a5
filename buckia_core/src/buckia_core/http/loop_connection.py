"""Connections of an event loop. Import it only where one runs."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

from buckia_core.http.connection import READ_BYTES, bad_tunnel, check_tunnel, input_check, tunnel_head, unreached_proxy
from buckia_core.http.errors import ProtocolError
from buckia_core.http.http11 import ResponseParser
from buckia_core.http.proxy import Route
from buckia_core.http.timeouts import Deadline

_MAX_UNREAD_BYTES = 1 << 20


class LoopConnection(asyncio.BufferedProtocol):
    """LoopConnection: a connection of one event loop; see `Connection` for its methods.

    Timeouts need no task and no timer per request: one timer of the connection looks whether the current step is late.
    """

    def __init__(self, route: Route, deadline: Deadline, loop: asyncio.AbstractEventLoop, shared: memoryview) -> None:
        """Create a connection. `shared` is a buffer of the loop, whose content is used up at once."""
        self.route = route
        self.deadline = deadline
        self.idle_since = 0.0
        self._loop = loop
        self._shared = shared
        self._transport: asyncio.Transport | None = None
        self._has_input: Callable[[], object] | None = None
        self._unread = b""
        self._target: memoryview | None = None
        self._reader: asyncio.Future[Any] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._expires = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_time = 0.0
        self._reading_paused = False
        self._writing_paused = False
        self._ended = False
        self._error: Exception | None = None
        self._lost = loop.create_future()

    async def connect(self, context: ssl.SSLContext | None) -> None:
        """Connect, with TLS if there is a context. Raises the same errors as `SocketConnection.connect`."""
        seconds = self.deadline.remaining(self.deadline.connect)
        async with asyncio.timeout(seconds):
            try:
                sock = await _connect_socket(self._loop, *self.route.address)
            except OSError as error:
                if self.route.proxy is None:
                    raise
                raise unreached_proxy(error, self.route.proxy) from error
            if self.route.tunnel is not None:
                try:
                    await self._open_tunnel(sock)
                except BaseException:
                    sock.close()
                    raise
            name = self.route.origin.host if context is not None else None
            # From here on, the socket is asyncio's, which closes it.
            making = self._loop.create_task(
                self._loop.create_connection(lambda: self, sock=sock, ssl=context, server_hostname=name)
            )
            try:
                await asyncio.shield(making)
            except asyncio.CancelledError:
                # If it is cancelled in the first steps of a handshake of TLS, asyncio leaves the socket open.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                making.cancel()
                await asyncio.gather(making, return_exceptions=True)
                self.close()
                raise

    async def send(self, data: bytes | memoryview, /) -> None:
        """See `Connection`."""
        if self._ended or self._transport is None:
            raise self._error or ConnectionResetError("the connection is closed")
        self._transport.write(data)
        if self._writing_paused:
            # It ends early if the server responds, or closes the connection.
            self._writer = self._new_future(self.deadline.write)
            await self._writer

    async def receive(self) -> bytes:
        """See `Connection`."""
        if self._unread:
            return self._take_unread()
        if self._ended:
            return self._at_end()
        self._reader = self._new_future(self.deadline.read)
        data: bytes = await self._reader
        return data

    async def receive_into(self, buffer: memoryview, /) -> int:
        """See `Connection`."""
        if self._unread:
            taken = min(len(buffer), len(self._unread))
            buffer[:taken] = self._unread[:taken]
            self._unread = self._unread[taken:]
            self._resume()
            return taken
        if self._ended:
            return len(self._at_end())
        self._target = buffer
        self._reader = self._new_future(self.deadline.read)
        try:
            count: int = await self._reader
        finally:
            self._target = None
        return count

    def received_early(self) -> bytes | None:
        """See `Connection`."""
        if self._unread:
            return self._take_unread()
        return self._at_end() if self._ended else None

    def is_stale(self) -> bool:
        """See `Connection`."""
        transport = self._transport
        if self._ended or self._unread or transport is None or transport.is_closing():
            return True
        if transport.get_write_buffer_size():
            # The server responded without reading the request to its end.
            return True
        # The loop may not have seen yet that the server closed it.
        try:
            return self._has_input is None or bool(self._has_input())
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        """See `Connection`."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until a closed connection has released its socket."""
        if self._transport is not None:
            await self._lost

    # Methods of the protocol, which the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._has_input = input_check(transport.get_extra_info("socket"))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # of asyncio
        return self._shared if self._target is None else self._target

    def buffer_updated(self, nbytes: int) -> None:
        reader, self._reader = self._reader, None
        if self._target is not None:
            self._target = None
            _resolve(reader, nbytes)
            return
        data = bytes(self._shared[:nbytes])
        if reader is not None and not reader.done():
            reader.set_result(data)
            return
        self._unread += data
        if len(self._unread) > _MAX_UNREAD_BYTES and self._transport is not None and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        self._wake_writer()

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        _resolve(self._lost, None)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._wake_writer()

    def _end(self, error: Exception | None) -> None:
        """Note that nothing more comes, and wake those who wait."""
        self._ended = True
        self._error = self._error or error
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            if self._error is not None:
                reader.set_exception(self._error)
            else:
                reader.set_result(b"" if self._target is None else 0)
        self._target = None
        self._wake_writer()

    def _at_end(self) -> bytes:
        if self._error is not None:
            raise self._error
        return b""

    def _take_unread(self) -> bytes:
        data, self._unread = self._unread[:READ_BYTES], self._unread[READ_BYTES:]
        self._resume()
        return data

    def _resume(self) -> None:
        if self._reading_paused and not self._unread and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    def _wake_writer(self) -> None:
        writer, self._writer = self._writer, None
        _resolve(writer, None)

    def _new_future(self, most: float) -> asyncio.Future[Any]:
        """Return a future that raises `TimeoutError` after so many seconds at most."""
        expires = self._expires = self._loop.time() + self.deadline.remaining(most)
        if self._timer is None or self._timer_time > expires:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._timer_time = self._loop.call_at(expires, self._check_time), expires
        return self._loop.create_future()

    def _check_time(self) -> None:
        self._timer = None
        waiting = [each for each in (self._reader, self._writer) if each is not None and not each.done()]
        if not waiting:
            return
        if self._loop.time() < self._expires:
            self._timer, self._timer_time = self._loop.call_at(self._expires, self._check_time), self._expires
            return
        for each in waiting:
            each.set_exception(TimeoutError("timed out"))
        self._reader = self._writer = None

    async def _open_tunnel(self, sock: socket.socket) -> None:
        await self._loop.sock_sendall(sock, tunnel_head(self.route))
        parser = ResponseParser("CONNECT")
        head = None
        try:
            while head is None:
                head = parser.feed(await self._loop.sock_recv(sock, READ_BYTES))
        except ProtocolError as error:
            raise bad_tunnel(error, self.route) from error
        check_tunnel(head.status, head.rest, self.route)


def _resolve(future: asyncio.Future[Any] | None, result: object) -> None:
    if future is not None and not future.done():
        future.set_result(result)


async def _connect_socket(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """Connect to the first address of a host that takes the connection."""
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "the name has no address")
    for family, kind, protocol, _, address in await _addresses(loop, host, port):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            # The message of asyncio has the address in place of the reason.
            failure = error if error.errno is None else OSError(error.errno, os.strerror(error.errno))
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


async def _addresses(loop: asyncio.AbstractEventLoop, host: str, port: int) -> Any:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
