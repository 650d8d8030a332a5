"""The gate between keys and the disk: no path leaves its root, and none leads through a link."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.errors import InvalidKey
from buckia_core.planning.keys import DiskRules
from buckia_core.planning.mapping import Mapping
from buckia_core.syncing.paths import (
    clear_empty,
    disk_rules,
    entry_of,
    local_path,
    look,
    path_of,
    prune_parents,
    sync_directory,
)
from buckia_core.testing import m
from buckia_core.testing.strategies import keys

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
POSIX = DiskRules()


@pytest.fixture
def root(tmp_path):
    m("a=1 d/b=1").write_to(tmp_path / "root")
    return Mapping("root", str(tmp_path / "root"), "data/")


def test_a_key_has_its_place_below_the_root(root):
    assert path_of("data/d/new/x", root, POSIX) == os.path.join(root.local, "d", "new", "x")
    assert local_path("data/d/b", root) == os.path.join(root.local, "d", "b")


def test_a_mapped_file_has_its_own_place_whatever_its_key_is(tmp_path):
    mapping = Mapping("f", str(tmp_path / "f"), "../x//y", is_file=True)
    assert path_of("../x//y", mapping, POSIX) == local_path("../x//y", mapping) == str(tmp_path / "f")


@pytest.mark.parametrize("key", ["../x", "d/../../x", "/x", "d//x", ".", "d/./x", "x/", "a\0"])
def test_n24_what_is_no_place_is_refused_with_its_key(root, key):
    with pytest.raises(InvalidKey, match="refused") as caught:
        path_of("data/" + key, root, POSIX)
    assert caught.value.key == "data/" + key


@given(keys(most_bytes=40) | st.sampled_from(["..", "../..", "a/../..", "/", "//", "~", "C:\\x"]))
def test_n24_no_key_leads_out_of_the_root(key):
    mapping = Mapping("", os.path.join(os.sep, "none", "root"))
    try:
        path = path_of(key, mapping, POSIX)
    except InvalidKey:
        return
    assert os.path.normpath(path).startswith(mapping.local + os.sep)
    assert os.path.normpath(path) == path


@posix_only
def test_n25_no_way_leads_through_a_link(root, tmp_path):
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", os.path.join(root.local, "link"))
    with pytest.raises(InvalidKey, match="a symbolic link stands in its way"):
        path_of("data/link/x", root, POSIX)


def test_no_way_leads_through_a_file(root):
    with pytest.raises(InvalidKey, match="a file stands in its way"):
        path_of("data/a/x", root, POSIX)


def test_look(root, tmp_path):
    found = look(os.path.join(root.local, "a"), "data/a", "root")
    assert found == entry_of("data/a", "root", os.stat(os.path.join(root.local, "a")))
    assert look(os.path.join(root.local, "none"), "", "") is None
    assert look(os.path.join(root.local, "a", "x"), "", "") is None
    with pytest.raises(InvalidKey, match="a directory stands in its way"):
        look(os.path.join(root.local, "d"), "data/d", "")


@posix_only
def test_look_does_not_follow_links(root):
    path = os.path.join(root.local, "link")
    os.symlink("a", path)
    with pytest.raises(InvalidKey, match="a symbolic link"):
        look(path, "data/link", "")
    os.mkfifo(path + "2")
    with pytest.raises(InvalidKey, match="a special file"):
        look(path + "2", "data/link2", "")


def test_numbers_that_the_database_can_not_hold_are_cut():
    class Status:
        st_size, st_mtime_ns, st_ctime_ns, st_ino = 1, 2**70, -(2**70), 2**64 - 1

    entry = entry_of("a", "", Status())  # type: ignore[arg-type]
    assert entry.mtime_ns == 2**63 - 1 and entry.inode == 2**63 - 1
    assert entry.ctime_ns in (-(2**63) + 1, 0)


def test_directories_that_are_empty_now_are_removed_up_to_the_root(tmp_path):
    m("root/d/e/x=1 root/d/y=1").write_to(tmp_path)
    root = tmp_path / "root"
    (root / "d/e/x").unlink()
    prune_parents(str(root / "d/e/x"), str(root))
    assert (root / "d").is_dir() and not (root / "d/e").exists()
    (root / "d/y").unlink()
    prune_parents(str(root / "d/y"), str(root) + os.sep)
    assert root.is_dir() and list(root.iterdir()) == []
    prune_parents(str(root / "z"), str(root))
    assert root.is_dir()


def test_only_what_holds_nothing_but_directories_is_cleared_away(tmp_path):
    for path in ("empty/a/b", "empty/c", "full/a", "full/b/c"):
        (tmp_path / path).mkdir(parents=True)
    m("full/b/x=1 file=1").write_to(tmp_path)
    for name in ("empty", "full", "file", "none"):
        clear_empty(str(tmp_path / name))
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "file", "full", "full/a", "full/b", "full/b/c", "full/b/x",
    ]  # fmt: skip


def test_a_disk_is_asked_what_it_can_hold(tmp_path):
    (tmp_path / "lower").touch()
    folds = (tmp_path / "LOWER").exists()
    assert disk_rules(str(tmp_path)).folds is folds
    (tmp_path / "empty").mkdir()
    assert disk_rules(str(tmp_path / "empty")).folds is folds
    assert list((tmp_path / "empty").iterdir()) == []
    assert disk_rules(str(tmp_path / "none")).folds is False


def test_two_files_that_differ_in_case_are_no_folding_disk(tmp_path):
    if disk_rules(str(tmp_path)).folds:
        pytest.skip("this disk can't hold both")
    m("x=1 X=2").write_to(tmp_path)
    assert disk_rules(str(tmp_path)).folds is False


def test_a_directory_that_is_gone_or_a_file_by_now_needs_no_syncing(tmp_path):
    m("file=1").write_to(tmp_path)
    for path in (tmp_path, tmp_path / "none", tmp_path / "file", tmp_path / "file" / "x"):
        sync_directory(str(path))
