"""Wrappers: a `BaseSync` in, a `BaseSync` out, one concern each."""

from __future__ import annotations

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.wrappers.bandwidth import BandwidthLimit
from buckia_core.adapters.wrappers.call_logging import CallLogging
from buckia_core.adapters.wrappers.rate_limit import RateLimit
from buckia_core.adapters.wrappers.request_counting import RequestCounting
from buckia_core.adapters.wrappers.retry import Retry
from buckia_core.adapters.wrappers.wrapper import Wrapper

__all__ = ["BandwidthLimit", "CallLogging", "RateLimit", "RequestCounting", "Retry", "Wrapper", "wrap"]


def wrap(
    adapter: BaseSync,
    *,
    retry_attempts: int = 5,
    retry_seconds: float = 120.0,
    rate_limit: float | None = None,
    bwlimit: int | None = None,
) -> BaseSync:
    """Return the adapter as the engine uses it. Every attempt of a retried call is counted, logged and limited.

    From the inside out: `RequestCounting`, `CallLogging`, where there is a limit `BandwidthLimit` and `RateLimit`, then
    `Retry`.

    Args:
        adapter: What is wrapped; closing the result closes it.
        retry_attempts: How often a call is made at most; 1 never repeats.
        retry_seconds: How long one call may go on before it is not repeated any more.
        rate_limit: Requests a second; `None` for what the adapter declares, which may be no limit.
        bwlimit: Bytes of content a second, up and down together; `None` for no limit.

    Raises:
        ValueError: A number is not greater than zero.
    """
    wrapped: BaseSync = CallLogging(RequestCounting(adapter))
    if bwlimit is not None:
        wrapped = BandwidthLimit(wrapped, bwlimit)
    declared = adapter.capabilities.requests_per_second
    if rate_limit is not None:
        wrapped = RateLimit(wrapped, rate_limit)
    elif declared is not None:
        wrapped = RateLimit(wrapped, declared, declared=True)
    return Retry(wrapped, attempts=retry_attempts, seconds=retry_seconds)
