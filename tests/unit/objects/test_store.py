"""`ObjectStore` on every kind of bucket."""

from __future__ import annotations

import hashlib
import io
import os
import random
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.errors import (
    AlreadyExists,
    BucketNotFound,
    IntegrityError,
    InvalidSetting,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Unauthenticated,
)
from buckia_core.objects.progress import TransferProgress
from buckia_core.objects.store import ObjectStore
from buckia_core.objects.upload import Upload
from buckia_core.planning.digest import Digest

LARGE = random.Random(1).randbytes(17 << 20)


def sha256(data: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(data).hexdigest())


class ForwardOnly(io.RawIOBase):
    """A pipe: it can be read once."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer):
        return self._data.readinto(buffer)


def sources(data: bytes, path: Path):
    """Yield every form of a source."""
    path.write_bytes(data)
    yield data
    yield bytearray(data)
    yield memoryview(data)
    yield path
    yield io.BytesIO(data)
    yield ForwardOnly(data)
    yield (data[start : start + 1_000_003] for start in range(0, len(data), 1_000_003))


def test_put_takes_a_path_bytes_a_file_and_an_iterator(store, tmp_path):
    for number, source in enumerate(sources(b"hello", tmp_path / "source")):
        written = store.put(f"d/{number}.txt", source)
        assert (written.key, written.size) == (f"d/{number}.txt", 5)
        assert sha256(b"hello") in written.digests
        assert store.get(written.key) == b"hello"
    assert store.put("empty", b"").size == 0 and store.get("empty") == b""
    assert store.put("none", iter(())).size == 0


def test_large_content_is_streamed_from_any_source(store, tmp_path):
    steps: list[TransferProgress] = []
    for number, source in enumerate(sources(LARGE, tmp_path / "source")):
        if number in (1, 2, 4):
            continue
        steps.clear()
        written = store.put("large.bin", source, progress=steps.append)
        assert written.size == len(LARGE) and sha256(LARGE) in written.digests
        assert [each.bytes_transferred for each in steps] == sorted({each.bytes_transferred for each in steps})
        assert steps[-1].bytes_transferred == len(LARGE)
        assert steps[-1].total_bytes == (len(LARGE) if number in (0, 3, 4) else None)
        assert b"".join(store.stream("large.bin")) == LARGE
    steps.clear()
    assert store.get("large.bin", progress=steps.append) == LARGE
    assert steps[-1] == TransferProgress("large.bin", len(LARGE), len(LARGE))
    steps.clear()
    assert store.download("large.bin", tmp_path / "got", progress=steps.append).size == len(LARGE)
    assert (tmp_path / "got").read_bytes() == LARGE
    assert [each.bytes_transferred for each in steps] == sorted({each.bytes_transferred for each in steps})
    assert steps[-1].bytes_transferred == len(LARGE)


def test_put_starts_at_the_position_of_a_file(store):
    reader = io.BytesIO(b"headcontent")
    reader.seek(4)
    assert store.put("a", reader).size == 7
    assert store.get("a") == b"content"


def test_put_refuses_what_could_be_meant_in_two_ways(store):
    with pytest.raises(InvalidSetting, match="pass Path"):
        store.put("a", "text")
    with pytest.raises(InvalidSetting, match="not 5"):
        store.put("a", 5)
    with pytest.raises(InvalidSetting, match="yields str"):
        store.put("a", ["text"])
    assert store.head("a") is None


def test_attributes_are_kept_where_the_provider_keeps_them(store):
    store.put("a.bin", b"1", content_type="image/png")
    if store.adapter.capabilities.metadata:
        found = store.put("b.bin", b"1", content_type="image/png", metadata={"made-by": "ü"})
        found = store.stat("b.bin")
        assert found.content_type == "image/png" and found.metadata == {"made-by": "ü"}
    else:
        with pytest.raises(NotSupported, match="no metadata"):
            store.put("b.bin", b"1", metadata={"a": "b"})


def test_conditions_create_only_or_replace_one_version(store):
    first = store.put("a", b"1", expect=IfAbsent())
    with pytest.raises(PreconditionFailed):
        store.put("a", b"2", expect=IfAbsent())
    second = store.put("a", b"22", expect=IfUnchanged(first))
    with pytest.raises(PreconditionFailed):
        store.put("a", b"3", expect=IfUnchanged(first))
    assert store.get("a") == b"22" and store.stat("a").fingerprint == second.fingerprint


def test_head_is_none_where_there_is_no_object(store):
    assert store.head("a") is None and not store.exists("a")
    store.put("a", b"12")
    assert store.head("a").size == 2 and store.exists("a")
    with pytest.raises(NotFound):
        store.stat("b")
    for read in (store.get, lambda key: store.get_range(key, 0, 1), lambda key: list(store.stream(key))):
        with pytest.raises(NotFound):
            read("b")


def test_ranges_are_shorter_where_the_object_ends(store):
    store.put("a", b"0123456789")
    assert store.get_range("a", 2, 3) == b"234"
    assert store.get_range("a", 8) == b"89"
    assert store.get_range("a", 8, 100) == b"89"
    assert store.get_range("a", 100, 5) == b""
    assert store.get_range("a", 5, 0) == b""
    for offset, length in ((-1, 2), (0, -1), (0.5, 1), (True, 1)):
        with pytest.raises(InvalidSetting, match="whole number"):
            store.get_range("a", offset, length)


def test_stream_yields_chunks_of_the_size_that_is_asked_for(store):
    store.put("a", b"0123456789")
    chunks = list(store.stream("a", chunk_size=4))
    assert b"".join(chunks) == b"0123456789" and max(map(len, chunks)) <= 4
    with pytest.raises(InvalidSetting, match="chunk_size"):
        store.stream("a", chunk_size=0)


def test_download_is_whole_or_leaves_what_was_there(store, tmp_path):
    store.put("d/a.txt", b"new")
    assert store.download("d/a.txt", tmp_path / "x" / "y").key == "d/a.txt"
    assert (tmp_path / "x" / "y").read_bytes() == b"new"
    store.download("d/a.txt", tmp_path / "x")
    assert (tmp_path / "x" / "a.txt").read_bytes() == b"new"
    (tmp_path / "x" / "y").write_bytes(b"mine")
    with pytest.raises(AlreadyExists):
        store.download("d/a.txt", tmp_path / "x" / "y")
    assert (tmp_path / "x" / "y").read_bytes() == b"mine"
    store.download("d/a.txt", tmp_path / "x" / "y", overwrite=True)
    assert (tmp_path / "x" / "y").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path / "x")) == ["a.txt", "y"]


def test_copy_and_move_keep_content_and_attributes(store):
    metadata = {"k": "v"} if store.adapter.capabilities.metadata else None
    store.put("a.bin", b"1", content_type="image/png", metadata=metadata)
    assert store.copy("a.bin", "b.bin").key == "b.bin"
    assert store.get("b.bin") == b"1"
    store.move("a.bin", "d/c.bin")
    assert not store.exists("a.bin") and store.get("d/c.bin") == b"1"
    if metadata:
        assert store.stat("d/c.bin").content_type == "image/png"
        assert store.stat("d/c.bin").metadata == metadata
    with pytest.raises(NotFound):
        store.move("a.bin", "x")
    with pytest.raises(PreconditionFailed):
        store.move("b.bin", "d/c.bin", expect=IfAbsent())
    assert store.exists("b.bin")
    assert store.move("b.bin", "b.bin").key == "b.bin" and store.exists("b.bin")


def test_deletes_are_no_error_where_there_is_no_object(store):
    for key in ("a", "b", "c"):
        store.put(key, b"1")
    store.delete("a")
    store.delete("a")
    preview = store.delete_many(["b", "c", "none", "b"], dry_run=True)
    assert preview.dry_run and preview.keys == ("b", "c", "none") and store.exists("b")
    result = store.delete_many(iter(["b", "c", "none", "b"]))
    assert (result.count, result.keys, result.failed) == (3, ("b", "c", "none"), ())
    assert [each.key for each in store.iter()] == []
    assert store.delete_many([]).count == 0


def test_delete_prefix_shows_first_and_deletes_when_told(store):
    for key in ("tmp/a", "tmp/b/c", "tmp-2/a", "tmq"):
        store.put(key, b"12")
    preview = store.delete_prefix("tmp")
    assert (preview.count, preview.total_bytes, preview.keys, preview.dry_run) == (2, 4, ("tmp/a", "tmp/b/c"), True)
    assert store.exists("tmp/a")
    steps: list[Any] = []
    result = store.delete_prefix("tmp", dry_run=False, progress=steps.append)
    assert (result.count, result.total_bytes, result.dry_run) == (2, 4, False) and steps[-1] == result
    assert [each.key for each in store.iter()] == ["tmp-2/a", "tmq"]
    assert store.delete_prefix("tm", partial_names=True, dry_run=False).count == 2


@pytest.mark.parametrize("prefix", ["", "/", " ", "//", "\t"])
def test_a_blank_prefix_is_refused(open_store, prefix):
    store = open_store("memory")
    store.put("a", b"1")
    with pytest.raises(InvalidSetting, match="whole bucket"):
        store.delete_prefix(prefix, dry_run=False)
    assert store.exists("a")


KEYS = ["a", "d/1", "d/2", "d/e/1", "d/e/2", "d/z", "d-2/x", "e/y/z", "z"]


def test_a_page_ends_where_the_next_one_begins(store):
    for key in KEYS:
        store.put(key, b"1")
    for size in (1, 2, 4, 100):
        found, token, pages = [], None, 0
        while True:
            page = store.list(max_keys=size, continuation_token=token)
            found += [each.key for each in page.objects]
            pages += 1
            if (token := page.next_token) is None:
                break
        assert found == sorted(KEYS) and pages == len(KEYS) // size + 1
    assert [each.key for each in store.list("d").objects] == ["d/1", "d/2", "d/e/1", "d/e/2", "d/z"]
    assert store.list("d", partial_names=True).objects[0].key == "d-2/x"
    assert [each.key for each in store.iter("d/e")] == ["d/e/1", "d/e/2"]


def test_a_delimiter_folds_folders(store):
    for key in KEYS:
        store.put(key, b"1")
    page = store.list(delimiter="/")
    assert [each.key for each in page.objects] == ["a", "z"] and page.prefixes == ("d-2/", "d/", "e/")
    page = store.list("d", delimiter="/")
    assert [each.key for each in page.objects] == ["d/1", "d/2", "d/z"] and page.prefixes == ("d/e/",)
    found, token = [], None
    while True:
        page = store.list(delimiter="/", max_keys=1, continuation_token=token)
        found += [*page.prefixes, *(each.key for each in page.objects)]
        if (token := page.next_token) is None:
            break
    assert found == ["a", "d-2/", "d/", "e/", "z"]


def test_a_large_folder_is_skipped_and_not_read(open_store):
    store = open_store("memory")
    for number in range(5000):
        store.put(f"big/{number:05}", b"")
    store.put("after", b"")
    store.put("small/1", b"")
    before = store.adapter.request_count
    page = store.list(delimiter="/")
    assert page.prefixes == ("big/", "small/") and [each.key for each in page.objects] == ["after"]
    assert store.adapter.request_count - before <= 3


@pytest.mark.parametrize("token", ["?", "not base64!", "/w=="])
def test_a_token_of_no_listing_is_refused(open_store, token):
    with pytest.raises(InvalidSetting, match="continuation_token"):
        open_store("memory").list(continuation_token=token)


def test_a_key_that_may_not_be_read_is_not_absent(open_store):
    with pytest.raises((PermissionDenied, Unauthenticated)):
        open_store("ceph", secret_access_key="wrong").head("a")
    with pytest.raises(PermissionDenied):
        open_store("ceph", skip_signature=True, access_key_id=None, secret_access_key=None).head("a")
    with pytest.raises(BucketNotFound):
        open_store("ceph", bucket_name="none-such").head("a")


def test_a_store_needs_a_bucket():
    with pytest.raises(InvalidSetting, match="bucket must be"):
        ObjectStore("images")  # type: ignore[arg-type]


def test_a_source_that_changes_is_not_uploaded(open_store, tmp_path, monkeypatch):
    store = open_store("memory")
    path = tmp_path / "a"
    path.write_bytes(b"1" * 100)
    real = store.adapter.upload_file

    def change_first(source, key, **options):
        path.write_bytes(b"2" * 100)
        return real(source, key, **options)

    monkeypatch.setattr(store.adapter, "upload_file", change_first)
    with pytest.raises(IntegrityError):
        store.put("a", path)
    assert not store.exists("a")


def test_all_that_is_known_of_an_upload_reaches_the_adapter():
    class Recording(MemorySync):
        def upload_file(self, source, key, *, expect=None, info=None):
            self.info = info
            return super().upload_file(source, key, expect=expect, info=info)

    adapter = Recording(MemorySettings())
    attributes = ObjectAttributes(cache_control="no-cache")
    given = UploadInfo(5, (sha256(b"1"),), "text/x", {"a": "b"}, 0o600, attributes=attributes)
    assert all(getattr(given, each.name) != each.default for each in fields(UploadInfo) if "computed" not in each.name)
    Upload(adapter, "k", given, "sha256").send(b"1")
    assert adapter.info == given
    Upload(adapter, "k", replace(given, digests=()), "sha256").send(b"1")
    assert adapter.info == replace(given, digests_computed=True)
