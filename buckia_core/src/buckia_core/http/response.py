"""Responses: status, headers, and a body that is read as it comes."""

from __future__ import annotations

from typing import Any, NamedTuple

from buckia_core.http.connection import Connection
from buckia_core.http.errors import IncompleteResponse, ProtocolError, UnusableResponse
from buckia_core.http.http11 import ChunkedDecoder, Headers, ResponseHead

_FIRST_BUFFER = 1 << 20


class BufferedResponse(NamedTuple):
    """BufferedResponse: a response whose body has been read."""

    status: int
    headers: Headers
    body: bytes


class Response:
    """Response: one whose body is read from its connection.

    Attributes:
        status: HTTP status.
        headers: Response headers.
    """

    __slots__ = ("_connection", "_decoder", "_first", "_keep_alive", "_left", "headers", "status")

    def __init__(self, head: ResponseHead, connection: Connection) -> None:
        self.status = head.status
        self.headers = head.headers
        self._connection = connection
        self._first = head.rest
        # Bytes of the body that follow; `None` if only their end will tell.
        self._left = head.length
        self._decoder = ChunkedDecoder() if head.chunked else None
        self._keep_alive = head.keep_alive and (head.chunked or head.length is not None)

    @property
    def remaining(self) -> int | None:
        """Bytes of the body that have not been read; `None` if the head does not say how many there are."""
        return self._left if self._decoder is None else None

    @property
    def is_complete(self) -> bool:
        """Whether the body has been read to its end."""
        return self._left == 0 if self._decoder is None else self._decoder.ended

    @property
    def is_reusable(self) -> bool:
        """Whether the connection can be used again: the body is complete, and nothing came after it."""
        return self._keep_alive and self.is_complete and not self._first

    async def read(self, size: int | None = None, /) -> bytes:
        """Return the next `size` bytes of the body, or the rest; fewer only at its end.

        A body that is cut short is returned up to there with `size`; the next call raises. May return a `bytearray`.

        Raises:
            IncompleteResponse: The connection ended before the body.
            ProtocolError: The body is invalid.
            OSError: The connection failed.
        """
        if size is None and self._left is None:
            return await self._read_to_end()
        wanted = self._left if size is None else size
        if self._left is not None and wanted is not None:
            wanted = min(wanted, self._left)
        assert wanted is not None
        if self._left is not None and len(self._first) == wanted:
            data, self._first = self._first, b""
            self._left -= wanted
            return data
        # Allocate as data arrives, since Content-Length may be wrong.
        chunk = bytearray(min(wanted, _FIRST_BUFFER))
        got = 0
        while got < wanted:
            if got == len(chunk):
                chunk.extend(bytes(min(got, wanted - got)))
            with memoryview(chunk) as view:
                count = await self.read_into(view[got:])
            got += count
            if not count or got < len(chunk):
                break
        if size is None and got < wanted:
            raise IncompleteResponse("was cut short")
        # Copying the chunks of large objects would take 5 % of the time.
        del chunk[got:]
        return bytes(chunk) if size is None else chunk  # type: ignore[return-value]  # it reads like `bytes`

    async def read_into(self, buffer: Any, /) -> int:
        """Fill a buffer with the next bytes of the body; return their number, less than its size only at the end.

        Raises the same errors as `read`.
        """
        view = memoryview(buffer)
        got = 0
        try:
            while got < len(view) and (count := await self._receive_into(view[got:])):
                got += count
        except IncompleteResponse:
            if not got:
                raise
        return got

    async def read_body(self, max_bytes: int) -> bytes:
        """Return the whole body, which has not been read yet.

        Raises:
            UnusableResponse: It has more than `max_bytes`.
            IncompleteResponse, ProtocolError, OSError: As `read`.
        """
        left = self._left
        if left is not None and left <= max_bytes:
            if len(self._first) == left:
                self._left = 0
                data, self._first = self._first, b""
                return data
            return await self.read()
        if left is None:
            chunks, count = [], 0
            while count <= max_bytes and (chunk := await self.read(min(_FIRST_BUFFER, max_bytes + 1 - count))):
                chunks.append(chunk)
                count += len(chunk)
            if count <= max_bytes:
                return b"".join(chunks)
        raise UnusableResponse(f"has more than {max_bytes:,} bytes")

    def spoil(self) -> None:
        """Do not use the connection again, since the request was not sent to its end."""
        self._keep_alive = False

    async def _read_to_end(self) -> bytes:
        chunks = []
        while chunk := await self.read(_FIRST_BUFFER):
            chunks.append(chunk)
        return b"".join(chunks)

    async def _receive_into(self, view: memoryview) -> int:
        """Write some bytes of the body into a view; return their number, 0 at the end of the body."""
        if self._decoder is not None:
            await self._start_chunk(self._decoder)
            most = self._decoder.left
        else:
            most = len(view) if self._left is None else self._left
        if not most:
            return 0
        view = view[:most]
        if self._first:
            count = min(len(view), len(self._first))
            view[:count] = self._first[:count]
            self._first = self._first[count:]
        else:
            count = await self._connection.receive_into(view)
        if self._decoder is not None:
            self._decoder.left -= count
        elif self._left is not None:
            self._left -= count
        elif not count:
            self._left = 0
            return 0
        if not count:
            self._keep_alive = False
            raise IncompleteResponse("was cut short")
        return count

    async def _start_chunk(self, decoder: ChunkedDecoder) -> None:
        """Read up to the next bytes of a chunk, or to the end of the body."""
        while not decoder.left and not decoder.ended:
            try:
                self._first = decoder.feed(self._first)
            except ProtocolError:
                self._keep_alive = False
                raise
            if decoder.left or decoder.ended:
                return
            more = await self._connection.receive()
            if not more:
                self._keep_alive = False
                if not decoder.in_trailers:
                    raise IncompleteResponse("was cut short")
                decoder.ended = True
            self._first += more
