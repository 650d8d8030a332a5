"""Paths of more directories than Python allows calls in each other."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from buckia_core.adapters.directory.provisioner import DirectoryProvisioner
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.errors import PreconditionFailed
from buckia_core.localfs.create_directories import make_directories
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.empty_directories import remove_empty_tree
from buckia_core.objects.store import ObjectStore
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.scan.sync_paths import _remaining
from tests.unit.adapters.directory.test_provisioner import read
from tests.unit.syncing.disk.test_trash import plant

DEPTH = 300
DEEP = "/".join(["d"] * DEPTH)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its paths have at most 260 characters")


@contextmanager
def fewer_calls() -> Iterator[None]:
    """Lower the limit of calls in each other: as many directories as the usual one allows take seconds."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def restore(root: Path) -> None:
    plant(root.parent, key=f"{DEEP}/x", path=str(root / DEEP / "x"))
    with fewer_calls():
        Trash(root.parent / "state" / "trash", [PathMapping("r", str(root))]).restore("x")


def restore_to(root: Path) -> None:
    plant(root.parent)
    with fewer_calls():
        Trash(root.parent / "state" / "trash").restore("x", root / DEEP / "x")


def download(root: Path) -> None:
    with ObjectStore(DirectorySync(DirectorySettings(root=root))) as store:
        store.put("k", b"bytes")
        with fewer_calls():
            store.download("k", root / DEEP / "x")


def put(root: Path) -> None:
    with ObjectStore(DirectorySync(DirectorySettings(root=root))) as store, fewer_calls():
        store.put(f"{DEEP}/x", b"bytes")
        assert [each.key for each in store.iter("")] == [f"{DEEP}/x"]


@pytest.mark.parametrize("write", [restore, restore_to, download, put])
def test_a_file_in_a_deep_directory_is_written(tmp_path, write: Callable[[Path], None]):
    root = tmp_path / "r"
    root.mkdir()
    write(root)
    assert (root / DEEP / "x").read_bytes() == b"bytes"


def test_deep_directories_without_files_are_removed(tmp_path):
    with fewer_calls(), Tree(str(tmp_path)) as tree:
        make_directories(tmp_path / DEEP)
        remove_empty_tree(tree.root, "d")
    assert os.listdir(tmp_path) == []


def test_a_bucket_too_deep_to_be_deleted_is_an_error_that_says_so(tmp_path, monkeypatch):
    def fail(path: str) -> None:
        raise RecursionError

    make_directories(tmp_path / "r" / "d")
    # It depends on the version of Python how deep it goes.
    monkeypatch.setattr("shutil.rmtree", fail)
    vendor = DirectoryProvisioner(read(tmp_path))
    bucket = vendor.find_bucket("r")
    assert bucket is not None
    with pytest.raises(PreconditionFailed, match="too deep"):
        vendor.empty_bucket(bucket)


def test_a_pattern_is_matched_against_a_deep_path():
    with fewer_calls():
        assert _remaining(["**", "x"], DEEP.split("/")) == [["**", "x"]]
        assert _remaining(["d"] * DEPTH + ["*.png"], DEEP.split("/")) == [["*.png"]]


def test_a_pattern_with_many_wildcards_takes_no_longer_than_another():
    """To try each way to match it would take years."""
    rests = [["**", "a"] * number + ["x"] for number in range(30, -1, -1)]
    assert _remaining(["**", "a"] * 30 + ["x"], ["a"] * 60) == rests
