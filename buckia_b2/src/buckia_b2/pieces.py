"""Many pieces of one object at once, and the repetition of a single request."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from buckia_core.errors import AdapterError

T = TypeVar("T")

THREADS = 8
"""Pieces that are on their way at once, of all objects together."""

_TRIES = 5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0


class Pieces:
    """Threads for the pieces of large objects. They start when the first piece comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, pieces: Iterable[Callable[[], T]], *, ahead: int = THREADS) -> Iterator[T]:
        """Make the calls, at most `ahead` of them at once, and yield their results in order.

        A piece is taken from `pieces` when there is room for it. After an error nothing is running any more.
        """
        pool = self._started()
        running: deque[Future[T]] = deque()
        try:
            for piece in pieces:
                running.append(pool.submit(repeated, piece))
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

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="buckia-b2-piece")
            return self._pool


def repeated(piece: Callable[[], T]) -> T:
    """Make a call again if its error may pass, five times in all.

    Whole calls are repeated by the wrapper `Retry`; but one lost piece of a thousand must not cost all of them.
    """
    for attempt in range(1, _TRIES):
        try:
            return piece()
        except AdapterError as error:
            pause = max(_FIRST_PAUSE * 2.0 ** (attempt - 1), error.retry_after or 0.0)
            if not error.retryable or pause > _LONGEST_PAUSE:
                raise
            time.sleep(pause)
    return piece()
