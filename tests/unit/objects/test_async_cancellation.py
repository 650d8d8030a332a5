"""What a cancelled call of `AsyncObjectStore` leaves behind: nothing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.http.connection_pool import LoopPool
from buckia_core.objects.async_store import AsyncObjectStore
from buckia_core.objects.read import INLINE_MAX
from buckia_core.objects.store import ObjectStore

STEP = INLINE_MAX + 1


class Held(DirectorySync):
    """Its reads stop after the first chunk, until `go` is set."""

    def __init__(self, root: Path) -> None:
        super().__init__(DirectorySettings(root=root))
        self.reading, self.go, self.closed = threading.Event(), threading.Event(), False

    @contextmanager
    def open_file(self, key, *, expect=None, start=0, end=None):
        with super().open_file(key, expect=expect, start=start, end=end) as reader:
            try:
                yield _Held(self, reader)
            finally:
                self.closed = True


class _Held:
    def __init__(self, owner, reader):
        self._owner, self._reader, self._count = owner, reader, 0

    def read(self, size=-1):
        self._count += 1
        if self._count == 2:
            self._owner.reading.set()
            assert self._owner.go.wait(60)
        return self._reader.read(size)


@pytest.fixture
def held(tmp_path):
    (tmp_path / "bucket").mkdir()
    adapter = Held(tmp_path / "bucket")
    ObjectStore(adapter).put("a", bytes(3 * STEP))
    return adapter


def cancel_while_it_reads(adapter, make):
    """Start a call, cancel it twice while a read is under way, and return what it leaves in the loop."""

    async def main():
        async with AsyncObjectStore(adapter) as objects:
            task = asyncio.ensure_future(make(objects))
            await asyncio.to_thread(adapter.reading.wait, 60)
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
            assert not task.done(), "it waits for its thread"
            adapter.go.set()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_a_cancelled_download_removes_its_temporary_file(held, tmp_path):
    (tmp_path / "out").mkdir()
    cancel_while_it_reads(held, lambda objects: objects.download("a", tmp_path / "out" / "a"))
    assert list((tmp_path / "out").iterdir()) == [] and held.closed


def test_a_cancelled_stream_closes_its_reader(held):
    cancel_while_it_reads(held, _stream_all)
    assert held.closed


async def _stream_all(objects):
    async for _ in objects.stream("a"):
        pass


@pytest.fixture
def in_use(monkeypatch):
    """Connections that were acquired and not released."""
    found: list[object] = []
    acquire, release = LoopPool.acquire, LoopPool.release

    async def acquired(self, *args):
        found.append(await acquire(self, *args))
        return found[-1]

    def released(self, connection, *, reusable):
        found.remove(connection)
        release(self, connection, reusable=reusable)

    monkeypatch.setattr(LoopPool, "acquire", acquired)
    monkeypatch.setattr(LoopPool, "release", released)
    return found


@pytest.mark.parametrize("kind", ["ceph", "b2", "bunny"])
@pytest.mark.parametrize("end", ["cancelled", "closed", "read"])
def test_a_stream_gives_its_connection_back(open_store, kind, end, in_use):
    store = open_store(kind)
    store.put("a", bytes(8 << 20))

    async def read(objects, arrived):
        async with aclosing(objects.stream("a", chunk_size=1 << 16)) as chunks:
            async for _ in chunks:
                assert len(in_use) == 1
                arrived.set()
                if end == "closed":
                    return

    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            arrived = asyncio.Event()
            task = asyncio.ensure_future(read(objects, arrived))
            await arrived.wait()
            if end == "cancelled":
                task.cancel()
            await asyncio.wait([task])
            assert in_use == [] and task.cancelled() == (end == "cancelled")
            assert await objects.get_range("a", 5, 3) == bytes(3)

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["memory", "file", "ceph", "b2", "bunny"])
def test_a_cancelled_put_of_an_asynchronous_source_leaves_nothing(open_store, kind, tmp_path):
    store = open_store(kind)

    async def main():
        waits, ended = asyncio.Event(), []

        async def source():
            yield bytes(STEP)
            try:
                for _ in range(14):
                    yield bytes(STEP)
                waits.set()
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        async with AsyncObjectStore.from_sync(store) as objects:
            task = asyncio.ensure_future(objects.put("new", source()))
            await waits.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended == [True]
            assert await objects.put("later", b"1") and await objects.get("later") == b"1"

    asyncio.run(main())
    assert [found.key for found in store.iter()] == ["later"]
    inner = store.adapter
    while hasattr(inner, "inner"):
        inner = inner.inner
    if hasattr(inner, "unfinished"):
        assert list(inner.unfinished.all()) == []
    if kind == "file":
        assert [each.name for each in Path(inner.local_directory).rglob("*") if each.is_file()] == ["later"]


def test_a_cancelled_put_of_a_file_aborts_its_parts(open_store, tmp_path):
    store = open_store("ceph", multipart_threshold=5 << 20, part_size=5 << 20)
    (tmp_path / "large").write_bytes(bytes(40 << 20))

    async def main():
        loop, started = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncObjectStore.from_sync(store) as objects:
            put = objects.put("new", tmp_path / "large", progress=lambda _: loop.call_soon_threadsafe(started.set))
            task = asyncio.ensure_future(put)
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert list(store.iter()) == []
    inner = store.adapter
    while hasattr(inner, "inner"):
        inner = inner.inner
    assert list(inner.unfinished.all()) == []


def test_a_call_that_has_not_begun_is_not_made():
    store = ObjectStore(MemorySync(MemorySettings()))

    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            release = threading.Event()
            busy = [asyncio.ensure_future(objects._threads.run(lambda: release.wait(60))) for _ in range(32)]
            await asyncio.sleep(0)
            queued = asyncio.ensure_future(objects.copy("none", "other"))
            await asyncio.sleep(0)
            queued.cancel()
            with pytest.raises(asyncio.CancelledError):
                await queued
            release.set()
            await asyncio.gather(*busy)

    asyncio.run(main())


@pytest.mark.parametrize("steps", [0, 1, 3, 10])
def test_cancelled_gets_don_t_mix_up_connections(open_store, steps):
    store = open_store("ceph")

    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            keys = [f"k{number}" for number in range(8)]
            await asyncio.gather(*(objects.put(key, key.encode()) for key in keys))
            tasks = [asyncio.ensure_future(objects.get(key)) for key in keys]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            assert [
                each for each in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(each, Exception)
            ] == []
            assert await asyncio.gather(*(objects.get(key) for key in keys)) == [key.encode() for key in keys]

    asyncio.run(main())
