"""Reading a part of something that could be read on."""

from __future__ import annotations

import io
from typing import BinaryIO


class LimitedReader(io.RawIOBase):
    """The next `length` bytes of another reader, or fewer if that ends before. Closing it leaves the other one open.

    Wrap it into `io.BufferedReader` for a reader whose `read` returns all that was asked for.
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
