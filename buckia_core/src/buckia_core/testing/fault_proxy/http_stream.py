"""HTTP/1.1 as it passes through a proxy: heads kept byte for byte, bodies as chunks without their framing."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, Self

CHUNK_SIZE: Final = 1 << 16
HEAD_LIMIT: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request or an answer."""

    raw: bytes
    """All of it, the empty line included."""
    start: tuple[str, str, str]
    """The words of the first line: method, target, version; or version, status, reason."""
    headers: dict[str, str]
    """Names in lower case."""

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Parse a head. Raises ConnectionError if it is not one."""
        first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2:
            raise ConnectionError(f"not HTTP: {first!r}")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return cls(raw, (words[0], words[1], words[2] if len(words) > 2 else ""), headers)

    def with_header(self, name: str, value: str) -> Head:
        """Return the head with one header in place of others of that name."""
        raw = self.without_header(name).raw.removesuffix(b"\r\n")
        return Head.parse(raw + f"{name}: {value}\r\n\r\n".encode("latin-1"))

    def without_header(self, name: str) -> Head:
        """Return the head without the headers of that name."""
        first, *lines = self.raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        kept = [line for line in lines if line.partition(":")[0].strip().lower() != name.lower()]
        return Head.parse("\r\n".join([first, *kept, "", ""]).encode("latin-1"))

    def keeps_alive(self) -> bool:
        """Tell whether the sender is willing to use the connection again."""
        version = self.start[0] if self.start[0].startswith("HTTP/") else self.start[2]
        wish = self.headers.get("connection", "").lower()
        return "keep-alive" in wish if version == "HTTP/1.0" else "close" not in wish


@dataclass(frozen=True, slots=True)
class Framing:
    """How the end of a body is marked."""

    kind: Literal["none", "length", "chunked", "close"]
    length: int = 0


def request_framing(head: Head) -> Framing:
    """Return the framing of a request's body."""
    return _framing(head, otherwise=Framing("none"))


def response_framing(head: Head, method: str) -> Framing:
    """Return the framing of the body of an answer to a request with that method."""
    if method == "HEAD" or head.start[1] in {"204", "304"}:
        return Framing("none")
    return _framing(head, otherwise=Framing("close"))


def _framing(head: Head, *, otherwise: Framing) -> Framing:
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return Framing("chunked")
    if "content-length" in head.headers:
        length = int(head.headers["content-length"])
        return Framing("length", length) if length else Framing("none")
    return otherwise


class Stream:
    """One end of a connection. What is sent has left the process when `send` returns."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        # asyncio's TLS never resumes after a pause where the limit is 0.
        writer.transport.set_write_buffer_limits(high=0 if writer.get_extra_info("sslcontext") is None else 1)

    async def read_head(self) -> Head | None:
        """Return the next head, or None where the other end closed the connection between two."""
        try:
            raw = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise ConnectionError("the connection ended within a head") from error
            return None
        except asyncio.LimitOverrunError as error:
            raise ConnectionError("a head is too long") from error
        return Head.parse(raw)

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self.writer.write(data)
        await self.writer.drain()

    async def hang_up(self) -> None:
        """Close in order: the other end sees an end of data, even while it is still sending."""
        with suppress(OSError, TimeoutError, RuntimeError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
                # Closing with unread data would send a reset.
                async with asyncio.timeout(1):
                    while await self.reader.read(CHUNK_SIZE):
                        pass
        self.close()

    def close(self) -> None:
        """Close; what was sent still arrives."""
        self.writer.close()

    def reset(self) -> None:
        """Close with a reset (RST)."""
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        with suppress(OSError):
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


class BodyReader:
    """A body as it arrives."""

    def __init__(self, stream: Stream, framing: Framing) -> None:
        self._reader = stream.reader
        self._framing = framing
        self.trailers = b"\r\n"
        """What follows the last chunk, once it has been read."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body without its framing. Raises ConnectionError where it ends too early."""
        match self._framing.kind:
            case "none":
                return
            case "length":
                async for chunk in self._exactly(self._framing.length):
                    yield chunk
            case "chunked":
                while size := int((await self._line()).split(b";")[0], 16):
                    async for chunk in self._exactly(size):
                        yield chunk
                    await self._line()
                self.trailers = b""
                while not self.trailers.endswith(b"\r\n\r\n") and self.trailers != b"\r\n":
                    self.trailers += await self._line()
            case "close":
                while chunk := await self._reader.read(CHUNK_SIZE):
                    yield chunk

    async def discard(self) -> None:
        """Read the body to its end."""
        async for _ in self.chunks():
            pass

    async def _exactly(self, size: int) -> AsyncIterator[bytes]:
        while size:
            chunk = await self._reader.read(min(size, CHUNK_SIZE))
            if not chunk:
                raise ConnectionError("the connection ended within a body")
            size -= len(chunk)
            yield chunk

    async def _line(self) -> bytes:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the connection ended within a body")
        return line


class BodyWriter:
    """A body as it is sent on, in the framing that its head announced."""

    def __init__(self, stream: Stream, framing: Framing) -> None:
        self._stream = stream
        self._chunked = framing.kind == "chunked"

    async def send(self, chunk: bytes) -> None:
        """Send some bytes of the body; at least one."""
        await self._stream.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)

    async def finish(self, trailers: bytes) -> None:
        """Say that the body is complete."""
        if self._chunked:
            await self._stream.send(b"0\r\n" + trailers)
