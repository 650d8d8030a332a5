"""Flushes of files, directories and file systems to the disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from buckia_core.localfs import durability
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.durability import start_writeback, syncfs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it opens no directories, and has no such call")


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """Device 7 is an ext4, device 8 a file system in user space; each call succeeds, and is noted."""
    made: list[int] = []

    def call(descriptor: int) -> int:
        os.fstat(descriptor)
        made.append(descriptor)
        return 0

    monkeypatch.setattr(durability, "_load_syncfs", lambda: call)
    monkeypatch.setattr(durability, "_filesystem_types", lambda: {7: "ext4", 8: "fuse.sshfs"})
    monkeypatch.setattr(durability, "_slow_devices", set())
    return made


@pytest.fixture
def directory(tmp_path) -> Iterator[Directory]:
    with Tree(str(tmp_path)) as tree:
        yield tree.root


def test_it_is_called_where_it_is_sure(calls, directory):
    assert syncfs(7, directory.open_for_reading)
    assert len(calls) == 1
    assert not syncfs(8, directory.open_for_reading)
    assert not syncfs(9, directory.open_for_reading)
    assert len(calls) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not hold for this user")
def test_a_directory_that_can_not_be_read_is_not_sure(calls, directory, tmp_path):
    tmp_path.chmod(0o300)
    try:
        assert not syncfs(7, directory.open_for_reading)
    finally:
        tmp_path.chmod(0o700)


def test_it_is_not_called_again_where_it_took_long(calls, monkeypatch, directory):
    monkeypatch.setattr(durability, "_SLOW_SECONDS", -1.0)
    assert syncfs(7, directory.open_for_reading)
    assert not syncfs(7, directory.open_for_reading)
    assert len(calls) == 1


def test_it_is_not_called_again_where_it_failed(monkeypatch, calls, directory):
    monkeypatch.setattr(durability, "_load_syncfs", lambda: lambda _: -1)
    assert not syncfs(7, directory.open_for_reading)
    monkeypatch.setattr(durability, "_load_syncfs", lambda: lambda _: 0)
    assert not syncfs(7, directory.open_for_reading)


def test_where_there_is_no_such_call_nothing_is_sure(monkeypatch, calls, directory):
    monkeypatch.setattr(durability, "_load_syncfs", lambda: None)
    assert not syncfs(7, directory.open_for_reading)


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.18.44-fc", (6, 18)), ("5.4", (5, 4)), ("4.19.0+", (4, 19)), ("5.15.0-1-amd64", (5, 15)), ("strange", (0,))],
)
def test_versions_of_the_kernel(monkeypatch, release, version):
    class Name:
        pass

    name = Name()
    name.release = release  # type: ignore[attr-defined]
    monkeypatch.setattr(os, "uname", lambda: name, raising=False)
    assert durability._kernel_version() == version


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the call")
def test_the_real_call_and_the_real_table(tmp_path):
    durability._load_syncfs.cache_clear()
    durability._filesystem_types.cache_clear()
    assert os.stat("/proc").st_dev in durability._filesystem_types()
    call = durability._load_syncfs()
    if call is None:
        assert durability._kernel_version() < (5, 8)
        return
    with (tmp_path / "a").open("wb") as file:
        assert call(file.fileno()) == 0
    assert call(-1) == -1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the call")
def test_writing_begins_and_is_not_waited_for(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(1 << 20))
    call = durability._load_sync_file_range()
    assert call is not None
    with path.open("rb") as file:
        assert call(file.fileno(), 0, 1 << 20, durability._SYNC_FILE_RANGE_WRITE) == 0
    assert call(-1, 0, 1, durability._SYNC_FILE_RANGE_WRITE) == -1
    start_writeback(-1, 0, 1)


def test_writing_begins_by_itself_where_there_is_no_such_call(monkeypatch):
    monkeypatch.setattr(durability, "_load_sync_file_range", lambda: None)
    start_writeback(1, 0, 1)
