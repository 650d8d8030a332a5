"""Staging files of resumable downloads."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from buckia_core.adapters.contract.resume import PartialDownload, resume_by_open
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import IntegrityError, PreconditionFailed, Transient
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.state.locations import StateFiles
from buckia_core.syncing.state.resume_store import ResumeStore
from buckia_core.syncing.transfer import download_staging as module
from buckia_core.syncing.transfer.download_staging import DownloadStagingFile, StreamedStagingFile, open_staging_file

CONTENT = bytes(range(251)) * 5000
"""More than comes into memory first."""


class Stopping(MemorySync):
    """Goes on from anywhere, and stops with an error after so many bytes."""

    def __init__(self) -> None:
        super().__init__(MemorySettings())
        self._capabilities = replace(self._capabilities, resumable_download=True)
        self.stops: dict[int, Exception] = {}
        self.started: list[int] = []

    def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        self.started.append(landing.start)
        if not self.stops:
            return resume_by_open(self, key, landing, expect)
        end, error = self.stops.popitem()
        with self.open_file(key, expect=expect, start=landing.start, end=end) as reader:
            data = reader.read()
        with landing.target.open("r+b") as file:
            file.seek(landing.start)
            file.write(data)
        landing.on_progress(landing.start + len(data))
        raise error


@pytest.fixture
def bucket() -> Stopping:
    bucket = Stopping()
    bucket.upload_file(CONTENT, "a")
    return bucket


@contextmanager
def begin(bucket: MemorySync, tmp_path: Path, *, private: bool = False) -> Iterator[DownloadStagingFile]:
    unfinished = ResumeStore(StateFiles(tmp_path / "state", "assets", bucket.identity))
    with Tree(str(tmp_path)) as tree:
        found = bucket.stat_file("a")
        with open_staging_file(bucket, found, tree.root, ".buckia-tmp-", "sha256", unfinished, private=private) as file:
            yield file


def stopped(bucket: Stopping, tmp_path: Path, error: Exception) -> Path:
    bucket.stops = {5000: error}
    with pytest.raises(type(error)), begin(bucket, tmp_path) as file:
        file.fetch(bucket.stat_file("a"))
    return Path(file.path)


def test_it_resumes_where_it_ended(bucket, tmp_path):
    path = stopped(bucket, tmp_path, Transient("later"))
    assert path.read_bytes() == CONTENT[:5000]
    with begin(bucket, tmp_path) as file:
        assert (file.path, file.resumed_bytes) == (str(path), 5000)
        file.fetch(bucket.stat_file("a"))
        digests, size = file.digest(("sha256", "md5"))
        assert (path.read_bytes(), size) == (CONTENT, len(CONTENT))
        assert digests == tuple(Digest(name, hashlib.new(name, CONTENT).hexdigest()) for name in ("sha256", "md5"))
    assert not path.exists()
    with begin(bucket, tmp_path) as file:
        assert file.resumed_bytes == 0
    assert bucket.started == [0, 5000]


@pytest.mark.parametrize(
    "error", [PreconditionFailed("another version"), OSError("the disk is full")], ids=["changed", "disk"]
)
def test_what_is_of_no_use_does_not_stay(bucket, tmp_path, error):
    assert not stopped(bucket, tmp_path, error).exists()


@pytest.mark.parametrize("forged", [False, True])
def test_the_file_of_another_version_is_removed_where_the_key_belongs(bucket, tmp_path, forged):
    path = stopped(bucket, tmp_path, Transient("later"))
    if forged:
        (tmp_path / "other").mkdir()
        path = path.rename(tmp_path / "other" / path.name)
    bucket.upload_file(CONTENT[::-1], "a")
    with begin(bucket, tmp_path) as file:
        assert file.resumed_bytes == 0
    assert path.exists() == forged


@pytest.mark.parametrize("content", [b"", CONTENT[:4999], b"x" * 5000], ids=["empty", "shorter", "other"])
def test_other_bytes_than_were_noted_are_fetched_again(bucket, tmp_path, content):
    stopped(bucket, tmp_path, Transient("later")).write_bytes(content)
    with begin(bucket, tmp_path) as file:
        assert file.resumed_bytes == 0
        file.fetch(bucket.stat_file("a"))
        assert Path(file.path).read_bytes() == CONTENT


def test_what_has_come_is_on_its_way_to_the_disk_before_the_rest_comes(bucket, tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(module, "start_writeback", lambda descriptor, start, length: begun.append((start, length)))
    stopped(bucket, tmp_path, Transient("later"))
    with begin(bucket, tmp_path) as file:
        file.fetch(bucket.stat_file("a"))
    assert begun[0] == (0, 5000)
    assert (begun[1][0], sum(length for _, length in begun)) == (5000, len(CONTENT))


def test_content_that_was_passed_on_is_not_read_again(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(module.ResumableStagingFile, "_hash_up_to", lambda *_: None)
    with begin(bucket, tmp_path) as file:
        file.fetch(bucket.stat_file("a"))
        assert file.digest(("sha256",)) == ((Digest("sha256", hashlib.sha256(CONTENT).hexdigest()),), len(CONTENT))


class Slowly(Stopping):
    """Reports each 1,000 bytes, and fails after 9,500."""

    def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        with landing.target.open("r+b") as file:
            file.write(CONTENT[:9500])
        for size in range(1000, 10_000, 1000):
            landing.on_progress(size)
        landing.on_content(CONTENT[9000:9500])
        raise Transient("later")


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_checkpoints_are_written_now_and_then_and_after_an_error(tmp_path, monkeypatch, seconds):
    written, save = [], module.ResumableStagingFile._save

    def write(file):
        written.append(file._offset)
        save(file)

    monkeypatch.setattr(module.ResumableStagingFile, "_save", write)
    monkeypatch.setattr(module, "_CHECKPOINT_SECONDS", seconds)
    bucket = Slowly()
    bucket.upload_file(CONTENT, "a")
    with pytest.raises(Transient), begin(bucket, tmp_path) as file:
        file.fetch(bucket.stat_file("a"))
    assert written == ([1000, 9500] if seconds else [*range(1000, 10_000, 1000), 9500])
    with begin(bucket, tmp_path) as file:
        assert file.resumed_bytes == 9500


def test_without_a_store_only_attempts_of_one_download_resume(bucket, tmp_path):
    bucket.stops = {5000: Transient("later")}
    expected = bucket.stat_file("a")
    with Tree(str(tmp_path)) as tree:
        with open_staging_file(bucket, expected, tree.root, ".buckia-tmp-", "sha256", None, private=False) as file:
            with pytest.raises(Transient):
                file.fetch(expected)
            file.fetch(expected)
            assert Path(file.path).read_bytes() == CONTENT
        with (
            pytest.raises(Transient),
            open_staging_file(bucket, expected, tree.root, ".buckia-tmp-", "sha256", None, private=False),
        ):
            raise Transient("later")
    assert bucket.started == [0, 5000]
    assert list(tmp_path.iterdir()) == []


def test_bytes_behind_a_gap_are_cut_off(bucket, tmp_path):
    path = stopped(bucket, tmp_path, Transient("later"))
    path.write_bytes(CONTENT[:5000] + bytes(9000))
    with begin(bucket, tmp_path) as file:
        assert (file.resumed_bytes, path.stat().st_size) == (5000, 5000)


def test_wrong_bytes_to_the_end_begin_anew(bucket, tmp_path):
    with begin(bucket, tmp_path) as file:
        bucket.stops = {len(CONTENT): IntegrityError("not what it should be")}
        with pytest.raises(IntegrityError):
            file.fetch(bucket.stat_file("a"))
        file.fetch(bucket.stat_file("a"))
    assert bucket.started == [0, 0]


def test_an_adapter_that_can_not_go_on_begins_at_the_start(tmp_path):
    plain = MemorySync(MemorySettings())
    plain.upload_file(CONTENT, "a")
    with begin(plain, tmp_path) as file:
        assert isinstance(file, StreamedStagingFile)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO])
def test_what_can_not_be_opened_now_stays_for_later(bucket, tmp_path, monkeypatch, number):
    path = stopped(bucket, tmp_path, Transient("later"))
    real = Directory.open

    def refuse(directory, name, *arguments, **more):
        if name == path.name:
            raise OSError(number, os.strerror(number), directory.join(name))
        return real(directory, name, *arguments, **more)

    monkeypatch.setattr(Directory, "open", refuse)
    with pytest.raises(OSError, match=path.name), begin(bucket, tmp_path):
        pass
    monkeypatch.undo()
    with begin(bucket, tmp_path) as file:
        assert file.resumed_bytes == 5000
