"""The Edge Storage API, one method a request: paths in, entries out."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import urllib3

from buckia_bunny.errors import STORAGE_ADVICE, error_from_status, is_from_service, not_found, unexpected_response
from buckia_bunny.http import LONGEST_LIST, HttpClient, HttpRequest, Response, read_body
from buckia_bunny.storage.endpoint import ZoneEndpoint
from buckia_bunny.storage.entries import Entry, read_entry, read_listing
from buckia_bunny.storage.key_encoding import quoted
from buckia_core.errors import AdapterError

LISTINGS = 5
"""Listings at a time that a storage server takes from one address."""

_SAID = 1 << 16
"""Bytes of a refusal that are read."""

_RANGE = re.compile(r"bytes ([0-9]{1,19})-")

_DELETES = 20
"""Deletes at a time; it takes thirty."""


class StorageApi:
    """Requests to one storage zone, from many threads at once. Nothing is repeated.

    Paths have no slash at their start; those of directories end in one, and the root is empty.
    """

    def __init__(self, http: HttpClient, site: ZoneEndpoint) -> None:
        self._http = http
        self._site = site
        self._listing = threading.Semaphore(LISTINGS)
        self._deleting = threading.Semaphore(_DELETES)

    def list(self, directory: str) -> list[Entry]:
        """Return the entries of a directory, in no order; none if it is not there.

        Raises:
            NotFound: The zone itself is not there.
        """
        doing = f"listing {directory!r}" if directory else "listing the zone"
        request = self._request("GET", directory, doing)
        with self._listing:
            answer = self._http.call(request, longest=LONGEST_LIST)
        # A 404 of somebody on the way must not be taken for an empty directory.
        if answer.status == 404 and directory and answer.body and is_from_service(answer.body):
            return []
        if answer.status != 200:
            raise _refused(request, answer)
        try:
            return read_listing(answer.body)
        except ValueError as error:
            raise unexpected_response(doing) from error

    def describe(self, path: str, key: str) -> Entry | None:
        """Return what is told of a file; `None` if it is not there, or is a directory."""
        doing = f"{key!r}: looking at it"
        request = self._request("DESCRIBE", path, doing, key)
        answer = self._http.call(request)
        if answer.status == 404 and is_from_service(answer.body):
            return None
        if answer.status != 200:
            raise _refused(request, answer)
        try:
            found = read_entry(answer.body)
        except ValueError as error:
            raise unexpected_response(doing, key) from error
        return None if found.is_directory else found

    @contextmanager
    def reading(self, path: str, key: str, start: int, end: int | None) -> Iterator[urllib3.BaseHTTPResponse]:
        """Give the bytes of a file from `start` up to, not including, `end`, which is greater than `start`.

        Raises:
            NotFound: There is no such file.
            AdapterError: The file ends before `start` (status 416), or another refusal.
        """
        doing = f"{key!r}: downloading it"
        request = self._request("GET", path, doing, key)
        whole = start == 0 and end is None
        if not whole:
            headers = {**request.headers, "Range": f"bytes={start}-{'' if end is None else end - 1}"}
            request = HttpRequest(request.method, request.url, headers, doing, key)
        with self._http.stream(request) as response:
            if response.status >= 300:
                answer = Response(response.status, response.headers, read_body(response, request, _SAID))
                raise (
                    not_found(key)
                    if answer.status == 404 and is_from_service(answer.body)
                    else _refused(request, answer)
                )
            if response.status != (200 if whole else 206) or _first_of(response) != (None if whole else start):
                raise unexpected_response(doing, key)
            yield response

    def put(
        self, path: str, key: str, body: Iterable[bytes], *, size: int, sha256: str, content_type: str
    ) -> AdapterError | None:
        """Send a file; return why it was refused, `None` if the service says that it is there."""
        doing = f"{key!r}: uploading it"
        request = self._request("PUT", path, doing, key)
        headers = {
            **request.headers,
            "Content-Length": str(size),
            "Content-Type": "application/octet-stream",
            "Checksum": sha256.upper(),
            "Override-Content-Type": content_type,
        }
        request = HttpRequest(request.method, request.url, headers, doing, key)
        answer = self._http.call(request, body if size else b"")
        if answer.status not in (200, 201):
            return _refused(request, answer)
        return None if is_from_service(answer.body) else unexpected_response(doing, key)

    def delete(self, path: str, key: str) -> None:
        """Delete a file; one that is not there is no error. What is a directory stays: that takes a slash."""
        self._delete(self._request("DELETE", path, f"{key!r}: deleting it", key))

    def delete_directory(self, directory: str) -> None:
        """Delete a directory with all that is in it; one that is not there is no error.

        Raises:
            ValueError: It is the root, or no directory.
        """
        if not directory.endswith("/") or not directory.strip("/."):
            raise ValueError(f"{directory!r} is not deleted: only a directory below the root is")
        self._delete(self._request("DELETE", directory, f"removing the directory {directory!r}"))

    def _delete(self, request: HttpRequest) -> None:
        with self._deleting:
            answer = self._http.call(request)
        if answer.status not in (200, 204, 404):
            raise _refused(request, answer)
        if not is_from_service(answer.body):
            raise unexpected_response(request.doing, request.key)

    def _request(self, method: str, path: str, doing: str, key: str | None = None) -> HttpRequest:
        place = self._site.place()
        return HttpRequest(method, f"{place.url}{quoted(path)}", place.headers, doing, key)


def _refused(request: HttpRequest, answer: Response) -> AdapterError:
    if answer.status == 404 and not is_from_service(answer.body):
        # Nobody may conclude from it that something is not there.
        return unexpected_response(request.doing, request.key)
    return error_from_status(
        answer.status,
        doing=request.doing,
        advice=STORAGE_ADVICE,
        headers=answer.headers,
        body=request.without_secrets(answer.body),
        key=request.key,
    )


def _first_of(response: urllib3.BaseHTTPResponse) -> int | None:
    """Return the first byte of the range that an answer has; `None` if it says that it has all, -1 if it is unclear."""
    told = response.headers.get("Content-Range")
    if told is None:
        return None
    found = _RANGE.match(told)
    return int(found[1]) if found else -1
