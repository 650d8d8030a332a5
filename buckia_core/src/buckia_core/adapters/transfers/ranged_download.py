"""Ranged download: fetches a small object with one request, and a large one with concurrent range requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from buckia_core.adapters.contract.readers import write_all
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.planning.manifest import RemoteObject

RANGE_BYTES = 16 << 20
"""Size of a range, and the most that one request fetches of a large object."""


@dataclass(frozen=True, slots=True)
class RangeStream:
    """An open range of an object.

    Attributes:
        object: The object.
        chunks: Its bytes; raises `AdapterError`, also if the bytes are too few or corrupt.
    """

    object: RemoteObject
    chunks: Iterator[bytes]


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
        with self.open(key, expect, start, None if full else first_end) as stream, target.open("wb") as file:
            for chunk in stream.chunks:
                file.write(chunk)
            found = stream.object
        stop = found.size if end is None else min(end, found.size)
        request_count = 1
        for _ in self._fetch_ranges(key, target, found, start, first_end, stop):
            request_count += 1
        return RangedResult(found, (start, stop) == (0, found.size), request_count, ranged=not full)

    def resume(self, key: str, download: PartialDownload, expect: RemoteObject) -> RemoteObject | None:
        """Implement `ResumableDownload.resume_download`, with the same errors; `None` if no bytes were missing."""
        first: RemoteObject | None = None
        for end, found in self._fetch_ranges(key, download.target, expect, 0, download.start, expect.size):
            first = first or found
            download.on_progress(end)
        return first

    def _fetch_ranges(
        self, key: str, target: Path, expect: RemoteObject, origin: int, start: int, stop: int
    ) -> Iterator[tuple[int, RemoteObject]]:
        """Fetch `[start, stop)` concurrently; yield the end and the object of each range, in order.

        `origin` is the offset in the object of the file's first byte.
        """
        starts = range(start, stop, RANGE_BYTES)
        fetched = self.pool.run(
            partial(self._fetch_range, key, target, expect, origin, at, min(at + RANGE_BYTES, stop)) for at in starts
        )
        for at, found in zip(starts, fetched, strict=True):
            yield min(at + RANGE_BYTES, stop), found

    def _fetch_range(
        self, key: str, target: Path, expect: RemoteObject, origin: int, start: int, end: int
    ) -> RemoteObject:
        with self.open(key, expect, start, end) as stream, target.open("r+b", buffering=0) as file:
            file.seek(start - origin)
            for chunk in stream.chunks:
                write_all(file, chunk)
        return stream.object
