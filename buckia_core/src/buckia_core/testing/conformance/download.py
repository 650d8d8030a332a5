"""Tests of downloads: full objects and ranges, of one version, into new and existing files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.testing.conformance.suite import Suite, put, read

DATA = bytes(range(200))

RANGES = [
    pytest.param(0, None, id="all"),
    pytest.param(0, 1, id="first"),
    pytest.param(10, None, id="from"),
    pytest.param(0, 10, id="up_to"),
    pytest.param(5, 15, id="middle"),
    pytest.param(199, 200, id="last"),
    pytest.param(190, 1000, id="past_the_end"),
    pytest.param(200, None, id="at_the_end"),
    pytest.param(7, 7, id="nothing"),
]


class DownloadTests(Suite):
    """Tests of `download_file`, `read_file`, `open_file` and `stat_file`."""

    def test_download_makes_the_file(self, adapter: BaseSync, tmp_path: Path) -> None:
        uploaded = adapter.upload_file(DATA, "d/k")
        downloaded = adapter.download_file("d/k", tmp_path / "new")
        assert (tmp_path / "new").read_bytes() == DATA
        assert (downloaded.key, downloaded.size, downloaded.fingerprint) == ("d/k", 200, uploaded.fingerprint)

    def test_download_truncates_the_file(self, adapter: BaseSync, tmp_path: Path) -> None:
        put(adapter, {"k": b"short"})
        (tmp_path / "old").write_bytes(b"something much longer than that")
        inode = (tmp_path / "old").stat().st_ino
        adapter.download_file("k", tmp_path / "old")
        assert (tmp_path / "old").read_bytes() == b"short"
        assert (tmp_path / "old").stat().st_ino == inode, (
            "the file was replaced, but the path may be a second name of an open file"
        )

    def test_download_of_an_empty_object(self, adapter: BaseSync, tmp_path: Path) -> None:
        put(adapter, {"k": b""})
        assert adapter.download_file("k", tmp_path / "file").size == 0
        assert (tmp_path / "file").read_bytes() == b""
        assert read(adapter, "k") == b""

    @pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "some"])
    def test_read_file(self, adapter: BaseSync, tmp_path: Path, data: bytes) -> None:
        put(adapter, {"k": data})
        found, content = adapter.read_file("k", expect=adapter.stat_file("k"))
        assert content == data
        downloaded = adapter.download_file("k", tmp_path / "file")
        assert found[:5] == downloaded[:5], "key, size, fingerprint and times"

    def test_read_file_of_another_version(self, adapter: BaseSync, second: BaseSync) -> None:
        seen = adapter.upload_file(b"old", "k")
        second.upload_file(b"new", "k")
        with pytest.raises(PreconditionFailed):
            adapter.read_file("k", expect=seen)
        adapter.delete_files(["k"])
        with pytest.raises((NotFound, PreconditionFailed)):
            adapter.read_file("k", expect=seen)
        with pytest.raises(NotFound) as caught:
            adapter.read_file("k")
        assert caught.value.key == "k"

    @pytest.mark.parametrize(("start", "end"), RANGES)
    def test_download_of_a_range(self, adapter: BaseSync, tmp_path: Path, start: int, end: int | None) -> None:
        put(adapter, {"k": DATA})
        downloaded = adapter.download_file("k", tmp_path / "file", start=start, end=end)
        assert (tmp_path / "file").read_bytes() == DATA[start:end]
        assert downloaded.size == 200, "it returns the object, not the range"

    @pytest.mark.parametrize(("start", "end"), RANGES)
    def test_reading_of_a_range(self, adapter: BaseSync, start: int, end: int | None) -> None:
        put(adapter, {"k": DATA})
        with adapter.open_file("k", start=start, end=end) as reader:
            assert reader.read() == DATA[start:end]
            assert reader.read() == b""

    def test_reading_in_chunks(self, adapter: BaseSync) -> None:
        put(adapter, {"k": DATA})
        chunks = []
        with adapter.open_file("k") as reader:
            while chunk := reader.read(7):
                chunks.append(chunk)
        assert b"".join(chunks) == DATA

    def test_reading_can_be_stopped_early(self, adapter: BaseSync) -> None:
        put(adapter, {"k": bytes(1_000_000)})
        for _ in range(3):
            with adapter.open_file("k") as reader:
                assert reader.read(10) == bytes(10)
        assert len(read(adapter, "k")) == 1_000_000

    def test_absent_object_is_not_found(self, adapter: BaseSync, tmp_path: Path) -> None:
        put(adapter, ["there/a"])
        for key in ("none", "there", "there/b", "there/a/b"):
            with pytest.raises(NotFound) as caught:
                adapter.stat_file(key)
            assert (caught.value.key, caught.value.provider) == (key, adapter.provider)
            with pytest.raises(NotFound):
                adapter.download_file(key, tmp_path / "file")
            with pytest.raises(NotFound):
                read(adapter, key)

    def test_expected_version_is_read(self, adapter: BaseSync, tmp_path: Path) -> None:
        put(adapter, {"k": DATA})
        listed = next(iter(adapter.list_files()))
        assert adapter.download_file("k", tmp_path / "file", expect=listed).fingerprint == listed.fingerprint
        assert read(adapter, "k", expect=adapter.stat_file("k")) == DATA

    def test_other_version_than_expected(self, adapter: BaseSync, second: BaseSync, tmp_path: Path) -> None:
        seen = adapter.upload_file(b"old", "k")
        second.upload_file(b"new", "k")
        with pytest.raises(PreconditionFailed) as caught:
            adapter.download_file("k", tmp_path / "file", expect=seen)
        assert (caught.value.key, caught.value.provider) == ("k", adapter.provider)
        with pytest.raises(PreconditionFailed):
            read(adapter, "k", expect=seen)

    @pytest.mark.parametrize(("start", "end"), [(1, 2), (1, 1), (3, None)], ids=["bytes", "nothing", "at_the_end"])
    def test_other_version_than_expected_in_a_range(
        self, adapter: BaseSync, tmp_path: Path, start: int, end: int | None
    ) -> None:
        seen = adapter.upload_file(b"old", "k")
        adapter.upload_file(b"new", "k")
        with pytest.raises(PreconditionFailed):
            adapter.download_file("k", tmp_path / "file", expect=seen, start=start, end=end)
        with pytest.raises(PreconditionFailed), adapter.open_file("k", expect=seen, start=start, end=end) as reader:
            reader.read()

    def test_expected_object_is_gone(self, adapter: BaseSync, tmp_path: Path) -> None:
        seen = adapter.upload_file(b"old", "k")
        adapter.delete_files(["k"])
        with pytest.raises((NotFound, PreconditionFailed)):
            adapter.download_file("k", tmp_path / "file", expect=seen)

    def test_target_that_can_not_be_written_is_an_error_of_the_system(self, adapter: BaseSync, tmp_path: Path) -> None:
        put(adapter, {"k": DATA})
        with pytest.raises(OSError):  # noqa: PT011  # the class depends on the system
            adapter.download_file("k", tmp_path)

    def test_stat_equals_the_listing(self, adapter: BaseSync) -> None:
        put(adapter, {"a": b"", "d/b": DATA})
        for listed in adapter.list_files():
            reported = adapter.stat_file(listed.key)
            assert (reported.key, reported.size, reported.fingerprint) == (listed.key, listed.size, listed.fingerprint)
            assert reported.metadata is not None

    def test_reading_changes_nothing(self, adapter: BaseSync, tmp_path: Path) -> None:
        put(adapter, {"a": DATA, "b": b""})
        before = list(adapter.list_files())
        adapter.download_file("a", tmp_path / "file")
        adapter.stat_file("b")
        assert list(adapter.list_files()) == before

    def test_many_threads_read_at_once(self, adapter: BaseSync) -> None:
        contents = put(adapter, {f"k{number}": bytes([number]) * 10_000 for number in range(10)})
        with ThreadPoolExecutor(10) as pool:
            found = dict(zip(contents, pool.map(lambda key: read(adapter, key), contents), strict=True))
        assert {key: (len(data), data[0]) for key, data in found.items()} == {
            f"k{number}": (10_000, number) for number in range(10)
        }
