"""Edge Storage API: one method per request, with paths as arguments."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from buckia_bunny.errors import STORAGE_ADVICE, error_from_response, is_from_service, not_found, unexpected_response
from buckia_bunny.http import MAX_LIST_BYTES, Body, HttpClient, HttpRequest
from buckia_bunny.storage.endpoint import ZoneEndpoint, ZoneUrl
from buckia_bunny.storage.entries import Entry, parse_entry, parse_listing
from buckia_bunny.storage.key_encoding import quote_path
from buckia_core.errors import AdapterError
from buckia_core.http.blocking import running_loop
from buckia_core.http.errors import UnusableResponse
from buckia_core.http.response import BufferedResponse, Response

LISTINGS = 5
"""Concurrent listings that a storage server accepts from one address."""

_MAX_ERROR_BYTES = 1 << 16
"""Largest body of an error response."""

_RANGE = re.compile(r"bytes ([0-9]{1,19})-")

_DELETES = 20
"""Concurrent deletes; the server accepts thirty."""


class _Slots:
    """Limits how many calls run at once: those of all threads, and those of each event loop."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads = threading.Semaphore(count)
        self._loops: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        loop = running_loop()
        if loop is None:
            with self._threads:
                yield
            return
        import asyncio  # noqa: PLC0415  # imported already, as a loop runs

        if loop not in self._loops:
            self._loops[loop] = asyncio.Semaphore(self._count)
        async with self._loops[loop]:
            yield


class StorageApi:
    """Requests to one storage zone. Thread-safe, without retries.

    Paths have no leading slash. Paths of directories end in a slash, and that of the root is empty.
    """

    def __init__(self, http: HttpClient, endpoint: ZoneEndpoint) -> None:
        self._http = http
        self._endpoint = endpoint
        self._listing = _Slots(LISTINGS)
        self._deleting = _Slots(_DELETES)

    async def list(self, directory: str) -> list[Entry]:
        """Return the entries of a directory, unordered; empty if it does not exist.

        Raises:
            NotFound: The zone does not exist.
        """
        action = f"listing {directory!r}" if directory else "listing the zone"
        request = await self._request("GET", directory, action)
        async with self._listing():
            response = await self._http.send(request, max_bytes=MAX_LIST_BYTES)
        # A 404 from a proxy must not count as an empty directory.
        if response.status == 404 and directory and response.body and is_from_service(response.body):
            return []
        if response.status != 200:
            raise _build_error(request, response)
        try:
            return parse_listing(response.body)
        except ValueError as error:
            raise unexpected_response(action) from error

    async def describe(self, path: str, key: str) -> Entry | None:
        """Return the entry of a file; `None` if it does not exist or is a directory."""
        action = f"{key!r}: reading its metadata"
        request = await self._request("DESCRIBE", path, action, key)
        response = await self._http.send(request)
        if response.status == 404 and is_from_service(response.body):
            return None
        if response.status != 200:
            raise _build_error(request, response)
        try:
            found = parse_entry(response.body)
        except ValueError as error:
            raise unexpected_response(action, key) from error
        return None if found.is_directory else found

    async def read(self, path: str, key: str, *, max_bytes: int) -> bytes | None:
        """Return a whole file; `None` if it has far more than `max_bytes`.

        Raises:
            NotFound: There is no such file.
            AdapterError: The request failed.
        """
        request = await self._request("GET", path, f"{key!r}: downloading it", key)
        try:
            response = await self._http.send(request, max_bytes=max(max_bytes, _MAX_ERROR_BYTES))
        except AdapterError as error:
            if isinstance(error.__cause__, UnusableResponse):
                return None
            raise
        if response.status != 200:
            raise _download_error(request, response, key)
        return response.body

    @asynccontextmanager
    async def open(self, path: str, key: str, start: int, end: int | None) -> AsyncIterator[OpenFile]:
        """Open the bytes of a file from `start` up to, not including, `end`.

        `end` is greater than `start`.

        Raises:
            NotFound: There is no such file.
            AdapterError: The file ends before `start` (status 416), or the request failed.
        """
        action, zone = f"{key!r}: downloading it", await self._endpoint.zone_url_async()
        headers, is_whole = zone.headers, start == 0 and end is None
        if not is_whole:
            headers = {**headers, "Range": f"bytes={start}-{'' if end is None else end - 1}"}
        request = _build_request(zone, "GET", path, headers, action, key)
        async with self._http.open(request) as response:
            if response.status >= 300:
                body = await self._http.read(response, _MAX_ERROR_BYTES, request)
                raise _download_error(request, BufferedResponse(response.status, response.headers, body), key)
            expected = (200, None) if is_whole else (206, start)
            if (response.status, _range_start(response)) != expected:
                raise unexpected_response(action, key)
            yield OpenFile(self._http, request, response)

    async def put(
        self, path: str, key: str, body: Body, *, size: int, sha256: str, content_type: str
    ) -> AdapterError | None:
        """Upload a file; return the error, or `None` on success."""
        action, zone = f"{key!r}: uploading it", await self._endpoint.zone_url_async()
        headers = {
            **zone.headers,
            "Content-Type": "application/octet-stream",
            "Checksum": sha256.upper(),
            "Override-Content-Type": content_type,
        }
        request = _build_request(zone, "PUT", path, headers, action, key)
        response = await self._http.send(request, body, length=size)
        if response.status not in (200, 201):
            return _build_error(request, response)
        return None if is_from_service(response.body) else unexpected_response(action, key)

    async def delete(self, path: str, key: str) -> None:
        """Delete a file. A missing file is not an error. Directories stay, since their paths need a slash."""
        await self._delete(await self._request("DELETE", path, f"{key!r}: deleting it", key))

    async def delete_directory(self, directory: str) -> None:
        """Delete a directory with its content. A missing directory is not an error.

        Raises:
            ValueError: It is the root, or not a directory.
        """
        if not directory.endswith("/") or not directory.strip("/."):
            raise ValueError(f"{directory!r} is not deleted: only a directory below the root is")
        await self._delete(await self._request("DELETE", directory, f"removing the directory {directory!r}"))

    async def _delete(self, request: HttpRequest) -> None:
        async with self._deleting():
            response = await self._http.send(request)
        if response.status not in (200, 204, 404):
            raise _build_error(request, response)
        if not is_from_service(response.body):
            raise unexpected_response(request.action, request.key)

    async def _request(self, method: str, path: str, action: str, key: str | None = None) -> HttpRequest:
        zone = await self._endpoint.zone_url_async()
        return _build_request(zone, method, path, zone.headers, action, key)


class OpenFile:
    """An open file of the zone."""

    def __init__(self, http: HttpClient, request: HttpRequest, response: Response) -> None:
        self._http = http
        self._request = request
        self._response = response

    async def read(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end.

        Raises:
            AdapterError: The connection failed.
        """
        return await self._http.read(self._response, size, self._request)


def _build_request(
    zone: ZoneUrl, method: str, path: str, headers: Mapping[str, str], action: str, key: str | None
) -> HttpRequest:
    return HttpRequest(method, zone.origin, f"{zone.base}{quote_path(path)}", headers, action, key)


def _download_error(request: HttpRequest, response: BufferedResponse, key: str) -> AdapterError:
    if response.status == 404 and is_from_service(response.body):
        return not_found(key)
    return unexpected_response(request.action, key) if response.status < 300 else _build_error(request, response)


def _build_error(request: HttpRequest, response: BufferedResponse) -> AdapterError:
    if response.status == 404 and not is_from_service(response.body):
        # A 404 from a proxy does not mean that the file is missing.
        return unexpected_response(request.action, request.key)
    return error_from_response(
        response.status,
        action=request.action,
        advice=STORAGE_ADVICE,
        headers=response.headers,
        body=response.body,
        key=request.key,
    )


def _range_start(response: Response) -> int | None:
    """Return the start of the range in a response; `None` without a range, -1 for a malformed one."""
    content_range = response.headers.get("Content-Range")
    if content_range is None:
        return None
    found = _RANGE.match(content_range)
    return int(found[1]) if found else -1
