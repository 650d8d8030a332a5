"""Provider `file` whose root goes away while it is used, as a disk does that is unmounted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.errors import AdapterError, NotFound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def adapter(root: Path) -> DirectorySync:
    """A bucket that has been listed, with one object."""
    adapter = DirectorySync(DirectorySettings(root=root))
    adapter.upload_file(b"1", "d/k")
    assert [found.key for found in adapter.list_files()] == ["d/k"]
    return adapter


def unmount(root: Path) -> None:
    """Put an empty directory where the root was."""
    shutil.move(root, root.with_name("disk"))
    root.mkdir()


def remove(root: Path) -> None:
    shutil.move(root, root.with_name("disk"))


CALLS: dict[str, Callable[[DirectorySync], object]] = {
    "list": lambda adapter: list(adapter.list_files()),
    "stat": lambda adapter: adapter.stat_file("d/k"),
    "read": lambda adapter: adapter.read_file("d/k"),
    "upload": lambda adapter: adapter.upload_file(b"2", "d/new"),
    "upload to the root": lambda adapter: adapter.upload_file(b"2", "new"),
    "delete": lambda adapter: adapter.delete_files(["d/k"])[0].error or pytest.fail("taken for deleted"),
}


@pytest.mark.parametrize("gone", [unmount, remove])
@pytest.mark.parametrize("call", CALLS)
def test_a_root_that_went_is_neither_worked_in_nor_made_anew(adapter, root, gone, call):
    gone(root)
    expected, words = (
        (NotFound, "is missing") if gone is remove else (AdapterError, "was replaced by another directory")
    )
    try:
        error = CALLS[call](adapter)
    except AdapterError as raised:
        error = raised
    assert isinstance(error, expected) and words in str(error)
    assert getattr(error, "key", None) is None, "it says nothing about an object"
    assert not root.exists() or list(root.iterdir()) == []
    assert (root.with_name("disk") / "d" / "k").read_bytes() == b"1"


def test_a_root_that_is_back_is_worked_in(adapter, root):
    unmount(root)
    with pytest.raises(AdapterError):
        adapter.stat_file("d/k")
    root.rmdir()
    shutil.move(root.with_name("disk"), root)
    assert adapter.read_file("d/k")[1] == b"1"


def test_a_bucket_that_was_closed_takes_the_root_that_is_there_then(adapter, root):
    unmount(root)
    adapter.close()
    assert list(adapter.list_files()) == []
