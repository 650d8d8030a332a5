"""Coroutines run without an event loop, and on one in a thread of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from types import ModuleType

import pytest

from buckia_core.http.blocking import in_event_loop, pause, run_blocking
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
