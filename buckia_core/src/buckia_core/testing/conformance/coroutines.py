"""Tests of coroutines: they do what the synchronous methods do, hundreds at once, on any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition, UploadInfo
from buckia_core.errors import (
    AdapterError,
    BucketNotFound,
    IntegrityError,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    Unauthenticated,
)
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject
from buckia_core.testing.conformance.calls import DATA
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, read, require

T = TypeVar("T")

OPERATIONS = ["stat", "read", "open", "upload", "delete"]
MANY = 300
_WRITERS = 8
_REPEATS = 3
_SECONDS = 60.0


def run(adapter: BaseSync, make: Callable[[Coroutines], Coroutine[Any, Any, T]]) -> T:
    """Run coroutines of the adapter on a new event loop, and close their connections. Skips an adapter without them."""
    require(adapter, lambda each: each.capabilities.coroutines, "coroutines")
    coroutines = cast("Coroutines", adapter)

    async def main() -> T:
        try:
            return await asyncio.wait_for(make(coroutines), _SECONDS)
        finally:
            await coroutines.close_async()

    return asyncio.run(main())


async def call(adapter: Coroutines, operation: str, key: str = "k") -> object:
    """Make one call on a key; raise the error of the outcome of a delete."""
    match operation:
        case "stat":
            return await adapter.stat_file_async(key)
        case "read":
            return await adapter.read_file_async(key)
        case "open":
            return await read_opened(adapter, key)
        case "upload":
            return await adapter.upload_file_async(DATA, key)
        case _:
            (outcome,) = await adapter.delete_files_async([key])
            if outcome.error is not None:
                raise outcome.error
            return None


async def read_opened(adapter: Coroutines, key: str, size: int = 1 << 20, **options: Any) -> bytes:
    """Open an object, and read it to its end with `read(size)`."""
    chunks = []
    async with adapter.open_file_async(key, **options) as reader:
        while chunk := await reader.read(size):
            assert len(chunk) <= size
            chunks.append(chunk)
        assert await reader.read(size) == b"", "the end stays the end"
    return b"".join(chunks)


class CoroutineTests(Suite):
    """Tests of the protocol `Coroutines`."""

    def test_coroutines_return_what_the_methods_return(self, adapter: BaseSync) -> None:
        metadata = {"author": "someone"} if adapter.capabilities.metadata else {}
        mtime_ns = 1_600_000_000_123_456_789 if adapter.capabilities.mtime else None
        info = UploadInfo(mtime_ns=mtime_ns, content_type="text/x-test", metadata=metadata)
        first = adapter.upload_file(DATA, "d/k", info=info)
        expected = adapter.stat_file("d/k")
        assert run(adapter, lambda it: it.stat_file_async("d/k")) == expected
        assert run(adapter, lambda it: it.read_file_async("d/k", expect=first)) == adapter.read_file("d/k")
        uploaded = run(adapter, lambda it: it.upload_file_async(DATA, "d/k", expect=IfUnchanged(first), info=info))
        found = adapter.stat_file("d/k")
        assert (uploaded.key, uploaded.size, uploaded.fingerprint) == ("d/k", len(DATA), found.fingerprint)
        assert (found.mtime_ns, found.metadata) == (expected.mtime_ns, expected.metadata)
        assert (found.content_type, found.digests) == (expected.content_type, expected.digests)
        outcomes = run(adapter, lambda it: it.delete_files_async(["none", "d/k"]))
        assert [(each.key, each.error) for each in outcomes] == [("none", None), ("d/k", None)]
        assert run(adapter, lambda it: it.delete_files_async([])) == []
        assert list(adapter.list_files()) == []

    @pytest.mark.parametrize("data", [b"", b"\r\n0\r\n\r\n", bytes(range(256)) * 1000], ids=["empty", "chunk", "long"])
    def test_coroutines_keep_contents(self, adapter: BaseSync, data: bytes) -> None:
        async def make(coroutines: Coroutines) -> bytes:
            assert (await coroutines.upload_file_async(data, "k")).size == len(data)
            return (await coroutines.read_file_async("k"))[1]

        assert run(adapter, make) == data == read(adapter, "k")

    @pytest.mark.parametrize(
        ("name", "arguments", "kind"),
        [
            ("stat_file", ("none",), NotFound),
            ("read_file", ("none",), NotFound),
            ("read_file", ("k", "seen"), PreconditionFailed),
            ("upload_file", (b"new", "k", IfAbsent()), PreconditionFailed),
            ("upload_file", (b"new", "k", "seen"), PreconditionFailed),
            ("upload_file", (b"new", "none", "seen"), PreconditionFailed),
        ],
    )
    def test_coroutines_raise_what_the_methods_raise(
        self, adapter: BaseSync, second: BaseSync, name: str, arguments: tuple[Any, ...], kind: type[AdapterError]
    ) -> None:
        seen = adapter.upload_file(b"seen", "k")
        second.upload_file(b"other", "k")
        options: dict[str, Any] = {}
        if len(arguments) == (3 if name == "upload_file" else 2):
            *_, expect = arguments
            arguments = arguments[:-1]
            version = seen if name == "read_file" else IfUnchanged(seen)
            options["expect"] = version if expect == "seen" else expect
        with pytest.raises(kind) as blocking:
            getattr(adapter, name)(*arguments, **options)
        with pytest.raises(AdapterError) as caught:
            run(adapter, lambda coroutines: getattr(coroutines, f"{name}_async")(*arguments, **options))
        assert _facts(caught.value) == _facts(blocking.value)
        assert read(adapter, "k") == b"other"
        assert listed_keys(adapter.list_files()) == ["k"]

    def test_coroutine_compares_digests(self, adapter: BaseSync) -> None:
        wrong = UploadInfo(digests=(Digest("sha256", "0" * 64), Digest("md5", "0" * 32), Digest("sha1", "0" * 40)))
        with pytest.raises(IntegrityError):
            adapter.upload_file(b"1", "k", info=wrong)
        with pytest.raises(IntegrityError):
            run(adapter, lambda coroutines: coroutines.upload_file_async(b"1", "k", info=wrong))
        assert list(adapter.list_files()) == []

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_coroutine_of_a_missing_bucket(self, missing: BaseSync, operation: str) -> None:
        with pytest.raises(BucketNotFound) as caught:
            run(missing, lambda coroutines: call(coroutines, operation))
        assert not caught.value.retryable

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_coroutine_with_refused_credentials(self, refused: BaseSync, operation: str) -> None:
        with pytest.raises((Unauthenticated, PermissionDenied)) as caught:
            run(refused, lambda coroutines: call(coroutines, operation))
        assert not caught.value.retryable

    def test_hundreds_of_coroutines_at_once(self, adapter: BaseSync) -> None:
        contents = {f"d{number % 7}/k{number}": b"%d" % number * (number % 11) for number in range(MANY)}
        batch = adapter.capabilities.delete_batch_size
        keys = list(contents)

        async def make(coroutines: Coroutines) -> None:
            uploads = await asyncio.gather(*(_upload(coroutines, contents[key], key) for key in keys))
            assert [(each.key, each.size) for each in uploads] == [(key, len(contents[key])) for key in keys]
            found, reads = await asyncio.gather(
                asyncio.gather(*(coroutines.stat_file_async(key) for key in keys)),
                asyncio.gather(*(coroutines.read_file_async(each.key, expect=each) for each in uploads)),
            )
            assert [each.key for each in found] == keys
            assert [(each.key, data) for each, data in reads] == list(contents.items())
            batches = [keys[start : start + batch] for start in range(0, MANY, batch)]
            outcomes = await asyncio.gather(*(coroutines.delete_files_async(each) for each in batches))
            assert [[outcome.key for outcome in each] for each in outcomes] == batches
            assert [outcome.error for each in outcomes for outcome in each if outcome.error] == []

        run(adapter, make)
        assert list(adapter.list_files()) == []

    @pytest.mark.parametrize("exists", [False, True], ids=["new", "replaced"])
    def test_one_of_several_conditional_coroutines_wins(self, adapter: BaseSync, exists: bool) -> None:
        require(adapter, lambda each: each.capabilities.conditional_write, "conditional_write")
        expect: Precondition = IfUnchanged(adapter.upload_file(b"old", "k")) if exists else IfAbsent()

        async def make(coroutines: Coroutines) -> list[object]:
            writes = [coroutines.upload_file_async(b"%d" % each, "k", expect=expect) for each in range(_WRITERS)]
            return await asyncio.gather(*writes, return_exceptions=True)

        results = run(adapter, make)
        winners = [number for number, each in enumerate(results) if not isinstance(each, BaseException)]
        assert len(winners) == 1
        assert read(adapter, "k") == b"%d" % winners[0]
        for each in results:
            if isinstance(each, BaseException):
                assert isinstance(each, AdapterError)
                assert isinstance(each, PreconditionFailed) or each.retryable

    @pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 20])
    def test_cancelled_coroutines_leave_the_adapter_usable(self, adapter: BaseSync, steps: int) -> None:
        """They are cancelled at their start, and some steps of the event loop later."""
        keys = list(put(adapter, [f"k{number}" for number in range(20)]))

        async def make(coroutines: Coroutines) -> None:
            tasks: list[asyncio.Task[object]] = [
                *(asyncio.create_task(call(coroutines, "read", key)) for key in keys),
                *(asyncio.create_task(call(coroutines, "upload", f"new{number}")) for number in range(20)),
            ]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [each for each in done if isinstance(each, Exception)] == []
            found = await asyncio.gather(*(coroutines.read_file_async(key) for key in keys))
            assert [data for _, data in found] == [key.encode() for key in keys]

        run(adapter, make)
        sizes = {each.size for each in adapter.list_files("new")}
        assert sizes <= {len(DATA)}, "an upload is whole or nothing"

    def test_coroutines_work_after_close_and_on_another_loop(self, adapter: BaseSync) -> None:
        put(adapter, ["k"])

        async def make(coroutines: Coroutines) -> None:
            for _ in range(2):
                assert (await coroutines.read_file_async("k"))[1] == b"k"
                await coroutines.close_async()
                await coroutines.close_async()

        for _ in range(2):
            run(adapter, make)
            assert read(adapter, "k") == b"k"

    def test_requests_of_coroutines_are_counted(self, adapter: BaseSync) -> None:
        put(adapter, ["k"])
        count = adapter.request_count
        adapter.stat_file("k")
        adapter.read_file("k")
        after = adapter.request_count

        async def make(coroutines: Coroutines) -> None:
            await coroutines.stat_file_async("k")
            await coroutines.read_file_async("k")

        run(adapter, make)
        assert count is None or adapter.request_count - after == after - count  # type: ignore[operator]  # numbers

    def test_limit_holds_coroutines_back_and_not_the_loop(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.coroutines, "coroutines")
        put(adapter, ["k"])
        waiting: list[asyncio.Future[None]] = []

        async def wait() -> None:
            future = asyncio.get_running_loop().create_future()
            waiting.append(future)
            await future

        if not adapter.limit_requests(wait):
            pytest.skip("the adapter leaves the limit to the wrapper")

        async def make(coroutines: Coroutines) -> None:
            tasks = [asyncio.create_task(call(coroutines, operation)) for operation in ("stat", "read")]
            while len(waiting) < len(tasks):
                await asyncio.sleep(0)
            assert not any(task.done() for task in tasks)
            finishing = asyncio.gather(*tasks)
            while not finishing.done():
                for future in waiting:
                    if not future.done():
                        future.set_result(None)
                await asyncio.sleep(0)
            await finishing

        run(adapter, make)


async def _upload(adapter: Coroutines, data: bytes, key: str) -> RemoteObject:
    """Upload as a sync does, which repeats it: a server may refuse some of hundreds with a temporary error."""
    for _ in range(_REPEATS):
        try:
            return await adapter.upload_file_async(data, key)
        except AdapterError as error:
            if not error.retryable:
                raise
    return await adapter.upload_file_async(data, key)


def _facts(error: AdapterError) -> tuple[object, ...]:
    return type(error), error.provider, error.key, error.status, error.retryable
