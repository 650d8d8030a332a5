"""Edge Storage API: one method per request, with paths as arguments."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import urllib3

from buckia_bunny.errors import STORAGE_ADVICE, error_from_response, is_from_service, not_found, unexpected_response
from buckia_bunny.http import MAX_LIST_BYTES, HttpClient, HttpRequest, Response, read_body
from buckia_bunny.storage.endpoint import ZoneEndpoint
from buckia_bunny.storage.entries import Entry, parse_entry, parse_listing
from buckia_bunny.storage.key_encoding import quote_path
from buckia_core.errors import AdapterError

LISTINGS = 5
"""Concurrent listings that a storage server accepts from one address."""

_MAX_ERROR_BYTES = 1 << 16
"""Largest body of an error response."""

_RANGE = re.compile(r"bytes ([0-9]{1,19})-")

_DELETES = 20
"""Concurrent deletes; the server accepts thirty."""


class StorageApi:
    """Requests to one storage zone. Thread-safe, without retries.

    Paths have no leading slash. Paths of directories end in a slash, and that of the root is empty.
    """

    def __init__(self, http: HttpClient, endpoint: ZoneEndpoint) -> None:
        self._http = http
        self._endpoint = endpoint
        self._listing = threading.Semaphore(LISTINGS)
        self._deleting = threading.Semaphore(_DELETES)

    def list(self, directory: str) -> list[Entry]:
        """Return the entries of a directory, unordered; empty if it does not exist.

        Raises:
            NotFound: The zone does not exist.
        """
        action = f"listing {directory!r}" if directory else "listing the zone"
        request = self._request("GET", directory, action)
        with self._listing:
            response = self._http.request(request, max_bytes=MAX_LIST_BYTES)
        # A 404 from a proxy must not count as an empty directory.
        if response.status == 404 and directory and response.body and is_from_service(response.body):
            return []
        if response.status != 200:
            raise _build_error(request, response)
        try:
            return parse_listing(response.body)
        except ValueError as error:
            raise unexpected_response(action) from error

    def describe(self, path: str, key: str) -> Entry | None:
        """Return the entry of a file; `None` if it does not exist or is a directory."""
        action = f"{key!r}: reading its metadata"
        request = self._request("DESCRIBE", path, action, key)
        response = self._http.request(request)
        if response.status == 404 and is_from_service(response.body):
            return None
        if response.status != 200:
            raise _build_error(request, response)
        try:
            found = parse_entry(response.body)
        except ValueError as error:
            raise unexpected_response(action, key) from error
        return None if found.is_directory else found

    @contextmanager
    def get(self, path: str, key: str, start: int, end: int | None) -> Iterator[urllib3.BaseHTTPResponse]:
        """Open the bytes of a file from `start` up to, not including, `end`, which is greater than `start`.

        Raises:
            NotFound: There is no such file.
            AdapterError: The file ends before `start` (status 416), or the request failed.
        """
        action = f"{key!r}: downloading it"
        request = self._request("GET", path, action, key)
        is_whole = start == 0 and end is None
        if not is_whole:
            headers = {**request.headers, "Range": f"bytes={start}-{'' if end is None else end - 1}"}
            request = HttpRequest(request.method, request.url, headers, action, key)
        with self._http.stream(request) as response:
            if response.status >= 300:
                body = read_body(response, request, _MAX_ERROR_BYTES)
                if response.status == 404 and is_from_service(body):
                    raise not_found(key)
                raise _build_error(request, Response(response.status, response.headers, body))
            expected = (200, None) if is_whole else (206, start)
            if (response.status, _range_start(response)) != expected:
                raise unexpected_response(action, key)
            yield response

    def put(
        self, path: str, key: str, body: Iterable[bytes], *, size: int, sha256: str, content_type: str
    ) -> AdapterError | None:
        """Upload a file; return the error, or `None` on success."""
        action = f"{key!r}: uploading it"
        request = self._request("PUT", path, action, key)
        headers = {
            **request.headers,
            "Content-Length": str(size),
            "Content-Type": "application/octet-stream",
            "Checksum": sha256.upper(),
            "Override-Content-Type": content_type,
        }
        request = HttpRequest(request.method, request.url, headers, action, key)
        response = self._http.request(request, body if size else b"")
        if response.status not in (200, 201):
            return _build_error(request, response)
        return None if is_from_service(response.body) else unexpected_response(action, key)

    def delete(self, path: str, key: str) -> None:
        """Delete a file. A missing file is not an error. Directories stay, since their paths need a slash."""
        self._delete(self._request("DELETE", path, f"{key!r}: deleting it", key))

    def delete_directory(self, directory: str) -> None:
        """Delete a directory with its content. A missing directory is not an error.

        Raises:
            ValueError: It is the root, or not a directory.
        """
        if not directory.endswith("/") or not directory.strip("/."):
            raise ValueError(f"{directory!r} is not deleted: only a directory below the root is")
        self._delete(self._request("DELETE", directory, f"removing the directory {directory!r}"))

    def _delete(self, request: HttpRequest) -> None:
        with self._deleting:
            response = self._http.request(request)
        if response.status not in (200, 204, 404):
            raise _build_error(request, response)
        if not is_from_service(response.body):
            raise unexpected_response(request.action, request.key)

    def _request(self, method: str, path: str, action: str, key: str | None = None) -> HttpRequest:
        zone_url = self._endpoint.zone_url()
        return HttpRequest(method, f"{zone_url.url}{quote_path(path)}", zone_url.headers, action, key)


def _build_error(request: HttpRequest, response: Response) -> AdapterError:
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


def _range_start(response: urllib3.BaseHTTPResponse) -> int | None:
    """Return the start of the range in a response; `None` without a range, -1 for a malformed one."""
    content_range = response.headers.get("Content-Range")
    if content_range is None:
        return None
    found = _RANGE.match(content_range)
    return int(found[1]) if found else -1
