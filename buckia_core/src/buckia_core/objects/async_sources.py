"""Asynchronous iterables as sources of `put`."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from concurrent.futures import Future

from buckia_core.objects.cancellation import CURRENT
from buckia_core.objects.sources import PutSource, as_bytes

AsyncPutSource = PutSource | AsyncIterable[bytes]
"""What `AsyncObjectStore.put` uploads: a `PutSource`, or an asynchronous iterable of bytes."""


async def read_ahead(chunks: AsyncIterable[bytes], most: int) -> bytes | PulledChunks:
    """Return all bytes if there are at most so many; else an iterator over all, for a thread.

    Raises:
        InvalidSetting: An item is not bytes.
    """
    first: list[bytes] = []
    size = 0
    iterator = aiter(chunks)
    async for chunk in iterator:
        first.append(as_bytes(chunk))
        size += len(first[-1])
        if size > most:
            return PulledChunks(first, iterator)
    return b"".join(first)


class PulledChunks(Iterator[bytes]):
    """The chunks of an asynchronous iterable, for a thread: each is awaited on the event loop that made this object.

    Args:
        first: Chunks that have been read.
        rest: Those that follow.
    """

    def __init__(self, first: list[bytes], rest: AsyncIterator[bytes]) -> None:
        self._first = iter(first)
        self._rest = rest
        self._loop = asyncio.get_running_loop()
        self._awaited: Future[bytes] | None = None
        self._stopped = False

    def __next__(self) -> bytes:
        for chunk in self._first:
            return chunk
        # What the iterable does by itself is not part of this transfer.
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)
        awaited = context.run(asyncio.run_coroutine_threadsafe, _anext(self._rest), self._loop)
        self._awaited = awaited
        if self._stopped:
            awaited.cancel()
        try:
            return awaited.result()
        except StopAsyncIteration:
            raise StopIteration from None

    def stop(self) -> None:
        """Cancel the chunk that is awaited; the thread gets a `CancelledError` of `concurrent.futures`."""
        self._stopped = True
        if self._awaited is not None:
            self._awaited.cancel()


async def _anext(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks)
