"""Request runner: sends the requests of a group, many at once on an event loop, or one after another without one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.errors import Unauthenticated
from buckia_core.syncing.error_messages import FATAL_ERRORS, log_internal_error

if TYPE_CHECKING:
    from asyncio import Future, Task

    from buckia_core.http.event_loop import EventLoopThread

_MAX_SECONDS = 0.2
"""A group sends no more requests after this time, so that progress is reported and the run can stop."""

Request = Callable[[], Any]
"""A call of the adapter without arguments; it returns an awaitable if the requests run on an event loop."""

Outcome = Any
"""What a request returned, or the exception that it raised."""


class RequestRunner:
    """Sends requests. Thread-safe; a context that ends the event loop and closes its connections.

    The loop and its thread start with the first group. A pickle has no loop: in another process, requests are sent one
    after another by the process that runs the group.

    Args:
        stopped: No more requests are sent once it is set.
        adapter: The adapter, if its coroutines are to be used.

    Attributes:
        limit: Most requests on the loop at once.
        concurrent: Whether requests are sent at once. They are then coroutines of the adapter.
    """

    def __init__(self, stopped: threading.Event | None = None, adapter: Coroutines | None = None) -> None:
        self._stopped = stopped or threading.Event()
        self._adapter = adapter
        self.concurrent = adapter is not None
        self.limit = 1
        self._loop: EventLoopThread | None = None
        self._starting = threading.Lock()
        # What follows is only for the thread of the loop.
        self._waiting: deque[_Group] = deque()
        self._senders: set[Task[None] | None] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        return RequestRunner, ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is None:
            return
        assert self._adapter is not None
        try:
            self._loop.run(self._adapter.close_async())
        except Exception as failure:  # noqa: BLE001  # the requests are done
            log_internal_error(failure)
        finally:
            self._loop.__exit__(None, None, None)

    def bind(self, adapter: BaseSync, operation: str) -> Callable[..., Any]:
        """Return a method of `BaseSync`, or the coroutine function of that name, to make requests for `run`."""
        method: Callable[..., Any] = getattr(adapter, f"{operation}_async" if self.concurrent else operation)
        return method

    def run(self, requests: Sequence[Request], *, complete: bool = False) -> list[Outcome]:
        """Send requests in order, and return their outcomes in that order. Requests that were not sent have none.

        The rest is not sent if the run is stopped, if time is up, or after an error that all others would meet, too;
        with `complete`, all are sent.
        """
        group = _Group(requests, None if complete else self._stopped)
        if not self.concurrent:
            while (number := group.next()) is not None:
                try:
                    outcome = requests[number]()
                except Exception as error:  # noqa: BLE001  # the caller decides what comes of it
                    outcome = error
                group.finish(number, outcome)
        elif requests:
            self._open_loop().run(self._send(group))
        return group.outcomes[: group.sent]

    def seconds_delayed(self) -> float:
        """Return how long the thread of the loop had no processor although it could have run; see `EventLoopThread`."""
        return 0.0 if self._loop is None else self._loop.seconds_delayed()

    def _open_loop(self) -> EventLoopThread:
        with self._starting:
            if self._loop is None:
                from buckia_core.http.event_loop import EventLoopThread  # noqa: PLC0415  # imports asyncio

                self._loop = EventLoopThread().__enter__()
            return self._loop

    async def _send(self, group: _Group) -> None:
        """Wait until all requests of a group have an outcome. Runs on the loop."""
        import asyncio  # noqa: PLC0415  # imported already

        loop = asyncio.get_running_loop()
        group.done = loop.create_future()
        self._waiting.append(group)
        for _ in range(min(self.limit - len(self._senders), len(group.requests))):
            sender = loop.create_task(self._send_waiting())
            # The loop itself keeps only weak references.
            self._senders.add(sender)
        await group.done

    async def _send_waiting(self) -> None:
        """Send one request after another, as long as there are any and the limit allows it."""
        import asyncio  # noqa: PLC0415  # imported already

        waiting, senders = self._waiting, self._senders
        try:
            while waiting and len(senders) <= self.limit:
                group = waiting[0]
                number = group.next()
                if number is None:
                    waiting.popleft()
                    continue
                try:
                    outcome = await group.requests[number]()
                except (asyncio.CancelledError, GeneratorExit) as error:
                    group.finish(number, error)
                    raise
                except BaseException as error:  # noqa: BLE001  # the caller decides what comes of it
                    outcome = error
                group.finish(number, outcome)
        finally:
            senders.discard(asyncio.current_task())


class _Group:
    """The requests of one group, and their outcomes. For one thread at a time."""

    __slots__ = ("_deadline", "_is_over", "_left", "_stopped", "done", "outcomes", "requests", "sent")

    def __init__(self, requests: Sequence[Request], stopped: threading.Event | None) -> None:
        """If `stopped` is `None`, all requests are sent."""
        self.requests = requests
        self.outcomes: list[Outcome] = [None] * len(requests)
        self.sent = 0
        self.done: Future[None] | None = None
        self._left = 0
        self._is_over = False
        self._stopped = stopped
        self._deadline = 0.0

    def next(self) -> int | None:
        """Return the number of the next request to send; `None` if there is none, or if none may be sent any more."""
        if self._stopped is not None and not self._is_over:
            now = time.monotonic()
            if not self.sent:
                self._deadline = now + _MAX_SECONDS
            elif now > self._deadline:
                self._is_over = True
            self._is_over = self._is_over or self._stopped.is_set()
        if self._is_over or self.sent == len(self.requests):
            self._is_over = True
            self._report()
            return None
        self.sent += 1
        self._left += 1
        return self.sent - 1

    def finish(self, number: int, outcome: Outcome) -> None:
        """Set the outcome of a request. After an error that all others would meet, too, the run is stopped."""
        self.outcomes[number] = outcome
        self._left -= 1
        if isinstance(outcome, BaseException) and self._stopped is not None and _is_fatal(outcome):
            self._is_over = True
            # Other groups would only learn of it when this one is finished.
            self._stopped.set()
        if not self._left:
            self._report()

    def _report(self) -> None:
        over = self._is_over or self.sent == len(self.requests)
        if over and not self._left and self.done is not None and not self.done.done():
            self.done.set_result(None)


def _is_fatal(error: BaseException) -> bool:
    return isinstance(error, (Unauthenticated, *FATAL_ERRORS)) or not isinstance(error, Exception)
