"""Tests of `open_file_async`: ranges, versions, and connections that come back."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.testing.conformance.calls import DATA
from buckia_core.testing.conformance.coroutines import read_opened, run
from buckia_core.testing.conformance.suite import Suite, put, read

_LEFT = 72
"""Objects that are left unread: more than the connections that an adapter may use at once."""


class CoroutineReadTests(Suite):
    """Tests of an object that is read as it comes, on an event loop."""

    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    def test_ranges_of_an_open_object(self, adapter: BaseSync, size: int) -> None:
        put(adapter, {"k": b"0123456789", "empty": b""})
        ranges = [(0, None), (0, 10), (3, 7), (3, None), (9, 10), (0, 0), (5, 3), (8, 100), (10, None), (50, 60)]

        async def make(coroutines: Coroutines) -> list[bytes]:
            found = [await read_opened(coroutines, "k", size, start=start, end=end) for start, end in ranges]
            return [*found, await read_opened(coroutines, "empty", size)]

        assert run(adapter, make) == [*(b"0123456789"[start:end] for start, end in ranges), b""]

    def test_an_open_object_is_the_expected_version(self, adapter: BaseSync, second: BaseSync) -> None:
        seen = adapter.upload_file(b"seen", "k")
        assert run(adapter, lambda coroutines: read_opened(coroutines, "k", expect=seen)) == b"seen"
        second.upload_file(b"other", "k")
        with pytest.raises(PreconditionFailed):
            run(adapter, lambda coroutines: read_opened(coroutines, "k", expect=seen))
        with pytest.raises(PreconditionFailed):
            run(adapter, lambda coroutines: read_opened(coroutines, "k", expect=seen, start=1, end=3))
        with pytest.raises(NotFound) as caught:
            run(adapter, lambda coroutines: read_opened(coroutines, "none"))
        assert caught.value.key == "none"

    def test_objects_that_are_left_unread_give_their_connections_back(self, adapter: BaseSync) -> None:
        """By the end of the block, an error in it, and a task that is cancelled while it reads."""
        data = DATA * 5
        put(adapter, {"k": data})

        async def leave(coroutines: Coroutines, number: int) -> None:
            async with coroutines.open_file_async("k") as reader:
                first = await reader.read(1000)
                assert first == data[: len(first)]
                if number % 3 == 1:
                    raise ZeroDivisionError
                if number % 3 == 2:
                    current = cast("asyncio.Task[None]", asyncio.current_task())
                    current.cancel()
                    await reader.read(len(data))
                    await asyncio.sleep(0)

        async def make(coroutines: Coroutines) -> bytes:
            for number in range(_LEFT):
                task = asyncio.create_task(leave(coroutines, number))
                (result,) = await asyncio.gather(task, return_exceptions=True)
                expected: Any = (type(None), ZeroDivisionError, asyncio.CancelledError)[number % 3]
                assert isinstance(result, expected)
            return (await coroutines.read_file_async("k"))[1]

        assert run(adapter, make) == data == read(adapter, "k")
