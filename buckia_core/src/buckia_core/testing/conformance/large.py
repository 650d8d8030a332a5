"""Tests of large objects, which adapters send in parts: what holds for small objects holds for them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.planning.digest import Digest
from buckia_core.testing.conformance.sources import BreakingReader, ShortReader
from buckia_core.testing.conformance.suite import Suite, is_same, listed_keys, put, read

_MTIME_NS = 1_600_000_000_000_000_000


class LargeObjectTests(Suite):
    """Tests with an object of `large_bytes` bytes."""

    @pytest.mark.parametrize("kind", ["path", "buffered", "raw"])
    def test_large_object(self, adapter: BaseSync, kind: str, tmp_path: Path) -> None:
        data = os.urandom(self.large_bytes)
        path = tmp_path / "large"
        path.write_bytes(data)
        sources = {"path": path, "buffered": io.BufferedReader(ShortReader(data)), "raw": ShortReader(data)}
        digests = (Digest("sha256", hashlib.sha256(data).hexdigest()),)
        uploaded = adapter.upload_file(sources[kind], "large", info=UploadInfo(digests=digests))  # type: ignore[arg-type]  # a RawIOBase is a BinaryIO in all but name
        assert uploaded.size == self.large_bytes
        assert uploaded.fingerprint == next(iter(adapter.list_files())).fingerprint
        downloaded = adapter.download_file("large", tmp_path / "back")
        assert downloaded.fingerprint == uploaded.fingerprint
        assert is_same((tmp_path / "back").read_bytes(), data)
        assert is_same(adapter.read_file("large")[1], data)

    def test_large_reader_begins_at_its_position_and_stays_open(self, adapter: BaseSync) -> None:
        data = os.urandom(self.large_bytes)
        reader = io.BytesIO(b"skipped" + data)
        reader.seek(len(b"skipped"))
        assert adapter.upload_file(reader, "k").size == len(data)
        assert not reader.closed
        assert is_same(read(adapter, "k"), data)

    def test_attributes_of_a_large_object(self, adapter: BaseSync) -> None:
        capabilities = adapter.capabilities
        put(adapter, {"small": b"1"})
        reports_types = adapter.stat_file("small").content_type is not None
        info = UploadInfo(
            mtime_ns=_MTIME_NS,
            content_type="application/x-conformance",
            metadata={"a": "b"} if capabilities.metadata else {},
        )
        adapter.upload_file(io.BytesIO(bytes(self.large_bytes)), "large", info=info)
        reported = adapter.stat_file("large")
        assert reported.metadata == info.metadata
        assert reported.mtime_ns == (_MTIME_NS if capabilities.mtime else None)
        assert reported.content_type == ("application/x-conformance" if reports_types else None)

    def test_large_source_that_breaks_leaves_nothing(self, adapter: BaseSync) -> None:
        """Also after parts of it have been sent."""
        put(adapter, {"old": b"old"})
        for key in ("new", "old"):
            with pytest.raises(OSError, match="the disk broke"):
                adapter.upload_file(BreakingReader(bytes(self.large_bytes)), key)  # type: ignore[arg-type]  # as above
        assert listed_keys(adapter.list_files()) == ["old"]
        assert read(adapter, "old") == b"old"

    def test_preconditions_of_a_large_object(self, adapter: BaseSync, second: BaseSync) -> None:
        large, refused = bytes(self.large_bytes), io.BytesIO(bytes(self.large_bytes))
        seen = adapter.upload_file(b"old", "k")
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(refused, "k", expect=IfAbsent())
        assert not refused.closed
        second.upload_file(b"new", "k")
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(io.BytesIO(large), "k", expect=IfUnchanged(seen))
        assert read(adapter, "k") == b"new"
        uploaded = adapter.upload_file(io.BytesIO(large), "k", expect=IfUnchanged(adapter.stat_file("k")))
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(b"small", "k", expect=IfUnchanged(seen))
        adapter.delete_files(["k"])
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(io.BytesIO(large), "k", expect=IfUnchanged(uploaded))
        assert list(adapter.list_files()) == []

    def test_expected_version_of_a_large_object(self, adapter: BaseSync, second: BaseSync, tmp_path: Path) -> None:
        seen = adapter.upload_file(bytes(self.large_bytes), "k")
        second.upload_file(b"x" * self.large_bytes, "k")
        for start, end in ((0, None), (1, self.large_bytes - 1), (self.large_bytes - 1, None)):
            with pytest.raises(PreconditionFailed):
                adapter.download_file("k", tmp_path / "file", expect=seen, start=start, end=end)
            with pytest.raises(PreconditionFailed), adapter.open_file("k", expect=seen, start=start, end=end) as reader:
                reader.read()
        with pytest.raises(PreconditionFailed):
            adapter.read_file("k", expect=seen)
        adapter.delete_files(["k"])
        with pytest.raises((NotFound, PreconditionFailed)):
            adapter.download_file("k", tmp_path / "file", expect=seen)

    def test_ranges_of_a_large_object(self, adapter: BaseSync, tmp_path: Path) -> None:
        data = os.urandom(self.large_bytes)
        put(adapter, {"k": data})
        size = self.large_bytes
        for start, end in ((size // 2 - 1, size // 2 + 1), (size - 1, None), (size - 5, size + 5), (1, size - 1)):
            adapter.download_file("k", tmp_path / "file", start=start, end=end)
            assert is_same((tmp_path / "file").read_bytes(), data[start:end])
            with adapter.open_file("k", start=start, end=end) as reader:
                assert is_same(reader.read(), data[start:end])

    @pytest.mark.parametrize("key", ["a.gz", "a.svgz", "a.txt.gz", "a"])
    def test_compressed_content_stays_compressed(self, adapter: BaseSync, key: str, tmp_path: Path) -> None:
        data = gzip.compress(b"content " * 100)
        assert adapter.upload_file(data, key).size == len(data)
        found = adapter.download_file(key, tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == data == read(adapter, key) == adapter.read_file(key)[1]
        assert found.size == adapter.stat_file(key).size == len(data)
