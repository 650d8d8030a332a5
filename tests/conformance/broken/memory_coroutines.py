"""Broken variants of the memory adapter: coroutines that differ from the synchronous methods."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import AdapterError, NotFound, PreconditionFailed
from buckia_core.http.blocking import run_blocking


class ClaimsCoroutines(MemorySync):
    close_async = None  # type: ignore[assignment]  # the fault


class CoroutineWritesAnyway(MemorySync):
    async def upload_file_async(self, source, key, *, expect=None, info=None):
        return await super().upload_file_async(source, key, info=info)


class CoroutineReadsAnyVersion(MemorySync):
    async def read_file_async(self, key, *, expect=None):
        return await super().read_file_async(key)


class CoroutineOpensAnyVersion(MemorySync):
    def open_file_async(self, key, *, expect=None, start=0, end=None):
        return super().open_file_async(key, start=start, end=end)


class CoroutineOpensInclusiveRanges(MemorySync):
    def open_file_async(self, key, *, expect=None, start=0, end=None):
        return super().open_file_async(key, expect=expect, start=start, end=None if end is None else end + 1)


class CoroutineKeepsWhatIsLeftUnread(MemorySync):
    unread = 0

    @asynccontextmanager
    async def open_file_async(self, key, *, expect=None, start=0, end=None):
        if self.unread == 20:
            raise AdapterError("too many open objects", provider="memory", key=key)
        async with super().open_file_async(key, expect=expect, start=start, end=end) as reader:
            self.unread += 1
            yield reader
            self.unread -= 1


class CoroutineChecksAndThenWrites(MemorySync):
    async def upload_file_async(self, source, key, *, expect=None, info=None):
        if expect is not None:
            await super().upload_file_async(b"", f"{key}.check", expect=None)
            await super().delete_files_async([f"{key}.check"])
            found = self.bucket.get(self._full_key(key))
            seen = getattr(expect, "seen", None)
            if (found and found.object.fingerprint) != (seen and seen.fingerprint):
                raise PreconditionFailed("not as expected", provider="memory", key=key)
            await asyncio.sleep(0)
        return await super().upload_file_async(source, key, info=info)


class CoroutineReturnsAnothersResult(MemorySync):
    """Keeps the key in the adapter while it waits."""

    async def read_file_async(self, key, *, expect=None):
        self.key = key
        await asyncio.sleep(0)
        return await super().read_file_async(self.key)


class CoroutineReturnsAnothersUpload(MemorySync):
    async def upload_file_async(self, source, key, *, expect=None, info=None):
        self.source = source
        await asyncio.sleep(0)
        return await super().upload_file_async(self.source, key, expect=expect, info=info)


class CoroutineRaisesAnotherError(MemorySync):
    async def stat_file_async(self, key):
        try:
            return await super().stat_file_async(key)
        except NotFound as error:
            raise AdapterError("no such object", provider="memory", key=key) from error


class CoroutineErrorHasNoKey(MemorySync):
    async def read_file_async(self, key, *, expect=None):
        try:
            return await super().read_file_async(key, expect=expect)
        except NotFound as error:
            raise NotFound("no such object", provider="memory") from error


class CoroutineLosesAttributes(MemorySync):
    async def upload_file_async(self, source, key, *, expect=None, info=None):
        return await super().upload_file_async(source, key, expect=expect)


class CoroutineComparesNothing(MemorySync):
    async def upload_file_async(self, source, key, *, expect=None, info=None):
        return await super().upload_file_async(
            source, key, expect=expect, info=replace(info or UploadInfo(), digests=())
        )


class CoroutineStatHasNoMetadata(MemorySync):
    async def stat_file_async(self, key):
        return (await super().stat_file_async(key))._replace(metadata=None)


class CoroutineTrimsContents(MemorySync):
    async def upload_file_async(self, source, key, *, expect=None, info=None):
        return await super().upload_file_async(source.rstrip(), key, expect=expect, info=info)


class CoroutineReportsAbsentKeys(MemorySync):
    async def delete_files_async(self, keys):
        outcomes = await super().delete_files_async(keys)
        return [replace(each, error=NotFound("none")) if each.key == "none" else each for each in outcomes]


class CoroutineDeletesOutOfOrder(MemorySync):
    async def delete_files_async(self, keys):
        return (await super().delete_files_async(keys))[::-1]


class CoroutineStaysBusyWhenCancelled(MemorySync):
    busy: frozenset[str] = frozenset()

    async def read_file_async(self, key, *, expect=None):
        if key in self.busy:
            raise AdapterError("busy", provider="memory", key=key)
        self.busy |= {key}
        await asyncio.sleep(0)
        self.busy -= {key}
        return await super().read_file_async(key, expect=expect)


class CloseAsyncIsForGood(MemorySync):
    closed = False

    async def close_async(self):
        self.closed = True

    async def read_file_async(self, key, *, expect=None):
        if self.closed:
            raise ValueError("closed")
        return await super().read_file_async(key, expect=expect)


class CoroutinesStayOnTheFirstLoop(MemorySync):
    loop = None

    async def read_file_async(self, key, *, expect=None):
        self.loop = self.loop or asyncio.get_running_loop()
        ready = self.loop.create_future()
        self.loop.call_soon(ready.set_result, None)
        await ready
        return await super().read_file_async(key, expect=expect)


class CoroutinesAreNotCounted(MemorySync):
    async def _stored_async(self, key, expect):
        found = await super()._stored_async(key, expect)
        if asyncio._get_running_loop() is not None:
            self._requests.add(-1)
        return found


class LimitBlocksTheLoop(MemorySync):
    def limit_requests(self, before_request):
        async def wait():
            run_blocking(before_request())

        return super().limit_requests(wait)


class LimitIsForThreadsOnly(MemorySync):
    def limit_requests(self, before_request):
        async def wait():
            if asyncio._get_running_loop() is None:
                await before_request()

        return super().limit_requests(wait)
