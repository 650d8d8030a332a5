"""How long, and how often, what failed is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from buckia_core.errors import AdapterError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long, and how often, calls are tried again: exponential, with full jitter.

    Before attempt `n + 1` the wait is a random part of `first * base ** (n - 1)` seconds, at most `longest`; or what
    the provider asked for, if that is longer.

    Attributes:
        attempts: How often a call is made at most.
        seconds: A wait that would end later than this after the first attempt began is not begun.
        first, longest: Bounds of the waits, in seconds.
        base: By how much the bound grows each time.
        clock, sleep, random: Where time and chance come from; `random` returns a number from 0 up to 1.
    """

    attempts: int = 5
    seconds: float = 120.0
    initial_wait: float = 0.5
    max_wait: float = 20.0
    base: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"a call is made at least once; {self.attempts} attempts are too few")
        if self.seconds < 0:
            raise ValueError(f"{self.seconds:g} seconds is less than no time for repeating a call")

    def next_wait(self, made: int, error: AdapterError) -> float:
        """Return how many seconds to wait after so many attempts, of which the last one ended with the error."""
        bound = min(self.max_wait, self.initial_wait * self.base ** (made - 1))
        return max(bound * self.random(), error.retry_after or 0.0)


def retry_call(call: Callable[[], T], backoff: RetryPolicy) -> T:
    """Make a call, and make it again while its error may pass. For one request of many that make up one call.

    Whole calls are repeated by the wrapper `Retry`; but one lost piece of a thousand must not cost all of them. Where a
    provider asks for a wait of more than `backoff.longest`, it is left to that wrapper.

    Raises:
        AdapterError: The error of the last attempt.
    """
    began = backoff.clock()
    for made in range(1, backoff.attempts):
        try:
            return call()
        except AdapterError as error:
            wait = backoff.next_wait(made, error)
            late = backoff.clock() - began + wait > backoff.seconds
            if not error.retryable or wait > backoff.max_wait or late:
                raise
            backoff.sleep(wait)
    return call()
