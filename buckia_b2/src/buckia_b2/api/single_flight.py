"""Single flight: one call serves all that need its result at the same time."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from buckia_core.http.blocking import in_event_loop

T = TypeVar("T")


class _Abandoned(Exception):
    """The call was cancelled, so that another caller has to make it."""


class SingleFlight(Generic[T]):
    """SingleFlight: makes a call once, while others wait for its result. Thread-safe.

    On an event loop, those who wait do not block it, and the call may run in a thread or on another loop. It keeps no
    result. That sets it apart from `CurrentCredentials` of buckia_s3, which asks a blocking provider once in some
    seconds, and only for coroutines.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None
        self._thread = 0

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `call`, or of the call that is running. Raises what that raises."""
        while True:
            with self._lock:
                flight = self._flight
                if flight is None:
                    flight, self._thread = Future(), threading.get_ident()
                    # Otherwise whoever waits and is cancelled would cancel it for all.
                    flight.set_running_or_notify_cancel()
                    self._flight = flight
                    break
            if not in_event_loop() and self._thread == threading.get_ident():
                # A blocking call in the thread of the loop that makes the call would wait forever.
                return await call()
            try:
                return await _result(flight)
            except _Abandoned:
                continue
        try:
            result = await call()
        except BaseException as error:
            self._flight = None
            flight.set_exception(error if isinstance(error, Exception) else _Abandoned())
            raise
        self._flight = None
        flight.set_result(result)
        return result


async def _result(flight: Future[T]) -> T:
    if not in_event_loop():
        return flight.result()
    import asyncio  # noqa: PLC0415  # imported already, as a loop runs

    return await asyncio.wrap_future(flight)
