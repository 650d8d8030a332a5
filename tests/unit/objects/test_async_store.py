"""`AsyncObjectStore`: the same as `ObjectStore`, with coroutines."""

from __future__ import annotations

import asyncio
import inspect
import io
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from buckia_core.adapters.contract.types import IfAbsent
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import AlreadyExists, InvalidSetting, NotFound, PreconditionFailed
from buckia_core.objects.async_store import MAX_THREADS, AsyncObjectStore
from buckia_core.objects.progress import TransferProgress
from buckia_core.objects.read import INLINE_MAX
from buckia_core.objects.store import ObjectStore

LARGE = random.Random(2).randbytes(INLINE_MAX + 100_000)


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def test_both_faces_have_the_same_methods_and_arguments():
    assert public(AsyncObjectStore) == public(ObjectStore) - {"adapter_with"} | {"from_sync"}
    for name in public(ObjectStore) - {"adapter_with", "adapter", "config", "for_backblaze", "close"}:
        sync, other = (inspect.signature(getattr(kind, name)) for kind in (ObjectStore, AsyncObjectStore))
        assert [str(each).partition(":")[0] for each in sync.parameters.values()] == [
            str(each).partition(":")[0] for each in other.parameters.values()
        ], name
        assert [each.default for each in sync.parameters.values()] == [
            each.default for each in other.parameters.values()
        ], name


def test_a_copy_from_another_bucket():
    async def main():
        one, two = (AsyncObjectStore(MemorySync(MemorySettings())) for _ in range(2))
        async with one, two:
            await one.put("a", LARGE)
            copied = await two.copy_object(await one.stat("a"), "b", source=one)
            assert (copied.key, await two.get("b")) == ("b", LARGE)

    asyncio.run(main())


async def halves(data):
    yield data[: len(data) // 2]
    await asyncio.sleep(0)
    yield memoryview(data)[len(data) // 2 :]


async def read_all(chunks):
    return b"".join([chunk async for chunk in chunks])


def test_every_call_on_every_kind_of_bucket(store, tmp_path):
    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            (tmp_path / "source").write_bytes(b"hello")
            sources = [b"hello", memoryview(b"hello"), tmp_path / "source", io.BytesIO(b"hello")]
            for number, source in enumerate(sources):
                assert (await objects.put(f"d/{number}", source)).size == 5
            assert (await objects.put("d/4", halves(b"hello"))).digests == store.put("d/0", b"hello").digests
            assert (await objects.put("large", halves(LARGE))).size == len(LARGE)
            contents = await asyncio.gather(*(objects.get(f"d/{number}") for number in range(5)))
            assert contents == [b"hello"] * 5
            assert await objects.get("large") == LARGE
            assert b"".join([chunk async for chunk in objects.stream("large", chunk_size=300_000)]) == LARGE
            assert await objects.get_range("large", 7, 5) == LARGE[7:12]
            assert await objects.stat("d/0") == store.stat("d/0") == await objects.head("d/0")
            assert await objects.head("none") is None and not await objects.exists("none")
            with pytest.raises(NotFound):
                await objects.get("none")
            with pytest.raises(PreconditionFailed):
                await objects.put("d/0", b"new", expect=IfAbsent())
            assert (await objects.list(delimiter="/")).prefixes == ("d/",)
            assert [found.key async for found in objects.iter("d")] == [f"d/{number}" for number in range(5)]
            await objects.download("large", tmp_path / "got")
            assert (tmp_path / "got").read_bytes() == LARGE
            with pytest.raises(AlreadyExists):
                await objects.download("large", tmp_path / "got")
            await objects.copy("d/0", "copy")
            await objects.move("copy", "moved")
            await objects.delete("moved")
            assert (await objects.delete_many(["d/0", "none"])).count == 2
            assert (await objects.delete_prefix("d", dry_run=False)).count == 4
            assert (await objects.preflight()).can_delete
            assert [found.key for found in store.iter()] == ["large"]

    asyncio.run(main())
    assert store.get("large") == LARGE  # the store that it was made from goes on


def test_arguments_are_checked_as_in_the_other_store():
    async def main():
        async with AsyncObjectStore(MemorySync(MemorySettings())) as objects:
            wrongs: list[Any] = ["text", 5, ["text"], halves("text")]
            for wrong in wrongs:
                with pytest.raises(InvalidSetting):
                    await objects.put("a", wrong)
            with pytest.raises(InvalidSetting):
                await objects.get_range("a", -1)
            with pytest.raises(InvalidSetting):
                objects.stream("a", chunk_size=0)
            with pytest.raises(InvalidSetting):
                await objects.delete_many("a")
            steps: list[TransferProgress] = []
            await objects.put("a", bytes(3 << 20), progress=steps.append)
            assert await objects.get("a", progress=steps.append) == bytes(3 << 20)
            assert [steps[0].key, steps[-1].bytes_transferred, steps[-1].total_bytes] == ["a", 3 << 20, 3 << 20]

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["memory", "ceph", "b2", "bunny"])
def test_small_objects_and_reads_need_no_threads(open_store, kind):
    store = open_store(kind)
    assert store.adapter is not None  # it is created in a thread

    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            await asyncio.gather(*(objects.put(f"k{number}", b"1") for number in range(3)))
            assert await objects.get("k1") == b"1" and (await objects.stat("k1")).size == 1
            assert await objects.get_range("k1", 0) == await objects.get("k1", progress=lambda _: None) == b"1"
            assert [chunk async for chunk in objects.stream("k1")] == [b"1"]
            await objects.delete("k1")
            await objects.delete_many(["k2"])
            assert not await objects.exists("k1")
            assert objects._threads._executor is None

    asyncio.run(main())


def test_more_streams_are_open_at_once_than_there_are_threads():
    async def main():
        async with AsyncObjectStore(MemorySync(MemorySettings())) as objects:
            await objects.put("a", LARGE)
            streams = [objects.stream("a", chunk_size=1000) for _ in range(3 * MAX_THREADS)]
            assert [len(await anext(each)) for each in streams] == [1000] * len(streams)
            assert {await read_all(each) for each in streams} == {LARGE[1000:]}

    asyncio.run(main())


def test_threads_are_bounded(open_store):
    store = open_store("file")
    store.put("a", b"1")

    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            assert await asyncio.gather(*(objects.get("a") for _ in range(100))) == [b"1"] * 100
            executor = objects._threads._executor
            assert executor is not None and 0 < len(executor._threads) <= MAX_THREADS

    asyncio.run(main())


def test_more_streams_are_put_at_once_than_there_are_threads(open_store):
    store = open_store("file")
    store.put("a", LARGE)

    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            many = range(MAX_THREADS + 2)
            await asyncio.gather(*(objects.put(f"c{each}", objects.stream("a", chunk_size=1 << 19)) for each in many))
            assert await objects.get(f"c{MAX_THREADS + 1}") == LARGE

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["memory", "file", "ceph", "b2", "bunny"])
def test_several_event_loops_at_once(open_store, kind):
    objects = AsyncObjectStore.from_sync(open_store(kind))
    barrier = threading.Barrier(2)

    async def main(name):
        barrier.wait(60)
        try:
            await asyncio.gather(*(objects.put(f"{name}{number}", b"%d" % number) for number in range(10)))
            found = await asyncio.gather(*(objects.get(f"{name}{number}") for number in range(10)))
            streamed = await asyncio.gather(*(read_all(objects.stream(f"{name}{number}")) for number in range(10)))
            assert found == streamed == [b"%d" % number for number in range(10)]
        finally:
            await objects.close()

    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(asyncio.run, main(name)) for name in "ab"]:
            future.result()


def test_close_closes_an_adapter_of_its_own_only(monkeypatch):
    closed: list[MemorySync] = []
    monkeypatch.setattr(MemorySync, "close", closed.append)

    async def main():
        given = MemorySync(MemorySettings())
        async with AsyncObjectStore(given) as objects:
            await objects.put("a", b"1")
        assert closed == []
        store = ObjectStore(given)
        await AsyncObjectStore.from_sync(store).close()
        assert closed == [] and store.get("a") == b"1"

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["ceph", "b2"])
def test_a_store_from_another_one_asks_the_server_nothing_again(open_store, kind):
    store = open_store(kind)
    store.put("a", b"1")
    count = store.adapter.request_count
    store.get("a")
    each = store.adapter.request_count - count

    async def main():
        async with AsyncObjectStore.from_sync(store) as objects:
            await objects.get("a")

    asyncio.run(main())
    assert store.adapter.request_count - count == 2 * each


def test_for_backblaze_owns_its_adapter(monkeypatch):
    monkeypatch.setenv("B2_KEY_ID", "0" * 24)
    monkeypatch.setenv("B2_APP_KEY", "K" * 31)

    async def main():
        objects = await AsyncObjectStore.for_backblaze("my-bucket")
        assert objects.adapter.provider == "b2"
        await objects.close()
        assert objects._backend.opened is None

    asyncio.run(main())
