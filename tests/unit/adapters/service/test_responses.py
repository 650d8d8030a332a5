"""What the adapters' errors have in common: waits, requests without a response, bounded bodies."""

from __future__ import annotations

import errno
import io
import time
from email.utils import formatdate
from typing import Any

import pytest
import requests
import urllib3
import urllib3.exceptions as urllib3_errors

from buckia_core.adapters.service.responses import no_response, parse_retry_after, read_body
from buckia_core.errors import AdapterError, Transient


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("7", 7.0),
        (" 30 ", 30.0),
        ("99999999999", 86_400.0),
        (None, None),
        ("", None),
        ("-3", None),
        ("soon", None),
        ("1.5", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
    ],
)
def test_the_wait_that_a_server_asks_for(value, wait):
    assert parse_retry_after(value) == wait


def test_a_date_is_a_wait_from_now():
    wait = parse_retry_after(formatdate(time.time() + 500, usegmt=True))
    assert wait is not None
    assert 400 < wait <= 501


POOL: Any = None
"""urllib3 takes the pool for its message only."""

NO_DESCRIPTORS = OSError(errno.EMFILE, "Too many open files")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (requests.exceptions.SSLError("bad"), AdapterError, "certificate of h is not trusted"),
        (urllib3_errors.MaxRetryError(POOL, "/", urllib3_errors.SSLError("bad")), AdapterError, "is not trusted"),
        (requests.exceptions.ReadTimeout(), Transient, "no progress in time"),
        (requests.exceptions.ConnectionError("Read timed out."), Transient, "no progress in time"),
        (urllib3_errors.ReadTimeoutError(POOL, "/", "x"), Transient, "no progress in time"),
        (TimeoutError(), Transient, "no progress in time"),
        (urllib3_errors.NewConnectionError(POOL, "refused"), Transient, "no connection, or an incomplete response"),
        (urllib3_errors.ProtocolError("broken"), Transient, "no connection, or an incomplete response"),
        (requests.exceptions.ProxyError("x"), Transient, "the proxy can't be reached"),
        (NO_DESCRIPTORS, Transient, "this machine: Too many open files"),
    ],
)
def test_a_request_without_a_response(monkeypatch, error, kind, message):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    found = no_response(error, action="reading", host="h", provider="p", key="k")
    assert type(found) is kind
    assert message in str(found)
    assert (found.provider, found.key, found.retryable) == ("p", "k", kind is Transient)


def test_a_body_is_read_up_to_one_byte_more_than_allowed():
    assert read_body(urllib3.HTTPResponse(io.BytesIO(b"abc"), preload_content=False), 5) == b"abc"
    assert read_body(urllib3.HTTPResponse(io.BytesIO(b"abcdefgh"), preload_content=False), 5) == b"abcdef"
