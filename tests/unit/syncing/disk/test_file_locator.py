"""FileLocator: no path leaves the root of its mapping, and none leads through a link."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.errors import InvalidKey
from buckia_core.localfs.durability import fsync_directory
from buckia_core.localfs.files import entry_from_stat
from buckia_core.localfs.opening import HAS_DIR_FD
from buckia_core.planning.keys import FilesystemRules
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import local_path
from buckia_core.testing import m
from buckia_core.testing.strategies import keys
from tests.unit.syncing.locations import open_location, stat_path

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
POSIX = FilesystemRules()


def path_of(key: str, mapping: PathMapping) -> str:
    """Return where a key is written to."""
    with FileLocator({mapping.id: POSIX}) as places:
        return places.locate_for_write(key, mapping).path


@pytest.fixture
def root(tmp_path):
    m("a=1 d/b=1").write_to(tmp_path / "root")
    return PathMapping("root", str(tmp_path / "root"), "data/")


def test_a_key_is_located_below_the_root(root):
    assert path_of("data/d/new/x", root) == os.path.join(root.local, "d", "new", "x")
    assert local_path("data/d/b", root) == os.path.join(root.local, "d", "b")


def test_a_mapped_file_has_its_own_path_whatever_its_key_is(tmp_path):
    mapping = PathMapping("f", str(tmp_path / "f"), "../x//y", is_file=True)
    assert path_of("../x//y", mapping) == local_path("../x//y", mapping) == str(tmp_path / "f")


@pytest.mark.parametrize("key", ["../x", "d/../../x", "/x", "d//x", ".", "d/./x", "x/", "a\0"])
def test_n24_an_invalid_path_is_refused_with_its_key(root, key):
    with pytest.raises(InvalidKey, match="refused") as caught:
        path_of("data/" + key, root)
    assert caught.value.key == "data/" + key


@given(keys(most_bytes=40) | st.sampled_from(["..", "../..", "a/../../a", "/", "//", "~", "C:\\x"]))
def test_n24_no_key_leads_out_of_the_root(key):
    with tempfile.TemporaryDirectory() as root:
        mapping = PathMapping("", root)
        try:
            path = path_of(key, mapping)
        except InvalidKey:
            return
        assert os.path.normpath(path).startswith(mapping.local + os.sep)
        assert os.path.normpath(path) == path


@posix_only
def test_n25_no_way_leads_through_a_link(root, tmp_path):
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", os.path.join(root.local, "link"))
    with pytest.raises(InvalidKey, match="a symbolic link stands in its way"):
        path_of("data/link/x", root)


def test_no_way_leads_through_a_file(root):
    with pytest.raises(InvalidKey, match="a file stands in its way"):
        path_of("data/a/x", root)


def test_stat_entry(root, tmp_path):
    found = stat_path(os.path.join(root.local, "a"), "data/a", "root")
    assert found == entry_from_stat("data/a", "root", os.stat(os.path.join(root.local, "a")))
    assert stat_path(os.path.join(root.local, "none"), "", "") is None
    with FileLocator({}) as places:
        assert places.stat_entry("data/a/x", root) is None
    with pytest.raises(InvalidKey, match="a directory stands in its way"):
        stat_path(os.path.join(root.local, "d"), "data/d", "")


@posix_only
def test_stat_entry_does_not_follow_links(root):
    path = os.path.join(root.local, "link")
    os.symlink("a", path)
    with pytest.raises(InvalidKey, match="a symbolic link"):
        stat_path(path, "data/link", "")
    os.mkfifo(path + "2")
    with pytest.raises(InvalidKey, match="a named pipe"):
        stat_path(path + "2", "data/link2", "")


def test_numbers_that_the_database_can_not_hold_are_cut():
    class Status:
        st_size, st_mtime_ns, st_ctime_ns, st_ino = 1, 2**70, -(2**70), 2**64 - 1

    entry = entry_from_stat("a", "", Status())  # type: ignore[arg-type]
    assert entry.mtime_ns == 2**63 - 1 and entry.inode == 2**63 - 1
    assert entry.ctime_ns in (-(2**63) + 1, 0)


def test_directories_that_are_empty_now_are_removed_up_to_the_root(tmp_path):
    m("root/d/e/x=1 root/d/y=1").write_to(tmp_path)
    root = tmp_path / "root"
    mapping = PathMapping("", str(root))

    def delete(key: str) -> None:
        with FileLocator({}) as places:
            place = places.locate(key, mapping)
            assert place is not None
            place.directory.unlink(place.name)
            places.prune_parents(key, mapping)

    delete("d/e/x")
    assert (root / "d").is_dir() and not (root / "d/e").exists()
    delete("d/y")
    assert root.is_dir() and list(root.iterdir()) == []
    with FileLocator({}) as places:
        places.prune_parents("z", mapping)
    assert root.is_dir()


def test_only_what_holds_nothing_but_directories_is_cleared_away(tmp_path):
    for path in ("empty/a/b", "empty/c", "full/a", "full/b/c"):
        (tmp_path / path).mkdir(parents=True)
    m("full/b/x=1 file=1").write_to(tmp_path)
    for name in ("empty", "full", "file", "none"):
        with open_location(tmp_path / name) as place:
            place.remove_empty_tree()
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "file", "full", "full/a", "full/b", "full/b/c", "full/b/x",
    ]  # fmt: skip


@posix_only
def test_links_to_directories_are_not_cleared_away_with_what_is_behind_them(tmp_path):
    (tmp_path / "outside" / "empty").mkdir(parents=True)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "link").symlink_to(tmp_path / "outside")
    with open_location(tmp_path / "d") as place:
        place.remove_empty_tree()
    assert (tmp_path / "d" / "link").is_symlink() and (tmp_path / "outside" / "empty").is_dir()


def test_a_directory_that_is_gone_or_became_a_file_needs_no_flush(tmp_path):
    m("file=1").write_to(tmp_path)
    for path in (tmp_path, tmp_path / "none", tmp_path / "file", tmp_path / "file" / "x"):
        fsync_directory(str(path))


# --- what configures Buckia --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", [".BUCKIA", "d/.Buckia-State/x", "d/.buckiaignore", "BUCKIA~1", ".buckia.", "buckia.yaml"]
)
def test_what_configures_buckia_is_not_written(root, key):
    with pytest.raises(InvalidKey, match="never written from a bucket"):
        path_of(f"data/{key}", root)


def test_not_even_if_the_mapping_names_it(tmp_path):
    with pytest.raises(InvalidKey, match="never written from a bucket"):
        path_of("harmless", PathMapping("f", str(tmp_path / ".buckiaignore"), "harmless", is_file=True))


# --- links that appear meanwhile ---------------------------------------------------------------------------

by_descriptor = pytest.mark.skipif(not HAS_DIR_FD, reason="this system has only paths")


@pytest.fixture
def swapped(root, tmp_path):
    """Return what puts a link to a directory outside in the place of `d`."""
    m("b=secret").write_to(tmp_path / "outside")

    def swap() -> None:
        os.rename(os.path.join(root.local, "d"), tmp_path / "aside")
        os.symlink(tmp_path / "outside", os.path.join(root.local, "d"))

    return swap


@by_descriptor
def test_a_directory_that_was_reached_stays_the_same_one(root, swapped, tmp_path):
    with FileLocator({}) as places:
        place = places.locate("data/d/b", root)
        assert place is not None
        swapped()
        assert not place.directory.is_still_at_path()
        with place.open("data/d/b") as file:
            assert file.read() == b"1"
        place.directory.unlink("b")
        place.directory.mkdir("new")
    assert sorted(path.name for path in (tmp_path / "outside").iterdir()) == ["b"]
    assert [path.name for path in (tmp_path / "aside").iterdir()] == ["new"]


@by_descriptor
def test_what_is_behind_a_new_link_is_not_accessed(root, swapped):
    swapped()
    with FileLocator({}) as places:
        for look_at in (places.stat_entry, places.open_file, places.locate):
            with pytest.raises(InvalidKey, match="a symbolic link stands in its way"):
                look_at("data/d/b", root)


@posix_only
def test_no_pipe_is_waited_for(root):
    os.mkfifo(os.path.join(root.local, "pipe"))
    with FileLocator({}) as places, pytest.raises(InvalidKey, match="a named pipe stands in its way"):
        places.open_file("data/pipe", root)


# --- links that are followed -------------------------------------------------------------------------------


@posix_only
def test_a_followed_link_leads_to_the_file_itself(root, tmp_path):
    m("f=1 d/g=1").write_to(tmp_path / "outside")
    os.symlink("../outside/f", os.path.join(root.local, "file"))
    os.symlink("../outside/d", os.path.join(root.local, "directory"))
    os.symlink("nowhere", os.path.join(root.local, "dangling"))
    with FileLocator({}, follow=True) as places:
        assert places.locate_for_write("data/file", root).path == str(tmp_path / "outside" / "f")
        assert places.locate_for_write("data/directory/new", root).path == os.path.join(root.local, "directory", "new")
        with pytest.raises(InvalidKey, match="a symbolic link that leads nowhere"):
            places.locate_for_write("data/dangling", root)


@posix_only
def test_a_followed_link_does_not_lead_to_what_is_our_own(root):
    m(".buckia-state/x=1").write_to(Path(root.local))
    os.symlink(".buckia-state", os.path.join(root.local, "state"))
    os.symlink(".buckia-state/x", os.path.join(root.local, "file"))
    with FileLocator({}, follow=True) as places:
        for key in ("data/state/x", "data/file"):
            with pytest.raises(InvalidKey, match="never written from a bucket"):
                places.locate_for_write(key, root)


@posix_only
def test_a_mapped_file_that_is_a_link_is_the_file_behind_it(tmp_path):
    m("real/f=1").write_to(tmp_path)
    os.symlink("real/f", tmp_path / "link")
    os.symlink("nowhere", tmp_path / "dangling")
    assert path_of("k", PathMapping("f", str(tmp_path / "link"), "k", is_file=True)) == str(tmp_path / "real" / "f")
    with FileLocator({}) as places:
        mapping = PathMapping("g", str(tmp_path / "dangling"), "k", is_file=True)
        with pytest.raises(InvalidKey, match="a symbolic link stands in its way"):
            places.stat_entry("k", mapping)


@pytest.mark.parametrize("remember", [False, True])
def test_a_missing_directory_is_looked_for_again_unless_it_is_to_be_remembered(root, remember):
    with FileLocator({root.id: POSIX}, remember_missing=remember) as places:
        assert places.stat_entry("data/new/a", root) is None
        m("new/a=1 new/b=1").write_to(Path(root.local))
        assert (places.stat_entry("data/new/b", root) is None) is remember
        assert places.stat_entry("data/d/b", root) is not None
        assert not places.locate_for_write("data/new/b", root).is_directory
