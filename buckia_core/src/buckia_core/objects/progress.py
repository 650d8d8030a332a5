"""Progress of the transfer of one object."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from buckia_core.objects.cancellation import CURRENT


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """State of a running transfer.

    Attributes:
        key: The object.
        bytes_transferred: Bytes so far. Never decreases, even where a part is sent again.
        total_bytes: Size of the object; `None` if it is unknown, as for an iterator.
    """

    key: str
    bytes_transferred: int
    total_bytes: int | None = None


ProgressListener = Callable[[TransferProgress], object]
"""Called with each step of a transfer, by one thread at a time. What it raises ends the transfer."""


class ProgressCounter:
    """Counts the bytes of one transfer, and reports them to a listener. Thread-safe.

    Each method raises `TransferCancelled` if the call for which the counter was made has been cancelled.
    """

    def __init__(self, key: str, total: int | None, listener: ProgressListener | None) -> None:
        self._key = key
        self._total = total
        self._listener = listener
        self._lock = threading.Lock()
        self._position = 0
        self._reported = -1
        self._cancellation = CURRENT.get()

    def add(self, count: int) -> None:
        """Count more bytes, at most the total."""
        with self._lock:
            self._position += count
            self._report()

    def move_to(self, position: int) -> None:
        """Set the number of bytes so far. A smaller one, of a second attempt, is reported when it has caught up."""
        with self._lock:
            self._position = position
            self._report()

    def _report(self) -> None:
        if self._cancellation is not None:
            self._cancellation.check()
        position = self._position if self._total is None else min(self._position, self._total)
        if self._listener is not None and position > self._reported:
            self._reported = position
            self._listener(TransferProgress(self._key, position, self._total))
