"""Many pieces of one object at once: its parts on the way up, its ranges on the way down."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call

T = TypeVar("T")

THREADS = 8
"""Pieces that are on their way at once, of all objects together."""


class PartPool:
    """Threads for the pieces of large objects. They start when the first one comes. Used from many threads at once."""

    def __init__(self, backoff: RetryPolicy) -> None:
        """Make them; `backoff` says how a piece is repeated that failed."""
        self._backoff = backoff
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        # What is made for a piece, such as its bytes, is made only when a thread is free for it.
        self._free = threading.Semaphore(THREADS)

    def run(self, pieces: Iterable[Callable[[], T]], *, ahead: int = THREADS) -> Iterator[T]:
        """Make the calls, at most `ahead` of them at once, and yield their results in order.

        A piece is taken from `pieces` when a thread is free for it. After an error nothing is running any more.
        """
        pool = self._executor()
        running: deque[Future[T]] = deque()
        source = iter(pieces)
        try:
            while (future := self._next(pool, source)) is not None:
                running.append(future)
                if len(running) >= ahead:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
            wait(running)

    def close(self) -> None:
        """End the threads."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = None

    def _next(self, pool: ThreadPoolExecutor, source: Iterator[Callable[[], T]]) -> Future[T] | None:
        self._free.acquire()
        try:
            piece = next(source, None)
            if piece is None:
                self._free.release()
                return None
            future = pool.submit(retry_call, piece, self._backoff)
        except BaseException:
            self._free.release()
            raise
        # Called for a cancelled one too, so that no place is lost.
        future.add_done_callback(lambda _: self._free.release())
        return future

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="buckia-piece")
            return self._pool
