"""Addresses that uploads go to: each for one upload at a time, and for another one after it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from typing import Any

import requests
import urllib3

from buckia_b2.api.body import Body
from buckia_b2.api.session import B2Session
from buckia_b2.errors import B2ResponseError, TooLong, translate_error, understanding

_ADDRESSES = 4
"""Addresses that are tried in a row: B2 says with 503, or with 401, that an address has had its time."""

_FAILURES = (
    *(requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError),
    *(ValueError, RecursionError, TooLong),
)

UploadUrl = tuple[str, str]
"""An address, and the token that goes with it."""


class UploadUrlPool:
    """Addresses for the files of one bucket, or for the parts of one large file."""

    def __init__(self, account: B2Session, ask: Callable[[], Any]) -> None:
        """Make them; `ask` gets a new one."""
        self._account = account
        self._ask = ask
        self._lock = threading.Lock()
        self._free: list[UploadUrl] = []

    def send(self, body: Body, post: Callable[[str, str, Any], Any], *, key: str, doing: str) -> Any:
        """Send a body to one address after the other, until one takes it; return the answer.

        An upload that got no answer is not sent again: it may have become a file.

        Args:
            body: What is sent.
            post: Sends it: given the address, its token, and what is handed to the network.
            key: The object, for errors.
            doing: What for, for errors.

        Raises:
            AdapterError: None took it.
            OSError, IntegrityError: The file can't be read, or is not what it should be. Nothing was written.
        """
        for left in range(_ADDRESSES - 1, -1, -1):
            place = self._take()
            try:
                answer = post(*place, body.as_sent())
            except B2ResponseError as refusal:
                if refusal.worn:
                    # They all go with a token of the account, and it is likely that one's end is all's.
                    self._forget()
                if not left or refusal.retry_after or not (refusal.worn or refusal.status == 503):
                    why = self._account.why_not_written(refusal)
                    raise translate_error(refusal, doing=doing, key=key, why=why) from refusal
            except _FAILURES as error:
                if body.failure is not None:
                    raise body.failure from None
                raise translate_error(error, doing=doing, key=key, host=_host_of(place)) from error
            else:
                with self._lock:
                    self._free.append(place)
                return answer
        raise AssertionError("the last address returns or raises")

    def _take(self) -> UploadUrl:
        with self._lock:
            if self._free:
                return self._free.pop()
        answer = self._ask()
        with understanding("asking where an upload goes"):
            return self._account.upload_address(answer)

    def _forget(self) -> None:
        with self._lock:
            self._free.clear()


def _host_of(place: UploadUrl) -> str:
    return place[0].partition("://")[2].partition("/")[0]
