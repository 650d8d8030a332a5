"""`RateLimit`: at most so many requests a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from buckia_core.adapters.base import BaseSync
from buckia_core.adapters.capabilities import Capabilities
from buckia_core.adapters.wrappers.token_bucket import TokenBucket
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.planning.manifest import RemoteObject

PAGE = 1000
"""Entries that one request of a listing is taken to bring; its pages can't be seen from outside."""


class RateLimit(Wrapper):
    """Makes calls wait, in whatever threads, so that at most `rate` a second are made, and a second's worth at once.

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

    def around(self, call: Call[T]) -> T:
        """Wait, then make the call."""
        self._bucket.take()
        return call()

    def probe(self) -> Capabilities:
        """See `BaseSync`."""
        found = super().probe()
        if self._declared and found.requests_per_second is not None:
            self._bucket.change(found.requests_per_second, burst=max(found.requests_per_second, 1.0))
        return found

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Waits before every 1,000 entries."""
        for number, entry in enumerate(self._waiting(prefix, start_after, end_at), 1):
            yield entry
            if number % PAGE == 0:
                self._bucket.take()

    def _waiting(self, prefix: str, start_after: str | None, end_at: str | None) -> Iterator[RemoteObject]:
        self._bucket.take()
        yield from self.inner.list_files(prefix, start_after=start_after, end_at=end_at)
