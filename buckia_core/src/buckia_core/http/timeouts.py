"""Timeouts: limits for connecting, for each read and write, for a free connection, and for a whole request."""

from __future__ import annotations

import time
from typing import NamedTuple


class Timeouts(NamedTuple):
    """Timeouts in seconds.

    Attributes:
        connect: To connect, TLS included.
        read: To wait for the next bytes of a response.
        write: To send the next bytes of a request; `None` is that of `read`.
        pool: To wait for a connection where their number is limited; `None` is unlimited.
        total: From the start of a request to the last byte of its response; `None` is unlimited.
    """

    connect: float
    read: float
    write: float | None = None
    pool: float | None = None
    total: float | None = None


class Deadline:
    """Deadline: applies timeouts to one request after another."""

    __slots__ = ("_ends", "connect", "read", "write")

    def start(self, timeouts: Timeouts) -> None:
        """Start the time of a request."""
        self.connect = timeouts.connect
        self.read = timeouts.read
        self.write = timeouts.read if timeouts.write is None else timeouts.write
        self._ends = None if timeouts.total is None else time.monotonic() + timeouts.total

    def remaining(self, most: float) -> float:
        """Return the seconds for the next operation, `most` at most.

        Raises:
            TimeoutError: The total time is over.
        """
        if self._ends is None:
            return most
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, most)
