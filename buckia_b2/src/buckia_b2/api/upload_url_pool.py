"""Upload URL pool: each URL serves one upload at a time and is reused afterwards."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

from buckia_b2.api.body import Body
from buckia_b2.api.session import B2Session
from buckia_b2.api.transport import MAX_CONNECTIONS
from buckia_b2.errors import B2ResponseError, parsing_response, translate_error
from buckia_core.errors import BuckiaError
from buckia_core.http.blocking import running_loop
from buckia_core.http.errors import LocalFileError

_MAX_URLS = 4
"""Upload URLs tried in a row: B2 answers 503 or 401 when one expires."""

UploadUrl = tuple[str, str]
"""URL and its token."""


class UploadUrlPool:
    """Upload URLs for the files of one bucket, or for the parts of one large file. Thread-safe.

    A URL belongs to one server of B2, so that each new one costs a request and a connection. On each event loop, no
    more uploads are in flight than there may be connections.
    """

    def __init__(self, session: B2Session, fetch_url: Callable[[], Awaitable[Any]]) -> None:
        """Create a pool; `fetch_url` requests a new URL."""
        self._session = session
        self._fetch_url = fetch_url
        self._lock = threading.Lock()
        self._free: list[UploadUrl] = []
        self._slots: WeakKeyDictionary[Any, AbstractAsyncContextManager[Any]] = WeakKeyDictionary()

    async def send(self, body: Body, post: Callable[[str, str, Any], Awaitable[Any]], *, key: str, action: str) -> Any:
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
        async with self._current_slots():
            for left in range(_MAX_URLS - 1, -1, -1):
                upload_url = await self._acquire()
                try:
                    response = await post(*upload_url, body.content())
                except B2ResponseError as error:
                    if error.is_token_expired:
                        # Upload tokens share the lifetime of the account token, so the others have most likely expired.
                        self._clear()
                    if not left or error.retry_after or not (error.is_token_expired or error.status == 503):
                        reason = await self._session.upload_denial_reason(error)
                        raise translate_error(error, action=action, key=key, reason=reason) from error
                except (BuckiaError, MemoryError):
                    raise
                except LocalFileError as error:
                    raise error.error from None
                except Exception as error:
                    raise translate_error(error, action=action, key=key, host=_host(upload_url)) from error
                else:
                    with self._lock:
                        self._free.append(upload_url)
                    return response
        raise AssertionError("the last URL returns or raises")

    async def _acquire(self) -> UploadUrl:
        with self._lock:
            if self._free:
                return self._free.pop()
        response = await self._fetch_url()
        with parsing_response("requesting an upload URL"):
            return self._session.parse_upload_url(response)

    def _clear(self) -> None:
        with self._lock:
            self._free.clear()

    def _current_slots(self) -> AbstractAsyncContextManager[Any]:
        loop = running_loop()
        if loop is None:
            return nullcontext()
        import asyncio  # noqa: PLC0415  # imported already, as a loop runs

        with self._lock:
            return self._slots.setdefault(loop, asyncio.Semaphore(MAX_CONNECTIONS))


def _host(upload_url: UploadUrl) -> str:
    return upload_url[0].partition("://")[2].partition("/")[0]
