"""`BandwidthLimit`: limits the bytes of content per second."""

from __future__ import annotations

import io
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.protocols import AsyncReader
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.transfers.sources import open_source
from buckia_core.adapters.wrappers.token_bucket import ScheduledBucket, TokenBucket
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.config.bandwidth import BandwidthTimetable, Rates
from buckia_core.errors import IntegrityError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload

_CHUNK = 1 << 18
_BURST_SECONDS = 0.25

_Buckets = tuple[TokenBucket, ...]


class BandwidthLimit(Wrapper):
    """Throttles uploads and downloads to the rates of a timetable, for all threads and coroutines together.

    Large uploads reach the inner adapter as readers, seekable if the source is, or in parts. Large downloads use its
    `open_file`, so that an adapter does not split an object over several connections here. Small objects wait for all
    their bytes at once.

    Args:
        clock, sleep: As in `TokenBucket`.
        now: Returns the local time, for the timetable.
    """

    def __init__(
        self,
        inner: BaseSync,
        timetable: BandwidthTimetable,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        super().__init__(inner)
        self.timetable = timetable
        self._clock, self._now = clock, now
        self._rates, self._rates_until = Rates(), -math.inf
        bucket = partial(ScheduledBucket, burst_seconds=_BURST_SECONDS, clock=clock, sleep=sleep)
        total = bucket(lambda: self._current_rates().total)
        self._up = (total, bucket(lambda: self._current_rates().up))
        self._down = (total, bucket(lambda: self._current_rates().down))

    def _current_rates(self) -> Rates:
        if len(self.timetable.slots) == 1:
            return self.timetable.slots[0][1]
        now = self._clock()
        if now >= self._rates_until:
            self._rates, self._rates_until = self.timetable.rates_at(self._now()), now + 1.0
        return self._rates

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        if isinstance(source, bytes) and len(source) <= _CHUNK:
            _acquire(self._up, len(source))
            return super().upload_file(source, key, expect=expect, info=info)
        with open_source(source) as reader:
            return super().upload_file(self._throttled(reader, self._up), key, expect=expect, info=info)

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `Coroutines`. Waits for all bytes before it sends the first one."""
        await _acquire_async(self._up, len(source))
        return await super().upload_file_async(source, key, expect=expect, info=info)

    def download_file(
        self,
        key: str,
        target: Path,
        *,
        expect: RemoteObject | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> RemoteObject:
        """See `BaseSync`. Costs one more request: `open_file` does not return the object, so `stat_file` does."""
        found = self.stat_file(key)
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise PreconditionFailed(f"{key!r}: it is another version now", provider=self.provider, key=key)
        length = max(0, (found.size if end is None else min(end, found.size)) - start)
        count = 0
        with self.open_file(key, expect=found, start=start, end=end) as reader, target.open("wb") as file:
            while chunk := reader.read(_CHUNK):
                file.write(chunk)
                count += len(chunk)
        if count != length:
            raise IntegrityError(
                f"{key!r}: {count} bytes came where there should be {length}", provider=self.provider, key=key
            )
        return found

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`. Waits for the size of `expect` before, or else for that of the object after it."""
        if expect is not None:
            _acquire(self._down, expect.size)
        found, data = super().read_file(key, expect=expect)
        if expect is None:
            _acquire(self._down, len(data))
        return found, data

    async def read_file_async(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `Coroutines`, and `read_file`."""
        if expect is not None:
            await _acquire_async(self._down, expect.size)
        found, data = await super().read_file_async(key, expect=expect)
        if expect is None:
            await _acquire_async(self._down, len(data))
        return found, data

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""

        def on_bytes_sent(count: int) -> None:
            _acquire(self._up, count)
            source.on_bytes_sent(count)

        return super().upload_parts(replace(source, on_bytes_sent=on_bytes_sent), key, expect=expect, info=info)

    def resume_download(self, key: str, download: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`. Uses `open_file`, which is throttled."""
        from buckia_core.adapters.contract.resume import resume_by_open  # noqa: PLC0415  # most runs resume nothing

        return resume_by_open(self, key, download, expect)

    @contextmanager
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> Iterator[BinaryIO]:
        """See `BaseSync`."""
        with super().open_file(key, expect=expect, start=start, end=end) as reader:
            yield self._throttled(reader, self._down)

    @asynccontextmanager
    async def open_file_async(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AsyncIterator[AsyncReader]:
        """See `Coroutines`."""
        async with super().open_file_async(key, expect=expect, start=start, end=end) as reader:
            yield ThrottledAsyncReader(reader, self._down)

    @contextmanager
    def open_version(self, key: str, version: str) -> Iterator[BinaryIO]:
        """See `Versioned`."""
        with super().open_version(key, version) as reader:
            yield self._throttled(reader, self._down)

    def _throttled(self, reader: BinaryIO, buckets: _Buckets) -> BinaryIO:
        return io.BufferedReader(ThrottledReader(reader, buckets))


@contextmanager
def limit_bandwidth(adapter: BaseSync, timetable: BandwidthTimetable) -> Iterator[BaseSync]:
    """Yield the adapter with this limit, in place of the one that it may have."""
    each = adapter
    while isinstance(each, Wrapper) and not isinstance(each, BandwidthLimit):
        each = each.inner
    if not isinstance(each, BandwidthLimit):
        yield BandwidthLimit(adapter, timetable)
        return
    former, each.timetable = each.timetable, timetable
    try:
        yield adapter
    finally:
        each.timetable = former


def _acquire(buckets: _Buckets, count: int) -> None:
    for bucket in buckets:
        bucket.acquire(count)


async def _acquire_async(buckets: _Buckets, count: int) -> None:
    for bucket in buckets:
        await bucket.acquire_async(count)


def _step(buckets: _Buckets, most: int) -> int:
    """Return how many bytes to read at once: an eighth of a second's worth."""
    return min(most, int(max(1, min(_CHUNK, min(bucket.rate for bucket in buckets) / 8))))


class ThrottledAsyncReader:
    """An `AsyncReader` that throttles another one with token buckets."""

    def __init__(self, reader: AsyncReader, buckets: _Buckets) -> None:
        self._reader = reader
        self._buckets = buckets

    async def read(self, size: int, /) -> bytes:
        """See `AsyncReader`."""
        chunk = await self._reader.read(_step(self._buckets, size))
        await _acquire_async(self._buckets, len(chunk))
        return chunk


class ThrottledReader(io.RawIOBase):
    """A reader that throttles another one with token buckets. Closing it leaves the other reader open.

    It has no `fileno`, with which a caller could bypass the limit.
    """

    def __init__(self, reader: BinaryIO, buckets: _Buckets) -> None:
        super().__init__()
        self._reader = reader
        self._buckets = buckets

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._reader.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        chunk = self._reader.read(_step(self._buckets, len(buffer)))
        _acquire(self._buckets, len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)
