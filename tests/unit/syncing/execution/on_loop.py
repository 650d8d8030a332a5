"""A bucket whose small objects go through an event loop, with waits as over a network."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.planning.manifest import RemoteObject

T = TypeVar("T")


class OnLoop(MemorySync):
    """A bucket in memory whose coroutines wait.

    Attributes:
        seconds: How long each request waits.
        happens: Called with operation and key before each request is made, on the loop; may raise.
        calls: All calls by coroutine, as `(operation, key)`.
        threads: Names of the threads that called.
        most: The most requests at once.
        closed: How often the connections were closed.
        left: Tasks of the loop besides the one that closes.
    """

    def __init__(
        self, seconds: float = 0.0, happens: Callable[[str, str], Any] = lambda *_: None, **given: Any
    ) -> None:
        super().__init__(MemorySettings(), **given)
        self.seconds = seconds
        self.happens = happens
        self.calls: list[tuple[str, str]] = []
        self.threads: Counter[str] = Counter()
        self.most = self.running = self.closed = 0
        self.left: list[Any] = []

    async def stat_file_async(self, key: str) -> RemoteObject:
        return await self._made("stat_file", key, super().stat_file_async(key))

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        call = super().upload_file_async(source, key, expect=expect, info=info)
        return await self._made("upload_file", key, call)

    async def read_file_async(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        return await self._made("read_file", key, super().read_file_async(key, expect=expect))

    async def delete_files_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        return await self._made("delete_files", keys[0], super().delete_files_async(keys))

    async def close_async(self) -> None:
        self.closed += 1
        self.left += asyncio.all_tasks() - {asyncio.current_task()}
        await super().close_async()

    async def _made(self, operation: str, key: str, call: Coroutine[Any, Any, T]) -> T:
        self.running += 1
        self.most = max(self.most, self.running)
        self.calls.append((operation, key))
        self.threads[threading.current_thread().name] += 1
        try:
            self.happens(operation, key)
            await asyncio.sleep(self.seconds)
            return await call
        finally:
            call.close()
            self.running -= 1


def threads_of_runs() -> set[threading.Thread]:
    """Return the threads that belong to a run, or to a store that another test has left open."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("buckia-")}
