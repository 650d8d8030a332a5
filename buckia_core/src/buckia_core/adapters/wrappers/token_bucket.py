"""The token bucket: so much a second, on average, for all threads together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class TokenBucket:
    """Lets `rate` tokens a second pass, and up to `burst` at once after a pause.

    Whoever takes more than there is goes into debt and waits until it is paid; the next one waits behind.

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
        _check(rate)
        self.rate = rate
        self._burst = burst
        self._tokens = burst
        self._clock = clock
        self._sleep = sleep
        self._at = clock()
        self._lock = threading.Lock()

    def acquire(self, tokens: float = 1.0) -> None:
        """Wait until so many tokens have passed."""
        with self._lock:
            self._gain()
            self._tokens -= tokens
            wait = -self._tokens / self.rate
        if wait > 0:
            self._sleep(wait)

    def set_rate(self, rate: float, *, burst: float) -> None:
        """Let tokens pass at another rate from now on; a debt stays.

        Raises:
            ValueError: As the constructor does.
        """
        _check(rate)
        with self._lock:
            self._gain()
            self.rate, self._burst = rate, burst
            self._tokens = min(self._tokens, burst)

    def _gain(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self.rate)
        self._at = now


def _check(rate: float) -> None:
    if not rate > 0:
        raise ValueError(f"a limit must be greater than zero, and {rate:g} is not")
