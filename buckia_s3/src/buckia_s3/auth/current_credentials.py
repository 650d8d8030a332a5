"""Current credentials: asks a provider, and never blocks an event loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from buckia_core.http.blocking import running_loop
from buckia_s3.auth.sigv4 import Credentials

_SECONDS = 5.0


class CurrentCredentials:
    """CurrentCredentials: the credentials to sign with, for coroutines.

    A provider may ask a server. On an event loop, it is asked in a thread, by one task for all, and what it returns is
    used for some seconds.
    """

    def __init__(self, get: Callable[[], Credentials | None]) -> None:
        self._get = get
        self._current: Credentials | None = None
        self._fresh_until = 0.0
        self._request: Any = None

    async def get(self) -> Credentials | None:
        """Return the credentials, as `CredentialProvider.get` does, with its errors."""
        loop = running_loop()
        if loop is None:
            return self._get()
        if time.monotonic() < self._fresh_until:
            return self._current
        import asyncio  # noqa: PLC0415  # imported already, as a loop runs

        request = self._request
        if request is None or request.done() or request.get_loop() is not loop:
            request = self._request = loop.create_task(self._fetch())
        # A task that is cancelled must not cancel the others.
        credentials: Credentials | None = await asyncio.shield(request)
        return credentials

    async def _fetch(self) -> Credentials | None:
        import asyncio  # noqa: PLC0415  # as above

        found = await asyncio.to_thread(self._get)
        seconds = _SECONDS
        if found is not None and found.expires_at is not None:
            seconds = min(seconds, (found.expires_at - datetime.now(UTC)).total_seconds() / 2)
        self._current, self._fresh_until = found, time.monotonic() + seconds
        return found
