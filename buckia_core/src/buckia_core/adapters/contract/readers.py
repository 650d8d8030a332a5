"""Readers: chunks of bytes as a file, a limited part of another reader; and `write_all` for unbuffered files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

_BUFFER = 1 << 18


class ChunkReader(io.RawIOBase):
    """A forward-only reader over an iterable of chunks. `read` raises what the iterable raises."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


@contextmanager
def open_chunks(chunks: Iterable[bytes]) -> Iterator[BinaryIO]:
    """Open chunks as a buffered reader: `read(n)` returns fewer than `n` bytes only at the end."""
    with io.BufferedReader(ChunkReader(chunks), _BUFFER) as reader:
        yield reader


class LimitedReader(io.RawIOBase):
    """The next `length` bytes of another reader, or fewer if that one ends before.

    Closing it leaves the other reader open. Wrap it into `io.BufferedReader` if each `read(n)` must return `n` bytes.
    """

    def __init__(self, reader: BinaryIO, length: int) -> None:
        super().__init__()
        self._reader = reader
        self._left = max(0, length)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        chunk = self._reader.read(min(len(buffer), self._left))
        buffer[: len(chunk)] = chunk
        self._left -= len(chunk)
        return len(chunk)


class BlockingReader:
    """An `AsyncReader` over a reader, whose `read` blocks: without an event loop, or where it has all in memory."""

    def __init__(self, reader: BinaryIO) -> None:
        self._reader = reader

    async def read(self, size: int, /) -> bytes:
        """See `AsyncReader`."""
        return self._reader.read(size)


def write_all(file: io.FileIO, data: bytes | memoryview) -> None:
    """Write all bytes to an unbuffered file, with as many system calls as that takes."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
