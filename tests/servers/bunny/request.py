"""A request as the server sees it, and the connection by which it came."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from buckia_core.testing.fault_proxy.http_stream import BodyReader, Head, Stream, request_framing


@dataclass(slots=True, eq=False)
class Connection:
    """A client's connection."""

    ip: str
    at_close: ExitStack = field(default_factory=ExitStack)
    """What is undone when the connection ends."""


class Request:
    """One request. Its body is asked for, with `100 Continue` where the client waits for that, when it is read."""

    def __init__(self, head: Head, stream: Stream, connection: Connection) -> None:
        # A target that begins with two slashes is a path too, and not a host.
        url = urlsplit(f"http://host{head.start[1]}" if head.start[1].startswith("/") else head.start[1])
        self.method = head.start[0]
        self.raw_path = url.path
        self.raw_query = url.query
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.headers = head.headers
        self.connection = connection
        self._stream = stream
        self._framing = request_framing(head)
        self._body = BodyReader(stream, self._framing)
        self._expected = head.headers.get("expect", "").lower() == "100-continue" and self._framing.kind != "none"
        self._begun = False
        self._ended = self._framing.kind == "none"

    @property
    def path(self) -> str:
        """The path without percent-encoding. Raises UnicodeDecodeError where it is not UTF-8."""
        return unquote(self.raw_path, errors="strict")

    @property
    def host(self) -> str:
        """The name that the client asked for, without a port."""
        return self.headers.get("host", "").rpartition(":")[0] or self.headers.get("host", "")

    @property
    def still_coming(self) -> bool:
        """Whether a body has yet to arrive that nobody may ask for any more."""
        return not self._ended and self._expected and not self._begun

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body. Raises ConnectionError where the client goes away before its end."""
        if self._ended:
            return
        if self._expected and not self._begun:
            await self._stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._begun = True
        async for chunk in self._body.chunks():
            yield chunk
        self._ended = True

    async def read(self, limit: int = 1 << 24) -> bytes:
        """Return the whole body. Raises ValueError where it is longer than `limit` bytes."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise ValueError("the body is too long")
        return bytes(body)

    async def read_object(self) -> dict[str, Any]:
        """Return the body, read as a JSON object; {} where there is none. Raises ValueError where it is none."""
        body = await self.read()
        value = json.loads(body) if body else {}
        if isinstance(value, dict):
            return value
        raise ValueError("the body is no object")

    async def discard(self) -> None:
        """Read what is left of a body that the client sends anyway."""
        if not self._ended and not self.still_coming:
            async for _ in self._body.chunks():
                pass
            self._ended = True
