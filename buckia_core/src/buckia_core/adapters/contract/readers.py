"""Bytes that come in blocks, as answers of a network do: read like a file, or written into one."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

_BUFFER = 1 << 18


class ChunkReader(io.RawIOBase):
    """A forward-only reader of blocks. What they raise comes out of its `read`."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        super().__init__()
        self._blocks = iter(blocks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = memoryview(block)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


@contextmanager
def open_chunks(blocks: Iterable[bytes]) -> Iterator[BinaryIO]:
    """Give a reader of blocks whose `read` returns all that was asked for, or what is left."""
    with io.BufferedReader(ChunkReader(blocks), _BUFFER) as reader:
        yield reader


def write_all(file: io.FileIO, block: bytes) -> None:
    """Write a block to an unbuffered file, which may take it in pieces."""
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]
