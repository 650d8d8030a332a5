"""Transport: sends the requests of b2sdk's raw API, each once, without following redirects.

b2sdk's own transport retries a request up to twenty times, for minutes, sends the content on to the host that a
redirect names, replaces the token with an entry of ~/.netrc, and sets the locale of the process for each response.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar

from buckia_b2.api.body import FileRangeBody
from buckia_b2.errors import B2ResponseError
from buckia_b2.settings import B2Settings
from buckia_core.adapters.transfers import retry
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.http.client import HttpClient, HttpRequest
from buckia_core.http.connection_pool import PoolLimits
from buckia_core.http.origin import Origin, split_url
from buckia_core.http.response import Response
from buckia_core.http.timeouts import Timeouts
from buckia_core.http.tls import tls_context

T = TypeVar("T")

RETRY_POLICY = RetryPolicy(max_attempts=5, time_limit=math.inf, initial_wait=0.2, max_wait=10.0)
"""Five attempts with short waits: B2 answers 503 where another of its servers would take the request at once."""

MAX_JSON_BYTES = 16 << 20
"""Largest JSON response that is read. A page of 1,000 files fits, whatever their names."""

MAX_CONNECTIONS = 64
"""Idle connections kept to one server, and uploads in flight at once on an event loop."""

_MAX_ERROR_BYTES = 1 << 16
_SUCCESS = (200, 206)
_HEADERS = {"User-Agent": "buckia", "Accept-Encoding": "identity"}

# Calls that copy or assemble many gigabytes before the server sends any byte of the response.
_SLOW = ("/b2_copy_file", "/b2_copy_part", "/b2_finish_large_file")
_SLOW_SECONDS = 1200.0


def retry_request(request: Callable[[], T]) -> T:
    """Retry one request of a call that makes many; the wrapper `Retry` retries whole calls.

    A server that asks for a wait of more than ten seconds is left to that wrapper.
    """
    return retry.retry_call(request, RETRY_POLICY)


async def retry_request_async(request: Callable[[], Awaitable[T]]) -> T:
    """Do what `retry_request` does, for a coroutine."""
    return await retry.retry_async(request, RETRY_POLICY)


class Transport:
    """Sends requests over a pool of kept connections, by coroutines. Thread-safe.

    Redirects are errors: following one would hand the content to another host.

    `B2RawHTTPApi` of b2sdk calls the `post_…` methods and returns their coroutines; the number of attempts that it
    passes is ignored.
    """

    def __init__(self, settings: B2Settings, counter: RequestCounter) -> None:
        self._counter = counter
        timeouts = Timeouts(connect=settings.connect_timeout, read=settings.read_timeout)
        self._slow_timeouts = Timeouts(timeouts.connect, max(timeouts.read, _SLOW_SECONDS))
        self._client = HttpClient(
            timeouts,
            limits=PoolLimits(max_idle=MAX_CONNECTIONS),
            tls=lambda: tls_context(ca_bundle=settings.ca_bundle),
        )

    @asynccontextmanager
    async def open(self, method: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[Response]:
        """Send one request, and open its response, with the body unread.

        Raises:
            B2ResponseError: The status is not a success.
            ProtocolError, OSError: There is no valid response.
        """
        await self._counter.add_async()
        origin, target = _split(url)
        async with self._client.open(HttpRequest(method, origin, target, {**_HEADERS, **headers})) as response:
            if response.status not in _SUCCESS:
                raise _error(response, headers, await response.read(_MAX_ERROR_BYTES))
            yield response

    async def head(self, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Send a HEAD request and return the headers of the response. Raises the same errors as `open`."""
        await self._counter.add_async()
        origin, target = _split(url)
        response = await self._client.send(HttpRequest("HEAD", origin, target, {**_HEADERS, **headers}), max_bytes=0)
        if response.status not in _SUCCESS:
            raise _error(response, headers, b"")
        return response.headers

    async def post_json_return_json(self, url: str, headers: Mapping[str, str], params: Any, **_tries: Any) -> Any:
        """Send an API call as JSON and return the JSON of the response. Raises as `post_content_return_json`."""
        return await self._post(url, {**headers, "Content-Type": "application/json"}, json.dumps(params).encode())

    async def post_content_return_json(
        self, url: str, headers: MutableMapping[str, str], data: bytes | FileRangeBody, **_tries: Any
    ) -> Any:
        """Send the bytes of a file or a part and return the JSON of the response.

        Raises:
            B2ResponseError, ProtocolError, OSError: As `open`.
            LocalFileError: The file can't be read.
            ValueError, RecursionError: The response is not JSON.
        """
        headers.pop("Content-Length", None)
        return await self._post(url, headers, data)

    def close(self) -> None:
        """Close the connections of threads."""
        self._client.close()

    async def close_async(self) -> None:
        """Close the connections of the running event loop."""
        await self._client.close_async()

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes | FileRangeBody) -> Any:
        await self._counter.add_async()
        origin, target = _split(url)
        timeouts = self._slow_timeouts if target.endswith(_SLOW) else None
        request = HttpRequest("POST", origin, target, {**_HEADERS, **headers}, body, len(body), timeouts)
        response = await self._client.send(request, max_bytes=MAX_JSON_BYTES)
        if response.status not in _SUCCESS:
            raise _error(response, headers, response.body[:_MAX_ERROR_BYTES])
        return json.loads(response.body)


def _error(response: Any, headers: Mapping[str, str], body: bytes) -> B2ResponseError:
    secrets = (headers.get("Authorization", ""),)
    return B2ResponseError.from_response(response.status, response.headers, body, secrets)


def _split(url: str) -> tuple[Origin, str]:
    """Return the origin and the target of a URL, which is percent-encoded."""
    start = url.find("/", url.find("//") + 2)
    return (_origin(url[:start]), url[start:]) if start > 0 else split_url(url)


@lru_cache(maxsize=1024)
def _origin(url: str) -> Origin:
    return split_url(url)[0]
