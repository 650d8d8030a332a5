"""Targets that are blocked by what neither side lists are refused in the plan."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.planner.blocked_paths import refuse_blocked
from buckia_core.syncing.scan.local import temporary_prefix
from buckia_core.syncing.state.database import StateDatabase
from tests.unit.syncing.sides import Sides

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows, pipes are no files")

FILE_BUT_NOT_DIRECTORY = ["x", "!x/"]
"""PatternList that exclude a file of this name, and let what is in a directory of this name take part."""


@pytest.fixture
def on_directory(tmp_path: Path) -> Sides:
    """A folder, and a bucket that is a directory too."""
    (tmp_path / "bucket").mkdir()
    return Sides(tmp_path / "folder", DirectorySync(DirectorySettings(root=tmp_path / "bucket")))


def root_of(sides: Sides) -> Path:
    """Return the directory that is the bucket."""
    return Path(sides.bucket.local_directory or "")


def refused_alike(sides: Sides, **options: object) -> dict[str, str]:
    """Sync twice, each time after a rehearsal, and return what was refused: each time the same, and nothing is done."""
    before, there = sides.files(), sides.objects()
    told = []
    for _ in range(2):
        for dry_run in (True, False):
            result = sides.sync(dry_run=dry_run, **options)
            told.append((result.failed, {each.key: each.message for each in result.errors}, sides.did))
    assert all(each == told[0] for each in told), told
    assert (sides.files(), sides.objects(), sides.trashed()) == (before, there, {})
    assert told[0][0] == len(told[0][1])
    return told[0][1]


def test_a_directory_of_excluded_files(sides):
    sides.here("d/x/deep/a.log=1").there("d/x=2")
    refused = refused_alike(sides, exclude=["*.log"])
    path = sides.folder / "d/x"
    assert refused == {
        "d/x": f"refused: a directory stands in its way: {path} (with {path / 'deep/a.log'}, which this run leaves "
        "alone); move or remove it, and sync again"
    }
    (path / "deep/a.log").unlink()
    assert sides.sync(exclude=["*.log"]).success
    assert sides.files() == {"d/x": "2"}


def test_a_directory_that_is_excluded_itself(sides):
    sides.here("x/a=1").there("x=2")
    assert "a directory stands in its way" in refused_alike(sides, exclude=["x/"])["x"]


@posix_only
@pytest.mark.parametrize("target", ["file", "directory", "none", "pipe"])
def test_a_directory_of_what_is_no_file(sides, tmp_path, target):
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    (sides.folder / "x").mkdir()
    if target == "pipe":
        os.mkfifo(sides.folder / "x/entry")
    else:
        (sides.folder / "x/entry").symlink_to(tmp_path / target)
    sides.there("x=2")
    refused = refused_alike(sides)
    assert str(sides.folder / "x/entry") in refused["x"]
    assert os.path.lexists(sides.folder / "x/entry")


@pytest.mark.skipif(sys.platform != "linux", reason="other disks hold no such name")
def test_a_name_that_is_no_text_is_shown_as_one(sides):
    sides.here("x/excluded/a=1").there("x=2")
    os.rename(sides.folder / "x/excluded/a", os.fsencode(sides.folder / "x/excluded") + b"/a\xff")
    assert "excluded/a\\xff, which" in sides.sync(dry_run=True, exclude=["excluded/"]).errors[0].message


def test_a_directory_that_can_not_be_read_is_not_taken_for_an_empty_one(sides, monkeypatch):
    sides.here("x/a=1").there("x=2")
    scan = os.scandir

    def refuse(path="."):
        if path == str(sides.folder / "x"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "a directory stands in its way" in sides.sync(dry_run=True, exclude=["x/"]).errors[0].message


def test_a_file_where_a_directory_would_have_to_be(sides):
    sides.here("d/x=1").there("d/x/in=2 d/x/deep/in=3")
    refused = refused_alike(sides, exclude=FILE_BUT_NOT_DIRECTORY)
    why = f"refused: a file stands in its way: {sides.folder / 'd/x'}; move or remove it, and sync again"
    assert refused == {"d/x/in": why, "d/x/deep/in": why}
    (sides.folder / "d/x").unlink()
    assert sides.sync(exclude=FILE_BUT_NOT_DIRECTORY).downloaded == 2


@posix_only
def test_a_link_that_is_excluded_where_a_directory_would_have_to_be(sides, tmp_path):
    (tmp_path / "outside").mkdir()
    (sides.folder / "x").symlink_to(tmp_path / "outside")
    sides.there("x/in=2")
    assert "a symbolic link stands in its way" in refused_alike(sides, exclude=FILE_BUT_NOT_DIRECTORY)["x/in"]
    sides.settings["follow_symlinks"] = True
    assert sides.sync(exclude=FILE_BUT_NOT_DIRECTORY).success
    assert (tmp_path / "outside/in").read_text() == "2"


@posix_only
def test_each_link_that_blocks_is_reported_with_advice(sides):
    (sides.folder / "x").symlink_to("nowhere")
    sides.there("x=2")
    path = sides.folder / "x"
    assert refused_alike(sides) == {
        "x": f"refused: a symbolic link stands in its way: {path}; move or remove it, and sync again"
    }


def test_what_a_blocked_file_replaces_stays(sides):
    sides.in_step("x/in=1 x/deep/in=2 other=3").here("x/a.log=4")
    sides.delete_there("x/in", "x/deep/in").there("x=5")
    refused = refused_alike(sides, exclude=["*.log"])
    assert refused.keys() == {"x"}
    assert sides.did == ["refuse x", "skip x/deep/in", "skip x/in"]
    assert {each.operation.explanation for each in sides.finished if each.operation.key != "x"} == {
        "not deleted, since what replaces it has no place: x"
    }
    (sides.folder / "x/a.log").unlink()
    assert sides.sync(exclude=["*.log"]).success
    assert sides.files() == sides.objects() == {"x": "5", "other": "3"}
    assert sides.trashed() == {"x/in": ["1"], "x/deep/in": ["2"]}


def test_what_only_begins_like_it_is_deleted_as_ever(sides):
    sides.in_step("x/in=1 x-other=2 y=3").here("x/a.log=4")
    sides.delete_there("x/in", "x-other").there("x=5")
    assert sides.sync(exclude=["*.log"]).deleted == 1
    assert sides.files() == {"x/in": "1", "x/a.log": "4", "y": "3"}


def test_a_directory_that_the_run_empties_does_not_block(sides):
    sides.in_step("x/in=1 x/deep/in=2 other=3")
    (sides.folder / "x/empty/deeper").mkdir(parents=True)
    sides.delete_there("x/in", "x/deep/in").there("x=5")
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"x": "5", "other": "3"}


def test_a_file_that_the_run_deletes_does_not_block(sides):
    sides.in_step("x=1 other=3").delete_there("x").there("x/in=5")
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"x/in": "5", "other": "3"}


def test_a_temporary_file_of_a_killed_run_does_not_block(sides):
    sides.in_step("x/in=1 other=3").delete_there("x/in").there("x=5")
    state = StateDatabase.open_readonly(sides.state_file, sides.bucket.identity)
    (sides.folder / "x" / f"{temporary_prefix(state.get_meta('id') or '')}1").touch()
    state.close()
    assert sides.sync(dry_run=True).failed == 0
    assert sides.sync().success
    assert sides.files() == {"x": "5", "other": "3"}


def test_what_comes_into_the_way_after_the_plan_fails_alone_and_nothing_is_lost(sides, monkeypatch):
    sides.in_step("x/in=1 y=2").delete_there("x/in").there("x=5 z/in=6 new=7")
    fetch = sides.bucket.read_file

    def meanwhile(key, **options):
        if key == "new":
            sides.here("x/a.log=mine z=mine")
        return fetch(key, **options)

    monkeypatch.setattr(sides.bucket, "read_file", meanwhile)
    result = sides.sync(exclude=["*.log", "z", "!z/"], max_workers=1)
    assert {each.key for each in result.errors} == {"x", "z/in"}
    assert all("stands in its way" in each.message for each in result.errors)
    assert sides.files() == {"x/a.log": "mine", "y": "2", "z": "mine", "new": "7"}
    assert sides.objects() == {"x": "5", "y": "2", "z/in": "6", "new": "7"}
    assert sides.trashed() == {"x/in": ["1"]}


# --- a bucket that is a directory --------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize("what", ["link", "pipe", "link to a directory"])
def test_a_directory_of_what_the_bucket_does_not_list(on_directory, tmp_path, what):
    inside = root_of(on_directory) / "x/deep/entry"
    inside.parent.mkdir(parents=True)
    if what == "pipe":
        os.mkfifo(inside)
    else:
        inside.symlink_to(tmp_path / "none" if what == "link" else tmp_path)
    on_directory.here("x=1")
    refused = refused_alike(on_directory)
    assert "a directory stands in its way" in refused["x"] and str(root_of(on_directory) / "x") in refused["x"]
    assert os.path.lexists(inside)


def test_an_empty_directory_in_the_bucket(on_directory):
    (root_of(on_directory) / "x").mkdir()
    on_directory.here("x=1")
    path = root_of(on_directory) / "x"
    assert refused_alike(on_directory) == {
        "x": f"refused: a directory stands in its way: {path}; move or remove it, and sync again"
    }
    path.rmdir()
    assert on_directory.sync().uploaded == 1


@posix_only
@pytest.mark.parametrize("key", ["x", "x/in", "x/deep/in"])
def test_a_link_in_the_bucket(on_directory, tmp_path, key):
    (root_of(on_directory) / "x").symlink_to(tmp_path)
    on_directory.here(f"{key}=1")
    path = root_of(on_directory) / "x"
    assert refused_alike(on_directory) == {
        key: f"refused: a symbolic link stands in its way: {path}; move or remove it, and sync again"
    }


@posix_only
def test_objects_that_a_blocked_file_replaces_stay(on_directory):
    sides = on_directory.in_step("x/in=1 other=3")
    (root_of(sides) / "x/link").symlink_to("nowhere")
    sides.delete_here("x/in")
    (sides.folder / "x").rmdir()
    sides.here("x=5")
    assert refused_alike(sides).keys() == {"x"}
    (root_of(sides) / "x/link").unlink()
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"x": "5", "other": "3"}


@posix_only
def test_the_object_of_a_file_that_is_renamed_stays_while_its_new_name_is_taken(on_directory):
    sides = on_directory.in_step("a=1 other=3")
    (root_of(sides) / "x").symlink_to("nowhere")
    (sides.folder / "a").rename(sides.folder / "x")
    assert refused_alike(sides).keys() == {"x"}
    (root_of(sides) / "x").unlink()
    assert sides.sync().moved == 1
    assert sides.files() == sides.objects() == {"x": "1", "other": "3"}


def test_objects_that_leave_with_their_directories_do_not_block(on_directory):
    sides = on_directory.in_step("x/in=1 x/deep/in=2 y=3 other=4")
    sides.delete_here("x/in", "x/deep/in", "y")
    (sides.folder / "x/deep").rmdir()
    (sides.folder / "x").rmdir()
    sides.here("x=5 y/in=6")
    assert sides.sync(dry_run=True).failed == 0
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"x": "5", "y/in": "6", "other": "4"}


# --- what the look costs -----------------------------------------------------------------------------------


def looked_at(monkeypatch: pytest.MonkeyPatch, operations: list[Operation], mapping: PathMapping) -> list[str]:
    looked: list[str] = []
    lstat = os.lstat

    def look(path: str) -> os.stat_result:
        looked.append(os.path.relpath(path, mapping.local))
        return lstat(path)

    monkeypatch.setattr(os, "lstat", look)
    assert refuse_blocked(operations, {mapping.id: mapping}, follow=False, temp_prefix="", bucket=None) == operations
    return looked


def test_only_new_files_are_checked_and_nothing_below_missing_directories(tmp_path, monkeypatch):
    mapping = PathMapping("m", str(tmp_path), "")
    here, there = LocalEntry("changed", "m", 1, 1, 1, 1), RemoteObject("k", 1, "f")
    new = [f"new/deep/{number}" for number in range(9)] + [f"old/{number}" for number in range(2)]
    (tmp_path / "old").mkdir()
    operations = [
        Operation(Action.DOWNLOAD, "changed", "m", Reason.CHANGED_REMOTE, here, there),
        Operation(Action.DELETE_LOCAL, "gone", "m", Reason.DELETED_REMOTE, here),
        Operation(Action.UPLOAD, "mine", "m", Reason.NEW_LOCAL, here),
        *(Operation(Action.DOWNLOAD, key, "m", Reason.NEW_REMOTE, None, there) for key in new),
    ]
    assert looked_at(monkeypatch, operations, mapping) == ["new", "old", "old/0", "old/1"]
