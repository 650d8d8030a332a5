"""Threads of an `AsyncObjectStore`, for what an adapter has no coroutine for."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

from buckia_core.objects.cancellation import CURRENT, Cancellation

T = TypeVar("T")


class Threads:
    """A bounded number of threads, which are started when they are needed. Serves any number of event loops."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._lock = Lock()
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[[], T], cancellation: Cancellation | None = None) -> T:
        """Call a function in a thread, and return its result; raises what it raises.

        When the task is cancelled, the function is told by `CURRENT`, and the task waits for its end, so that nothing
        goes on afterwards. A function that has not begun is not called.
        """
        current = cancellation or Cancellation()
        context = contextvars.copy_context()
        context.run(CURRENT.set, current)
        job: Future[T] = self._submit(partial(context.run, function))
        waiter = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError:
            current.cancel()
            job.cancel()
            await _wait_for_end(waiter)
            raise

    async def iterate(self, items: Iterable[T], at_once: int) -> AsyncGenerator[T]:
        """Yield the items of an iterable that blocks, fetched `at_once` in a call. Closes it at the end."""
        cancellation = Cancellation()
        iterator = iter(items)

        def fetch() -> list[T]:
            return list(islice(iterator, at_once))

        try:
            while batch := await self.run(fetch, cancellation):
                for item in batch:
                    yield item
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                await self.run(close)

    def close(self) -> None:
        """End the threads. The next call starts others."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    def _submit(self, function: Callable[[], T]) -> Future[T]:
        # Under the lock, since another event loop may be closing.
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._size, self._name)
            return self._executor.submit(function)


async def _wait_for_end(waiter: asyncio.Future[Any]) -> None:
    while not waiter.done():
        try:
            await asyncio.wait([waiter])
        except asyncio.CancelledError:  # cancelled again: the caller raises it
            continue
    if not waiter.cancelled():
        waiter.exception()
