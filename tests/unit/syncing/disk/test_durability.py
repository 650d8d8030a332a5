"""Bringing a whole file system to the disk, where that is sure to do what it should."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.syncing.disk import durability
from buckia_core.syncing.disk.durability import begin_writing, sync_file_system

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it opens no directories, and has no such call")


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """Device 7 is an ext4, device 8 a file system in user space; each call succeeds, and is noted."""
    made: list[int] = []

    def call(descriptor: int) -> int:
        os.fstat(descriptor)
        made.append(descriptor)
        return 0

    monkeypatch.setattr(durability, "_call", lambda: call)
    monkeypatch.setattr(durability, "_types", lambda: {7: "ext4", 8: "fuse.sshfs"})
    monkeypatch.setattr(durability, "_slow", set())
    return made


@pytest.fixture
def directory(tmp_path) -> Iterator[Directory]:
    with Tree(str(tmp_path)) as tree:
        yield tree.root


def test_it_is_called_where_it_is_sure(calls, directory):
    assert sync_file_system(7, directory)
    assert len(calls) == 1
    assert not sync_file_system(8, directory)
    assert not sync_file_system(9, directory)
    assert len(calls) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not hold for this user")
def test_a_directory_that_can_not_be_read_is_not_sure(calls, directory, tmp_path):
    tmp_path.chmod(0o300)
    try:
        assert not sync_file_system(7, directory)
    finally:
        tmp_path.chmod(0o700)


def test_it_is_not_called_again_where_it_took_long(calls, monkeypatch, directory):
    monkeypatch.setattr(durability, "_LONG", -1.0)
    assert sync_file_system(7, directory)
    assert not sync_file_system(7, directory)
    assert len(calls) == 1


def test_it_is_not_called_again_where_it_failed(monkeypatch, calls, directory):
    monkeypatch.setattr(durability, "_call", lambda: lambda _: -1)
    assert not sync_file_system(7, directory)
    monkeypatch.setattr(durability, "_call", lambda: lambda _: 0)
    assert not sync_file_system(7, directory)


def test_where_there_is_no_such_call_nothing_is_sure(monkeypatch, calls, directory):
    monkeypatch.setattr(durability, "_call", lambda: None)
    assert not sync_file_system(7, directory)


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
    assert durability._version() == version


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the call")
def test_the_real_call_and_the_real_table(tmp_path):
    durability._call.cache_clear()
    durability._types.cache_clear()
    assert os.stat("/proc").st_dev in durability._types()
    call = durability._call()
    if call is None:
        assert durability._version() < (5, 8)
        return
    with (tmp_path / "a").open("wb") as file:
        assert call(file.fileno()) == 0
    assert call(-1) == -1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the call")
def test_writing_begins_and_is_not_waited_for(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(1 << 20))
    call = durability._range_call()
    assert call is not None
    with path.open("rb") as file:
        assert call(file.fileno(), 0, 1 << 20, durability._WRITE) == 0
    assert call(-1, 0, 1, durability._WRITE) == -1
    begin_writing(-1, 0, 1)


def test_writing_begins_by_itself_where_there_is_no_such_call(monkeypatch):
    monkeypatch.setattr(durability, "_range_call", lambda: None)
    begin_writing(1, 0, 1)
