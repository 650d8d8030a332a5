"""In-flight transfers: their progress is polled, so that adapters need not report it."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from buckia_core.planning.plan import Operation

TrackProgress = Callable[[Callable[[], int]], AbstractContextManager[None]]
"""A context for the time of a transfer. Its argument returns the number of bytes transferred so far."""


def no_progress(bytes_done: Callable[[], int]) -> AbstractContextManager[None]:  # noqa: ARG001  # it is a `TrackProgress`
    """Track nothing."""
    return nullcontext()


class InFlightTransfers:
    """The running transfers of this process. Workers track theirs, and the thread that runs the sync polls.

    Attributes:
        stopped: Set when no more operations may start.
    """

    def __init__(self, stopped: threading.Event | None = None) -> None:
        self.stopped = stopped or threading.Event()
        self._running: dict[str, tuple[Operation, Callable[[], int]]] = {}
        self._reported: dict[str, int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Transfers of another process are reported when they finish, and can't be stopped from here.
        return InFlightTransfers, ()

    @contextmanager
    def track(self, operation: Operation, bytes_done: Callable[[], int]) -> Iterator[None]:
        """Track a transfer during a context; `bytes_done` returns the bytes transferred so far."""
        self._running[operation.key] = operation, bytes_done
        try:
            yield
        finally:
            self._running.pop(operation.key, None)

    def poll(self) -> Iterator[tuple[Operation, int]]:
        """Yield each transfer with its bytes since the last call; negative if it started anew."""
        for operation, bytes_done in list(self._running.values()):
            now = bytes_done()
            delta = now - self._reported.get(operation.key, 0)
            if delta:
                self._reported[operation.key] = now
                yield operation, delta

    def finish(self, operation: Operation, total: int) -> int:
        """Return the bytes of a finished transfer that `poll` has not reported; negative if it failed."""
        return total - self._reported.pop(operation.key, 0)


def allocated_size(path: str) -> int:
    """Return the allocated size of a file, which excludes holes if the system reports blocks; 0 if it is missing."""
    with suppress(OSError):
        status = os.stat(path)
        blocks = getattr(status, "st_blocks", None)
        return status.st_size if blocks is None else min(status.st_size, blocks * 512)
    return 0


class ByteCounter:
    """Counts the sent bytes of a file, at most its size. Thread-safe."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._sum = 0
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """Bytes so far, at most the size of the file."""
        return min(self._sum, self._size)

    def add(self, number: int) -> None:
        """Count more bytes."""
        with self._lock:
            self._sum += number


class CountingReader(io.RawIOBase):
    """A reader that knows its position; `seek` back lowers the count."""

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
