"""One code for both ways to call: coroutines run on an event loop, or without one, and block then.

What waits asks `in_event_loop` and either awaits, or blocks and returns. So an adapter is written once, as coroutines,
and its synchronous methods are `run_blocking(self.…_async(…))`, which starts no loop and no thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
Argument = TypeVar("Argument")


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without an event loop, and return its result.

    In a thread that runs an event loop, as a notebook does, it blocks that loop.

    Raises:
        RuntimeError: It awaits something that only an event loop can do.
    """
    if in_event_loop():
        return _outside_of_the_loop(coroutine)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # the result of this very coroutine
    coroutine.close()
    raise RuntimeError("a coroutine waits for an event loop, and there is none")


def _outside_of_the_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    events: Any = sys.modules["asyncio.events"]
    loop = events._get_running_loop()  # noqa: SLF001  # documented, as the next
    events._set_running_loop(None)  # noqa: SLF001
    try:
        return run_blocking(coroutine)
    finally:
        events._set_running_loop(loop)  # noqa: SLF001


@contextmanager
def entered(manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter and leave an asynchronous context manager without an event loop. Raises as `run_blocking`."""
    value = run_blocking(_enter(manager))
    try:
        yield value
    except BaseException as error:
        if not run_blocking(_leave(manager, error)):
            raise
    else:
        run_blocking(_leave(manager, None))


def iterate_blocking(items: AsyncGenerator[T]) -> Iterator[T]:
    """Yield the items of an asynchronous generator without an event loop, and close it. Raises as `run_blocking`."""
    try:
        while True:
            try:
                item = run_blocking(_next(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        run_blocking(_close(items))


async def _enter(manager: AbstractAsyncContextManager[T]) -> T:
    return await manager.__aenter__()


async def _leave(manager: AbstractAsyncContextManager[Any], error: BaseException | None) -> bool | None:
    if error is None:
        return await manager.__aexit__(None, None, None)
    return await manager.__aexit__(type(error), error, error.__traceback__)


async def _next(items: AsyncGenerator[T]) -> T:
    return await anext(items)


async def _close(items: AsyncGenerator[Any]) -> None:
    await items.aclose()


def as_coroutine(function: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return a function that may block as a coroutine function, for what calls only those."""
    return partial(_blocking, function)


async def _blocking(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return function(*args, **kwargs)


def in_event_loop() -> bool:
    """Tell whether this thread runs an event loop."""
    return running_loop() is not None


def running_loop() -> Any:
    """Return the event loop that runs in this thread, or `None`."""
    # A run without one must not import asyncio, which takes 30 ms. Another thread may be importing it just now.
    find = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    return None if find is None else find()


async def pause(seconds: float, sleep: Callable[[float], object] = time.sleep) -> None:
    """Wait; on an event loop, others run meanwhile. `sleep` is what waits without one."""
    if in_event_loop():
        import asyncio  # noqa: PLC0415  # imported already

        await asyncio.sleep(seconds)
    else:
        sleep(seconds)


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function that may block for long: on an event loop, in another thread; else in this one."""
    if not in_event_loop():
        return function()
    import asyncio  # noqa: PLC0415  # imported already

    return await asyncio.to_thread(function)


async def gather(
    function: Callable[[Argument], Coroutine[Any, Any, T]], arguments: Sequence[Argument], *, tasks: int, threads: int
) -> list[T]:
    """Call a coroutine function with each argument, several calls at once; return the results in order.

    On an event loop, up to `tasks` calls run in tasks; without one, up to `threads` run in threads of their own. A
    single call runs where it is made. After an error, calls that have not begun are not made; those that run are
    cancelled on an event loop, and awaited in threads.

    Raises:
        Exception: The first error of a call.
    """
    if len(arguments) < 2:
        return [await function(each) for each in arguments]
    if not in_event_loop():
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # not needed for one call

        pool = ThreadPoolExecutor(min(threads, len(arguments)), thread_name_prefix="buckia-calls")
        try:
            return list(pool.map(lambda each: run_blocking(function(each)), arguments))
        finally:
            pool.shutdown(cancel_futures=True)
    import asyncio  # noqa: PLC0415  # imported already

    waiting = iter(enumerate(arguments))
    results: dict[int, T] = {}

    async def work() -> None:
        for number, each in waiting:
            results[number] = await function(each)

    workers = [asyncio.ensure_future(work()) for _ in range(min(tasks, len(arguments)))]
    try:
        await asyncio.gather(*workers)
    except BaseException:
        for each in workers:
            each.cancel()
        raise
    return [results[number] for number in range(len(arguments))]
