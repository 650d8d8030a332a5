"""Wrappers: each adds one concern to a `BaseSync`, and is a `BaseSync`."""

from __future__ import annotations

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.wrappers.bandwidth import BandwidthLimit, limit_bandwidth
from buckia_core.adapters.wrappers.call_logging import CallLogging
from buckia_core.adapters.wrappers.rate_limit import RateLimit
from buckia_core.adapters.wrappers.request_counting import RequestCounting
from buckia_core.adapters.wrappers.retry import Retry
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.config.bandwidth import BandwidthTimetable

__all__ = [
    "BandwidthLimit",
    "CallLogging",
    "RateLimit",
    "RequestCounting",
    "Retry",
    "Wrapper",
    "limit_bandwidth",
    "wrap",
]


def wrap(
    adapter: BaseSync,
    *,
    retry_attempts: int = 5,
    retry_seconds: float = 120.0,
    rate_limit: float | None = None,
    bwlimit: BandwidthTimetable | None = None,
) -> BaseSync:
    """Wrap an adapter for the engine. Every attempt of a retried call is counted, logged and limited.

    From the inside out: `RequestCounting` if the adapter does not count, `CallLogging`, `BandwidthLimit` and
        `RateLimit` if there is a limit, `Retry`.

    Args:
        adapter: The adapter; closing the result closes it.
        retry_attempts: Maximum number of attempts of a call; 1 never retries.
        retry_seconds: Time after which a call is not retried any more.
        rate_limit: Requests per second; `None` for the limit that the adapter declares, if any.
        bwlimit: Bytes of content per second; `None` for no limit.

    Raises:
        ValueError: A number is not greater than zero.
    """
    wrapped: Wrapper = CallLogging(adapter if adapter.request_count is not None else RequestCounting(adapter))
    if bwlimit is not None:
        wrapped = BandwidthLimit(wrapped, bwlimit)
    declared = adapter.capabilities.requests_per_second
    if rate_limit is not None:
        wrapped = RateLimit(wrapped, rate_limit)
    elif declared is not None:
        wrapped = RateLimit(wrapped, declared, declared=True)
    return Retry(wrapped, attempts=retry_attempts, seconds=retry_seconds)
