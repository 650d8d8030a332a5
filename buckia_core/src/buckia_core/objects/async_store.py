"""`AsyncObjectStore`: `ObjectStore` for programs that use asyncio."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.object_options import Encryption, Retention
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.adapters.contract.types import Precondition
from buckia_core.config import BucketConfig
from buckia_core.config.parsers import check_whole_number
from buckia_core.objects import calls
from buckia_core.objects.async_sources import AsyncPutSource, PulledChunks, read_ahead
from buckia_core.objects.async_urls import AsyncUrlMethods
from buckia_core.objects.cancellation import Cancellation
from buckia_core.objects.delete import BulkDelete, DeleteListener, DeleteResult, unique_keys
from buckia_core.objects.listing import MAX_KEYS, Page
from buckia_core.objects.progress import ProgressListener
from buckia_core.objects.read import CHUNK_SIZE, INLINE_MAX
from buckia_core.objects.store import ObjectStore
from buckia_core.objects.threads import Threads
from buckia_core.planning.manifest import RemoteObject

T = TypeVar("T")

MAX_THREADS = 32
"""Most threads of a store; as many again send sources that are asynchronous iterables."""

_LISTED_AT_ONCE = 500


class AsyncObjectStore(AsyncUrlMethods):
    """`ObjectStore` with coroutines: the same names, arguments, results and errors.

        async with AsyncObjectStore(BucketConfig(provider="s3", bucket_name="my-bucket")) as store:
            await store.put("images/a.png", data)
            async for chunk in store.stream("images/a.png"):
                ...

    `put` of bytes up to 1 MiB, `get`, `get_range`, `stream`, `stat`, `head`, `exists`, `delete` and `delete_many` run
    on the caller's event loop, if the adapter has coroutines (`s3`, `linode`, `b2`, `bunny`, `memory`). All else runs
    in at most 32 threads.

    A call that is cancelled ends at its next step, and removes what is incomplete: temporary files and parts of
    uploads. It raises `CancelledError` when that is done. Its connection is closed.

    A store may be used from several event loops and threads: each loop has connections of its own. Close it on each, or
    use it with `async with`. Listeners of progress may be called from another thread.

    Args:
        bucket: The bucket's configuration; or an adapter or a store, which are not closed.
    """

    def __init__(self, bucket: BucketConfig | BaseSync | ObjectStore) -> None:
        self._owned = not isinstance(bucket, ObjectStore)
        self._store = bucket if isinstance(bucket, ObjectStore) else ObjectStore(bucket)
        self._backend = self._store._backend  # noqa: SLF001  # the other face of the same bucket
        self._known: tuple[BaseSync, bool] | None = None
        self._threads = Threads(MAX_THREADS, "buckia-objects")
        # Threads of their own: one that waits for its source must not hold back the reads that the source makes.
        self._senders = Threads(MAX_THREADS, "buckia-senders")

    @classmethod
    def from_sync(cls, store: ObjectStore) -> Self:
        """Return a store that shares the adapter of another one, with all that it knows about the server.

        `close` leaves the adapter open.
        """
        return cls(store)

    @classmethod
    async def for_backblaze(cls, bucket_name: str, **settings: Any) -> Self:
        """See `ObjectStore.for_backblaze`."""
        threads = Threads(1, "buckia-objects")
        try:
            store = await threads.run(partial(ObjectStore.for_backblaze, bucket_name, **settings))
        finally:
            threads.close()
        made = cls.from_sync(store)
        made._owned = True  # noqa: SLF001  # its own class
        return made

    @property
    def config(self) -> BucketConfig | None:
        """The configuration of the bucket; `None` if the store was made for an adapter."""
        return self._backend.config

    @property
    def adapter(self) -> BaseSync:
        """The adapter of the bucket. Its first use may block."""
        return self._backend.adapter

    # --- write -------------------------------------------------------------------------------------------

    async def put(
        self,
        key: str,
        source: AsyncPutSource,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        encryption: Encryption | None = None,
        retention: Retention | None = None,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """See `ObjectStore.put`. The source may also be an asynchronous iterable of bytes."""
        adapter = self._backend.opened or await self._adapter()
        upload = self._backend.upload(
            key,
            content_type=content_type,
            metadata=metadata,
            encryption=encryption,
            retention=retention,
            expect=expect,
            progress=progress,
        )
        if not isinstance(source, bytes):
            if isinstance(source, AsyncIterable):
                source = await read_ahead(source, INLINE_MAX)
                if isinstance(source, PulledChunks):
                    return await self._senders.run(partial(upload.send, source), Cancellation(source.stop))
            if isinstance(source, bytearray | memoryview):
                source = bytes(source)
        if isinstance(source, bytes) and len(source) <= INLINE_MAX and progress is None and self._is_native(adapter):
            return await upload.send_bytes(source)
        return await self._threads.run(partial(upload.send, source))

    async def copy(
        self,
        source_key: str,
        key: str,
        *,
        encryption: Encryption | None = None,
        source_encryption: Encryption | None = None,
        retention: Retention | None = None,
        expect: Precondition | None = None,
    ) -> RemoteObject:
        """See `ObjectStore.copy`."""
        return await self._in_thread(
            self._store.copy,
            source_key,
            key,
            encryption=encryption,
            source_encryption=source_encryption,
            retention=retention,
            expect=expect,
        )

    async def copy_object(
        self,
        found: RemoteObject,
        key: str,
        *,
        source: AsyncObjectStore,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """See `ObjectStore.copy_object`."""
        other = source._store  # its own class
        return await self._in_thread(
            self._store.copy_object, found, key, source=other, expect=expect, progress=progress
        )

    async def move(
        self,
        source_key: str,
        key: str,
        *,
        encryption: Encryption | None = None,
        source_encryption: Encryption | None = None,
        retention: Retention | None = None,
        expect: Precondition | None = None,
    ) -> RemoteObject:
        """See `ObjectStore.move`."""
        return await self._in_thread(
            self._store.move,
            source_key,
            key,
            encryption=encryption,
            source_encryption=source_encryption,
            retention=retention,
            expect=expect,
        )

    # --- read --------------------------------------------------------------------------------------------

    async def get(
        self, key: str, *, encryption: Encryption | None = None, progress: ProgressListener | None = None
    ) -> bytes:
        """See `ObjectStore.get`."""
        if self._is_native(self._backend.opened or await self._adapter()):
            return await self._backend.reader(encryption).read_async(key, progress)
        return await self._in_thread(self._store.get, key, encryption=encryption, progress=progress)

    async def get_range(
        self,
        key: str,
        offset: int,
        length: int | None = None,
        *,
        expect: RemoteObject | None = None,
        encryption: Encryption | None = None,
    ) -> bytes:
        """See `ObjectStore.get_range`."""
        if self._is_native(await self._adapter()):
            return await self._backend.reader(encryption).read_range_async(key, offset, length, expect)
        return await self._in_thread(self._store.get_range, key, offset, length, expect=expect, encryption=encryption)

    def stream(
        self,
        key: str,
        *,
        chunk_size: int = CHUNK_SIZE,
        encryption: Encryption | None = None,
        progress: ProgressListener | None = None,
    ) -> AsyncIterator[bytes]:
        """See `ObjectStore.stream`; use it with `async for`."""
        check_whole_number(chunk_size, "chunk_size")
        return self._stream(key, encryption, chunk_size=chunk_size, progress=progress)

    async def download(
        self,
        key: str,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        encryption: Encryption | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """See `ObjectStore.download`."""
        return await self._in_thread(
            self._store.download, key, target, overwrite=overwrite, encryption=encryption, progress=progress
        )

    async def stat(self, key: str, *, encryption: Encryption | None = None) -> RemoteObject:
        """See `ObjectStore.stat`."""
        if self._is_native(await self._adapter()):
            return await calls.stat_file(self._backend.adapter_with(encryption), key)
        return await self._in_thread(self._store.stat, key, encryption=encryption)

    async def head(self, key: str, *, encryption: Encryption | None = None) -> RemoteObject | None:
        """See `ObjectStore.head`."""
        if self._is_native(await self._adapter()):
            return await calls.stat_or_none(self._backend.adapter_with(encryption), key)
        return await self._in_thread(self._store.head, key, encryption=encryption)

    async def exists(self, key: str, *, encryption: Encryption | None = None) -> bool:
        """See `ObjectStore.exists`."""
        return await self.head(key, encryption=encryption) is not None

    async def list(
        self,
        prefix: str = "",
        *,
        delimiter: str = "",
        max_keys: int = MAX_KEYS,
        continuation_token: str | None = None,
        partial_names: bool = False,
    ) -> Page:
        """See `ObjectStore.list`."""
        return await self._in_thread(
            self._store.list,
            prefix,
            delimiter=delimiter,
            max_keys=max_keys,
            continuation_token=continuation_token,
            partial_names=partial_names,
        )

    async def iter(self, prefix: str = "", *, partial_names: bool = False) -> AsyncIterator[RemoteObject]:
        """See `ObjectStore.iter`; use it with `async for`."""
        await self._adapter()
        found = self._store.iter(prefix, partial_names=partial_names)
        async for each in self._threads.iterate(found, _LISTED_AT_ONCE):
            yield each

    # --- delete ------------------------------------------------------------------------------------------

    async def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        adapter = await self._adapter()
        if self._is_native(adapter):
            await calls.delete_file(adapter, key)
        else:
            await self._in_thread(self._store.delete, key)

    async def delete_many(self, keys: Iterable[str], *, dry_run: bool = False) -> DeleteResult:
        """See `ObjectStore.delete_many`."""
        adapter = await self._adapter()
        if self._is_native(adapter):
            return await BulkDelete(adapter, dry_run).run_async(unique_keys(keys))
        return await self._in_thread(self._store.delete_many, keys, dry_run=dry_run)

    async def delete_prefix(
        self,
        prefix: str,
        *,
        dry_run: bool = True,
        partial_names: bool = False,
        progress: DeleteListener | None = None,
    ) -> DeleteResult:
        """See `ObjectStore.delete_prefix`."""
        return await self._in_thread(
            self._store.delete_prefix, prefix, dry_run=dry_run, partial_names=partial_names, progress=progress
        )

    # --- the whole store -----------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close the connections of this event loop, the threads, and an adapter that the store created."""
        adapter = self._backend.opened
        if adapter is not None and calls.has_coroutines(adapter):
            assert isinstance(adapter, Coroutines)
            await adapter.close_async()
        if self._owned:
            await self._in_thread(self._store.close)
        self._threads.close()
        self._senders.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _stream(self, key: str, encryption: Encryption | None, **options: Any) -> AsyncIterator[bytes]:
        if self._is_native(await self._adapter()):
            chunks = self._backend.reader(encryption).stream_key(key, **options)
        else:
            chunks = self._threads.iterate(self._store.stream(key, encryption=encryption, **options), 1)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def _adapter(self) -> BaseSync:
        opened = self._backend.opened
        return opened if opened is not None else await self._threads.run(lambda: self._backend.adapter)

    def _is_native(self, adapter: BaseSync) -> bool:
        if self._known is None or self._known[0] is not adapter:
            self._known = (adapter, calls.has_coroutines(adapter))
        return self._known[1]

    async def _in_thread(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self._threads.run(partial(method, *args, **kwargs))
