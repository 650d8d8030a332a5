"""The scan of the local side."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings

from buckia_core.errors import PermissionDenied
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.scope import Scope
from buckia_core.syncing.scan.local import LocalScan, temporary_prefix
from buckia_core.testing import m
from buckia_core.testing.strategies import trees

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def scan(
    *roots: Path | PathMapping, scope: Scope | None = None, follow: bool = False, temporary: str | None = None
) -> LocalScan:
    mappings = [
        root if isinstance(root, PathMapping) else PathMapping(str(index), str(root))
        for index, root in enumerate(roots)
    ]
    return LocalScan(mappings, scope or Scope(), follow, temporary)


def keys(scan: LocalScan) -> list[str]:
    return [entry.key for entry in scan.entries()]


# --- order -------------------------------------------------------------------------------------------------


def test_n19_files_come_in_the_order_of_their_keys_and_not_of_their_directories(tmp_path):
    names = ["a b/bar", "a!b", "a-b", "a.txt", "a/foo", "a/foo-bar", "a/foo.d/x", "a0", "xyz/t", "xyz1/t", "é/ü", "🙂"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert keys(scan(tmp_path)) == sorted(names, key=str.encode)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(trees(most=12))
def test_n19_any_tree_comes_in_order(tree):
    with tempfile.TemporaryDirectory() as directory:
        tree.write_to(Path(directory))
        assert keys(scan(Path(directory))) == [item.key for item in tree]


def test_entries_are_what_the_disk_shows(tmp_path):
    m("d/a=333").write_to(tmp_path)
    (entry,) = scan(PathMapping("docs", str(tmp_path), "data/")).entries()
    status = (tmp_path / "d/a").stat()
    assert (entry.key, entry.mapping_id, entry.size) == ("data/d/a", "docs", 3)
    assert (entry.mtime_ns, entry.inode, entry.digests) == (status.st_mtime_ns, status.st_ino, ())


@pytest.mark.parametrize("seconds", [0, 1, 1_600_000_000.123456, 4_102_444_800, -86_400], ids=str)
def test_n35_any_time_is_taken_as_it_is(tmp_path, seconds):
    m("a=1").write_to(tmp_path)
    os.utime(tmp_path / "a", (seconds, seconds))
    (entry,) = scan(tmp_path).entries()
    assert entry.mtime_ns == (tmp_path / "a").stat().st_mtime_ns


# --- roots -------------------------------------------------------------------------------------------------


def test_of_two_roots_the_first_one_that_has_a_key_counts(tmp_path):
    m("a=1 b=1").write_to(tmp_path / "one")
    m("b=2 c=2").write_to(tmp_path / "two")
    found = scan(tmp_path / "one", tmp_path / "two")
    assert [(entry.key, entry.mapping_id) for entry in found.entries()] == [("a", "0"), ("b", "0"), ("c", "1")]
    assert found.duplicate_keys == [("b", "1")]


def test_roots_with_prefixes_are_merged_in_order(tmp_path):
    m("x=1").write_to(tmp_path / "one")
    m("y=1").write_to(tmp_path / "two")
    found = scan(PathMapping("two", str(tmp_path / "two"), "a/"), PathMapping("one", str(tmp_path / "one"), "a-b/"))
    assert keys(found) == ["a-b/x", "a/y"]


def test_single_files(tmp_path):
    m("a=1").write_to(tmp_path)
    here = PathMapping("f", str(tmp_path / "a"), "data/b", is_file=True)
    gone = PathMapping("g", str(tmp_path / "none/x"), "data/c", is_file=True)
    no_file = PathMapping("d", str(tmp_path), "data/d", is_file=True)
    found = scan(here, gone, no_file)
    assert keys(found) == ["data/b"]
    assert [(place.key, place.is_error) for place in found.unreadable] == [("data/d", True)]


def test_a_missing_root_has_nothing(tmp_path):
    assert keys(scan(tmp_path / "none")) == []


def test_n27_a_root_that_cant_be_read_is_an_error(tmp_path, deny):
    deny(tmp_path)
    with pytest.raises(PermissionDenied, match="can't be read"):
        keys(scan(tmp_path))


def test_n27_what_is_below_a_directory_that_cant_be_read_is_not_concluded_upon(tmp_path, deny):
    m("a=1 d/x=1 d-e=1").write_to(tmp_path)
    deny(tmp_path / "d")
    found = scan(tmp_path)
    assert keys(found) == ["a", "d-e"]
    (place,) = found.unreadable
    assert (place.key, place.is_error) == ("d", True)
    assert found.unreadable.at_or_above("d/x") is place
    assert found.unreadable.at_or_above("d") is place
    assert found.unreadable.at_or_above("d-e") is None


# --- what takes part ---------------------------------------------------------------------------------------


def test_directories_that_take_no_part_are_not_read(tmp_path, deny):
    m("a/x=1 b/x=1 c/d/x=1 c/e/x=1").write_to(tmp_path)
    for path in ("a", "c/e"):
        deny(tmp_path / path)
    mapping = PathMapping("", str(tmp_path), path_filter=lambda path: path != "a/")
    found = scan(mapping, scope=Scope.from_names(["b", "c/d", "a"]))
    assert keys(found) == ["b/x", "c/d/x"]
    assert list(found.unreadable) == []


def test_files_outside_of_the_scope_and_the_filter_take_no_part(tmp_path):
    m("a=1 a.txt=1 d/a=1 d/b=1").write_to(tmp_path)
    mapping = PathMapping("", str(tmp_path), path_filter=lambda path: not path.endswith("b"))
    assert keys(scan(mapping, scope=Scope.from_names(["d", "a"]))) == ["a", "d/a"]


def test_what_is_our_own_takes_no_part(tmp_path):
    m(".buckia=1 .buckia-state/x=1 d/.buckia-tmp-1=1 d/.BUCKIA=1 .buckiaignore=1 .buckiarc=1").write_to(tmp_path)
    assert keys(scan(tmp_path)) == [".buckiaignore", ".buckiarc"]


# --- sweeping ----------------------------------------------------------------------------------------------


def test_temporary_files_that_a_killed_run_of_ours_left_are_removed(tmp_path):
    ours, others = temporary_prefix("12345678"), temporary_prefix("56781234")
    m(f"a=1 d/{ours}x=1 d/{others}x=1").write_to(tmp_path)
    assert keys(scan(tmp_path)) == ["a"]
    assert (tmp_path / "d" / f"{ours}x").exists(), "only who holds the lock sweeps"
    assert keys(scan(tmp_path, temporary=ours)) == ["a"]
    assert [path.name for path in (tmp_path / "d").iterdir()] == [f"{others}x"]


@posix_only
def test_an_edit_that_a_killed_run_of_ours_had_replaced_is_a_new_file(tmp_path, caplog):
    ours = temporary_prefix("12345678")
    m("d/a=new d/b=1").write_to(tmp_path)
    inode = (tmp_path / "d" / "a").stat().st_ino
    (tmp_path / "d" / f"{ours}0.{inode:x}-1-2-3.swap").write_text("edit")
    assert keys(scan(tmp_path)) == ["d/a", "d/b"]
    assert keys(scan(tmp_path, temporary=ours)) == ["d/a", "d/b"]
    (kept,) = set(keys(scan(tmp_path))) - {"d/a", "d/b"}
    assert kept.startswith("d/a.edited-") and (tmp_path / kept).read_text() == "edit"
    assert str(tmp_path / kept) in caplog.text


# --- what is no file ---------------------------------------------------------------------------------------


@posix_only
def test_n25_n26_what_is_no_file_is_named_and_not_concluded_upon(tmp_path):
    m("a=1 target/x=1").write_to(tmp_path)
    os.symlink("a", tmp_path / "link")
    os.symlink("target", tmp_path / "linked")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(tmp_path)  # the path of a socket must be short
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
        found = scan(tmp_path)
        assert keys(found) == ["a", "target/x"]
    assert {place.key: place.reason for place in found.unreadable} == {
        "link": "a symbolic link",
        "linked": "a symbolic link",
        "pipe": "a named pipe",
        "socket": "a socket",
    }
    assert not any(place.is_error for place in found.unreadable)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_n14_a_name_that_is_not_utf8_is_reported_and_the_rest_is_scanned(tmp_path):
    m("a=1 d/b=1").write_to(tmp_path)
    with open(os.path.join(os.fsencode(tmp_path), b"d/\xff\xfe"), "wb"):
        pass
    found = scan(tmp_path)
    assert keys(found) == ["a", "d/b"]
    assert [(place.key, place.is_error) for place in found.unreadable] == [("d/\\xff\\xfe", True)]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="this system keeps only names that are valid Unicode")
@pytest.mark.parametrize(
    ("pattern", "failed"),
    [("caf*", 1), ("bad-*/", 1), ("caf?.txt", 1), ("caf\udce9.txt", 1), ("caf*/", 2), ("*", 0), ("café.txt", 2)],
)
def test_a_name_that_is_not_utf8_can_be_excluded_by_a_pattern(sides, pattern, failed):
    sides.here("ok=1").sync()
    (sides.folder / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    (sides.folder / os.fsdecode(b"bad-\xff")).mkdir()
    assert sides.sync(exclude=[pattern]).failed == failed


def test_a_file_that_vanishes_during_the_scan_is_not_yielded(tmp_path):
    m("a=1 b=1 d/c=1").write_to(tmp_path)

    def accepts(path: str) -> bool:
        if path == "b":
            (tmp_path / "b").unlink()
        if path == "d/":
            shutil.rmtree(tmp_path / "d")
        return True

    found = scan(PathMapping("", str(tmp_path), path_filter=accepts))
    assert keys(found) == ["a"]
    # A disk may have been unmounted, with the directory that it was at.
    assert [(place.key, place.has_vanished) for place in found.unreadable] == [("d", True)]


# --- following links ---------------------------------------------------------------------------------------


@posix_only
def test_followed_links_are_the_files_that_they_point_to(tmp_path):
    m("a=1 d/x=22").write_to(tmp_path / "elsewhere")
    root = tmp_path / "root"
    root.mkdir()
    os.symlink("../elsewhere/a", root / "link")
    os.symlink("../elsewhere/d", root / "linked")
    found = list(scan(root, follow=True).entries())
    assert [(entry.key, entry.size) for entry in found] == [("link", 1), ("linked/x", 2)]


@posix_only
def test_followed_links_that_lead_in_a_circle_come_to_an_end(tmp_path):
    m("a=1 d/b=1").write_to(tmp_path)
    os.symlink("..", tmp_path / "d" / "up")
    os.symlink("d", tmp_path / "again")
    found = keys(scan(tmp_path, follow=True))
    assert set(found) >= {"a", "d/b", "again/b"}
    assert not [key for key in found if key.count("up/") > 1]


@posix_only
def test_a_link_to_a_directory_does_not_hide_the_directory(tmp_path):
    """`again` sorts before `d`; what is in `d` must not look deleted for that."""
    m("d/b=1").write_to(tmp_path)
    os.symlink("d", tmp_path / "again")
    assert keys(scan(tmp_path, follow=True)) == ["again/b", "d/b"]


@posix_only
@pytest.mark.parametrize("target", ["nowhere", "broken"], ids=["nothing there", "itself"])
def test_a_followed_link_that_leads_nowhere_is_named_and_not_concluded_upon(tmp_path, target):
    """Its target may be on a disk that is not mounted: that deletes nothing in the bucket."""
    m("a=1").write_to(tmp_path)
    os.symlink(target, tmp_path / "broken")
    found = scan(tmp_path, follow=True)
    assert keys(found) == ["a"]
    assert [(place.key, place.is_error) for place in found.unreadable] == [("broken", True)]


@posix_only
def test_a_followed_link_to_what_is_our_own_is_left_out(tmp_path):
    m("root/a=1 root/.buckia-state/x=1").write_to(tmp_path)
    os.symlink(".buckia-state", tmp_path / "root" / "state")
    os.symlink(".buckia-state/x", tmp_path / "root" / "file")
    found = scan(tmp_path / "root", follow=True)
    assert keys(found) == ["a"]
    assert {place.key: place.is_error for place in found.unreadable} == {"state": False, "file": False}


@posix_only
def test_a_mapped_file_that_is_a_link_to_nothing_is_not_taken_for_deleted(tmp_path):
    os.symlink("nowhere", tmp_path / "f")
    found = scan(PathMapping("f", str(tmp_path / "f"), "k", is_file=True))
    assert keys(found) == []
    assert [(place.key, place.is_error) for place in found.unreadable] == [("k", True)]


# --- while others are at work ------------------------------------------------------------------------------


@posix_only
def test_a_directory_that_becomes_a_link_during_the_scan_is_not_entered(tmp_path):
    m("root/a=1 root/d/x=1 root/e=1 outside/secret=1").write_to(tmp_path)

    def accepts(path: str) -> bool:
        if path == "d/":
            (tmp_path / "root" / "d").rename(tmp_path / "aside")
            (tmp_path / "root" / "d").symlink_to(tmp_path / "outside")
        return True

    found = scan(PathMapping("", str(tmp_path / "root"), path_filter=accepts))
    assert keys(found) == ["a", "e"]
    assert found.unreadable.at_or_above("d/x") is not None


@posix_only
def test_a_directory_that_becomes_a_link_while_it_is_read_is_read_to_its_end(tmp_path):
    m("root/d/x=22 root/d/y=22 root/d/z=22 outside/y=1").write_to(tmp_path)

    def accepts(path: str) -> bool:
        if path == "d/y":
            (tmp_path / "root" / "d").rename(tmp_path / "aside")
            (tmp_path / "root" / "d").symlink_to(tmp_path / "outside")
        return True

    found = scan(PathMapping("", str(tmp_path / "root"), path_filter=accepts))
    assert [(entry.key, entry.size) for entry in found.entries()] == [("d/x", 2), ("d/y", 2), ("d/z", 2)]


def test_a_tree_of_any_depth_holds_few_descriptors(tmp_path):
    names = ["/".join(["d"] * depth) + "/z" for depth in range(1, 60)]
    m(" ".join(f"{name}=1" for name in names)).write_to(tmp_path)
    before, most = len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0, 0
    found = []
    for entry in scan(tmp_path).entries():
        found.append(entry.key)
        most = max(most, len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0)
    assert found == sorted(names)
    assert most - before < 25


def test_of_a_large_directory_no_more_is_kept_than_its_names(tmp_path):
    """The status of each file, kept until the last one, took a gigabyte for a million of them."""
    for number in range(5000):
        (tmp_path / f"{number:05}").touch()
    entries = scan(tmp_path).entries()
    tracemalloc.start()
    try:
        count = sum(1 for _ in entries)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 5000
    assert peak / count < 250


# --- seen through a sync -----------------------------------------------------------------------------------


def test_n27_an_unreadable_directory_deletes_nothing(sides, deny):
    sides.in_step("a=1 d/x=1 e=1")
    deny(sides.folder / "d")
    result = sides.sync()
    assert (result.failed, result.deleted) == (1, 0)
    assert "can't be read" in result.errors[0].message
    assert sides.objects().keys() == {"a", "d/x", "e"}


@posix_only
def test_n25_nothing_is_written_through_a_link(sides, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink(outside, sides.folder / "link")
    sides.there("link/x=1 y=1")
    result = sides.sync()
    assert list(outside.iterdir()) == []
    assert [error.key for error in result.errors] == ["link/x"]
    assert sides.files() == {"y": "1"}


@posix_only
def test_a_file_that_became_a_link_is_not_deleted_in_the_bucket(sides):
    sides.in_step("a=1 b=1")
    sides.delete_here("a")
    os.symlink("b", sides.folder / "a")
    result = sides.sync()
    assert sides.objects() == {"a": "1", "b": "1"}
    assert stat.S_ISLNK(os.lstat(sides.folder / "a").st_mode)
    assert "a symbolic link stands in its way" in result.errors[0].message


@posix_only
def test_what_is_no_file_is_counted_and_reported_and_no_failure(sides):
    sides.here("a=1")
    os.symlink("a", sides.folder / "link")
    os.symlink("a", sides.folder / "other")
    os.mkfifo(sides.folder / "pipe")
    for _ in range(2):
        result = sides.sync()
        assert result.success and result.skipped == 3
        assert result.left_out == {"a symbolic link": 2, "a named pipe": 1}
        told = [event for event in sides.finished if event.operation.action.value == "skip"]
        assert [(each.operation.key, each.operation.explanation) for each in told] == [
            ("link", "not a file: a symbolic link"),
            ("other", "not a file: a symbolic link"),
            ("pipe", "not a file: a named pipe"),
        ]
    assert sides.sync(dry_run=True).left_out == {"a symbolic link": 2, "a named pipe": 1}
    assert sides.client().history(1)[0].left_out == {"a symbolic link": 2, "a named pipe": 1}


def test_without_such_entries_nothing_is_said_of_them(sides):
    sides.in_step("a=1").sync()
    assert (sides.did, sides.sync().left_out) == ([], {})


@posix_only
def test_links_are_followed_both_ways(sides, tmp_path):
    m("file=1 d/g=1").write_to(tmp_path / "elsewhere")
    os.symlink("../elsewhere/file", sides.folder / "lf")
    os.symlink("../elsewhere/d", sides.folder / "ld")
    sides.settings["follow_symlinks"] = True
    sides.sync()
    assert sides.objects() == {"lf": "1", "ld/g": "1"}
    sides.there("lf=22 ld/g=22 ld/new=22")
    assert sides.sync().success
    assert (sides.folder / "lf").is_symlink() and (sides.folder / "ld").is_symlink()
    found = {path.relative_to(tmp_path / "elsewhere").as_posix() for path in (tmp_path / "elsewhere").rglob("*")}
    assert found == {"file", "d", "d/g", "d/new"}
    assert (tmp_path / "elsewhere" / "file").read_text() == (tmp_path / "elsewhere/d/new").read_text() == "22"
    sides.sync()
    assert sides.did == []


@posix_only
def test_of_a_followed_link_that_is_deleted_in_the_bucket_only_the_link_goes(sides, tmp_path):
    m("file=1").write_to(tmp_path / "elsewhere")
    os.symlink("../elsewhere/file", sides.folder / "lf")
    sides.settings["follow_symlinks"] = True
    sides.here("a=1").sync()
    sides.delete_there("lf").sync()
    assert not os.path.lexists(sides.folder / "lf")
    assert (tmp_path / "elsewhere" / "file").read_text() == "1"
    assert sides.trashed() == {"lf": ["1"]}


@posix_only
def test_a_conflict_of_a_followed_link_has_its_copy_beside_the_link(sides, tmp_path):
    m("file=1").write_to(tmp_path / "elsewhere")
    os.symlink("../elsewhere/file", sides.folder / "lf")
    sides.settings["follow_symlinks"] = True
    sides.sync()
    m("file=mine").write_to(tmp_path / "elsewhere")
    sides.there("lf=theirs")
    assert sides.sync().success
    (copy,) = set(sides.objects()) - {"lf"}
    assert sides.objects() == {"lf": "theirs", copy: "mine"}
    assert (tmp_path / "elsewhere" / "file").read_text() == "theirs"
    assert (sides.folder / copy).read_text() == "mine"
