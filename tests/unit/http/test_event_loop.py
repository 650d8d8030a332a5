"""The thread of an event loop."""

from __future__ import annotations

import os
import threading

import pytest

from buckia_core.http.event_loop import EventLoopThread


async def number_of_thread() -> int:
    return threading.get_native_id()


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="this system does not tell")
def test_it_tells_how_long_it_had_no_processor():
    with EventLoopThread() as loop, open(f"/proc/self/task/{loop.run(number_of_thread())}/schedstat") as file:
        before = int(file.read().split()[1]) / 1e9
        assert before <= loop.seconds_delayed() < before + 60


@pytest.mark.parametrize("number", [None, 2**31 - 1])
def test_a_system_that_does_not_tell(monkeypatch, number):
    with EventLoopThread() as loop:
        monkeypatch.setattr(threading.Thread, "native_id", number)
        assert loop.seconds_delayed() == 0.0
