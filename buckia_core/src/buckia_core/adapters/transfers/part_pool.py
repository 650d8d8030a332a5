"""Part pool: threads that upload the parts, or download the ranges, of large objects."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call

T = TypeVar("T")

THREADS = 8
"""Parts in flight at once, of all objects together."""


class PartPool:
    """A lazily started thread pool that retries each task. Thread-safe: all objects of an adapter share it."""

    def __init__(self, policy: RetryPolicy) -> None:
        """Create the pool; `policy` says how to retry a failed task."""
        self._policy = policy
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        # A task may hold the bytes of its part, so it is created only when a thread is free for it.
        self._free = threading.Semaphore(THREADS)

    def run(self, tasks: Iterable[Callable[[], T]], *, ahead: int | Callable[[], int] = THREADS) -> Iterator[T]:
        """Call the tasks, at most `ahead` of them at once, and yield their results in order.

        Takes a task from `tasks` when a thread is free for it. After an error, no task is running any more.
        """
        limit = ahead if callable(ahead) else lambda: ahead
        pool = self._executor()
        running: deque[Future[T]] = deque()
        source = iter(tasks)
        try:
            while (future := self._submit_next(pool, source)) is not None:
                running.append(future)
                while len(running) >= limit():
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
            wait(running)

    def close(self) -> None:
        """Stop the threads."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = None

    def _submit_next(self, pool: ThreadPoolExecutor, source: Iterator[Callable[[], T]]) -> Future[T] | None:
        self._free.acquire()
        try:
            task = next(source, None)
            if task is None:
                self._free.release()
                return None
            future = pool.submit(retry_call, task, self._policy)
        except BaseException:
            self._free.release()
            raise
        # Cancelled futures call this too.
        future.add_done_callback(lambda _: self._free.release())
        return future

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="buckia-part")
            return self._pool
