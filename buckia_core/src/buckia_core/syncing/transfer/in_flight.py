"""How far the transfers are that are under way: asked from outside, so that no adapter has to tell."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from buckia_core.planning.plan import Operation


class InFlightTransfers:
    """The transfers under way in this process. Workers add theirs, the thread that runs the sync asks.

    Attributes:
        stopped: Set when no more may begin.
    """

    def __init__(self, stopped: threading.Event | None = None) -> None:
        self.stopped = stopped or threading.Event()
        self._running: dict[str, tuple[Operation, Callable[[], int]]] = {}
        self._told: dict[str, int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # What goes on in another process is told when it is over, and can't be stopped from here.
        return InFlightTransfers, ()

    @contextmanager
    def of(self, operation: Operation, so_far: Callable[[], int]) -> Iterator[None]:
        """Count a transfer as under way; `so_far` returns how many bytes have gone over."""
        self._running[operation.key] = operation, so_far
        try:
            yield
        finally:
            self._running.pop(operation.key, None)

    def moved(self) -> Iterator[tuple[Operation, int]]:
        """Yield each transfer with the bytes that went over since the last call; negative where it began again."""
        for operation, so_far in list(self._running.values()):
            now = so_far()
            delta = now - self._told.get(operation.key, 0)
            if delta:
                self._told[operation.key] = now
                yield operation, delta

    def rest(self, operation: Operation, total: int) -> int:
        """Return the bytes of a finished transfer that were not told yet; negative if it failed."""
        return total - self._told.pop(operation.key, 0)


def allocated_size(path: str) -> int:
    """Return how many bytes of a file are written, holes left out where the system tells; 0 if there is none yet."""
    with suppress(OSError):
        status = os.stat(path)
        blocks = getattr(status, "st_blocks", None)
        return status.st_size if blocks is None else min(status.st_size, blocks * 512)
    return 0


class ByteCounter:
    """How many bytes of a file have been sent, counted in any thread; what is sent twice counts once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._sum = 0
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """Bytes so far, at most the file's size."""
        return min(self._sum, self._size)

    def add(self, number: int) -> None:
        """Count more bytes."""
        with self._lock:
            self._sum += number


class CountingReader(io.RawIOBase):
    """A file that knows how far it was read; reading a part again takes it back to there."""

    def __init__(self, file: io.FileIO) -> None:
        super().__init__()
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        number = self._file.readinto(buffer)
        self.count = self._file.tell()
        return number or 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = self._file.seek(offset, whence)
        self.count = min(self.count, position)
        return position

    def tell(self) -> int:
        return self._file.tell()
