"""Folders that vanish during a run, like an unmounted disk: none of their files counts as deleted."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from buckia_core.adapters.plugins.registry import registry
from buckia_core.errors import NotFound, SideEmptied
from buckia_core.localfs.directory import Tree
from buckia_core.planning.keys import FilesystemRules
from buckia_core.syncing import engine
from buckia_core.syncing.disk.file_locator import FileLocation
from buckia_core.syncing.scan.local import LocalScan
from buckia_core.testing import Fault, Faulty
from tests.unit.syncing.sides import Sides
from tests.unit.syncing.transfer.test_transfer import During

posix = pytest.mark.skipif(os.name == "nt", reason="Windows keeps directories that are open")


def unmount(folder):
    """Put an empty directory where a folder was, as an unmounted disk leaves it."""
    shutil.move(folder, folder.with_name("unmounted"))
    folder.mkdir()


def mount(folder):
    shutil.rmtree(folder)
    shutil.move(folder.with_name("unmounted"), folder)


@pytest.fixture
def once_planned(monkeypatch):
    """Have something happen between the next plan and its execution."""

    def once_planned(happens):
        waiting = [happens]

        class Registry:
            hooks = registry().hooks

            def run_before_sync(self, plan, bucket):
                if waiting:
                    waiting.pop()()

        monkeypatch.setattr(engine, "registry", Registry)

    return once_planned


@pytest.mark.parametrize("gone", [unmount, shutil.rmtree], ids=["another one", "none"])
@pytest.mark.parametrize("force", [False, True], ids=["", "--force"])
def test_a_root_that_goes_away_while_it_is_read_ends_the_run(sides, monkeypatch, gone, force):
    sides.in_step("a=1 b=1 c=1 d=1")
    entries = LocalScan.entries

    def going(scan):
        gone(sides.folder)
        return entries(scan)

    monkeypatch.setattr(LocalScan, "entries", going)
    with pytest.raises(SideEmptied, match="while it was read"):
        sides.sync(force=force)
    assert sides.objects().keys() == {"a", "b", "c", "d"}


def test_the_folder_of_a_single_file_is_checked_too(sides, tmp_path, monkeypatch):
    usb = tmp_path / "usb"
    usb.mkdir()
    (usb / "plan").write_text("1")
    sides.settings = {"files": {str(usb / "plan"): "plan"}}
    sides.in_step("")
    entries = LocalScan.entries

    def going(scan):
        unmount(usb)
        return entries(scan)

    monkeypatch.setattr(LocalScan, "entries", going)
    with pytest.raises(SideEmptied, match="usb"):
        sides.sync()
    assert sides.objects() == {"plan": "1"}


@posix
def test_a_folder_that_goes_just_before_it_is_read_is_left_for_the_next_run(sides, monkeypatch):
    """A disk below the root may have been unmounted, with the directory that it was at."""
    sides.in_step("a=1 usb/b=1 usb/c=1")
    below = Tree.open_child
    away = sides.folder.with_name("away")

    def going(tree, directory, name):
        if name == "usb" and (sides.folder / "usb").exists():
            shutil.move(sides.folder / "usb", away)
        return below(tree, directory, name)

    monkeypatch.setattr(Tree, "open_child", going)
    result = sides.sync()
    assert result.success and sides.did == [] and sides.objects().keys() == {"a", "usb/b", "usb/c"}
    sides.sync()
    assert sides.did == ["delete_remote usb/b", "delete_remote usb/c"], "the next run sees that it is gone"


def test_a_new_folder_that_comes_and_goes_is_not_reported(sides, monkeypatch):
    sides.in_step("a=1")
    (sides.folder / "build").mkdir()
    below = Tree.open_child

    def going(tree, directory, name):
        shutil.rmtree(sides.folder / "build", ignore_errors=True)
        return below(tree, directory, name)

    monkeypatch.setattr(Tree, "open_child", going)
    assert sides.sync().success
    assert sides.did == [] and sides.finished == []


@pytest.mark.parametrize("gone", [unmount, lambda folder: shutil.move(folder, folder.with_name("unmounted"))])
def test_nothing_is_done_in_a_root_that_goes_away_after_the_plan(sides, once_planned, gone):
    sides.in_step("changed=1 deleted-there=1 stays=1").here("changed=2 new=1").there("new-there=1")
    sides.delete_there("deleted-there")
    once_planned(lambda: gone(sides.folder))
    result = sides.sync()
    assert result.failed == 4
    assert all("went away" in error.message for error in result.errors)
    assert sides.objects() == {"changed": "1", "stays": "1", "new-there": "1"}
    assert not sides.folder.exists() or not os.listdir(sides.folder)
    sides.folder.mkdir(exist_ok=True)
    mount(sides.folder)
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"changed": "2", "stays": "1", "new": "1", "new-there": "1"}


def test_a_file_that_goes_after_the_plan_is_deleted_by_the_next_run(sides, once_planned):
    """Where a disk below the root is unmounted, each of its files is such a one, and a guard has to see all of them."""
    sides.in_step("a=1 b=1").here("a=2")
    once_planned(lambda: sides.delete_here("a"))
    assert sides.sync().success
    assert sides.objects() == {"a": "1", "b": "1"}
    sides.sync()
    assert sides.did == ["delete_remote a"]


def test_an_object_that_goes_after_the_plan_is_deleted_by_the_next_run(sides, once_planned):
    sides.in_step("a=1 b=1").there("a=2")
    once_planned(lambda: sides.delete_there("a"))
    assert sides.sync().success
    assert sides.files() == {"a": "1", "b": "1"}
    sides.sync()
    assert sides.did == ["delete_local a"]


@pytest.mark.parametrize("policy", ["keep_both", "remote_wins"])
def test_an_object_that_is_listed_and_can_not_be_found_deletes_no_file(sides: Sides, policy: str) -> None:
    """Some proxies answer so, and buckets that are being emptied."""
    sides.settings = {"conflict_resolution": policy}
    sides.in_step("a=1 b=1 c=1").there("a=2 b=2 c=2").here("c=3")

    def gone() -> NotFound:
        return NotFound("no such key", key="a")

    faults = [Fault("download_file", gone, times=None), Fault("open_file", gone, times=None)]
    faults.append(Fault("stat_file", gone, times=None))
    sides.adapter = Faulty(sides.bucket, faults)
    result = sides.sync()
    assert result.deleted == 0 and result.skipped >= 2
    assert sides.files() == {"a": "1", "b": "1", "c": "3"}
    sides.adapter = None
    assert sides.sync().success
    assert sides.files() == sides.objects() and sides.files()["a"] == "2"


def test_a_delete_of_one_side_does_not_become_one_of_the_other(sides: Sides) -> None:
    sides.in_step("a=1 b=1").delete_here("a").here("b=2")

    def swap() -> None:
        sides.here("a=1")
        sides.delete_there("a")

    sides.adapter = During(sides.bucket, "upload_file", swap)
    result = sides.sync(max_workers=1)
    assert result.success and result.deleted == 0 and result.skipped == 1
    assert sides.files() == {"a": "1", "b": "2"}
    sides.adapter = None
    assert sides.sync().deleted_local == 1


def test_a_delete_waits_where_it_can_not_be_found_out_whether_the_file_came_back(sides, once_planned, monkeypatch):
    sides.in_step("a=1 b=1").delete_here("a")
    look = FileLocation.stat_entry

    def refuse(place, key, root):
        if key == "a":
            raise OSError(errno.EIO, "Input/output error", place.path)
        return look(place, key, root)

    once_planned(lambda: monkeypatch.setattr(FileLocation, "stat_entry", refuse))
    result = sides.sync()
    assert result.failed == 1 and "Input/output error" in result.errors[0].message
    assert sides.objects().keys() == {"a", "b"}
    monkeypatch.setattr(FileLocation, "stat_entry", look)
    sides.sync()
    assert sides.did == ["delete_remote a"]


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE])
def test_a_root_that_can_not_be_read_for_want_of_something_is_no_matter_of_permission(sides, monkeypatch, number):
    sides.in_step("a=1")

    def refuse(directory):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("buckia_core.syncing.planner.planner.detect_filesystem_rules", lambda path: FilesystemRules())
    monkeypatch.setattr("buckia_core.localfs.directory.Directory.scandir", refuse)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        sides.sync()
    assert caught.value.filename == str(sides.folder)
    assert sides.objects() == {"a": "1"}


def test_a_root_whose_stat_fails_is_not_missing(sides, monkeypatch):
    sides.in_step("a=1")
    stat = os.stat

    def refuse(path, **more):
        if path == str(sides.folder):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return stat(path, **more)

    monkeypatch.setattr("buckia_core.syncing.disk.paths.os.stat", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sides.sync()
    assert sides.objects() == {"a": "1"}
