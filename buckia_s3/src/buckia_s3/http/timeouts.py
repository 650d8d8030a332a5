"""How long the steps of a request may take, and all of it."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may take, in seconds.

    Attributes:
        connect: Until a connection is made.
        step: Without any progress after that.
        total: From the beginning of a request to the last byte of its answer; `None` is as long as it needs.
    """

    connect: float
    read: float
    total: float | None = None


class Deadline:
    """Measures one request after the other on a connection, against its limits."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._ends: float | None = None
        self._set: float | None = None

    def start(self) -> None:
        """Begin a request."""
        total = self.timeouts.total
        self._ends = None if total is None else time.monotonic() + total

    def remaining(self, most: float) -> float:
        """Return how many seconds the next step may take, which are never more than `most`.

        Raises:
            TimeoutError: The request has had its time.
        """
        if self._ends is None:
            return most
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, most)

    def set_timeout(self, sock: socket.socket) -> None:
        """Give the next step its time."""
        seconds = self.remaining(self.timeouts.read)
        if seconds != self._set:
            sock.settimeout(seconds)
            self._set = seconds

    def connected(self, sock: socket.socket) -> None:
        """Take over from the limit for connecting."""
        self._set = None
        self.set_timeout(sock)
