"""Token bucket: limits an average rate for all threads and coroutines together."""

from __future__ import annotations

import math
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

    _longest_sleep = math.inf

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
        self._taken = 0.0
        self._clock = clock
        self._sleep = sleep
        self._refilled_at = clock()
        self._lock = threading.Lock()

    def acquire(self, tokens: float = 1.0) -> None:
        """Take tokens, and block until they are covered."""
        ticket = self._take(tokens)
        while (wait := self._wait(ticket)) > 0:
            self._sleep(min(wait, self._longest_sleep))
            if wait <= self._longest_sleep:
                return

    async def acquire_async(self, tokens: float = 1.0) -> None:
        """Take tokens, and wait until they are covered: on an event loop, or without one."""
        ticket = self._take(tokens)
        while (wait := self._wait(ticket)) > 0:
            await pause(min(wait, self._longest_sleep), self._sleep)
            if wait <= self._longest_sleep:
                return

    def _take(self, tokens: float) -> float:
        """Take tokens, and return how many have been taken with them."""
        with self._lock:
            self._refill()
            self._tokens -= tokens
            self._taken += tokens
            return self._taken

    def _wait(self, ticket: float) -> float:
        """Return after how many seconds that many taken tokens are covered."""
        with self._lock:
            self._refill()
            return (ticket - self._taken - self._tokens) / self.rate

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


class ScheduledBucket(TokenBucket):
    """A token bucket whose rate may change at any time; who waits notices within a second.

    Args:
        rate_now: Returns the rate, `None` for no limit.
        burst_seconds: Seconds of the rate that are granted at once after a pause.
    """

    _longest_sleep = 1.0

    def __init__(
        self,
        rate_now: Callable[[], float | None],
        *,
        burst_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        rate = rate_now() or math.inf
        super().__init__(rate, burst=_burst(rate, burst_seconds), clock=clock, sleep=sleep)
        self._rate_now = rate_now
        self._burst_seconds = burst_seconds

    def _refill(self) -> None:
        if self.rate == math.inf:
            self._tokens, self._refilled_at = 0.0, self._clock()
        else:
            super()._refill()
        rate = self._rate_now() or math.inf
        if rate != self.rate:
            self.rate, self._burst = rate, _burst(rate, self._burst_seconds)


def _burst(rate: float, seconds: float) -> float:
    return 0.0 if rate == math.inf else rate * seconds


def _check_rate(rate: float) -> None:
    if not rate > 0:
        raise ValueError(f"a limit must be greater than zero, and {rate:g} is not")
