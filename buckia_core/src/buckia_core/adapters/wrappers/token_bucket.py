"""Token bucket: limits an average rate for all threads and coroutines together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from buckia_core.http.blocking import pause


class TokenBucket:
    """Grants `rate` tokens per second, and up to `burst` at once after a pause.

    A caller may acquire more tokens than there are: the balance becomes negative, and the caller waits until it would
    be zero. Later callers queue behind it.

    Raises:
        ValueError: The rate is not greater than zero.
    """

    def __init__(
        self,
        rate: float,
        *,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        _check_rate(rate)
        self.rate = rate
        self._burst = burst
        self._tokens = burst
        self._clock = clock
        self._sleep = sleep
        self._refilled_at = clock()
        self._lock = threading.Lock()

    def acquire(self, tokens: float = 1.0) -> None:
        """Take tokens, and block until they are covered."""
        wait = self._take(tokens)
        if wait > 0:
            self._sleep(wait)

    async def acquire_async(self, tokens: float = 1.0) -> None:
        """Take tokens, and wait until they are covered: on an event loop, or without one."""
        wait = self._take(tokens)
        if wait > 0:
            await pause(wait, self._sleep)

    def _take(self, tokens: float) -> float:
        """Take tokens, and return after how many seconds they are covered."""
        with self._lock:
            self._refill()
            self._tokens -= tokens
            return -self._tokens / self.rate

    def set_rate(self, rate: float, *, burst: float) -> None:
        """Change the rate; a negative balance stays.

        Raises:
            ValueError: As the constructor does.
        """
        _check_rate(rate)
        with self._lock:
            self._refill()
            self.rate, self._burst = rate, burst
            self._tokens = min(self._tokens, burst)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled_at) * self.rate)
        self._refilled_at = now


def _check_rate(rate: float) -> None:
    if not rate > 0:
        raise ValueError(f"a limit must be greater than zero, and {rate:g} is not")
