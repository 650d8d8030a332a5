"""HTTP client: sends requests, and raises Buckia's errors where there is no response."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from buckia_bunny.errors import PROVIDER, translate_error
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.transfers import retry
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.errors import AdapterError, MissingCredentials
from buckia_core.http import client as core
from buckia_core.http.connection_pool import PoolLimits
from buckia_core.http.errors import LocalFileError, ProtocolError, UnusableResponse
from buckia_core.http.origin import Origin, split_url
from buckia_core.http.response import BufferedResponse, Response
from buckia_core.http.timeouts import Timeouts
from buckia_core.http.tls import tls_context

T = TypeVar("T")

RETRY_POLICY = RetryPolicy(max_attempts=6, time_limit=math.inf, initial_wait=0.2, max_wait=20.0)
"""Retries of one request of a call that makes many, such as one directory of a listing of a thousand."""

_CONNECTIONS = PoolLimits(max_idle=64, max_in_use=64)
"""Connections per client; the service accepts a hundred per address."""

MAX_BODY_BYTES = 1 << 20
"""Largest body of an ordinary response."""

MAX_LIST_BYTES = 256 << 20
"""Largest body of a listing. The service sends all entries of a directory in one response."""

_HEADER = re.compile(r"[\x20-\x7e]*")
_SECRETS = ("AccessKey", "Authorization")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """HTTP request. The headers contain a key, so `repr` omits them.

    Attributes:
        method: HTTP method.
        origin: Server.
        target: Percent-encoded path and query.
        headers: Headers, without host and length.
        action: What the request does; begins error messages.
        key: Object that it concerns, for errors.
    """

    method: str
    origin: Origin
    target: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    action: str = ""
    key: str | None = None

    @classmethod
    def to_url(cls, method: str, url: str, headers: Mapping[str, str], action: str) -> Self:
        """Build the request to a URL."""
        return cls(method, *split_url(url), headers, action)


Body = bytes | Iterable[bytes]
"""Body of a request: bytes, or chunks, which are read in the thread that sends them and never on an event loop."""


class HttpClient:
    """HTTP client with connection pools. Thread-safe. Does not retry, and does not follow redirects.

    Proxies come from the environment. Requests without progress time out.
    """

    def __init__(self, *, connect_timeout: float, read_timeout: float, ca_bundle: Path | None) -> None:
        self.counter = RequestCounter()
        self._client = core.HttpClient(
            # A program that holds many objects open gets an error at last, instead of waiting for itself.
            Timeouts(connect=connect_timeout, read=read_timeout, pool=read_timeout),
            limits=_CONNECTIONS,
            tls=partial(tls_context, ca_bundle=ca_bundle),
        )

    @classmethod
    def from_settings(cls, settings: BunnySettings) -> Self:
        """Create a client with the timeouts and certificate authorities of the settings."""
        return cls(
            connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout, ca_bundle=settings.ca_bundle
        )

    async def send(
        self, request: HttpRequest, body: Body = b"", *, length: int | None = None, max_bytes: int = MAX_BODY_BYTES
    ) -> BufferedResponse:
        """Send a request and return the complete response, whatever its status. The body is not decompressed.

        Args:
            request: The request.
            body: Its body.
            length: Bytes of the body; required for chunks.
            max_bytes: Largest body of the response.

        Raises:
            MissingCredentials: The key can't be sent in a header.
            AdapterError: There is no response, or a longer one.
        """
        _check_headers(request)
        await self.counter.add_async()
        try:
            return await self._client.send(_plain(request, body, length), max_bytes=max_bytes)
        except (OSError, ProtocolError, LocalFileError) as error:
            raise self._translate(error, request) from error

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[Response]:
        """Send a request and open the response. Read it with `read`.

        Raises:
            MissingCredentials: The key can't be sent in a header.
            AdapterError: There is no response.
        """
        _check_headers(request)
        await self.counter.add_async()
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._client.open(_plain(request)))
            except (OSError, ProtocolError, LocalFileError) as error:
                raise self._translate(error, request) from error
            yield response

    async def read(self, response: Response, size: int, request: HttpRequest) -> bytes:
        """Return the next `size` bytes of a body, as they are sent; fewer only at its end.

        Raises:
            AdapterError: The connection failed.
        """
        try:
            return await response.read(size)
        except (OSError, ProtocolError) as error:
            raise self._translate(error, request) from error

    def close(self) -> None:
        """Close the idle connections of threads."""
        self._client.close()

    async def close_async(self) -> None:
        """Close the idle connections of the running event loop."""
        await self._client.close_async()

    def _translate(self, error: Exception, request: HttpRequest) -> Exception:
        if isinstance(error, LocalFileError):
            return error.error
        if isinstance(error, UnusableResponse):
            return AdapterError(f"{request.action}: the response {error}", provider=PROVIDER, key=request.key)
        host = str(self._client.route(request.origin))
        return translate_error(error, action=request.action, host=host, key=request.key)


def retry_request(request: Callable[[], T]) -> T:
    """Retry one request of a call that makes many; the wrapper `Retry` retries whole calls.

    A server that asks for a wait of more than twenty seconds is left to that wrapper.
    """
    return retry.retry_call(request, RETRY_POLICY)


def _plain(request: HttpRequest, body: Body = b"", length: int | None = None) -> core.HttpRequest:
    return core.HttpRequest(request.method, request.origin, request.target, request.headers, body, length)


def _check_headers(request: HttpRequest) -> None:
    """Check the header values first: the message must not show a key, and should say what to check."""
    for name, text in request.headers.items():
        if _HEADER.fullmatch(text):
            continue
        if name in _SECRETS:
            raise MissingCredentials(f"the key for {request.origin.authority} has an invalid character: check it")
        message = f"{request.action}: the header {name} can't have the value {text!r}"
        raise AdapterError(message, provider=PROVIDER, key=request.key)
