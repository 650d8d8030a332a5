"""Heads of requests: what would make two headers of one, or another request, is not sent."""

from __future__ import annotations

import pytest

from buckia_core.http.http11 import request_head


@pytest.mark.parametrize("name", ["If-Match", "If\r\nMatch", "If\nMatch", "If\0Match"])
@pytest.mark.parametrize("value", ["plain", "a\r\nX: b", "a\rb", "a\nb", "a\0b", "\n", "a\r\n\r\nGET / HTTP/1.1"])
def test_line_breaks(name, value):
    if (name, value) == ("If-Match", "plain"):
        assert request_head("GET", "/b/k", "h", {name: value}, 0) == (
            b"GET /b/k HTTP/1.1\r\nHost: h\r\nIf-Match: plain\r\n\r\n"
        )
    else:
        with pytest.raises(ValueError, match=r"the header .* has a line break or a NUL in it"):
            request_head("GET", "/b/k", "h", {name: value}, 4)


def test_those_of_credentials_are_named_as_such():
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=AK\r/20300131"}
    with pytest.raises(ValueError, match=r"'Authorization' has .*; its access key or token has one$"):
        request_head("GET", "/b/k", "h", headers, None)


@pytest.mark.parametrize(
    ("method", "length", "sent"),
    [
        ("GET", 0, False),
        ("GET", 3, True),
        ("GET", None, False),
        ("PUT", 0, True),
        ("POST", 0, True),
        ("CONNECT", None, False),
    ],
)
def test_lengths(method, length, sent):
    head = request_head(method, "/", "h", {}, length)
    assert (f"Content-Length: {length}\r\n".encode() in head) is sent
