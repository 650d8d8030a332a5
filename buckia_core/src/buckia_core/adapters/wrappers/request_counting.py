"""`RequestCounting`: counts the requests to the provider."""

from __future__ import annotations

from collections.abc import Iterator

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.planning.manifest import RemoteObject


class RequestCounting(Wrapper):
    """Provides `request_count` for every adapter: its own count, or else the number of calls."""

    def __init__(self, inner: BaseSync) -> None:
        super().__init__(inner)
        self._calls = RequestCounter()

    @property
    def request_count(self) -> int:
        """Requests so far. Pages of a listing count only if the adapter counts its requests itself."""
        counted = self.inner.request_count
        return self._calls.total if counted is None else counted

    async def intercept(self, call: Call[T]) -> T:
        """Count one call, except a `probe`, which may cost no request."""
        if call.operation != "probe":
            self._calls.add()
        return await call()

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        self._calls.add()
        return super().list_files(prefix, start_after=start_after, end_at=end_at)
