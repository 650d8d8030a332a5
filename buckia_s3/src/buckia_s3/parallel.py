"""Many pieces of one object at once, and the repetition of a single piece."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from buckia_core.errors import AdapterError
from buckia_s3.retrying import RetryConfig

T = TypeVar("T")

THREADS = 8
"""Pieces that are on their way at once, of all objects together."""

_AS_USUAL = RetryConfig()


class Pieces:
    """Threads for the pieces of large objects. They start when the first piece comes."""

    def __init__(self, retries: RetryConfig = _AS_USUAL) -> None:
        self._retries = retries
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        # What is made for a piece, such as its bytes, is made only when a thread is free for it.
        self._free = threading.Semaphore(THREADS)

    def run(self, pieces: Iterable[Callable[[], T]], *, ahead: int = THREADS) -> Iterator[T]:
        """Make the calls, at most `ahead` of them at once, and yield their results in order.

        A piece is taken from `pieces` when a thread is free for it. After an error nothing is running any more.
        """
        pool = self._started()
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

    def _next(self, pool: ThreadPoolExecutor, source: Iterator[Callable[[], T]]) -> Future[T] | None:
        self._free.acquire()
        try:
            piece = next(source, None)
            if piece is None:
                self._free.release()
                return None
            future = pool.submit(repeated, piece, self._retries)
        except BaseException:
            self._free.release()
            raise
        # Called for a cancelled one too, so that no place is lost.
        future.add_done_callback(lambda _: self._free.release())
        return future

    def close(self) -> None:
        """End the threads."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = None

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="buckia-s3-piece")
            return self._pool


def repeated(piece: Callable[[], T], retries: RetryConfig = _AS_USUAL) -> T:
    """Make a call again if its error may pass, three times in all unless `retries` says otherwise.

    Whole calls are repeated by the wrapper `Retry`; but one lost piece of a thousand must not cost all of them.
    """
    began = time.monotonic()
    for retry in range(1, retries.max_retries + 1):
        try:
            return piece()
        except AdapterError as error:
            pause = max(retries.pause(retry), error.retry_after or 0.0)
            late = time.monotonic() - began + pause > retries.retry_timeout
            if not error.retryable or pause > retries.max_backoff or late:
                raise
            time.sleep(pause)
    return piece()
