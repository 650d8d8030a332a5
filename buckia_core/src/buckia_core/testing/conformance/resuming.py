"""Large transfers that break off and go on: `ResumableUpload` and `ResumableDownload`."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableDownload, ResumableUpload
from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload
from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.errors import IntegrityError, NotFound, PreconditionFailed
from buckia_core.planning.digest import Digest
from buckia_core.testing.conformance.suite import Suite, read


class _Stopped(BaseException):
    """What ends a transfer from outside, as Ctrl-C does."""


class _Kept:
    """A note in memory."""

    def __init__(self) -> None:
        self.text: str | None = None

    def read(self) -> str | None:
        return self.text

    def write(self, text: str) -> None:
        self.text = text

    def clear(self) -> None:
        self.text = None


class _Counted:
    """Counts the bytes that pass, in whatever threads, and stops the transfer when so many have."""

    def __init__(self, most: int | None = None) -> None:
        self.sum = 0
        self._most = most
        self._lock = threading.Lock()

    def __call__(self, number: int) -> None:
        with self._lock:
            self.sum += number
            if self._most is not None and self.sum > self._most:
                raise _Stopped


class ResumeTests(Suite):
    """Uploads in parts, and downloads from anywhere."""

    def test_an_upload_in_parts(self, adapter: BaseSync, tmp_path: Path) -> None:
        uploader, source, data = self._source(adapter, tmp_path)
        info = UploadInfo(1_600_000_000_000_000_000, (Digest("sha256", hashlib.sha256(data).hexdigest()),))
        written = uploader.upload_parts(source, "k", expect=IfAbsent(), info=info)
        assert read(adapter, "k") == data
        told = adapter.stat_file("k")
        assert (written.key, written.size, written.fingerprint) == ("k", len(data), told.fingerprint)
        if adapter.capabilities.mtime:
            assert told.mtime_ns == info.mtime_ns

    def test_small_files_have_no_parts(self, adapter: BaseSync) -> None:
        assert _uploader(adapter).part_layout(1) is None

    def test_an_upload_that_was_stopped_goes_on(self, adapter: BaseSync, tmp_path: Path) -> None:
        note = _Kept()
        size = self._size(adapter)
        uploader, source, data = self._source(adapter, tmp_path, note, _Counted(size - 1))
        with pytest.raises(_Stopped):
            uploader.upload_parts(source, "k")
        with pytest.raises(NotFound):
            adapter.stat_file("k")
        assert note.text is not None
        passed = _Counted()
        again = MultipartSource(source.path, source.size, source.layout, source.digests, note, passed)
        uploader.upload_parts(again, "k")
        assert read(adapter, "k") == data
        assert 0 < passed.sum < size, "a part that has arrived is not sent again"

    def test_an_upload_is_abandoned(self, adapter: BaseSync, tmp_path: Path) -> None:
        note = _Kept()
        uploader, source, data = self._source(adapter, tmp_path, note, _Counted(self._size(adapter) - 1))
        with pytest.raises(_Stopped):
            uploader.upload_parts(source, "k")
        assert note.text is not None
        uploader.abort_upload("k", note.text)
        uploader.abort_upload("k", note.text)
        passed = _Counted()
        uploader.upload_parts(
            MultipartSource(source.path, source.size, source.layout, source.digests, note, passed), "k"
        )
        assert read(adapter, "k") == data
        assert passed.sum == len(data)

    def test_an_upload_in_parts_keeps_to_preconditions(self, adapter: BaseSync, tmp_path: Path) -> None:
        note = _Kept()
        adapter.upload_file(b"there", "k")
        uploader, source, _ = self._source(adapter, tmp_path, note)
        with pytest.raises(PreconditionFailed):
            uploader.upload_parts(source, "k", expect=IfAbsent())
        assert read(adapter, "k") == b"there"
        assert note.text is None, "nobody will go on with it"

    def test_a_file_that_is_not_as_its_digests_say_is_refused(self, adapter: BaseSync, tmp_path: Path) -> None:
        uploader, source, data = self._source(adapter, tmp_path)
        source.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(IntegrityError):
            uploader.upload_parts(source, "k")
        with pytest.raises(NotFound):
            adapter.stat_file("k")

    @pytest.mark.parametrize("part", [0, 0.3, 1], ids=["start", "middle", "end"])
    def test_a_download_goes_on(self, adapter: BaseSync, tmp_path: Path, part: float) -> None:
        downloader = _downloader(adapter)
        data = _content(self.large_bytes)
        adapter.upload_file(data, "k", info=UploadInfo(1_600_000_000_000_000_000))
        (expect,) = adapter.list_files()
        start = int(len(data) * part)
        target, reached = tmp_path / "target", list[int]()
        target.write_bytes(b"x" * start)

        def note(size: int) -> None:
            assert target.read_bytes()[start:size] == data[start:size]
            reached.append(size)

        found = downloader.resume_download("k", PartialDownload(target, start, note), expect=expect)
        assert target.read_bytes() == b"x" * start + data[start:]
        assert reached == sorted(reached)
        assert reached[-1:] == ([len(data)] if start < len(data) else [])
        assert (found.key, found.size, found.fingerprint) == ("k", len(data), expect.fingerprint)
        assert found.mtime_ns == adapter.stat_file("k").mtime_ns

    def test_a_download_does_not_go_on_with_another_version(self, adapter: BaseSync, tmp_path: Path) -> None:
        downloader = _downloader(adapter)
        old = adapter.upload_file(b"the old one", "k")
        adapter.upload_file(b"the new one", "k")
        target = tmp_path / "target"
        target.write_bytes(b"the")
        with pytest.raises(PreconditionFailed):
            downloader.resume_download("k", PartialDownload(target, 3, lambda _: None), expect=old)

    def _size(self, adapter: BaseSync) -> int:
        """Return the size of a file that has more than one part."""
        parts = _uploader(adapter).part_layout(self.large_bytes)
        assert parts is not None, "`large_bytes` is more than one part"
        return max(self.large_bytes, parts.part_size + 1)

    def _source(
        self,
        adapter: BaseSync,
        place: Path,
        note: _Kept | None = None,
        passing: Callable[[int], object] | None = None,
    ) -> tuple[ResumableUpload, MultipartSource, bytes]:
        uploader = _uploader(adapter)
        data = _content(self._size(adapter))
        parts = uploader.part_layout(len(data))
        assert parts is not None
        path = place / "source"
        path.write_bytes(data)
        cut = [data[start : start + parts.part_size] for start in range(0, len(data), parts.part_size)]
        digests = [hashlib.new(parts.algorithm, part).hexdigest() for part in cut]
        return uploader, MultipartSource(path, len(data), parts, digests, note or _Kept(), passing or _Counted()), data


def _content(size: int) -> bytes:
    """Return bytes of which no two parts are alike."""
    block = bytes(range(251)) * 4099
    return b"".join(number.to_bytes(4, "big") + block for number in range(size // len(block) + 1))[:size]


def _uploader(adapter: BaseSync) -> ResumableUpload:
    if not isinstance(adapter, ResumableUpload):
        pytest.skip("the adapter does not declare resumable_upload")
    return adapter


def _downloader(adapter: BaseSync) -> ResumableDownload:
    if not isinstance(adapter, ResumableDownload):
        pytest.skip("the adapter does not declare resumable_download")
    return adapter
