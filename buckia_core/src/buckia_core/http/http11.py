"""HTTP/1.1 without input and output: heads of requests, heads of responses, and chunked bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from buckia_core.http.errors import IncompleteResponse, NoResponse, ProtocolError, UnusableResponse

MAX_HEAD_BYTES = 256 << 10
"""Most bytes of the head of a response, with all interim responses before it."""

_MAX_LINE_BYTES = 16 << 10
_MAX_PLAIN_BYTES = 8 << 10
_MAX_DIGITS = 18
_NO_BODY = (204, 304)
_SWITCHING_PROTOCOLS = 101
_WITH_LENGTH = ("PUT", "POST", "PATCH")

_BREAKS = re.compile(r"[\r\n\0]")
_NOT_LATIN_1 = re.compile(r"[^\x00-\xff]")
_OF_CREDENTIALS = ("authorization", "proxy-authorization", "x-amz-security-token", "accesskey")

_PLAIN_STATUS = re.compile(r"HTTP/1\.1 ([2-5][0-9][0-9])(?: [^\r\n]*)?")
_PLAIN_NAME = re.compile(r"[!#-'*-.0-9A-Z^-z|~]+")
_STATUS = re.compile(rb"HTTP/1\.([0-9]) +([1-9][0-9][0-9])(?:[ \t].*)?")
_VERSION = re.compile(rb"HTTP/[0-9]+(?:\.[0-9]+)?(?= )")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")


class Headers(dict[str, str]):
    """Response headers. Names are in lower case; `get` is case-insensitive. Of a repeated header, the first counts."""

    def get(self, name: str, default: Any = None, /) -> Any:
        """Return the value of a header."""
        return super().get(name.lower(), default)


class ResponseHead(NamedTuple):
    """The head of a response, and the bytes that came after it.

    Attributes:
        status: HTTP status, not below 200.
        headers: Headers.
        length: Bytes of the body; `None` if it is chunked, or ends with the connection.
        chunked: The body is chunked.
        keep_alive: The connection stays open after this response.
        rest: First bytes of the body.
    """

    status: int
    headers: Headers
    length: int | None
    chunked: bool
    keep_alive: bool
    rest: bytes


def request_head(method: str, target: str, host: str, headers: Mapping[str, str], length: int | None) -> bytes:
    """Return the head of a request: `Host`, the given headers, and the length of a body.

    Args:
        method: HTTP method.
        target: Path with query, or the whole URL for a proxy.
        host: Value of `Host`.
        headers: All other headers except `Content-Length`.
        length: Bytes of the body; 0 is sent with methods that usually have a body.

    Raises:
        ValueError: A header contains a line break, a NUL, or a character outside Latin-1.
    """
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length or method in _WITH_LENGTH:
        lines.append(f"Content-Length: {length or 0}")
    lines += ("", "")
    head = "\r\n".join(lines)
    if head.count("\n") >= len(lines) or head.count("\r") >= len(lines) or "\0" in head:
        name = next((name for name, value in headers.items() if _BREAKS.search(name + value)), "")
        hint = "; its access key or token has one" if name.lower() in _OF_CREDENTIALS else ""
        raise ValueError(f"the header {name!r} has a line break or a NUL in it{hint}")
    if not head.isascii() and _NOT_LATIN_1.search(head):
        # The error of `encode` would contain the whole head, including secrets.
        raise ValueError("a header has a character outside Latin-1")
    return head.encode("latin-1")


class ResponseParser:
    """ResponseParser: reads the head of the response to one request. Skips interim responses (1xx)."""

    __slots__ = ("_data", "_interim", "_method", "_started")

    def __init__(self, method: str) -> None:
        self._method = method
        self._data = bytearray()
        self._interim = 0
        self._started = False

    def feed(self, data: bytes) -> ResponseHead | None:
        """Add bytes from the connection, none if it has ended; return the head as soon as it is complete.

        Raises:
            NoResponse, IncompleteResponse: The connection has ended.
            ProtocolError: The head is invalid, or longer than `MAX_HEAD_BYTES`.
        """
        if not data:
            raise IncompleteResponse("was cut short") if self._data else NoResponse("is missing")
        if not self._data and (found := parse_plain_head(self._method, data)) is not None:
            return found
        searched = max(len(self._data) - 3, 0)
        self._data += data
        while self._data:
            self._started = self._started or _is_start(self._data)
            end = _END_OF_HEAD.search(self._data, searched)
            if (end.start() if end else len(self._data)) + self._interim > MAX_HEAD_BYTES:
                raise ProtocolError(f"has a head of more than {MAX_HEAD_BYTES >> 10} KiB")
            if end is None:
                break
            head = _parse_head(self._method, bytes(self._data[: end.start()]), bytes(self._data[end.end() :]))
            if head is not None:
                return head
            self._interim += end.end()
            del self._data[: end.end()]
            self._started, searched = False, 0
        return None


def parse_plain_head(method: str, data: bytes) -> ResponseHead | None:
    """Parse a usual response whose whole head is in `data`; return `None` for any other one.

    A usual response has a Content-Length unless it has no body, and neither repeated nor continued headers. Its head
    has 8 KiB at most, because names and status lines are cached.
    """
    end = data.find(b"\r\n\r\n")
    if not 0 <= end <= _MAX_PLAIN_BYTES:
        return None
    head = data[:end].decode("latin-1")
    first, *lines = head.split("\r\n")
    number = _plain_status(first)
    headers = Headers()
    for line in lines:
        # A value after one space is plain; others may have white space that is no part of them.
        name, colon, value = line.partition(": ")
        headers[_plain_name(name) if colon else ""] = value
    # Names and values without line breaks, each name once.
    count = len(lines)
    if not number or "" in headers or len(headers) != count or head.count("\r") != count or head.count("\n") != count:
        return None
    if "\t" in head or "  " in head or " \r" in head or head[-1] == " ":
        return None
    has_body = number not in _NO_BODY
    length = headers.get("content-length", "" if has_body else "0")
    if "transfer-encoding" in headers or not length.isdecimal() or len(length) > _MAX_DIGITS:
        return None
    left = int(length) if has_body and method != "HEAD" else 0
    keep_alive = "connection" not in headers or "close" not in headers["connection"].lower()
    return ResponseHead(number, headers, left, False, keep_alive, data[end + 4 :])


# A server sends the same names with each response.
@lru_cache(maxsize=256)
def _plain_name(name: str) -> str:
    """Return the name of a header in lower case; empty if it is not a plain one."""
    return name.lower() if _PLAIN_NAME.fullmatch(name) else ""


@lru_cache(maxsize=16)
def _plain_status(line: str) -> int:
    """Return the status of a status line; 0 if it is not a plain one."""
    found = _PLAIN_STATUS.fullmatch(line)
    return int(found[1]) if found else 0


class ChunkedDecoder:
    """ChunkedDecoder: finds the bytes of a chunked body. Ignores extensions and trailers.

    Attributes:
        left: Bytes of the current chunk that have not been read. Whoever reads some subtracts them.
        in_trailers: All bytes of the body have been read.
        ended: The trailers have been read too.
    """

    __slots__ = ("_after_chunk", "_trailer_bytes", "ended", "in_trailers", "left")

    def __init__(self) -> None:
        self.left = 0
        self.in_trailers = False
        self.ended = False
        self._after_chunk = False
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Read lines up to the next bytes of the body; return the rest of `data`.

        If neither `left` nor `ended` is set afterwards, call again with the rest and more bytes.

        Raises:
            ProtocolError: The chunk is invalid.
        """
        start = 0
        while not self.ended and not self.left:
            end = data.find(b"\n", start)
            if (len(data) if end < 0 else end) - start > _MAX_LINE_BYTES or self._trailer_bytes > MAX_HEAD_BYTES:
                raise ProtocolError("has a line between chunks that is too long")
            if end < 0:
                break
            self._read_line(data[start:end].removesuffix(b"\r"))
            start = end + 1
        return data[start:]

    def _read_line(self, line: bytes) -> None:
        if self.in_trailers:
            self._trailer_bytes += len(line) + 2
            self.ended = not line
        elif self._after_chunk:
            if line:
                raise ProtocolError("has a chunk that is longer than it says")
            self._after_chunk = False
        else:
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                raise ProtocolError(f"has an invalid chunk size: {line[:40].decode('latin-1')!r}")
            self.left = int(size[1], 16)
            self.in_trailers, self._after_chunk = not self.left, bool(self.left)


def _is_start(data: bytearray) -> bool:
    """Tell whether `data` begins with a whole status line; raise `ProtocolError` if it can't become one."""
    end = data.find(b"\n")
    line = bytes(data[: end if end >= 0 else _MAX_LINE_BYTES]).removesuffix(b"\r")
    if end < 0 and (line.startswith(b"HTTP/") or b"HTTP/".startswith(line)):
        return False
    if end >= 0 and _STATUS.fullmatch(line):
        return True
    version = _VERSION.match(line)
    if version is not None and not version[0].startswith(b"HTTP/1."):
        raise ProtocolError(f"has the unknown version {version[0].decode()}")
    raise ProtocolError(f"begins with {line[:60].decode('latin-1')!r}, which is not HTTP")


def _parse_head(method: str, data: bytes, rest: bytes) -> ResponseHead | None:
    """Parse the head of any response; return `None` for an interim one."""
    first, *lines = data.replace(b"\r\n", b"\n").split(b"\n")
    status = _STATUS.fullmatch(first)
    assert status is not None
    version, number = int(status[1]), int(status[2])
    if number == _SWITCHING_PROTOCOLS:
        raise ProtocolError("switches to another protocol")
    if number < 200:
        return None
    headers, lengths = _parse_headers(lines)
    encoding = headers.get("transfer-encoding")
    if encoding is not None and encoding.lower() not in ("chunked", "identity"):
        raise UnusableResponse(f"has an unknown Transfer-Encoding: {encoding[:40]!r}")
    chunked = encoding is not None and encoding.lower() == "chunked"
    connection = headers.get("connection", "").lower()
    keep_alive = "close" not in connection if version else "keep-alive" in connection
    length: int | None = None
    if not chunked:
        for each in lengths:
            if not (each.isascii() and each.isdecimal() and len(each) <= _MAX_DIGITS) or int(each) != int(lengths[0]):
                raise UnusableResponse(f"has an invalid Content-Length: {each[:40]!r}")
        length = int(lengths[0]) if lengths else None
    elif lengths:
        # Whoever of several servers on the way believes the length sees another end.
        keep_alive = False
    if method == "HEAD" or number in _NO_BODY:
        length, chunked = 0, False
    return ResponseHead(number, headers, length, chunked, keep_alive, rest)


def _parse_headers(lines: list[bytes]) -> tuple[Headers, list[str]]:
    """Return the headers, and all values of Content-Length."""
    unfolded: list[str] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and unfolded:
            unfolded[-1] += " " + line.decode("latin-1").strip(" \t\r")
        else:
            unfolded.append(line.decode("latin-1"))
    headers, lengths = Headers(), []
    for text in unfolded:
        name, colon, value = text.partition(":")
        name, value = name.rstrip(" \t").lower(), value.strip(" \t\r")
        if not colon or not name or "\r" in text.rstrip("\r"):
            raise ProtocolError("has an invalid header")
        headers.setdefault(name, value)
        if name == "content-length":
            lengths.append(value)
    return headers, lengths
