"""Downloads of an object by several requests: one for most objects, ranges side by side for the large ones."""

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
"""Bytes of one range of a large object, and the most that one request fetches of it."""


@dataclass(frozen=True, slots=True)
class RangeStream:
    """A stretch of an object that is being read.

    Attributes:
        found: The object.
        blocks: The bytes; raises `AdapterError`, also where fewer or others come.
    """

    found: RemoteObject
    chunks: Iterator[bytes]


OpenRange = Callable[[str, RemoteObject | None, int, int | None], AbstractContextManager[RangeStream]]
"""Opens the bytes from a start up to, not including, an end, of the version that is expected; as `BaseSync.open_file`.

It is asked for a range only where not all is wanted, or nobody knows how much that is.
"""


@dataclass(frozen=True, slots=True)
class RangedResult:
    """What a download came to.

    Attributes:
        found: The object.
        complete: All bytes of the object came.
        requests: How many requests they came by.
        ranged: The first request asked for a range.
    """

    found: RemoteObject
    complete: bool
    request_count: int
    ranged: bool


@dataclass(frozen=True, slots=True)
class RangedDownload:
    """Downloads into files.

    Attributes:
        pieces: Fetches the ranges.
        open: Opens each of them, or all.
    """

    pool: PartPool
    open: OpenRange

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RangedResult:
        """Do what `BaseSync.download_file` asks. Raises as that does."""
        first_end = start + RANGE_BYTES
        if expect is not None:
            first_end = min(first_end, expect.size)
        if end is not None:
            first_end = min(first_end, end)
        whole = expect is not None and start == 0 and first_end == expect.size
        with self.open(key, expect, start, None if whole else first_end) as opened, target.open("wb") as file:
            for block in opened.chunks:
                file.write(block)
            found = opened.found
        stop = found.size if end is None else min(end, found.size)
        requests = 1
        for _ in self._ranges(key, target, found, start, first_end, stop):
            requests += 1
        return RangedResult(found, (start, stop) == (0, found.size), requests, ranged=not whole)

    def resume(self, key: str, landing: PartialDownload, expect: RemoteObject) -> RemoteObject | None:
        """Do what `ResumableDownload.resume_download` asks; return `None` if nothing was missing. Raises as that."""
        found: RemoteObject | None = None
        for end, came in self._ranges(key, landing.target, expect, 0, landing.start, expect.size):
            found = found or came
            landing.on_progress(end)
        return found

    def _ranges(
        self, key: str, target: Path, expect: RemoteObject, origin: int, start: int, stop: int
    ) -> Iterator[tuple[int, RemoteObject]]:
        """Fetch side by side what lies between two places; yield the end of each range, in order, and what it is of."""
        starts = range(start, stop, RANGE_BYTES)
        fetched = self.pool.run(
            partial(self._range, key, target, expect, origin, at, min(at + RANGE_BYTES, stop)) for at in starts
        )
        for at, found in zip(starts, fetched, strict=True):
            yield min(at + RANGE_BYTES, stop), found

    def _range(self, key: str, target: Path, expect: RemoteObject, origin: int, start: int, end: int) -> RemoteObject:
        with self.open(key, expect, start, end) as opened, target.open("r+b", buffering=0) as file:
            file.seek(start - origin)
            for block in opened.chunks:
                write_all(file, block)
        return opened.found
