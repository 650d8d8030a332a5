"""Calls to an adapter, written once for `ObjectStore` and `AsyncObjectStore`.

Without an event loop they call the methods of `BaseSync`; run them with `run_blocking`. On an event loop they await the
coroutines, which the adapter must have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import AsyncReader, Coroutines
from buckia_core.adapters.contract.readers import BlockingReader
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo, check_deleted
from buckia_core.errors import BucketNotFound, NotFound
from buckia_core.http.blocking import in_event_loop
from buckia_core.planning.manifest import RemoteObject


def has_coroutines(adapter: BaseSync) -> bool:
    """Tell whether an adapter can be called on an event loop."""
    return adapter.capabilities.coroutines and isinstance(adapter, Coroutines)


async def stat_file(adapter: BaseSync, key: str) -> RemoteObject:
    """See `BaseSync.stat_file`."""
    if in_event_loop():
        return await cast("Coroutines", adapter).stat_file_async(key)
    return adapter.stat_file(key)


async def stat_or_none(adapter: BaseSync, key: str) -> RemoteObject | None:
    """Return an object; `None` if there is none.

    Raises:
        BucketNotFound: The bucket does not exist.
    """
    try:
        return await stat_file(adapter, key)
    except BucketNotFound:
        raise
    except NotFound:
        return None


async def read_file(adapter: BaseSync, key: str, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
    """See `BaseSync.read_file`."""
    if in_event_loop():
        return await cast("Coroutines", adapter).read_file_async(key, expect=expect)
    return adapter.read_file(key, expect=expect)


@asynccontextmanager
async def open_file(
    adapter: BaseSync, key: str, expect: RemoteObject | None, start: int, end: int | None = None
) -> AsyncIterator[AsyncReader]:
    """See `BaseSync.open_file`."""
    if in_event_loop():
        async with cast("Coroutines", adapter).open_file_async(key, expect=expect, start=start, end=end) as reader:
            yield reader
    else:
        with adapter.open_file(key, expect=expect, start=start, end=end) as opened:
            yield BlockingReader(opened)


async def upload_file(
    adapter: BaseSync, source: bytes | BinaryIO, key: str, expect: Precondition | None, info: UploadInfo
) -> RemoteObject:
    """See `BaseSync.upload_file`. On an event loop, the source must be bytes."""
    if in_event_loop():
        assert isinstance(source, bytes)
        return await cast("Coroutines", adapter).upload_file_async(source, key, expect=expect, info=info)
    return adapter.upload_file(source, key, expect=expect, info=info)


async def delete_files(adapter: BaseSync, keys: Sequence[str]) -> list[DeleteOutcome]:
    """See `BaseSync.delete_files`."""
    if in_event_loop():
        return await cast("Coroutines", adapter).delete_files_async(keys)
    return adapter.delete_files(keys)


async def delete_file(adapter: BaseSync, key: str) -> None:
    """Delete one object; see `delete_one`."""
    check_deleted(await delete_files(adapter, [key]), key)
