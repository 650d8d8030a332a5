"""Sources of `put`: a path, bytes, a file or an iterator, each as what an adapter uploads."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from buckia_core.adapters.contract.readers import ChunkReader
from buckia_core.adapters.transfers.hashing import Hash
from buckia_core.adapters.transfers.sources import iter_chunks
from buckia_core.errors import InvalidSetting
from buckia_core.objects.progress import ProgressCounter

PutSource = os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Iterable[bytes]
"""What `put` uploads: the path of a file, bytes, an open binary file, or an iterable of bytes. A string is refused."""

BUFFERED_MAX = 8 << 20
"""Content up to this size, in bytes, is held in memory, so that the bytes that are hashed are those that are sent."""


def as_source(source: object) -> Path | bytes | BinaryIO | Iterator[bytes]:
    """Return a source in one of four forms.

    Raises:
        InvalidSetting: It is none.
    """
    match source:
        case bytes():
            return source
        case bytearray() | memoryview():
            return bytes(source)
        case os.PathLike():
            return Path(os.fsdecode(source))
        case str():
            raise InvalidSetting("the source is a string: pass Path(…) for a file, or text.encode() for the content")
    if callable(getattr(source, "read", None)):
        return cast("BinaryIO", source)
    if isinstance(source, Iterable):
        return iter(source)
    raise InvalidSetting(f"the source must be a path, bytes, a binary file or an iterable of bytes, not {source!r}")


def is_seekable(reader: BinaryIO) -> bool:
    """Tell whether a reader can be read twice."""
    seekable = getattr(reader, "seekable", None)
    return bool(callable(seekable) and seekable())


def read_ahead(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes] | None]:
    """Return all bytes and `None` if there are few; else the first ones, and an iterator over all.

    Raises:
        InvalidSetting: An item is not bytes.
    """
    first: list[bytes] = []
    size = 0
    checked = _checked(chunks)
    for chunk in checked:
        first.append(chunk)
        size += len(chunk)
        if size > BUFFERED_MAX:
            return b"", chain(first, checked)
    return b"".join(first), None


def _checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield as_bytes(chunk)


def as_bytes(chunk: object) -> bytes:
    """Return an item of an iterable as bytes.

    Raises:
        InvalidSetting: It is no bytes.
    """
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise InvalidSetting(f"the source yields {type(chunk).__name__}, not bytes")
    return bytes(chunk)


def hashing_reader(chunks: Iterable[bytes], running: Hash, counter: ProgressCounter) -> BinaryIO:
    """Return chunks as a forward-only file that is hashed and counted as it is read."""

    def counted() -> Iterator[bytes]:
        for chunk in chunks:
            running.update(chunk)
            counter.add(len(chunk))
            yield chunk

    return io.BufferedReader(ChunkReader(counted()))


class CountingReader(io.RawIOBase):
    """A seekable reader that reports its position, counted from where it stood at first."""

    def __init__(self, reader: BinaryIO, counter: ProgressCounter) -> None:
        super().__init__()
        self._reader = reader
        self._start = reader.tell()
        self._counter = counter

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._reader.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._counter.move_to(self._reader.tell() - self._start)
        return len(chunk)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()


def chunks_of(reader: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a reader that can't be read twice."""
    return iter_chunks(reader)
