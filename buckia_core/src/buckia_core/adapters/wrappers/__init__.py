"""Wrappers: a `BaseSync` in, a `BaseSync` out, one concern each."""

from __future__ import annotations

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.wrappers.bandwidth import Throttle
from buckia_core.adapters.wrappers.call_logging import Logged
from buckia_core.adapters.wrappers.rate_limit import RateLimit
from buckia_core.adapters.wrappers.request_counting import Counting
from buckia_core.adapters.wrappers.retry import Retry
from buckia_core.adapters.wrappers.wrapper import Wrapper

__all__ = ["Counting", "Logged", "RateLimit", "Retry", "Throttle", "Wrapper", "wrap"]


def wrap(
    adapter: BaseSync,
    *,
    retry_attempts: int = 5,
    retry_seconds: float = 120.0,
    rate_limit: float | None = None,
    bwlimit: int | None = None,
) -> BaseSync:
    """Return the adapter as the engine uses it. Every attempt of a retried call is counted, logged and limited.

    From the inside out: `Counting`, `Logged`, `Throttle` and `RateLimit` where there is a limit, `Retry`.

    Args:
        adapter: What is wrapped; closing the result closes it.
        retry_attempts: How often a call is made at most; 1 never repeats.
        retry_seconds: How long one call may go on before it is not repeated any more.
        rate_limit: Requests a second; `None` for what the adapter declares, which may be no limit.
        bwlimit: Bytes of content a second, up and down together; `None` for no limit.

    Raises:
        ValueError: A number is not greater than zero.
    """
    wrapped: BaseSync = Logged(Counting(adapter))
    if bwlimit is not None:
        wrapped = Throttle(wrapped, bwlimit)
    declared = adapter.capabilities.requests_per_second
    if rate_limit is not None:
        wrapped = RateLimit(wrapped, rate_limit)
    elif declared is not None:
        wrapped = RateLimit(wrapped, declared, declared=True)
    return Retry(wrapped, attempts=retry_attempts, seconds=retry_seconds)
