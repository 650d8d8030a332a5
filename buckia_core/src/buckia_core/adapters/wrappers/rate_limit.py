"""`RateLimit`: limits the requests per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.wrappers.token_bucket import TokenBucket
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.planning.manifest import RemoteObject

ENTRIES_PER_REQUEST = 1000
"""Listing entries that count as one request, for an adapter without `limit_requests`."""


class RateLimit(Wrapper):
    """Delays requests of all threads and coroutines to `rate` per second, in bursts of at most one second's worth.

    If the adapter implements `limit_requests`, every request counts, including parts, pages and retries. Otherwise each
    call counts as one request, and so do each 1,000 entries of a listing.

    With `declared`, `rate` comes from the adapter's capabilities, and `probe` updates it.
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
        self._limits_requests = inner.limit_requests(self._bucket.acquire_async)

    @property
    def intercepts(self) -> bool:
        """See `Wrapper`. Calls need not wait if the adapter's requests do."""
        return not self._limits_requests

    async def intercept(self, call: Call[T]) -> T:
        """Wait, then make the call."""
        await self._bucket.acquire_async()
        return await call()

    def probe(self) -> Capabilities:
        """See `BaseSync`."""
        found = super().probe()
        if self._declared and found.requests_per_second is not None:
            self._bucket.set_rate(found.requests_per_second, burst=max(found.requests_per_second, 1.0))
        return found

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Waits before each 1,000 entries, unless the adapter limits its requests itself."""
        if self._limits_requests:
            return super().list_files(prefix, start_after=start_after, end_at=end_at)
        return self._list_calls(prefix, start_after, end_at)

    def _list_calls(self, prefix: str, start_after: str | None, end_at: str | None) -> Iterator[RemoteObject]:
        self._bucket.acquire()
        for number, entry in enumerate(self.inner.list_files(prefix, start_after=start_after, end_at=end_at), 1):
            yield entry
            if number % ENTRIES_PER_REQUEST == 0:
                self._bucket.acquire()
