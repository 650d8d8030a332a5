"""HTTP client: sends requests over pooled connections, with blocking sockets or on an event loop."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from buckia_core.http.blocking import run_blocking, running_loop
from buckia_core.http.connection import Connection
from buckia_core.http.connection_pool import ConnectionPool, LoopPool, PoolLimits, Router
from buckia_core.http.errors import LocalFileError, ProtocolError
from buckia_core.http.http11 import ResponseHead, ResponseParser, parse_plain_head, request_head
from buckia_core.http.origin import Origin
from buckia_core.http.proxy import Proxy, Route, proxy_for
from buckia_core.http.response import BufferedResponse, Response
from buckia_core.http.timeouts import Timeouts
from buckia_core.http.tls import tls_context

if TYPE_CHECKING:
    import ssl

_INLINE_BODY_BYTES = 64 << 10
_SEND_BYTES = 256 << 10


@dataclass(slots=True)
class HttpRequest:
    """HttpRequest: one request. `repr` shows neither target, nor headers, nor body, which may contain secrets.

    Not frozen, because there is one for each small object, and a frozen one takes three times as long to create.

    Attributes:
        method: HTTP method.
        origin: Server.
        target: Percent-encoded path and query.
        headers: Headers besides `Host` and `Content-Length`, which the client adds.
        body: The body, or its chunks.
        length: Bytes of the body; required if `body` is chunks.
        timeouts: Timeouts of this request; `None` means those of the client.
    """

    method: str
    origin: Origin
    target: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | memoryview | Iterable[bytes | memoryview] = field(default=b"", repr=False)
    length: int | None = None
    timeouts: Timeouts | None = None


class HttpClient:
    """HttpClient: sends each request once, without following redirects. Thread-safe.

    On an event loop, it uses connections of that loop; elsewhere, blocking sockets, and nothing waits for a loop.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        *,
        limits: PoolLimits | None = None,
        tls: Callable[[], ssl.SSLContext] = tls_context,
        find_proxy: Callable[[Origin], Proxy | None] = proxy_for,
    ) -> None:
        """Create a client.

        Args:
            timeouts: Timeouts of each request.
            limits: Limits of the connection pools; of each event loop on its own.
            tls: Called before the first connection with TLS.
            find_proxy: Returns the proxy to a server; called for new connections, and its result is used for a second.
        """
        self._timeouts = timeouts
        self._limits = limits or PoolLimits()
        self._router = Router(tls, find_proxy)
        self._pool = ConnectionPool(self._router, self._limits)
        self._lock = threading.Lock()
        self._loop_pools: weakref.WeakKeyDictionary[Any, LoopPool] = weakref.WeakKeyDictionary()
        self._latest: LoopPool | None = None

    async def send(self, request: HttpRequest, *, max_bytes: int) -> BufferedResponse:
        """Send a request; return the response with its body, whatever its status.

        Raises:
            ValueError: A header can't be sent.
            UnusableResponse: The body has more than `max_bytes`.
            ProtocolError: The response is invalid, incomplete or missing.
            LocalFileError: The body, or a file of certificates, can't be read.
            OSError: There is no connection, or it failed; `TimeoutError` if there was no progress in time.
        """
        pool = self._current_pool()
        connection = await pool.acquire(request.origin, request.timeouts or self._timeouts)
        reusable = False
        try:
            response = await _exchange(connection, request)
            body = await response.read_body(max_bytes)
            reusable = response.is_reusable
        finally:
            pool.release(connection, reusable=reusable)
        return BufferedResponse(response.status, response.headers, body)

    def open(self, request: HttpRequest) -> OpenedResponse:
        """Send a request; return a context manager of the response, to read its body as it comes.

        It works by `async with`, and without an event loop by `with`. The connection is reused if the body is read to
        its end. Raises the same errors as `send`.
        """
        return OpenedResponse(self._current_pool(), request, request.timeouts or self._timeouts)

    def route(self, origin: Origin) -> Route:
        """Return the route to a server; as text, it names the server and the proxy for messages."""
        return self._router.route(origin)

    def close(self) -> None:
        """Close the idle connections of threads. Those of an event loop are closed by `close_async`."""
        self._pool.close()

    async def close_async(self) -> None:
        """Close the idle connections of the running event loop; new requests open new ones."""
        with self._lock:
            pool = self._loop_pools.pop(running_loop(), None)
            if pool is self._latest:
                self._latest = None
        if pool is not None:
            await pool.close()

    def _current_pool(self) -> Any:
        loop = running_loop()
        if loop is None:
            return self._pool
        latest = self._latest
        if latest is not None and latest.loop is loop:
            return latest
        with self._lock:
            pool = self._loop_pools.get(loop)
            if pool is None:
                pool = self._loop_pools[loop] = LoopPool(self._router, self._limits, loop)
            self._latest = pool
        return pool


class OpenedResponse:
    """OpenedResponse: context manager of a response, by `async with` or `with`. Used once."""

    def __init__(self, pool: Any, request: HttpRequest, timeouts: Timeouts) -> None:
        self._pool = pool
        self._request = request
        self._timeouts = timeouts
        self._connection: Any = None
        self._response: Response | None = None

    async def start(self) -> Response:
        """Send the request and return the response; `finish` must follow. Raises as `HttpClient.send`."""
        connection = await self._pool.acquire(self._request.origin, self._timeouts)
        try:
            self._response = await _exchange(connection, self._request)
        except BaseException:
            self._pool.release(connection, reusable=False)
            raise
        self._connection = connection
        return self._response

    def finish(self, *, failed: bool = False) -> None:
        """Give the connection back, to be used again if the response has been read and nothing failed."""
        connection, self._connection = self._connection, None
        if connection is not None and self._response is not None:
            self._pool.release(connection, reusable=not failed and self._response.is_reusable)

    async def __aenter__(self) -> Response:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(failed=kind is not None)

    def __enter__(self) -> Response:
        return run_blocking(self.start())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(failed=kind is not None)


async def _exchange(connection: Connection, request: HttpRequest) -> Response:
    """Send a request, and return its response as soon as its head has come."""
    body, length, route = request.body, request.length, connection.route
    if isinstance(body, bytes | memoryview):
        length = len(body)
    elif length is None:
        raise TypeError("a body of chunks needs its length")
    target, headers = request.target, request.headers
    if route.proxy is not None:
        target, headers = f"{route.target_prefix}{target}", {**headers, **route.headers}
    head = request_head(request.method, target, request.origin.authority, headers, length)
    if length > _INLINE_BODY_BYTES:
        return await _exchange_large(connection, request.method, head, _split(body))
    if length:
        # A small body is sent together with the head.
        head += body if isinstance(body, bytes | memoryview) else b"".join(_split(body))
    await connection.send(head)
    data = await connection.receive()
    found = parse_plain_head(request.method, data)
    if found is None:
        found = await _read_head(connection, ResponseParser(request.method), data)
    return Response(found, connection)


async def _exchange_large(
    connection: Connection, method: str, head: bytes, chunks: Iterator[bytes | memoryview]
) -> Response:
    """Send a head and a body in chunks, and read the response. A final response that comes early ends the sending."""
    parser = ResponseParser(method)
    found: ResponseHead | None = None
    unsent: OSError | None = None
    await connection.send(head)
    for number, chunk in enumerate(chunks):
        early = connection.received_early() if number else None
        if early is not None and (found := parser.feed(early)) is not None:
            break
        try:
            await connection.send(chunk)
        except OSError as error:
            # A server that refuses a request may respond and close the connection before it has read the body.
            unsent = error
            break
    complete = found is None and unsent is None
    if found is None:
        try:
            found = await _read_head(connection, parser, await connection.receive())
        except (OSError, ProtocolError) as error:
            if unsent is None:
                raise
            raise unsent from error
    response = Response(found, connection)
    if not complete:
        response.spoil()
    return response


def _split(body: bytes | memoryview | Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Yield a body in chunks small enough to show progress.

    Raises:
        LocalFileError: The file of the body can't be read.
    """
    if isinstance(body, bytes | memoryview):
        view = memoryview(body)
        yield from (view[start : start + _SEND_BYTES] for start in range(0, len(view), _SEND_BYTES))
        return
    try:
        yield from body
    except OSError as error:
        raise LocalFileError(error) from error


async def _read_head(connection: Connection, parser: ResponseParser, data: bytes) -> ResponseHead:
    """Read the head of the response, of which `data` has come."""
    while (found := parser.feed(data)) is None:
        data = await connection.receive()
    return found
