"""Counting requests from many threads."""

from __future__ import annotations

import threading


class RequestCounter:
    """A number that many threads count up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = 0

    def add(self, requests: int = 1) -> None:
        """Count so many more."""
        with self._lock:
            self._total += requests

    @property
    def total(self) -> int:
        """All that were counted so far."""
        return self._total
