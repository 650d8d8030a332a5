"""Request counter: counts the requests of all threads and coroutines, and applies the rate limit to them."""

from __future__ import annotations

import threading

from buckia_core.adapters.contract.base import BeforeRequest
from buckia_core.http.blocking import run_blocking


class RequestCounter:
    """A thread-safe counter; call `add` before each request, or await `add_async` in a coroutine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = 0
        self._wait: BeforeRequest | None = None

    def limit(self, wait: BeforeRequest) -> None:
        """Run `wait` for each request from now on, in the thread or coroutine that sends it."""
        self._wait = wait

    def add(self, requests: int = 1) -> None:
        """Count requests, and block until they may be sent."""
        with self._lock:
            self._total += requests
        if self._wait is not None:
            for _ in range(requests):
                run_blocking(self._wait())

    async def add_async(self, requests: int = 1) -> None:
        """Count requests, and wait until they may be sent: on an event loop, or without one."""
        with self._lock:
            self._total += requests
        if self._wait is not None:
            for _ in range(requests):
                await self._wait()

    @property
    def total(self) -> int:
        """Requests counted so far."""
        return self._total
