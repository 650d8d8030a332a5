"""Responses: a fast parser for simple ones, and `http.client` for all others.

A simple response has its whole head in the first read, and a Content-Length unless it has no body. The fast parser
takes half the time of `http.client`.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Callable
from typing import Any, Protocol

from buckia_s3.errors import UnusableResponse

_HEAD_BYTES = 64 << 10
_FIRST_BUFFER = 1 << 20
_MAX_DIGITS = 18

# HTTP/1.1 only, where connections stay open by default.
_STATUS = re.compile(r"HTTP/1\.1 ([2-5][0-9][0-9])( [^\r\n]*)?")
_NAMES = re.compile(r"[!#-'*-.0-9A-Z^-z|~:]*")

_NO_BODY = (204, 304)


class Headers(dict[str, str]):
    """Response headers. Names are in lower case; `get` is case-insensitive."""

    def get(self, name: str, default: Any = None, /) -> Any:
        """Return the value of a header."""
        return super().get(name.lower(), default)


class Response(Protocol):
    """Response: status, headers, and a body to read."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Headers:
        """Response headers."""

    @property
    def will_close(self) -> bool:
        """Whether the connection can't be reused."""

    def read(self, size: int | None = None, /) -> bytes:
        """Return the next `size` bytes of the body, or the rest; fewer only at its end."""

    def isclosed(self) -> bool:
        """Tell whether the body has been read to its end."""


class FastResponse:
    """FastResponse: a response with a parsed head and the first bytes of its body."""

    def __init__(self, status: int, headers: Headers, first: bytes, length: int, receive: Callable[[Any], int]) -> None:
        self.status = status
        self.headers = headers
        # Extra bytes after the body would be taken for the next response.
        self.will_close = "close" in headers.get("connection", "").lower() or len(first) > length
        self._first = first[:length]
        self._remaining = length
        self._receive = receive

    def read(self, size: int | None = None, /) -> bytes:
        """See `Response`.

        Raises:
            http.client.IncompleteRead: `size` is `None`, and the connection ended before the body.
            OSError: The connection failed.
        """
        wanted = self._remaining if size is None else min(size, self._remaining)
        if wanted == len(self._first):
            data, self._first = self._first, b""
            self._remaining -= wanted
            return data
        # Allocate as data arrives, since Content-Length may be wrong.
        chunk = bytearray(min(wanted, _FIRST_BUFFER))
        got = min(len(self._first), wanted)
        chunk[:got] = self._first[:got]
        self._first = self._first[got:]
        view = memoryview(chunk)
        while got < wanted:
            if got == len(chunk):
                view.release()
                chunk.extend(bytes(min(got, wanted - got)))
                view = memoryview(chunk)
            count = self._receive(view[got:])
            if not count:
                return self._end_early(bytes(view[:got]), size)
            got += count
        self._remaining -= wanted
        # Copying the chunks of large objects would take 5 % of the time.
        return bytes(chunk) if size is None else chunk  # type: ignore[return-value]  # it reads like `bytes`

    def _end_early(self, came: bytes, size: int | None) -> bytes:
        if size is None:
            raise http.client.IncompleteRead(came, self._remaining - len(came))
        self._remaining, self.will_close = 0, True
        return came

    def isclosed(self) -> bool:
        """See `Response`."""
        return not self._remaining

    @property
    def remaining(self) -> int:
        """Bytes of the body that have not been read, by Content-Length."""
        return self._remaining


def read_response(method: str, sock: socket.socket, before_step: Callable[[], None]) -> Response:
    """Read the head of a response.

    Args:
        method: Method of the request.
        sock: The connection.
        before_step: Called before each read.

    Raises:
        http.client.HTTPException: The response is invalid or missing.
        OSError: The connection failed.
    """

    def receive(buffer: Any) -> int:
        before_step()
        return sock.recv_into(buffer)

    before_step()
    data = sock.recv(_HEAD_BYTES)
    found = _parse_simple_response(method, data, receive)
    if found is not None:
        return found
    replay = _ReplaySocket(data, receive)
    response = http.client.HTTPResponse(replay, method=method)  # type: ignore[arg-type]  # it calls `makefile` only
    response.begin()
    if replay.ended:
        # `http.client` accepts the end of the connection as end of the head.
        raise http.client.IncompleteRead(b"")
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers.setdefault(name.lower(), value.rstrip(" \t"))
    length = headers.get("content-length", "0")
    if not response.chunked and not (length.isdecimal() and len(length) <= _MAX_DIGITS):
        raise UnusableResponse(f"has an invalid Content-Length: {length[:40]!r}")
    response.headers = Headers(headers)  # type: ignore[assignment]  # both have the methods used here
    return response  # type: ignore[return-value]  # as above


def read_body(response: Response, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        UnusableResponse: It has more than `limit` bytes.
        http.client.IncompleteRead: The connection ended before the body.
        OSError: The connection failed.
    """
    too_much = UnusableResponse(f"has more than {limit:,} bytes")
    if isinstance(response, FastResponse):
        if response.remaining > limit:
            raise too_much
        return response.read()
    chunks, count = [], 0
    while count <= limit and (chunk := response.read(min(_FIRST_BUFFER, limit + 1 - count))):
        chunks.append(chunk)
        count += len(chunk)
    if count > limit:
        raise too_much
    if getattr(response, "length", None):
        raise http.client.IncompleteRead(b"")
    return b"".join(chunks)


def _parse_simple_response(method: str, data: bytes, receive: Callable[[Any], int]) -> FastResponse | None:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].decode("latin-1")
    first, *lines = head.split("\r\n")
    status = _STATUS.fullmatch(first)
    parts = [line.partition(":") for line in lines]
    headers = Headers({name.lower(): value.strip(" \t") for name, _, value in parts})
    plain = len(headers) == len(lines) == head.count("\n") == head.count("\r")
    named = all(name and colon for name, colon, _ in parts) and _NAMES.fullmatch(":".join(headers))
    if status is None or not plain or not named:
        # Continued or repeated headers and the like are left to `http.client`.
        return None
    number = int(status[1])
    length = headers.get("content-length", "0" if number in _NO_BODY else "")
    if "transfer-encoding" in headers or not length.isdecimal() or len(length) > _MAX_DIGITS:
        return None
    left = 0 if method == "HEAD" or number in _NO_BODY else int(length)
    return FastResponse(number, headers, data[end + 4 :], left, receive)


class _ReplaySocket:
    """_ReplaySocket: a socket whose first bytes have been read, for `http.client`."""

    def __init__(self, data: bytes, receive: Callable[[Any], int]) -> None:
        self._raw = _ReplayReader(data, receive)

    @property
    def ended(self) -> bool:
        """Whether the connection ended during a read."""
        return self._raw.ended

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the file that `http.client` reads. Closing it leaves the connection open."""
        assert mode == "rb"
        return _ReplayFile(self._raw)


class _ReplayFile(io.BufferedReader):
    def flush(self) -> None:
        # A response that is dropped is flushed after its file was closed, and Python 3.13 prints the error of that.
        pass


class _ReplayReader(io.RawIOBase):
    def __init__(self, data: bytes, receive: Callable[[Any], int]) -> None:
        super().__init__()
        self._data = data
        self._receive = receive
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self._data:
            count = self._receive(buffer)
            self.ended = not count
            return count
        count = min(len(buffer), len(self._data))
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count
