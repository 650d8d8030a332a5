"""`BandwidthLimit`: limits the bytes of content per second, uploads and downloads together."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.transfers.sources import open_source
from buckia_core.adapters.wrappers.token_bucket import TokenBucket
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.errors import IntegrityError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload

_CHUNK = 1 << 18


class BandwidthLimit(Wrapper):
    """Throttles uploads and downloads to `rate` bytes per second for all threads together.

    Uploads reach the inner adapter as readers, seekable if the source is, and downloads use its `open_file`: an adapter
    does not split an object over several connections here.
    """

    def __init__(
        self,
        inner: BaseSync,
        rate: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self._bucket = TokenBucket(rate, burst=rate / 4, clock=clock, sleep=sleep)

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        with open_source(source) as reader:
            return super().upload_file(self._throttled(reader), key, expect=expect, info=info)

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `Coroutines`. Waits for all bytes before it sends the first one."""
        await self._bucket.acquire_async(len(source))
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
        """See `BaseSync`. Does not wait itself; the next transfer waits for its bytes."""
        found, data = super().read_file(key, expect=expect)
        self._bucket.acquire(len(data))
        return found, data

    async def read_file_async(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `Coroutines`."""
        found, data = await super().read_file_async(key, expect=expect)
        await self._bucket.acquire_async(len(data))
        return found, data

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""

        def on_bytes_sent(count: int) -> None:
            self._bucket.acquire(count)
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
            yield self._throttled(reader)

    @contextmanager
    def open_version(self, key: str, version: str) -> Iterator[BinaryIO]:
        """See `Versioned`."""
        with super().open_version(key, version) as reader:
            yield self._throttled(reader)

    def _throttled(self, reader: BinaryIO) -> BinaryIO:
        return io.BufferedReader(ThrottledReader(reader, self._bucket))


class ThrottledReader(io.RawIOBase):
    """A reader that throttles another one with a token bucket. Closing it leaves the other reader open.

    It has no `fileno`, with which a caller could bypass the limit.
    """

    def __init__(self, reader: BinaryIO, bucket: TokenBucket) -> None:
        super().__init__()
        self._reader = reader
        self._bucket = bucket
        self._slice = max(1, min(_CHUNK, int(bucket.rate / 8)))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._reader.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        chunk = self._reader.read(min(len(buffer), self._slice))
        self._bucket.acquire(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)
