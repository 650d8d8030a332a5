"""`RateLimit`: at most so many requests a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.wrappers.token_bucket import TokenBucket
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.planning.manifest import RemoteObject

PAGE = 1000
"""Entries of a listing that count as one request, of an adapter that does not show its requests."""


class RateLimit(Wrapper):
    """Makes requests wait, in whatever threads, so that at most `rate` a second are sent, and a second's worth at once.

    Every request counts, each part, page and repetition among them, if the adapter has `limit_requests`. Of any other
    adapter each call counts as one request, and each 1,000 entries of a listing.

    With `declared`, the rate is the one that the adapter declares, and follows what its `probe` finds out.
    """

    def __init__(
        self,
        inner: BaseSync,
        rate: float,
        *,
        declared: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self._declared = declared
        self._bucket = TokenBucket(rate, burst=max(rate, 1.0), clock=clock, sleep=sleep)
        self._by_request = inner.limit_requests(self._bucket.acquire)

    def intercept(self, call: Call[T]) -> T:
        """Make the call; wait before it, unless its requests wait."""
        if not self._by_request:
            self._bucket.acquire()
        return call()

    def probe(self) -> Capabilities:
        """See `BaseSync`."""
        found = super().probe()
        if self._declared and found.requests_per_second is not None:
            self._bucket.set_rate(found.requests_per_second, burst=max(found.requests_per_second, 1.0))
        return found

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Waits before each 1,000 entries, unless the requests wait."""
        if self._by_request:
            return super().list_files(prefix, start_after=start_after, end_at=end_at)
        return self._waiting(prefix, start_after, end_at)

    def _waiting(self, prefix: str, start_after: str | None, end_at: str | None) -> Iterator[RemoteObject]:
        self._bucket.acquire()
        for number, entry in enumerate(self.inner.list_files(prefix, start_after=start_after, end_at=end_at), 1):
            yield entry
            if number % PAGE == 0:
                self._bucket.acquire()
