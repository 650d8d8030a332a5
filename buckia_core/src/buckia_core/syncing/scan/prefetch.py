"""`PrefetchIterator`: runs an iterator ahead in a thread of its own, in batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

Item = TypeVar("Item")


class PrefetchIterator(Generic[Item]):
    """Iterator over an iterable that runs in another thread, up to `max_batches` ahead.

    Batches keep the cost of passing items between threads low. Errors of the iterable are raised after the items
    before them. `close` ends the thread early. `on_batch` is called with the size of each batch in the consuming
    thread.
    """

    def __init__(
        self,
        iterable: Iterable[Item],
        *,
        name: str,
        on_batch: Callable[[int], None] | None = None,
        batch_size: int = 500,
        max_batches: int = 8,
    ) -> None:
        self._on_batch = on_batch
        self._queue: Queue[list[Item] | BaseException | None] = Queue(max_batches)
        self._stop = threading.Event()
        self._batch_size = batch_size
        self._thread = threading.Thread(target=self._run, args=(iterable,), name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        while True:
            batch = self._queue.get()
            if batch is None:
                return
            if isinstance(batch, BaseException):
                raise batch
            if self._on_batch:
                self._on_batch(len(batch))
            yield from batch

    def close(self) -> None:
        """Stop the thread, and wait for it to end."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except Empty:
                continue

    def _run(self, iterable: Iterable[Item]) -> None:
        source = iter(iterable)
        try:
            while batch := list(islice(source, self._batch_size)):
                self._put(batch)
                if self._stop.is_set():
                    return
            self._put(None)
        except BaseException as error:  # noqa: BLE001  # raised in the consuming thread
            self._put(error)
        finally:
            close = getattr(source, "close", None)
            if close:
                close()

    def _put(self, batch: list[Item] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(batch, timeout=0.1)
            except Full:
                continue
            return
