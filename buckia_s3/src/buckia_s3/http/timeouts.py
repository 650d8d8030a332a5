"""Timeouts: limits for connecting, for each read and write, and for a whole request."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds.

    Attributes:
        connect: To connect.
        read: For each read and write.
        total: From the start of a request to the last byte of its response; `None` is unlimited.
    """

    connect: float
    read: float
    total: float | None = None


class Deadline:
    """Deadline: applies the timeouts to the requests of one connection."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._ends: float | None = None
        self._set: float | None = None

    def start(self) -> None:
        """Start the time of a request."""
        total = self.timeouts.total
        self._ends = None if total is None else time.monotonic() + total

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

    def set_timeout(self, sock: socket.socket) -> None:
        """Set the socket timeout for the next read or write."""
        seconds = self.remaining(self.timeouts.read)
        if seconds != self._set:
            sock.settimeout(seconds)
            self._set = seconds

    def connected(self, sock: socket.socket) -> None:
        """Switch from the connect timeout to the read timeout."""
        self._set = None
        self.set_timeout(sock)
