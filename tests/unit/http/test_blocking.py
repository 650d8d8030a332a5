"""Coroutines run without an event loop, and on one in a thread of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from types import ModuleType

import pytest

from buckia_core.http.blocking import gather, in_event_loop, pause, run_blocking
from buckia_core.http.event_loop import EventLoopThread


async def thread_after_pause(seconds: float) -> tuple[str, bool]:
    await pause(seconds)
    return threading.current_thread().name, in_event_loop()


def test_without_a_loop_a_coroutine_blocks():
    slept: list[float] = []
    run_blocking(pause(3, slept.append))
    assert slept == [3]
    assert run_blocking(thread_after_pause(0)) == (threading.current_thread().name, False)


def test_what_needs_a_loop_fails_without_one():
    class Wait:
        def __await__(self):
            yield

    async def wait() -> None:
        await Wait()

    with pytest.raises(RuntimeError, match="waits for an event loop"):
        run_blocking(wait())


def test_a_blocking_call_in_a_loop_blocks_as_in_a_notebook():
    slept: list[float] = []

    async def fail() -> None:
        assert not in_event_loop()
        raise KeyError("key")

    async def call() -> None:
        run_blocking(pause(3, slept.append))
        with pytest.raises(KeyError):
            run_blocking(fail())
        assert in_event_loop()
        await asyncio.sleep(0)

    asyncio.run(call())
    assert slept == [3]


def test_errors_reach_the_caller():
    async def fail() -> None:
        raise KeyError("key")

    with pytest.raises(KeyError):
        run_blocking(fail())
    with EventLoopThread() as loop, pytest.raises(KeyError):
        loop.run(fail())


def test_a_thread_runs_many_at_once():
    async def many() -> list[tuple[str, bool]]:
        return await asyncio.gather(*(thread_after_pause(0.2) for _ in range(100)))

    before = time.monotonic()
    with EventLoopThread("mine") as loop:
        assert set(loop.run(many())) == {("mine", True)}
    assert time.monotonic() - before < 10


def test_what_still_runs_at_the_end_is_cancelled():
    ended = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.set()

    tasks = []

    async def start() -> None:
        tasks.append(asyncio.ensure_future(endless()))
        await asyncio.sleep(0)

    with EventLoopThread() as loop:
        loop.run(start())
    assert ended.is_set()


def test_a_blocking_call_works_while_another_thread_imports_asyncio(monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncio.events", ModuleType("asyncio.events"))
    assert run_blocking(thread_after_pause(0)) == (threading.current_thread().name, False)


class Calls:
    """Calls that overlap for a moment, and fail for one argument."""

    def __init__(self, failing: int | None = None) -> None:
        self.failing = failing
        self.made: list[int] = []
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    async def __call__(self, number: int) -> int:
        with self._lock:
            self.made.append(number)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            await pause(0.002)
            if number == self.failing:
                raise KeyError(number)
        finally:
            with self._lock:
                self.running -= 1
        return -number


def run_on_loop(coroutine):
    with EventLoopThread() as loop:
        return loop.run(coroutine)


@pytest.mark.parametrize(("run", "most"), [(run_blocking, 3), (run_on_loop, 5)])
def test_gathered_calls_overlap_up_to_a_limit_and_keep_their_order(run, most):
    calls = Calls()
    assert run(gather(calls, range(40), tasks=5, threads=3)) == [-number for number in range(40)]
    assert 1 < calls.most <= most
    assert (run(gather(calls, [], tasks=5, threads=3)), run(gather(calls, [7], tasks=5, threads=3))) == ([], [-7])


@pytest.mark.parametrize("run", [run_blocking, run_on_loop])
def test_an_error_of_a_gathered_call_ends_the_others(run):
    calls = Calls(failing=3)
    with pytest.raises(KeyError):
        run(gather(calls, range(1000), tasks=5, threads=5))
    assert len(calls.made) < 100
    assert calls.running == 0
