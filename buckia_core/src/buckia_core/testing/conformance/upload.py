"""Tests of uploads: every kind of source, atomic writes, attributes."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.errors import AdapterError, IntegrityError, PreconditionFailed
from buckia_core.planning.digest import Digest
from buckia_core.testing.conformance.sources import BreakingReader, ShortReader
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, read

BINARY = bytes(range(256)) * 4 + b"\r\n\x00\x1a\n"


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

    def test_upload_that_is_refused_leaves_its_reader_open(self, adapter: BaseSync) -> None:
        """A retry sets the reader back to its position."""
        put(adapter, {"k": b"old"})
        reader = io.BytesIO(b"new")
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(reader, "k", expect=IfAbsent())
        assert not reader.closed

    @pytest.mark.parametrize("data", [b"", BINARY * 40], ids=["empty", "some"])
    def test_upload_of_a_reader_that_can_not_seek(self, adapter: BaseSync, data: bytes) -> None:
        assert adapter.upload_file(io.BufferedReader(ShortReader(data)), "k").size == len(data)
        assert read(adapter, "k") == data

    @pytest.mark.parametrize("kind", ["path", "buffered", "raw"])
    def test_attributes_and_preconditions_of_each_kind_of_source(
        self, adapter: BaseSync, kind: str, tmp_path: Path
    ) -> None:
        """They are those of an upload of bytes: nothing is taken from the name or the attributes of the source."""
        path = tmp_path / "source.png"
        path.write_bytes(BINARY)
        metadata = {"author": "someone"} if adapter.capabilities.metadata else {}
        info = UploadInfo(mtime_ns=1_600_000_000_123_456_789, metadata=metadata)

        def source() -> Source:
            raw = ShortReader(BINARY)
            return {"path": path, "buffered": io.BufferedReader(raw), "raw": raw}[kind]  # type: ignore[return-value]  # a RawIOBase is a BinaryIO in all but name

        adapter.upload_file(BINARY, "bytes.html", info=info)
        expected = adapter.stat_file("bytes.html")
        first = adapter.upload_file(source(), "k.html", expect=IfAbsent(), info=info)
        found = adapter.stat_file("k.html")
        assert (found.mtime_ns, found.metadata) == (expected.mtime_ns, expected.metadata)
        assert (found.size, found.content_type) == (expected.size, expected.content_type)
        seen = adapter.upload_file(b"seen", "k.html", expect=IfUnchanged(first))
        for expect in (IfAbsent(), IfUnchanged(first)):
            with pytest.raises(PreconditionFailed):
                adapter.upload_file(source(), "k.html", expect=expect)
        assert read(adapter, "k.html") == b"seen"
        adapter.upload_file(source(), "k.html", expect=IfUnchanged(seen))
        assert read(adapter, "k.html") == BINARY

    def test_overwriting(self, adapter: BaseSync, second: BaseSync) -> None:
        first = adapter.upload_file(b"first, which is longer", "k")
        replaced = second.upload_file(b"second", "k")
        assert first.fingerprint != replaced.fingerprint
        assert listed_keys(adapter.list_files()) == ["k"]
        assert adapter.stat_file("k").fingerprint == replaced.fingerprint
        assert read(adapter, "k") == b"second"

    def test_overwriting_with_as_many_bytes_is_noticed(self, adapter: BaseSync) -> None:
        """Also within one second, and if the provider gives a new object the number of the one before it."""
        uploaded = [adapter.upload_file(b"%04d" % number, "k").fingerprint for number in range(10)]
        assert len({*uploaded}) == 10
        assert next(iter(adapter.list_files())).fingerprint == uploaded[-1]

    def test_missing_source_is_an_error_of_the_system(self, adapter: BaseSync, tmp_path: Path) -> None:
        with pytest.raises(OSError):  # noqa: PT011  # the class depends on the system
            adapter.upload_file(tmp_path / "none", "k")
        assert list(adapter.list_files()) == []

    def test_source_that_breaks_leaves_nothing(self, adapter: BaseSync) -> None:
        put(adapter, {"old": b"old"})
        for key in ("new", "old"):
            with pytest.raises(OSError, match="the disk broke"):
                adapter.upload_file(io.BufferedReader(BreakingReader(b"half")), key)
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

    def test_concurrent_writers_leave_one_complete_version(self, adapter: BaseSync, second: BaseSync) -> None:
        versions = [bytes([number]) * 50_000 for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda data: _upload(second if data[0] % 2 else adapter, data, "k"), versions))
        assert read(adapter, "k") in versions
        assert listed_keys(adapter.list_files()) == ["k"]


def _upload(adapter: BaseSync, data: bytes, key: str) -> None:
    """Upload; a temporary error, as some servers answer to one of several writers, is retried once."""
    try:
        adapter.upload_file(data, key)
    except AdapterError as error:
        if not error.retryable:
            raise
        adapter.upload_file(data, key)
