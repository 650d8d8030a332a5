"""Cancellation: ends transfers that run in a thread, when the task that waits for them is cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar


class TransferCancelled(Exception):
    """The task that waits for this transfer was cancelled. No caller sees it: the task raises `CancelledError`."""


class Cancellation:
    """A flag for the transfers of one call. Thread-safe.

    Args:
        on_cancel: Wakes what the transfers wait for.
    """

    def __init__(self, on_cancel: Callable[[], object] | None = None) -> None:
        self._event = threading.Event()
        self._on_cancel = on_cancel

    def cancel(self) -> None:
        """End the transfers at their next step."""
        self._event.set()
        if self._on_cancel is not None:
            self._on_cancel()

    def check(self) -> None:
        """Return if the call was not cancelled.

        Raises:
            TransferCancelled: It was.
        """
        if self._event.is_set():
            raise TransferCancelled


CURRENT: ContextVar[Cancellation | None] = ContextVar("buckia_cancellation", default=None)
"""The flag of the call that this thread works for; `None` if nobody can cancel it."""
