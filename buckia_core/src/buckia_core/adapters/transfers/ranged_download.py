"""Ranged download: fetches a small object with one request, and a large one with concurrent range requests."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from buckia_core.adapters.contract.readers import ChunkReader, write_all
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.part_pool import THREADS, PartPool
from buckia_core.errors import IntegrityError
from buckia_core.planning.manifest import RemoteObject

RANGE_BYTES = 16 << 20
"""Size of a range, and the most that one request fetches of a large object."""

_BUFFER_BYTES = 256 << 10
"""Bytes that are received, written and hashed at once: they stay in the cache of a processor."""

_FAST_RANGE_SECONDS = 0.25
_FEW_STREAMS = THREADS // 2
"""Ranges in flight while each takes less than `_FAST_RANGE_SECONDS`: more would only compete for the processors."""

ReadInto = Callable[[memoryview], int]
"""Fills a buffer with the next bytes; returns their number, which is less than its size only at the end."""


@dataclass(frozen=True, slots=True)
class RangeStream:
    """An open range of an object. Read it in one of two ways.

    Attributes:
        object: The object.
        chunks: Its bytes; raises `AdapterError`, also if the bytes are too few or corrupt.
        read_into: Reads its bytes without allocating memory, with the same errors; `None` if only chunks are there.
    """

    object: RemoteObject
    chunks: Iterator[bytes]
    read_into: ReadInto | None = None

    def reader(self) -> ReadInto:
        """Return `read_into`, or what does the same with `chunks`."""
        return self.read_into or partial(_fill, ChunkReader(self.chunks))


OpenRange = Callable[[str, RemoteObject | None, int, int | None], AbstractContextManager[RangeStream]]
"""Opens the bytes `[start, end)` of the expected version, as `BaseSync.open_file`; all bytes if `end` is `None`."""


@dataclass(frozen=True, slots=True)
class RangedResult:
    """Result of a download.

    Attributes:
        object: The object.
        complete: The download covers the full object.
        request_count: Number of requests.
        ranged: The first request had a range.
    """

    object: RemoteObject
    complete: bool
    request_count: int
    ranged: bool


@dataclass(frozen=True, slots=True)
class RangedDownload:
    """Downloads into files.

    Attributes:
        pool: Fetches the ranges.
        open: Opens one range.
    """

    pool: PartPool
    open: OpenRange

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RangedResult:
        """Implement `BaseSync.download_file`, with the same errors."""
        first_end = start + RANGE_BYTES
        if expect is not None:
            first_end = min(first_end, expect.size)
        if end is not None:
            first_end = min(first_end, end)
        full = expect is not None and start == 0 and first_end == expect.size
        with (
            self.open(key, expect, start, None if full else first_end) as stream,
            target.open("wb", buffering=0) as file,
        ):
            for piece in _read_pieces(stream, first_end - start):
                write_all(file, piece)
            found = stream.object
        stop = found.size if end is None else min(end, found.size)
        request_count = 1
        for _ in self._fetch_ranges(key, PartialDownload(target, first_end, lambda _: None), found, start, stop):
            request_count += 1
        return RangedResult(found, (start, stop) == (0, found.size), request_count, ranged=not full)

    def resume(self, key: str, download: PartialDownload, expect: RemoteObject) -> RangedResult | None:
        """Implement `ResumableDownload.resume_download`, with the same errors; `None` if no bytes were missing."""
        start, size = download.start, expect.size
        if start >= size:
            return None
        if size - start <= RANGE_BYTES:
            return self._resume_by_one_request(key, download, expect)
        objects = list(self._fetch_ranges(key, download, expect, 0, size))
        return RangedResult(objects[0], start == 0, len(objects), ranged=True)

    def _resume_by_one_request(self, key: str, download: PartialDownload, expect: RemoteObject) -> RangedResult:
        """Fetch the missing bytes in this thread, and pass them on while they are in the cache of the processor."""
        start, size = download.start, expect.size
        with (
            self.open(key, expect, start, size if start else None) as stream,
            download.target.open("r+b", buffering=0) as file,
        ):
            file.seek(start)
            for piece in _read_pieces(stream, size - start):
                write_all(file, piece)
                download.on_content(piece)
            _check_length(key, file.tell() - start, size - start)
        download.on_progress(size)
        return RangedResult(stream.object, complete=start == 0, request_count=1, ranged=start > 0)

    def _fetch_ranges(
        self, key: str, download: PartialDownload, expect: RemoteObject, origin: int, stop: int
    ) -> Iterator[RemoteObject]:
        """Fetch `[download.start, stop)` concurrently, report progress, and yield the object of each range, in order.

        `origin` is the offset in the object of the file's first byte.
        """
        starts = range(download.start, stop, RANGE_BYTES)
        ahead = _FEW_STREAMS
        fetched = self.pool.run(
            (
                partial(self._fetch_range, key, download.target, expect, origin, at, min(at + RANGE_BYTES, stop))
                for at in starts
            ),
            ahead=lambda: ahead,
        )
        for start, (found, seconds) in zip(starts, fetched, strict=True):
            ahead = _FEW_STREAMS if seconds < _FAST_RANGE_SECONDS else THREADS
            download.on_progress(min(start + RANGE_BYTES, stop))
            yield found

    def _fetch_range(
        self, key: str, target: Path, expect: RemoteObject, origin: int, start: int, end: int
    ) -> tuple[RemoteObject, float]:
        """Fetch one range; return the object, and how many seconds it took."""
        began = time.monotonic()
        with self.open(key, expect, start, end) as stream, target.open("r+b", buffering=0) as file:
            file.seek(start - origin)
            for piece in _read_pieces(stream, end - start):
                write_all(file, piece)
            _check_length(key, file.tell() - start + origin, end - start)
        return stream.object, time.monotonic() - began


def _read_pieces(stream: RangeStream, length: int) -> Iterator[memoryview]:
    """Yield the bytes of a stream, each valid until the next, and the last one when the stream has ended without error.

    `length` is their expected number.
    """
    read_into = stream.reader()
    # One byte more than expected is asked for, to see the end.
    view = memoryview(bytearray(min(length, _BUFFER_BYTES) + 1))
    while True:
        part = view if length < len(view) else view[:-1]
        size = read_into(part)
        if size:
            yield part[:size]
        if size < len(part):
            return
        length -= size


def exact_reader(receive: ReadInto, length: int, wrong_length: Callable[[int], Exception]) -> ReadInto:
    """Return a reader of `length` bytes; the error of `wrong_length` is raised if there are fewer or more.

    `receive` may return fewer bytes than the buffer has room for, and 0 at the end. `wrong_length` is given the number.
    """
    left = length

    def read_into(view: memoryview) -> int:
        nonlocal left
        count = 0
        while count < len(view) and (more := receive(view[count:])):
            count += more
        left -= count
        if left < 0 or (left and count < len(view)):
            raise wrong_length(length - left)
        return count

    return read_into


def _fill(reader: io.RawIOBase, view: memoryview) -> int:
    count = 0
    while count < len(view) and (more := reader.readinto(view[count:])):
        count += more
    return count


def _check_length(key: str, count: int, length: int) -> None:
    """Check the number of bytes, although adapters do, because too few would leave a gap in the file."""
    if count != length:
        came = f"{count} bytes" if count < length else "more bytes"
        raise IntegrityError(f"{key!r}: {came} came where there should be {length}", key=key)
