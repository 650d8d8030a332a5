"""Tests of uploads: every kind of source, atomic writes, attributes."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.errors import IntegrityError
from buckia_core.planning.digest import Comparison, Digest, compare
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, read, require

BINARY = bytes(range(256)) * 4 + b"\r\n\x00\x1a\n"


class _Stream(io.RawIOBase):
    """A reader without seek and length that returns short reads, like a pipe."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._rest = memoryview(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        count = min(len(buffer), len(self._rest), 1000)
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class _Breaking(_Stream):
    """A reader that fails after its bytes, like a broken disk."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return super().readinto(buffer) or self._break()

    def _break(self) -> int:
        raise OSError(5, "the disk broke")


class UploadTests(Suite):
    """Tests of `upload_file`."""

    @pytest.mark.parametrize("data", [b"", b"x", BINARY], ids=["empty", "one_byte", "binary"])
    def test_upload_of_bytes(self, adapter: BaseSync, data: bytes) -> None:
        uploaded = adapter.upload_file(data, "k")
        assert (uploaded.key, uploaded.size) == ("k", len(data))
        assert read(adapter, "k") == data

    @pytest.mark.parametrize("data", [b"", BINARY], ids=["empty", "binary"])
    def test_upload_of_a_path(self, adapter: BaseSync, data: bytes, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(data)
        assert adapter.upload_file(source, "k").size == len(data)
        assert read(adapter, "k") == data

    @pytest.mark.parametrize("data", [b"", BINARY], ids=["empty", "binary"])
    def test_upload_of_a_reader_leaves_it_open(self, adapter: BaseSync, data: bytes) -> None:
        reader = io.BytesIO(data)
        assert adapter.upload_file(reader, "k").size == len(data)
        assert not reader.closed
        assert read(adapter, "k") == data

    def test_upload_of_a_reader_begins_where_it_stands(self, adapter: BaseSync) -> None:
        reader = io.BytesIO(b"0123456789")
        reader.seek(4)
        assert adapter.upload_file(reader, "k").size == 6
        assert read(adapter, "k") == b"456789"

    @pytest.mark.parametrize("data", [b"", BINARY * 40], ids=["empty", "some"])
    def test_upload_of_a_reader_that_can_not_seek(self, adapter: BaseSync, data: bytes) -> None:
        assert adapter.upload_file(io.BufferedReader(_Stream(data)), "k").size == len(data)
        assert read(adapter, "k") == data

    @pytest.mark.parametrize("kind", ["path", "stream"])
    def test_large_object(self, adapter: BaseSync, kind: str, tmp_path: Path) -> None:
        source = tmp_path / "large"
        chunk = os.urandom(1 << 16)
        source.write_bytes((chunk * (self.large_bytes // len(chunk) + 1))[: self.large_bytes])
        data = source.read_bytes()
        digests = (Digest("sha256", hashlib.sha256(data).hexdigest()),)
        uploaded = adapter.upload_file(
            source if kind == "path" else io.BufferedReader(_Stream(data)), "large", info=UploadInfo(digests=digests)
        )
        assert uploaded.size == self.large_bytes
        assert uploaded.fingerprint == next(iter(adapter.list_files())).fingerprint
        downloaded = adapter.download_file("large", tmp_path / "back")
        assert downloaded.fingerprint == uploaded.fingerprint
        assert (tmp_path / "back").read_bytes() == data

    def test_upload_returns_what_a_listing_has(self, adapter: BaseSync) -> None:
        uploaded = adapter.upload_file(b"1", "d/k")
        listed = next(iter(adapter.list_files()))
        assert (uploaded.key, uploaded.size, uploaded.fingerprint) == (listed.key, listed.size, listed.fingerprint)

    def test_overwriting(self, adapter: BaseSync, second: BaseSync) -> None:
        first = adapter.upload_file(b"first, which is longer", "k")
        replaced = second.upload_file(b"second", "k")
        assert first.fingerprint != replaced.fingerprint
        assert listed_keys(adapter.list_files()) == ["k"]
        assert adapter.stat_file("k").fingerprint == replaced.fingerprint
        assert read(adapter, "k") == b"second"

    def test_overwriting_with_as_many_bytes_is_noticed(self, adapter: BaseSync) -> None:
        first = adapter.upload_file(b"aaaa", "k")
        second = adapter.upload_file(b"bbbb", "k")
        assert first.fingerprint != second.fingerprint
        assert next(iter(adapter.list_files())).fingerprint == second.fingerprint

    def test_missing_source_is_an_error_of_the_system(self, adapter: BaseSync, tmp_path: Path) -> None:
        with pytest.raises(OSError):  # noqa: PT011  # the class depends on the system
            adapter.upload_file(tmp_path / "none", "k")
        assert list(adapter.list_files()) == []

    def test_source_that_breaks_leaves_nothing(self, adapter: BaseSync) -> None:
        put(adapter, {"old": b"old"})
        for key in ("new", "old"):
            with pytest.raises(OSError, match="the disk broke"):
                adapter.upload_file(io.BufferedReader(_Breaking(b"half")), key)
        assert listed_keys(adapter.list_files()) == ["old"]
        assert read(adapter, "old") == b"old"

    def test_upload_that_is_not_what_was_sent(self, adapter: BaseSync) -> None:
        """An adapter that verifies `info.digests` refuses other bytes; one that can't stores them."""
        wrong = UploadInfo(digests=(Digest("sha256", "0" * 64), Digest("md5", "0" * 32), Digest("sha1", "0" * 40)))
        failure = None
        try:
            adapter.upload_file(b"content", "k", info=wrong)
        except IntegrityError as error:
            failure = error
        if failure is None:
            assert read(adapter, "k") == b"content"
        else:
            assert failure.key == "k"
            assert list(adapter.list_files()) == []

    def test_reported_digests_match_the_content(self, adapter: BaseSync) -> None:
        put(adapter, {"k": BINARY})
        declared = set(adapter.capabilities.listing_digests)
        listed = next(iter(adapter.list_files()))
        assert {digest.algorithm for digest in listed.digests} >= declared
        known = [name for name in hashlib.algorithms_guaranteed if not name.startswith("shake")]
        right = tuple(Digest(name, hashlib.new(name, BINARY).hexdigest()) for name in known)
        for reported in (listed.digests, adapter.stat_file("k").digests):
            assert compare(reported, right) is not Comparison.DIFFERENT

    def test_concurrent_writers_leave_one_complete_version(self, adapter: BaseSync, second: BaseSync) -> None:
        versions = [bytes([number]) * 50_000 for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda data: (second if data[0] % 2 else adapter).upload_file(data, "k"), versions))
        assert len(results) == 8
        assert read(adapter, "k") in versions
        assert listed_keys(adapter.list_files()) == ["k"]

    def test_readers_never_see_half_an_object(self, adapter: BaseSync, second: BaseSync) -> None:
        versions = [bytes([number]) * 100_000 for number in range(6)]
        adapter.upload_file(versions[0], "k")
        done = threading.Event()

        def watch() -> set[int]:
            sizes = set()
            while not done.is_set():
                sizes |= {found.size for found in second.list_files()}
            return sizes

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                for data in versions:
                    adapter.upload_file(data, "k")
            finally:
                done.set()
            assert watching.result() <= {100_000}

    def test_modification_time_is_kept(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.mtime, "mtime")
        times = {
            "now": 1_700_000_000_123_456_789,
            "early": -86_400_000_000_000,
            "epoch": 0,
            "late": 4_102_444_800_000_000_000,
        }
        for key, mtime_ns in times.items():
            adapter.upload_file(b"1", key, info=UploadInfo(mtime_ns=mtime_ns))
        reported = {key: adapter.stat_file(key).mtime_ns for key in times}
        # Providers store milliseconds or better.
        for key, mtime_ns in times.items():
            kept = reported[key]
            assert kept is not None
            assert abs(kept - mtime_ns) <= 1_000_000, key

    def test_metadata_is_kept(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.metadata, "metadata")
        metadata = {"author": "someone", "with-dash": "a b=c", "number": "1"}
        adapter.upload_file(b"1", "k", info=UploadInfo(metadata=metadata))
        adapter.upload_file(b"1", "without")
        assert adapter.stat_file("k").metadata == metadata
        assert adapter.stat_file("without").metadata == {}

    def test_metadata_is_replaced_with_the_object(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.metadata, "metadata")
        adapter.upload_file(b"1", "k", info=UploadInfo(metadata={"old": "1"}))
        adapter.upload_file(b"2", "k", info=UploadInfo(metadata={"new": "2"}))
        assert adapter.stat_file("k").metadata == {"new": "2"}

    def test_content_type_is_guessed_from_the_key(self, adapter: BaseSync) -> None:
        put(adapter, {"a.html": b"1", "b.png": b"1"})
        reported = {key: adapter.stat_file(key).content_type for key in ("a.html", "b.png")}
        assert reported in ({"a.html": "text/html", "b.png": "image/png"}, {"a.html": None, "b.png": None})
