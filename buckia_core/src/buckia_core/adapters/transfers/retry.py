"""Retry policy: how often and how long a failed call is retried, and the functions that apply it."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from buckia_core.errors import AdapterError
from buckia_core.http.blocking import as_coroutine, pause, run_blocking

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    The wait before attempt `n + 1` is random between 0 and `initial_wait * multiplier ** (n - 1)` seconds, at most
    `max_wait`; or `retry_after` of the error, if that is longer.

    Attributes:
        max_attempts: Maximum number of calls, the first one included.
        time_limit: Give up instead of a wait that ends more seconds than this after the start of the first attempt.
        initial_wait: Bound of the first wait, in seconds.
        max_wait: Bound of all waits, in seconds; only `retry_after` of an error may exceed it.
        multiplier: Growth of the bound per attempt.
        clock, sleep, random: Replaced in tests; `random` returns a number in `[0, 1)`.
    """

    max_attempts: int = 5
    time_limit: float = 120.0
    initial_wait: float = 0.5
    max_wait: float = 20.0
    multiplier: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"{self.max_attempts} attempts are too few: a call needs at least one")
        if self.time_limit < 0:
            raise ValueError(f"the time for retries can't be {self.time_limit:g} seconds")

    def next_wait(self, failed_attempts: int, error: AdapterError) -> float:
        """Return the seconds to wait after that many failed attempts; `error` is the last one."""
        bound = min(self.max_wait, self.initial_wait * self.multiplier ** (failed_attempts - 1))
        return max(bound * self.random(), error.retry_after or 0.0)


def retry_call(call: Callable[[], T], policy: RetryPolicy) -> T:
    """Call, and retry while the error is `retryable`.

    For one request of an operation that sends many: the wrapper `Retry` would repeat the whole operation. If
    `retry_after` exceeds `policy.max_wait`, the error is raised immediately, so that the wrapper can handle it.

    Raises:
        AdapterError: The error of the last attempt.
    """
    return run_blocking(retry_async(as_coroutine(call), policy))


async def retry_async(call: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
    """Do what `retry_call` does for a coroutine function. On an event loop, others run while it waits."""
    started = policy.clock()
    for attempts in range(1, policy.max_attempts):
        try:
            return await call()
        except AdapterError as error:
            await pause(_wait_after(error, attempts, started, policy), policy.sleep)
    return await call()


def _wait_after(error: AdapterError, attempts: int, started: float, policy: RetryPolicy) -> float:
    """Return the seconds to wait before the next attempt; raise the error if there must be none."""
    wait = policy.next_wait(attempts, error)
    if not error.retryable or wait > policy.max_wait or policy.clock() - started + wait > policy.time_limit:
        raise error
    return wait
