"""Downloads: one stream per object, verified against the digest of the service."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from buckia_bunny.errors import PROVIDER
from buckia_bunny.operations.head import ObjectHead
from buckia_bunny.storage.api import OpenFile, StorageApi
from buckia_core.adapters.contract.readers import write_all
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.http.blocking import entered, run_blocking
from buckia_core.planning.manifest import RemoteObject

_CHUNK_SIZE = 1 << 18
_MAX_READ = 1 << 20
_STEP = 16 << 20


class Downloader:
    """Reads objects.

    The service has no conditional downloads. So whole objects are verified by the digest of the expected version, and
    for byte ranges the object's metadata is read before and after.
    """

    def __init__(self, storage: StorageApi, objects: ObjectHead) -> None:
        self._storage = storage
        self._objects = objects

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RemoteObject:
        """See `BaseSync.download_file`."""
        with entered(self.open(key, expect, start, end)) as body, target.open("wb") as file:
            for chunk in body:
                file.write(chunk)
            return body.object

    async def read(self, key: str, expect: RemoteObject | None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync.read_file`."""
        found = await self._objects.head_expected(key, None) if expect is None else expect
        data = await self._storage.read(self._objects.path(key), key, max_bytes=found.size)
        if data is not None and len(data) == found.size:
            if not found.digests:
                await self._objects.head_expected(key, found)
                return found, data
            if hashlib.sha256(data).hexdigest() == found.digests[0].value:
                return found, data
        await self._objects.head_expected(key, found)
        raise _wrong_bytes(key)

    def resume(self, key: str, download: PartialDownload, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`."""
        offset = reported = download.start
        with entered(self.open(key, expect, offset, None)) as body, download.target.open("r+b", buffering=0) as file:
            file.seek(offset)
            for chunk in body:
                write_all(file, chunk)
                download.on_content(chunk)
                offset += len(chunk)
                if offset - reported >= _STEP or offset == expect.size:
                    download.on_progress(offset)
                    reported = offset
            return body.object

    @asynccontextmanager
    async def open(
        self, key: str, expect: RemoteObject | None, start: int, end: int | None
    ) -> AsyncIterator[VerifiedBody]:
        """Open an object or a byte range. The last bytes are returned after verification.

        Raises:
            NotFound, PreconditionFailed, AdapterError: As `BaseSync.open_file`; also while it is read.
        """
        is_whole = start == 0 and end is None
        found = expect if expect is not None and is_whole else await self._objects.head_expected(key, expect)
        stop = found.size if end is None else min(end, found.size)
        body = VerifiedBody(key, found, verify_digest=is_whole and bool(found.digests), objects=self._objects)
        if start >= stop and not (is_whole and found.size == 0 and expect is not None):
            yield body
            return
        try:
            async with self._storage.open(self._objects.path(key), key, start, None if is_whole else stop) as file:
                body.read_from(file, stop - start)
                yield body
        except AdapterError as error:
            if error.status == 416:
                await self._objects.head_expected(key, found)
            raise


class VerifiedBody:
    """An `AsyncReader` of a response. Size and version are verified before the last bytes are returned.

    Without an event loop, iterate over it.
    """

    def __init__(self, key: str, found: RemoteObject, *, verify_digest: bool, objects: ObjectHead) -> None:
        self.object = found
        self._key = key
        self._objects = objects
        self._digest = hashlib.sha256() if verify_digest else None
        self._file: OpenFile | None = None
        self._left = 0

    def read_from(self, file: OpenFile, size: int) -> None:
        """Set the open file, which should have `size` bytes."""
        self._file = file
        self._left = size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := run_blocking(self.read(_CHUNK_SIZE)):
            yield chunk

    async def read(self, size: int, /) -> bytes:
        """See `AsyncReader`. Reads at most one byte beyond the expected size."""
        file = self._file
        if file is None:
            return b""
        chunk = await file.read(min(_MAX_READ, size, self._left + 1))
        self._left -= len(chunk)
        if self._digest is not None:
            self._digest.update(chunk)
        if chunk and not self._left:
            self._left -= len(await file.read(1))
        if chunk and self._left > 0:
            return chunk
        if chunk or self._left:
            await self._verify(self._left)
        self._file = None
        return chunk

    async def _verify(self, left: int) -> None:
        """Verify the received bytes; `left` bytes are missing, or too many if it is negative."""
        if self._digest is None:
            await self._objects.head_expected(self._key, self.object)
        elif not left and self._digest.hexdigest() == self.object.digests[0].value:
            return
        else:
            await self._objects.head_expected(self._key, self.object)
            left = left or -1
        if left:
            raise _wrong_bytes(self._key)


def _wrong_bytes(key: str) -> IntegrityError:
    return IntegrityError(f"{key!r}: the received bytes are not those of the object", provider=PROVIDER, key=key)
