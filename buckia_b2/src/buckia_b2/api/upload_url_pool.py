"""Upload URL pool: each URL serves one upload at a time and is reused afterwards."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from typing import Any

import requests
import urllib3

from buckia_b2.api.body import Body
from buckia_b2.api.session import B2Session
from buckia_b2.errors import B2ResponseError, BodyTooLong, parsing_response, translate_error

_MAX_URLS = 4
"""Upload URLs tried in a row: B2 answers 503 or 401 when one expires."""

_FAILURES = (
    *(requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError),
    *(ValueError, RecursionError, BodyTooLong),
)

UploadUrl = tuple[str, str]
"""URL and its token."""


class UploadUrlPool:
    """Upload URLs for the files of one bucket, or for the parts of one large file. Thread-safe."""

    def __init__(self, session: B2Session, fetch_url: Callable[[], Any]) -> None:
        """Create a pool; `fetch_url` requests a new URL."""
        self._session = session
        self._fetch_url = fetch_url
        self._lock = threading.Lock()
        self._free: list[UploadUrl] = []

    def send(self, body: Body, post: Callable[[str, str, Any], Any], *, key: str, action: str) -> Any:
        """Send a body to one upload URL after the other until one accepts it, and return the response.

        An upload without a response is not retried: it may have created a file.

        Args:
            body: The body.
            post: Sends it, given the URL, its token and the content.
            key: Object, for error messages.
            action: What the upload does, for error messages.

        Raises:
            AdapterError: All URLs failed.
            OSError, IntegrityError: The file can't be read, or its bytes do not match the digests. Nothing was written.
        """
        for left in range(_MAX_URLS - 1, -1, -1):
            upload_url = self._acquire()
            try:
                response = post(*upload_url, body.content())
            except B2ResponseError as error:
                if error.is_token_expired:
                    # Upload tokens share the lifetime of the account token, so the others have most likely expired too.
                    self._clear()
                if not left or error.retry_after or not (error.is_token_expired or error.status == 503):
                    reason = self._session.upload_denial_reason(error)
                    raise translate_error(error, action=action, key=key, reason=reason) from error
            except _FAILURES as error:
                if body.failure is not None:
                    raise body.failure from None
                raise translate_error(error, action=action, key=key, host=_host(upload_url)) from error
            else:
                with self._lock:
                    self._free.append(upload_url)
                return response
        raise AssertionError("the last URL returns or raises")

    def _acquire(self) -> UploadUrl:
        with self._lock:
            if self._free:
                return self._free.pop()
        response = self._fetch_url()
        with parsing_response("requesting an upload URL"):
            return self._session.parse_upload_url(response)

    def _clear(self) -> None:
        with self._lock:
            self._free.clear()


def _host(upload_url: UploadUrl) -> str:
    return upload_url[0].partition("://")[2].partition("/")[0]
