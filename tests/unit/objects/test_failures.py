"""What a store does when calls fail, or bytes are wrong."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.errors import (
    IntegrityError,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    Transient,
    Unauthenticated,
)
from buckia_core.objects.delete import DeleteIncomplete
from buckia_core.objects.read import Reader
from buckia_core.objects.store import ObjectStore
from buckia_core.planning.digest import Digest
from buckia_core.testing import Fault, Faulty


class Breaking(MemorySync):
    """Loses the connection after `at` bytes, `times` times; then it holds."""

    at, times, opened = 3, 1, 0

    @contextmanager
    def open_file(self, key, *, expect=None, start=0, end=None):
        self.opened += 1
        with super().open_file(key, expect=expect, start=start, end=end) as reader:
            yield _Breaking(self, reader) if self.opened <= self.times else reader


class _Breaking:
    def __init__(self, owner, reader):
        self._left, self._reader = owner.at, reader

    def read(self, size=-1):
        if not self._left or size < 0:
            raise Transient("reset")
        chunk = self._reader.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk


@pytest.fixture
def bucket():
    return MemorySync(MemorySettings())


@pytest.fixture
def no_waits(monkeypatch):
    def policy(attempts=5, seconds=120.0):
        return RetryPolicy(attempts, seconds, sleep=lambda _: None)

    monkeypatch.setattr("buckia_core.objects.backend.RetryPolicy", policy)


def test_a_stream_goes_on_where_the_connection_was_lost(no_waits):
    adapter = Breaking(MemorySettings())
    adapter.times = 12
    store = ObjectStore(adapter)
    store.put("a", bytes(range(100)))
    steps: list[Any] = []
    assert b"".join(store.stream("a", chunk_size=2, progress=steps.append)) == bytes(range(100))
    assert [each.bytes_transferred for each in steps] == sorted({each.bytes_transferred for each in steps})
    assert adapter.opened == 13


def test_a_stream_without_progress_gives_up():
    adapter = Breaking(MemorySettings())
    adapter.at, adapter.times = 0, 100
    found = ObjectStore(adapter).put("a", b"1")
    reader = Reader(adapter, policy=RetryPolicy(max_attempts=3, sleep=lambda _: None))
    with pytest.raises(Transient):
        list(reader.stream(found))
    assert adapter.opened == 3


def test_a_stream_is_of_one_version(no_waits):
    adapter = Breaking(MemorySettings())
    adapter.times = 3
    store = ObjectStore(adapter)
    store.put("a", b"1111111111")
    chunks = store.stream("a", chunk_size=3)
    next(chunks)
    store.put("a", b"2222222222")
    with pytest.raises(PreconditionFailed):
        list(chunks)


def test_a_range_is_read_again(no_waits):
    store = ObjectStore(Breaking(MemorySettings()))
    store.put("a", b"0123456789")
    assert store.get_range("a", 1, 8) == b"12345678"


class Corrupting(MemorySync):
    """Changes the first byte of what is read, `times` times."""

    times = 1

    def _stored(self, key, expect):
        stored = super()._stored(key, expect)
        if not self.times or not stored.data:
            return stored
        self.times -= 1
        return replace(stored, data=b"?" + stored.data[1:])

    def stat_file(self, key):
        times, self.times = self.times, 0
        found = super().stat_file(key)
        self.times = times
        return found


def test_wrong_content_is_read_again_and_never_returned(tmp_path):
    adapter = Corrupting(MemorySettings())
    store = ObjectStore(adapter)
    store.put("a", b"content")
    assert store.get("a") == b"content"
    adapter.times = 1
    assert store.download("a", tmp_path / "a").size == 7
    assert (tmp_path / "a").read_bytes() == b"content"
    adapter.times = 100
    for read in (store.get, lambda key: store.download(key, tmp_path / "b"), lambda key: list(store.stream(key))):
        with pytest.raises(IntegrityError):
            read("a")
    assert not (tmp_path / "b").exists()


def test_what_arrives_is_compared_with_what_was_sent(bucket, monkeypatch):
    real = bucket.upload_file

    def lose(source, key, **options):
        return real(source, key, **options)._replace(digests=(Digest("sha256", "0" * 64),))

    monkeypatch.setattr(bucket, "upload_file", lose)
    with pytest.raises(IntegrityError, match="not what was sent"):
        ObjectStore(bucket).put("a", b"1")


def test_a_listener_that_raises_ends_the_transfer(bucket):
    def stop(progress):
        raise KeyboardInterrupt

    store = ObjectStore(bucket)
    with pytest.raises(KeyboardInterrupt):
        store.put("a", b"1", progress=stop)
    assert not store.exists("a")


def test_a_move_keeps_a_source_that_changed(bucket, monkeypatch):
    store = ObjectStore(bucket)
    store.put("a", b"1")
    real = bucket.copy_file

    def edit(source, key, **options):
        copied = real(source, key, **options)
        store.put("a", b"edit")
        return copied

    monkeypatch.setattr(bucket, "copy_file", edit)
    with pytest.raises(PreconditionFailed, match="kept beside its copy 'b'"):
        store.move("a", "b")
    assert store.get("a") == b"edit" and store.get("b") == b"1"


def test_a_bulk_delete_that_stops_says_what_was_deleted(bucket):
    store = ObjectStore(Faulty(bucket, [Fault("delete_files", lambda: Unauthenticated("expired"), at=3)]))
    for number in range(2500):
        store.put(f"d/{number:04}", b"12")
    steps: list[Any] = []
    with pytest.raises(DeleteIncomplete, match="2000 objects were deleted") as caught:
        store.delete_prefix("d", dry_run=False, progress=steps.append)
    assert isinstance(caught.value.__cause__, Unauthenticated)
    result = pickle.loads(pickle.dumps(caught.value)).result
    assert (result.count, result.total_bytes, len(result.keys)) == (2000, 4000, 1000)
    assert [each.count for each in steps] == [1000, 2000]
    assert len(list(store.iter())) == 500


def test_a_bulk_delete_that_fails_at_once_raises_the_error_itself(bucket):
    store = ObjectStore(Faulty(bucket, [Fault("delete_files", lambda: Unauthenticated("expired"))]))
    with pytest.raises(Unauthenticated):
        store.delete_many(["a"])


def test_a_listing_that_fails_midway_is_told_with_what_was_deleted(bucket):
    for number in range(2500):
        ObjectStore(bucket).put(f"d/{number:04}", b"")
    store = ObjectStore(Faulty(bucket, [Fault("list_files", entries=1500)]))
    with pytest.raises(DeleteIncomplete) as caught:
        store.delete_prefix("d", dry_run=False)
    assert caught.value.result.count == 1000 and caught.value.retryable


class Locked(MemorySync):
    """Refuses to delete keys that begin with `l`."""

    def delete_files(self, keys):
        free = [key for key in keys if not key.startswith("l")]
        super().delete_files(free)
        denied = PermissionDenied("locked")
        return [DeleteOutcome(key, None if key in free else denied) for key in keys]


def test_a_key_that_fails_stops_no_other():
    store = ObjectStore(Locked(MemorySettings()))
    result = store.delete_many(["a", "l", "b"])
    assert (result.count, result.keys) == (2, ("a", "b"))
    assert [(each.key, type(each.error)) for each in result.failed] == [("l", PermissionDenied)]
    with pytest.raises(PermissionDenied):
        store.delete("l")


def test_too_many_keys_that_fail_stop_a_bulk_delete():
    store = ObjectStore(Locked(MemorySettings()))
    for number in range(3000):
        store.put(f"l{number:04}", b"")
    with pytest.raises(DeleteIncomplete, match="1000 were not"):
        store.delete_many([f"l{number:04}" for number in range(3000)])


def test_only_an_absent_object_is_none(bucket):
    store = ObjectStore(Faulty(bucket, [Fault("stat_file", lambda: PermissionDenied("no"))]))
    with pytest.raises(PermissionDenied):
        store.head("a")
    assert store.head("a") is None
    with pytest.raises(NotFound):
        store.stat("a")
