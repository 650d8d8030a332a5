"""Connection pools: keep-alive connections, shared by all threads, or by all tasks of an event loop.

A pool discards a connection that was idle for too long or closed by the server: after a failure on a reused connection,
it is unknown whether the request reached the server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from buckia_core.http.connection import Connection, SocketConnection
from buckia_core.http.errors import LocalFileError
from buckia_core.http.origin import Origin
from buckia_core.http.proxy import Proxy, Route
from buckia_core.http.timeouts import Deadline, Timeouts

if TYPE_CHECKING:
    import asyncio
    import ssl

    from buckia_core.http.loop_connection import LoopConnection

C = TypeVar("C", bound=Connection)

_SHARED_BYTES = 256 << 10

_ROUTE_SECONDS = 1.0
"""How long a route is used for new connections. Reading all environment variables takes as long as connecting."""

_MAX_CONNECTING = 64
"""Most connections of an event loop that are made at once."""


class PoolLimits(NamedTuple):
    """PoolLimits: how many connections are kept or used.

    Attributes:
        idle_timeout: Seconds after which an idle connection is not used again.
        max_idle: Most idle connections to one origin.
        max_in_use: Most connections in use at once; further requests wait. `None` is unlimited.
    """

    idle_timeout: float = 10.0
    max_idle: int = 64
    max_in_use: int | None = None


class Router:
    """Router: finds the proxy to an origin, and creates the TLS context when it is first needed. Thread-safe."""

    def __init__(self, tls: Callable[[], ssl.SSLContext], find_proxy: Callable[[Origin], Proxy | None]) -> None:
        self._create_context = tls
        self._find_proxy = find_proxy
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._latest: tuple[float, Route] | None = None

    def route(self, origin: Origin) -> Route:
        """Return the route to an origin, by the environment of this moment; of a second ago for many connections."""
        now, latest = time.monotonic(), self._latest
        if latest is not None and now - latest[0] < _ROUTE_SECONDS and latest[1].origin == origin:
            return latest[1]
        route = Route(origin, self._find_proxy(origin))
        self._latest = now, route
        return route

    def context(self, origin: Origin) -> ssl.SSLContext | None:
        """Return the TLS context for an origin; `None` if it has no TLS.

        Raises:
            InvalidSetting, LocalFileError: The certificates can't be read.
        """
        if origin.scheme != "https":
            return None
        with self._lock:
            if self._context is None:
                try:
                    self._context = self._create_context()
                except OSError as error:
                    raise LocalFileError(error) from error
            return self._context


class _IdleConnections(Generic[C]):
    """_IdleConnections: the connections to all origins that no request uses. Not thread-safe."""

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._kept: dict[Origin, list[C]] = {}

    def pop(self, origin: Origin) -> C | None:
        """Return the connection that was used last, which the caller has to check for being stale."""
        kept = self._kept.get(origin)
        return kept.pop() if kept else None

    def is_usable(self, connection: C) -> bool:
        """Tell whether a connection can be used again."""
        return time.monotonic() - connection.idle_since < self._limits.idle_timeout and not connection.is_stale()

    def put(self, connection: C) -> bool:
        """Keep a connection if there is room; tell whether there was."""
        origin = connection.route.origin
        kept = self._kept.get(origin)
        if kept is None:
            kept = self._kept[origin] = []
        if len(kept) >= self._limits.max_idle:
            return False
        connection.idle_since = time.monotonic()
        kept.append(connection)
        return True

    def take_all(self) -> list[C]:
        """Remove and return all connections."""
        found = [connection for kept in self._kept.values() for connection in kept]
        self._kept.clear()
        return found


class ConnectionPool:
    """ConnectionPool: connections with blocking sockets, shared by all threads."""

    def __init__(self, router: Router, limits: PoolLimits) -> None:
        self._router = router
        self._idle: _IdleConnections[SocketConnection] = _IdleConnections(limits)
        self._lock = threading.Lock()
        self._slots = None if limits.max_in_use is None else threading.Semaphore(limits.max_in_use)
        self._closed = False

    async def acquire(self, origin: Origin, timeouts: Timeouts) -> SocketConnection:
        """Return a connection for one request, whose time begins now; the caller releases it.

        Raises:
            TimeoutError: None became free within the timeout `pool`.
            OSError: A new one can't be made.
        """
        if self._slots is not None and not self._slots.acquire(timeout=timeouts.pool):
            raise TimeoutError("no connection became free in time")
        try:
            while True:
                with self._lock:
                    connection = self._idle.pop(origin)
                if connection is None:
                    connection = SocketConnection(self._router.route(origin), Deadline())
                    connection.deadline.start(timeouts)
                    connection.connect(self._router.context(origin))
                    return connection
                if self._idle.is_usable(connection):
                    connection.deadline.start(timeouts)
                    return connection
                connection.close()
        except BaseException:
            self._free_slot()
            raise

    def release(self, connection: SocketConnection, *, reusable: bool) -> None:
        """Take a connection back; close it unless its response has been read completely."""
        with self._lock:
            kept = reusable and not self._closed and self._idle.put(connection)
        if not kept:
            connection.close()
        self._free_slot()

    def close(self) -> None:
        """Close idle connections now, and others when they are released."""
        with self._lock:
            self._closed = True
            connections = self._idle.take_all()
        for connection in connections:
            connection.close()

    def _free_slot(self) -> None:
        if self._slots is not None:
            self._slots.release()


class LoopPool:
    """LoopPool: connections of one event loop, `loop`, shared by its tasks."""

    def __init__(self, router: Router, limits: PoolLimits, loop: asyncio.AbstractEventLoop) -> None:
        import asyncio  # noqa: PLC0415  # imported already, as a loop runs

        from buckia_core.http.loop_connection import LoopConnection  # noqa: PLC0415  # imports asyncio

        self._asyncio = asyncio
        self._router = router
        self._idle: _IdleConnections[LoopConnection] = _IdleConnections(limits)
        self.loop = loop
        self._new_connection = LoopConnection
        self._slots = None if limits.max_in_use is None else asyncio.Semaphore(limits.max_in_use)
        self._turns = asyncio.Semaphore(_MAX_CONNECTING)
        self._connecting: set[asyncio.Task[None]] = set()
        self._shared = memoryview(bytearray(_SHARED_BYTES))
        self._closed = False

    async def acquire(self, origin: Origin, timeouts: Timeouts) -> LoopConnection:
        """See `ConnectionPool`."""
        if self._slots is not None:
            await self._wait_for_slot(self._slots, timeouts)
        try:
            return self._take_idle(origin, timeouts) or await self._connect_in_turn(origin, timeouts)
        except BaseException:
            self._free_slot()
            raise

    def release(self, connection: LoopConnection, *, reusable: bool) -> None:
        """See `ConnectionPool`."""
        if not reusable or self._closed or not self._idle.put(connection):
            connection.close()
        self._free_slot()

    async def close(self) -> None:
        """Close idle connections now, and others when they are released."""
        self._closed = True
        connections = self._idle.take_all()
        for connection in connections:
            connection.close()
        for connection in connections:
            await connection.wait_closed()
        # Nobody waits for these any more.
        for task in self._connecting:
            task.cancel()
        await self._asyncio.gather(*self._connecting, return_exceptions=True)
        await self._asyncio.sleep(0)

    def _take_idle(self, origin: Origin, timeouts: Timeouts) -> LoopConnection | None:
        while (connection := self._idle.pop(origin)) is not None:
            if self._idle.is_usable(connection):
                connection.deadline.start(timeouts)
                return connection
            connection.close()
        return None

    async def _connect_in_turn(self, origin: Origin, timeouts: Timeouts) -> LoopConnection:
        """Make a connection, or return one that became idle before it was its turn.

        With hundreds of handshakes at once, each would take as long as all, and longer than it may.
        """
        async with self._turns:
            idle = self._take_idle(origin, timeouts)
            if idle is not None:
                return idle
            connection = self._new_connection(self._router.route(origin), Deadline(), self.loop, self._shared)
            connection.deadline.start(timeouts)
            task = self.loop.create_task(connection.connect(self._router.context(origin)))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
            try:
                # A task that is cancelled leaves the handshake alone, as asyncio can't always clean up after it.
                await self._asyncio.shield(task)
            except self._asyncio.CancelledError:
                task.add_done_callback(partial(_close_connected, connection))
                raise
            return connection

    async def _wait_for_slot(self, slots: asyncio.Semaphore, timeouts: Timeouts) -> None:
        if not slots.locked():
            await slots.acquire()
            return
        try:
            async with self._asyncio.timeout(timeouts.pool):
                await slots.acquire()
        except TimeoutError:
            raise TimeoutError("no connection became free in time") from None

    def _free_slot(self) -> None:
        if self._slots is not None:
            self._slots.release()


def _close_connected(connection: LoopConnection, connecting: asyncio.Task[None]) -> None:
    """Close a connection that nobody waits for, once it is made."""
    if not connecting.cancelled() and connecting.exception() is None:
        connection.close()
