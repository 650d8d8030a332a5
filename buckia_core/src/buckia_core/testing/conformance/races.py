"""Tests of concurrent calls: writers, readers and listings at the same time, held together by barriers."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.errors import AdapterError, IntegrityError, NotFound, PreconditionFailed, Transient
from buckia_core.testing.conformance.suite import Suite, is_same, listed_keys, put, read, require

_WRITERS = 8
_ROUNDS = 5
_BARRIER_SECONDS = 1.0
_CONTENTS = [f"writer {number}".encode() for number in range(_WRITERS)]


class BarrierReader(io.RawIOBase):
    """A reader whose first `read` waits until all readers of the barrier are there.

    So every upload has begun, with all that it checks before it reads, when the first one goes on. An adapter that
    does not read its sources at the same time is not held up for longer than a second.
    """

    def __init__(self, data: bytes, barrier: threading.Barrier) -> None:
        super().__init__()
        self._data = io.BytesIO(data)
        self._barrier = barrier
        self._waited = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._data.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        if not self._waited:
            self._waited = True
            # It breaks if the adapter reads one source after the other.
            with suppress(threading.BrokenBarrierError):
                self._barrier.wait(_BARRIER_SECONDS)
        return self._data.readinto(buffer)


class PausingReader(io.BytesIO):
    """A reader that pauses in the middle until `resume` is set, for at most a second.

    An adapter that admits one upload of a key at a time is so not held up for longer.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._size = len(data)
        self.paused = threading.Event()
        self.resume = threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self._size // 2:
            self._pause()
        elif size is None or size < 0:
            first = super().read(self._size // 2 - self.tell())
            self._pause()
            return first + super().read()
        return super().read(size)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        if self.tell() >= self._size // 2:
            self._pause()
        return super().readinto(buffer)

    def _pause(self) -> None:
        self.paused.set()
        self.resume.wait(_BARRIER_SECONDS)


class RaceTests(Suite):
    """Concurrent calls of one adapter and of two."""

    def test_uploads_at_the_same_time_keep_their_contents(self, adapter: BaseSync) -> None:
        """No buffer is shared between calls."""
        contents = {f"k{number}": bytes([number]) * 20_000 for number in range(_WRITERS)}
        for _ in range(_ROUNDS):
            barrier = threading.Barrier(_WRITERS)
            _at_once([_uploader(adapter, key, BarrierReader(data, barrier)) for key, data in contents.items()])
            assert [key for key, data in contents.items() if read(adapter, key) != data] == []

    def test_large_uploads_of_one_key_leave_one_of_them(self, adapter: BaseSync, second: BaseSync) -> None:
        """Parts of one upload never end up in the object of another."""
        contents = [bytes([number]) * self.large_bytes for number in range(1, 5)]
        barrier = threading.Barrier(len(contents))
        uploads = [
            _uploader(second if data[0] % 2 else adapter, "k", BarrierReader(data, barrier)) for data in contents
        ]
        _at_once(uploads)
        found = read(adapter, "k")
        assert len(found) == self.large_bytes
        assert found in contents
        assert listed_keys(adapter.list_files()) == ["k"]

    def test_large_upload_that_is_overtaken_is_not_mixed(self, adapter: BaseSync, second: BaseSync) -> None:
        """Another upload of the key begins and ends while half of the source has been read."""
        slow, fast = b"s" * self.large_bytes, b"f" * self.large_bytes
        reader = PausingReader(slow)
        with ThreadPoolExecutor(1) as pool:
            uploading = pool.submit(_uploader(adapter, "k", reader))
            assert reader.paused.wait(30)
            second.upload_file(fast, "k")
            reader.resume.set()
            uploading.result()
        assert read(adapter, "k") in (slow, fast)

    @pytest.mark.parametrize("source", ["bytes", "reader"])
    @pytest.mark.parametrize("expect", ["absent", "unchanged"])
    def test_one_of_several_conditional_writers_wins(
        self, adapter: BaseSync, second: BaseSync, source: str, expect: str
    ) -> None:
        require(adapter, lambda each: each.probe().conditional_write, "conditional_write")
        for number in range(_ROUNDS):
            key = f"k{number}"
            precondition: Precondition = IfAbsent()
            if expect == "unchanged":
                precondition = IfUnchanged(adapter.upload_file(b"writer -", key))
            won = self._race(adapter, second, key, precondition, use_readers=source == "reader")
            assert len(won) <= 1
            assert read(adapter, key) in (won or _CONTENTS)

    def test_reads_during_overwrites_are_of_one_version(
        self, adapter: BaseSync, second: BaseSync, tmp_path: Path
    ) -> None:
        """A download in ranges, or one that is read slowly, never mixes versions; it may fail.

        It takes as many downloads as are overtaken by an overwrite `_ROUNDS` times, within bounds.
        """
        versions = [bytes([number]) * self.large_bytes for number in (1, 2)]
        second.upload_file(versions[0], "k")
        with _overwriting(second, "k", versions) as overwrites:
            overtaken = 0
            for number in range(_ROUNDS * _ROUNDS):
                target = tmp_path / f"{number}"
                before = overwrites.count
                try:
                    found = adapter.download_file("k", target)
                except (PreconditionFailed, IntegrityError, Transient) as error:
                    assert error.key == "k"
                else:
                    data = target.read_bytes()
                    assert any(is_same(data, version) for version in versions)
                    assert found.size == self.large_bytes
                    target.unlink()
                overtaken += overwrites.count > before
                if overtaken == _ROUNDS:
                    break

    def test_reader_stays_with_its_version(self, adapter: BaseSync, second: BaseSync) -> None:
        """What is read after an overwrite is the rest of the old version, or an error."""
        old, new = b"o" * self.large_bytes, b"n" * self.large_bytes
        put(adapter, {"k": old})
        with adapter.open_file("k") as reader:
            data = reader.read(1000)
            second.upload_file(new, "k")
            try:
                while chunk := reader.read(1 << 20):
                    data += chunk
            except AdapterError as error:
                assert error.key == "k"  # the error is one of two right results
            else:
                assert is_same(data, old)

    def test_readers_never_see_half_an_object(self, adapter: BaseSync, second: BaseSync) -> None:
        versions = [bytes([number]) * 50_000 for number in (1, 2)]
        second.upload_file(versions[0], "k")
        with _overwriting(second, "k", versions):
            for _ in range(4 * _ROUNDS):
                assert [(found.key, found.size) for found in adapter.list_files()] == [("k", 50_000)]
                assert adapter.stat_file("k").size == 50_000
                try:
                    data = read(adapter, "k")
                except (PreconditionFailed, IntegrityError, Transient):
                    continue
                assert data in versions

    def test_listings_side_by_side(self, adapter: BaseSync) -> None:
        put(adapter, ["a", "b", "c", "d/e", "d/f"])
        one, other = iter(adapter.list_files()), iter(adapter.list_files("d/"))
        assert [next(one).key, next(other).key, next(one).key, next(other).key] == ["a", "d/e", "b", "d/f"]
        assert listed_keys(one) == ["c", "d/e", "d/f"]
        assert listed_keys(other) == []

    def test_listings_in_threads(self, adapter: BaseSync) -> None:
        keys = sorted(put(adapter, [f"{number:02d}" for number in range(20)]))
        with ThreadPoolExecutor(_WRITERS) as pool:
            found = list(pool.map(lambda _: listed_keys(adapter.list_files()), range(_WRITERS)))
        assert found == [keys] * _WRITERS

    def _race(
        self, adapter: BaseSync, second: BaseSync, key: str, expect: Precondition, *, use_readers: bool
    ) -> list[bytes]:
        barrier = threading.Barrier(_WRITERS)

        def writer(number: int) -> Callable[[], bytes | None]:
            data = _CONTENTS[number]

            def write() -> bytes | None:
                if not use_readers:
                    barrier.wait()
                source = BarrierReader(data, barrier) if use_readers else data
                try:
                    (second if number % 2 else adapter).upload_file(source, key, expect=expect)  # type: ignore[arg-type]  # a RawIOBase is a BinaryIO in all but name
                except AdapterError as error:
                    # Some servers answer a writer that lost with a temporary error, which may hide a success too.
                    assert isinstance(error, PreconditionFailed) or error.retryable
                    return None
                return data

            return write

        return [data for data in _at_once([writer(number) for number in range(_WRITERS)]) if data is not None]


def _uploader(adapter: BaseSync, key: str, reader: io.RawIOBase | io.BytesIO) -> Callable[[], object]:
    def upload() -> object:
        try:
            return adapter.upload_file(reader, key)  # type: ignore[arg-type]  # as above
        except AdapterError as error:
            if not error.retryable:
                raise
            reader.seek(0)
            return adapter.upload_file(reader, key)  # type: ignore[arg-type]

    return upload


def _at_once(calls: Sequence[Callable[[], bytes | object | None]]) -> list:  # type: ignore[type-arg]
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


class _overwriting:  # noqa: N801  # used as a function
    """Overwrite an object in another thread, again and again, during the block."""

    def __init__(self, adapter: BaseSync, key: str, versions: Sequence[bytes]) -> None:
        self._adapter, self._key, self._versions = adapter, key, versions
        self._done = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self.count = 0  # overwrites that were made

    def __enter__(self) -> Self:
        self._writing = self._pool.submit(self._write)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._pool.shutdown(wait=True)
        self._writing.result()

    def _write(self) -> None:
        while not self._done.is_set():
            try:
                self._adapter.upload_file(self._versions[(self.count + 1) % len(self._versions)], self._key)
            except AdapterError as error:
                if isinstance(error, NotFound) or not error.retryable:
                    raise
            else:
                self.count += 1
