"""`PrefetchIterator`: runs an iterator of batches ahead in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

Item = TypeVar("Item")


BATCH_SIZE = 500
"""Items in a batch."""


def in_batches(items: Iterable[Item], size: int = BATCH_SIZE) -> Generator[list[Item]]:
    """Yield the items in lists of `size`; the last one may be shorter. Closes a generator when it is closed itself."""
    source = iter(items)
    try:
        while batch := list(islice(source, size)):
            yield batch
    finally:
        if isinstance(source, Generator):
            source.close()


class PrefetchIterator(Generic[Item]):
    """Iterator over the items of batches that another thread makes, up to `max_batches` ahead.

    Batches keep the cost of passing items between threads low. Errors of the iterable are raised after the batches
    before them. `close` ends the thread early. `on_batch` is called with the size of each batch in the consuming
    thread.
    """

    def __init__(
        self,
        batches: Iterable[Sequence[Item]],
        *,
        name: str,
        on_batch: Callable[[int], None] | None = None,
        max_batches: int = 8,
    ) -> None:
        self._on_batch = on_batch
        self._queue: Queue[Sequence[Item] | BaseException | None] = Queue(max_batches)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(batches,), name=name, daemon=True)
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

    def _run(self, batches: Iterable[Sequence[Item]]) -> None:
        source = iter(batches)
        try:
            for batch in source:
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

    def _put(self, batch: Sequence[Item] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(batch, timeout=0.1)
            except Full:
                continue
            return
