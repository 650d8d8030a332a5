"""The methods of `AsyncObjectStore` for URLs and for the bucket as a whole, which run in threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from buckia_core.objects.bucket_methods import Preflight
from buckia_core.objects.store import ObjectStore
from buckia_core.objects.urls import DEFAULT_EXPIRY, ObjectUrl, UrlPolicy

T = TypeVar("T")


class AsyncUrlMethods(ABC):
    """Calls that a program makes seldom, or that may read credentials from files."""

    _store: ObjectStore

    @abstractmethod
    async def _in_thread(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a method of the store in a thread."""

    async def url(
        self,
        key: str,
        *,
        policy: UrlPolicy | str = UrlPolicy.AUTO,
        expires_in: float | timedelta = DEFAULT_EXPIRY,
    ) -> ObjectUrl:
        """See `ObjectStore.url`."""
        return await self._in_thread(self._store.url, key, policy=policy, expires_in=expires_in)

    async def presigned_get(
        self,
        key: str,
        *,
        expires_in: float | timedelta = DEFAULT_EXPIRY,
        response_content_type: str | None = None,
        response_content_disposition: str | None = None,
    ) -> ObjectUrl:
        """See `ObjectStore.presigned_get`."""
        return await self._in_thread(
            self._store.presigned_get,
            key,
            expires_in=expires_in,
            response_content_type=response_content_type,
            response_content_disposition=response_content_disposition,
        )

    async def presigned_put(
        self, key: str, *, expires_in: float | timedelta = DEFAULT_EXPIRY, content_type: str | None = None
    ) -> ObjectUrl:
        """See `ObjectStore.presigned_put`."""
        return await self._in_thread(self._store.presigned_put, key, expires_in=expires_in, content_type=content_type)

    async def key_from_url(self, url: str | ObjectUrl) -> str | None:
        """See `ObjectStore.key_from_url`."""
        return await self._in_thread(self._store.key_from_url, url)

    async def preflight(self, *, write: bool = True) -> Preflight:
        """See `ObjectStore.preflight`."""
        return await self._in_thread(self._store.preflight, write=write)

    async def ensure_lifecycle_defaults(
        self, *, abort_multipart_days: int | None = 7, noncurrent_days: int | None = 30
    ) -> bool:
        """See `ObjectStore.ensure_lifecycle_defaults`."""
        return await self._in_thread(
            self._store.ensure_lifecycle_defaults,
            abort_multipart_days=abort_multipart_days,
            noncurrent_days=noncurrent_days,
        )
