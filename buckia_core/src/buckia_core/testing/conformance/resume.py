"""Tests of resumable transfers: `ResumableUpload` and `ResumableDownload`."""

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
from buckia_core.testing.conformance.suite import Suite, is_same, read, require


class _Interrupted(BaseException):
    """An interruption of a transfer, as by Ctrl-C."""


class _MemoryCheckpoint:
    """A checkpoint in memory."""

    def __init__(self) -> None:
        self.text: str | None = None

    def read(self) -> str | None:
        return self.text

    def write(self, text: str) -> None:
        self.text = text

    def clear(self) -> None:
        self.text = None


class _ByteCounter:
    """Counts the bytes sent, in any thread, and interrupts the transfer after `limit` bytes."""

    def __init__(self, limit: int | None = None) -> None:
        self.total = 0
        self._limit = limit
        self._lock = threading.Lock()

    def __call__(self, number: int) -> None:
        with self._lock:
            self.total += number
            if self._limit is not None and self.total > self._limit:
                raise _Interrupted


class ResumeTests(Suite):
    """Resumable uploads and downloads."""

    def test_a_multipart_upload(self, adapter: BaseSync, tmp_path: Path) -> None:
        uploader, source, data = self._source(adapter, tmp_path)
        info = UploadInfo(1_600_000_000_000_000_000, (Digest("sha256", hashlib.sha256(data).hexdigest()),))
        written = uploader.upload_parts(source, "k", expect=IfAbsent(), info=info)
        assert is_same(read(adapter, "k"), data)
        reported = adapter.stat_file("k")
        assert (written.key, written.size, written.fingerprint) == ("k", len(data), reported.fingerprint)
        if adapter.capabilities.mtime:
            assert reported.mtime_ns == info.mtime_ns

    def test_small_files_have_no_parts(self, adapter: BaseSync) -> None:
        assert _uploader(adapter).part_layout(1) is None

    def test_an_interrupted_upload_resumes(self, adapter: BaseSync, tmp_path: Path) -> None:
        checkpoint = _MemoryCheckpoint()
        size = self._size(adapter)
        uploader, source, data = self._source(adapter, tmp_path, checkpoint, _ByteCounter(size - 1))
        with pytest.raises(_Interrupted):
            uploader.upload_parts(source, "k")
        with pytest.raises(NotFound):
            adapter.stat_file("k")
        assert checkpoint.text is not None
        sent = _ByteCounter()
        resumed = MultipartSource(source.path, source.size, source.layout, source.digests, checkpoint, sent)
        uploader.upload_parts(resumed, "k")
        assert is_same(read(adapter, "k"), data)
        assert 0 < sent.total < size, "a part that has arrived is not sent again"

    def test_abort_upload(self, adapter: BaseSync, tmp_path: Path) -> None:
        checkpoint = _MemoryCheckpoint()
        uploader, source, data = self._source(adapter, tmp_path, checkpoint, _ByteCounter(self._size(adapter) - 1))
        with pytest.raises(_Interrupted):
            uploader.upload_parts(source, "k")
        assert checkpoint.text is not None
        uploader.abort_upload("k", checkpoint.text)
        uploader.abort_upload("k", checkpoint.text)
        sent = _ByteCounter()
        uploader.upload_parts(
            MultipartSource(source.path, source.size, source.layout, source.digests, checkpoint, sent), "k"
        )
        assert is_same(read(adapter, "k"), data)
        assert sent.total == len(data)

    def test_a_multipart_upload_checks_preconditions(self, adapter: BaseSync, tmp_path: Path) -> None:
        checkpoint = _MemoryCheckpoint()
        adapter.upload_file(b"there", "k")
        uploader, source, _ = self._source(adapter, tmp_path, checkpoint)
        with pytest.raises(PreconditionFailed):
            uploader.upload_parts(source, "k", expect=IfAbsent())
        assert read(adapter, "k") == b"there"
        assert checkpoint.text is None, "the upload is not resumable"

    def test_a_file_that_does_not_match_its_digests_is_refused(self, adapter: BaseSync, tmp_path: Path) -> None:
        uploader, source, data = self._source(adapter, tmp_path)
        source.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(IntegrityError):
            uploader.upload_parts(source, "k")
        with pytest.raises(NotFound):
            adapter.stat_file("k")

    @pytest.mark.parametrize("part", [0, 0.3, 1], ids=["start", "middle", "end"])
    def test_a_download_resumes(self, adapter: BaseSync, tmp_path: Path, part: float) -> None:
        downloader = _downloader(adapter)
        data = _content(self.large_bytes)
        adapter.upload_file(data, "k", info=UploadInfo(1_600_000_000_000_000_000))
        (expect,) = adapter.list_files()
        start = int(len(data) * part)
        target, progress = tmp_path / "target", list[int]()
        target.write_bytes(b"x" * start)

        reached = start

        def on_progress(size: int) -> None:
            nonlocal reached
            assert is_same(target.read_bytes()[start:size], data[start:size])
            assert size >= reached, "content that was passed on counts as progress"
            reached = size
            progress.append(size)

        def on_content(chunk: bytes | memoryview) -> None:
            nonlocal reached
            end = reached + len(chunk)
            assert is_same(bytes(chunk), data[reached:end]), "content is passed on in order"
            with target.open("rb") as file:
                file.seek(reached)
                assert is_same(file.read(len(chunk)), data[reached:end]), "content is passed on when it is in the file"
            reached = end

        partial = PartialDownload(target, start, on_progress, on_content)
        found = downloader.resume_download("k", partial, expect=expect)
        assert is_same(target.read_bytes(), b"x" * start + data[start:])
        assert progress == sorted(progress)
        assert progress[-1:] == ([len(data)] if start < len(data) else [])
        assert (found.key, found.size, found.fingerprint) == ("k", len(data), expect.fingerprint)
        assert found.mtime_ns == adapter.stat_file("k").mtime_ns

    def test_a_download_does_not_resume_with_another_version(self, adapter: BaseSync, tmp_path: Path) -> None:
        downloader = _downloader(adapter)
        old = adapter.upload_file(b"the old one", "k")
        adapter.upload_file(b"the new one", "k")
        target = tmp_path / "target"
        target.write_bytes(b"the")
        with pytest.raises(PreconditionFailed):
            downloader.resume_download("k", PartialDownload(target, 3, lambda _: None), expect=old)

    def _size(self, adapter: BaseSync) -> int:
        """Return the size of a file that has more than one part."""
        layout = _uploader(adapter).part_layout(self.large_bytes)
        assert layout is not None, "`large_bytes` is more than one part"
        return max(self.large_bytes, layout.part_size + 1)

    def _source(
        self,
        adapter: BaseSync,
        directory: Path,
        checkpoint: _MemoryCheckpoint | None = None,
        on_bytes_sent: Callable[[int], object] | None = None,
    ) -> tuple[ResumableUpload, MultipartSource, bytes]:
        uploader = _uploader(adapter)
        data = _content(self._size(adapter))
        layout = uploader.part_layout(len(data))
        assert layout is not None
        path = directory / "source"
        path.write_bytes(data)
        parts = [data[start : start + layout.part_size] for start in range(0, len(data), layout.part_size)]
        digests = [hashlib.new(layout.algorithm, part).hexdigest() for part in parts]
        source = MultipartSource(
            path, len(data), layout, digests, checkpoint or _MemoryCheckpoint(), on_bytes_sent or _ByteCounter()
        )
        return uploader, source, data


def _content(size: int) -> bytes:
    """Return bytes in which no two parts are equal."""
    block = bytes(range(251)) * 4099
    return b"".join(number.to_bytes(4, "big") + block for number in range(size // len(block) + 1))[:size]


def _uploader(adapter: BaseSync) -> ResumableUpload:
    require(adapter, lambda each: each.capabilities.resumable_upload, "resumable_upload")
    assert isinstance(adapter, ResumableUpload)
    return adapter


def _downloader(adapter: BaseSync) -> ResumableDownload:
    require(adapter, lambda each: each.capabilities.resumable_download, "resumable_download")
    assert isinstance(adapter, ResumableDownload)
    return adapter
