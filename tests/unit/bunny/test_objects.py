"""Uploads that are checked, downloads that are, and deletes that take one file."""

from __future__ import annotations

import hashlib
import io

import pytest

from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    IntegrityError,
    NotFound,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.planning.digest import Digest


def test_an_upload_costs_three_requests(adapter, bunny_account):
    bunny_account.forget_calls()
    adapter.upload_file(b"1", "d/k", expect=IfAbsent())
    assert bunny_account.seen()["calls"] == {"describe": 2, "upload": 1}
    assert adapter.request_count == 3


def test_an_upload_that_was_not_stored_is_retried(adapter, bunny_account):
    bunny_account.fail("upload", status=201, message="File uploaded.", times=1)
    with pytest.raises(Transient, match="did not store") as caught:
        adapter.upload_file(b"1", "k", expect=IfAbsent())
    assert caught.value.retryable
    assert adapter.upload_file(b"1", "k", expect=IfAbsent()).size == 1
    bunny_account.fail("upload", status=201, message="File uploaded.", times=1)
    with pytest.raises(Transient):
        adapter.upload_file(b"2", "k")
    assert adapter.read_file("k")[1] == b"1"


def test_another_writer_at_the_same_time_is_noticed(adapter, connect, bunny_account, monkeypatch):
    other = connect()
    seen = adapter.upload_file(b"old", "k")
    put = adapter._storage.put

    async def and_then_another(*args, **kwargs):
        error = await put(*args, **kwargs)
        other.upload_file(b"theirs", "k")
        return error

    monkeypatch.setattr(adapter._storage, "put", and_then_another)
    with pytest.raises(PreconditionFailed, match="another writer"):
        adapter.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert other.read_file("k")[1] == b"theirs"


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_a_source_with_another_digest_is_not_stored(adapter, tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    info = UploadInfo(digests=(Digest("sha256", hashlib.sha256(b"something else").hexdigest()),))
    with pytest.raises(IntegrityError) as caught:
        adapter.upload_file(path, "k", info=info)
    assert not caught.value.retryable
    assert list(adapter.list_files()) == []


class _Shrinking(io.BytesIO):
    """Loses its end when it is first read."""

    def read(self, size: int | None = -1, /) -> bytes:
        self.truncate(2 << 20)
        return super().read(size)


def test_a_source_that_shrinks_does_not_hang(adapter):
    data = _Shrinking(b"x" * (3 << 20))
    info = UploadInfo(digests=(Digest("sha256", hashlib.sha256(data.getvalue()).hexdigest()),))
    with pytest.raises(IntegrityError):
        adapter.upload_file(data, "k", info=info)
    assert list(adapter.list_files()) == []


def test_the_content_type_is_sent(adapter, bunny_account, zone):
    adapter.upload_file(b"1", "a.bin", info=UploadInfo(content_type="text/x-own"))
    adapter.upload_file(b"1", "b.html")
    pull_zone = bunny_account.new_pull_zone(zone)
    for key, kind in (("a.bin", "text/x-own"), ("b.html", "text/html")):
        status, _, headers = bunny_account.fetch(f"https://{pull_zone.hostname}/{key}")
        assert (status, headers["Content-Type"]) == (200, kind)


def test_a_whole_download_of_what_is_known_is_one_request(adapter, bunny_account, tmp_path):
    seen = adapter.upload_file(bytes(1 << 20), "k")
    bunny_account.forget_calls()
    adapter.download_file("k", tmp_path / "file", expect=seen)
    assert bunny_account.seen()["calls"] == {"download": 1}


def test_bytes_that_are_not_those_of_the_object_are_noticed(adapter, monkeypatch, tmp_path):
    seen = adapter.upload_file(b"right", "k")
    wrong = seen._replace(digests=(Digest("sha256", "0" * 64),))
    with pytest.raises(IntegrityError) as caught:
        adapter.download_file("k", tmp_path / "file", expect=wrong)
    assert caught.value.retryable


def test_a_range_of_an_object_that_changes(adapter, connect):
    data = bytes(2 << 20)
    seen = adapter.upload_file(data, "k")
    with adapter.open_file("k", expect=seen, start=1) as reader:
        reader.read(10)
        connect().upload_file(b"other", "k")
        with pytest.raises(PreconditionFailed):
            reader.read()


def test_resuming_behind_the_end_of_the_object(adapter, tmp_path):
    seen = adapter.upload_file(b"x" * 100, "k")
    adapter.upload_file(b"short", "k")
    target = tmp_path / "target"
    target.write_bytes(b"x" * 50)
    with pytest.raises(PreconditionFailed):
        adapter.resume_download("k", PartialDownload(target, 50, lambda _: None), expect=seen)


def test_a_directory_is_never_deleted_for_a_key(adapter, bunny_account):
    adapter.upload_file(b"1", "d/a")
    adapter.upload_file(b"1", "d/e/b")
    bunny_account.forget_calls()
    assert [each.error for each in adapter.delete_files(["d", "d/e", "none"])] == [None] * 3
    assert bunny_account.seen()["calls"] == {"describe": 3}
    assert [each.key for each in adapter.list_files()] == ["d/a", "d/e/b"]


def test_a_failed_delete_is_an_error(adapter, bunny_account):
    adapter.upload_file(b"1", "a")
    bunny_account.fail("delete", status=400, message="File could not be deleted")
    (outcome,) = adapter.delete_files(["a"])
    assert isinstance(outcome.error, AdapterError)
    assert "could not be deleted" in str(outcome.error)
    bunny_account.stop_failing()
    bunny_account.over_limit("delete", times=1)
    (outcome,) = adapter.delete_files(["a"])
    assert isinstance(outcome.error, Throttled)


def test_deletes_keep_below_the_limit(adapter, bunny_account):
    keys = [f"k{number}" for number in range(60)]
    for key in keys:
        adapter.upload_file(b"1", key)
    bunny_account.set(deletes=8)
    assert [each.error for each in adapter.delete_files(keys)] == [None] * 60


def test_the_password_for_reading_reads_and_does_not_write(connect, zone, adapter):
    adapter.upload_file(b"1", "k")
    reading = connect(storage_api_key=Secret(zone.read_only_password))
    assert reading.read_file("k")[1] == b"1"
    with pytest.raises(Unauthenticated, match="can't write"):
        reading.upload_file(b"2", "k")
    (outcome,) = reading.delete_files(["k"])
    assert isinstance(outcome.error, Unauthenticated)


def test_an_emptied_directory_stays_unless_it_is_asked_for(adapter, connect, bunny_account):
    adapter.upload_file(b"1", "a/b/c")
    adapter.delete_files(["a/b/c"])
    with pytest.raises(AlreadyExists, match="prune_empty_directories"):
        adapter.upload_file(b"2", "a")
    assert "delete_directory" not in bunny_account.seen()["calls"]
    pruning = connect(prune_empty_directories=True)
    assert pruning.upload_file(b"2", "a").size == 1


def test_only_empty_directories_are_pruned(connect, bunny_account):
    adapter = connect(prune_empty_directories=True, prefix="root")
    for key in ("a/b/c", "a/kept", "x/y/z"):
        adapter.upload_file(b"1", key)
    with pytest.raises(AlreadyExists):
        adapter.upload_file(b"2", "a")
    assert [each.error for each in adapter.delete_files(["a/b/c", "x/y/z"])] == [None, None]
    assert bunny_account.seen()["calls"]["delete_directory"] == 3
    assert [each.key for each in adapter.list_files()] == ["a/kept"]
    adapter.delete_files(["a/kept"])
    assert bunny_account.seen()["calls"]["delete_directory"] == 4, "the prefix itself stays"


def test_a_file_where_a_directory_must_be(adapter):
    adapter.upload_file(b"1", "a")
    with pytest.raises(AlreadyExists):
        adapter.upload_file(b"2", "a/b")
    with pytest.raises(NotFound):
        adapter.stat_file("a/b")
