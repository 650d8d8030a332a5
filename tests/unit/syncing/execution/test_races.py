"""Races with other writers, just before a file is committed or deleted, or while it is backed up."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from buckia_core.client import BuckiaClient
from buckia_core.errors import PreconditionFailed, Transient
from buckia_core.localfs import atomic_rename
from buckia_core.localfs.directory import Directory
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.events import Event, Finished
from buckia_core.testing import Fault, Faulty
from tests.unit.syncing.sides import Sides
from tests.unit.syncing.transfer.test_transfer import During


def save(path: Path, content: str) -> None:
    """Write a file as most editors do: another one takes its place."""
    aside = path.with_name(f"{path.name}.editor")
    aside.write_text(content)
    aside.replace(path)


class Moments:
    """Lets things happen just before, or just after, a downloaded file takes the name of another one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, atomic: bool = True) -> None:
        self.before: list[Callable[[], object]] = []
        self.after: list[Callable[[], object]] = []
        self._rename = atomic_rename._rename
        self._atomic = atomic
        monkeypatch.setattr(atomic_rename, "_rename", self._called)

    def _called(self, *arguments: object) -> None:
        if not self._atomic:
            raise OSError(38, "Function not implemented")
        if self.before:
            self.before.pop(0)()
        self._rename(*arguments)  # type: ignore[arg-type]
        if self.after:
            self.after.pop(0)()


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Moments:
    if not _can_exchange():
        pytest.skip("this system can't exchange two files")
    return Moments(monkeypatch)


def _can_exchange() -> bool:
    from buckia_core.localfs import atomic_rename

    return atomic_rename._load_rename_call() is not None


def everything(sides: Sides) -> set[str]:
    """Return all contents that are on a side or in the trash."""
    kept = [content for contents in sides.trashed().values() for content in contents]
    return {*sides.files().values(), *sides.objects().values(), *kept}


def nothing_aside(sides: Sides) -> bool:
    return not list(sides.folder.rglob(f"{TEMP_PREFIX}*"))


# --- a file that is replaced --------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["keep_both", "local_wins", "remote_wins"])
def test_an_edit_just_before_the_file_is_replaced_is_a_change_like_any_other(sides, moments, policy):
    sides.in_step("a=1 b=1").there("a=theirs")
    moments.before.append(lambda: save(sides.folder / "a", "mine"))
    assert sides.sync(conflict=policy).success
    assert {"mine", "theirs"} <= everything(sides)
    assert sides.files()["a"] == sides.objects()["a"] == ("mine" if policy == "local_wins" else "theirs")
    assert nothing_aside(sides)


@pytest.mark.parametrize("again", [0, 1])
def test_edits_before_and_after_it_is_replaced(sides, moments, again):
    # The second one comes on top of what was downloaded, before the first one is put back.
    sides.in_step("a=1").there("a=theirs")
    moments.before += [lambda: save(sides.folder / "a", "mine"), lambda: save(sides.folder / "a", "mine, later")]
    moments.before += [lambda: save(sides.folder / "a", "mine, at last")] * again
    assert sides.sync(conflict="local_wins").success
    # The last edit of three was made over the first one, which had been put back.
    assert {"theirs", "mine, later", "mine, at last" if again else "mine"} <= everything(sides)
    assert sides.files()["a"] == sides.objects()["a"] == ("mine, at last" if again else "mine, later")
    assert nothing_aside(sides)


def test_a_directory_that_replaces_the_file_is_put_back(sides, moments):
    sides.in_step("a=1").there("a=theirs")

    def becomes_a_directory() -> None:
        (sides.folder / "a").unlink()
        (sides.folder / "a").mkdir()
        (sides.folder / "a" / "inside").write_text("mine")

    moments.before.append(becomes_a_directory)
    assert sides.sync().failed == 1
    assert sides.files() == {"a/inside": "mine"} and nothing_aside(sides)


def test_a_file_that_is_deleted_just_before_it_is_replaced_comes_anew(sides, moments):
    sides.in_step("a=1").there("a=theirs")
    moments.before.append((sides.folder / "a").unlink)
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a": "theirs"}


def test_what_was_put_back_is_not_lost_where_the_download_is_deleted_at_once(sides, moments):
    sides.in_step("a=1").there("a=theirs")
    moments.before += [lambda: save(sides.folder / "a", "mine"), (sides.folder / "a").unlink]
    assert sides.sync(conflict="local_wins").success
    assert sides.files() == sides.objects() == {"a": "mine"} and nothing_aside(sides)


def test_neither_edit_is_lost_where_one_follows_a_delete_of_the_download(sides, moments):
    a = sides.in_step("a=1").there("a=theirs").folder / "a"
    moments.before += [lambda: save(a, "mine"), a.unlink, lambda: save(a, "mine, later")]
    assert sides.sync(conflict="local_wins").success and nothing_aside(sides)
    assert "mine" in everything(sides) and sides.files()["a"] == sides.objects()["a"] == "mine, later"


@pytest.mark.parametrize("deleted", [False, True])
def test_an_edit_that_can_not_be_preserved_outlives_the_next_run(sides, moments, monkeypatch, deleted):
    a = sides.in_step("a=1").there("a=theirs").folder / "a"
    moments.before += [lambda: save(a, "mine"), *([a.unlink] if deleted else []), lambda: save(a, "mine, later")]
    add = Trash.add

    def fail(self, location, *arguments, **more):
        if location.name.startswith(TEMP_PREFIX):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return add(self, location, *arguments, **more)

    monkeypatch.setattr(Trash, "add", fail)
    assert sides.sync(conflict="local_wins").failed == 1
    assert {"mine", "mine, later"} <= everything(sides)
    assert sides.sync(conflict="local_wins").success and nothing_aside(sides)
    assert {"mine", "mine, later"} <= everything(sides)


def test_where_files_can_not_be_exchanged_they_are_replaced(sides, monkeypatch):
    Moments(monkeypatch, atomic=False)
    sides.in_step("a=1 b=1").there("a=2").here("b=mine").there("b=theirs")
    assert sides.sync().success
    assert sides.files() == sides.objects() and sides.files()["a"] == "2"
    assert sides.trashed() == {"a": ["1"]}
    assert {"mine", "theirs"} <= everything(sides) and nothing_aside(sides)


# --- a conflict copy ----------------------------------------------------------------------------------------


def test_the_conflict_copy_stays_when_all_else_that_followed_failed(sides, moments):
    sides.in_step("a=1").here("a=mine").there("a=theirs")
    # The file is gone before anybody looked whether it has arrived.
    moments.after.append((sides.folder / "a").unlink)
    sides.sync()
    assert "mine" in everything(sides)
    assert sides.sync().success and "mine" in sides.files().values()


def test_a_copy_from_an_earlier_run_does_not_contain_later_edits(sides, moments):
    sides.in_step("a=1").here("a=mine").there("a=theirs")
    sides.adapter = Faulty(sides.bucket, [Fault("download_file", times=None)])
    sides.sync()
    name = "a.conflict-local-20261121T101500Z"
    sides.here(f"{name}=mine")
    sides.adapter = None
    open_file = (sides.folder / "a").open("r+")

    def write_in_place() -> None:
        open_file.write("MINE")
        open_file.close()

    # The editor holds the file open, which has lost its name by then.
    moments.after.append(write_in_place)
    assert sides.sync().success
    assert {"mine", "theirs", "MINE"} <= everything(sides)


def test_a_file_that_vanishes_before_it_is_copied_is_no_failure(sides, monkeypatch):
    from buckia_core.syncing.execution import conflict_copy

    sides.in_step("a=1").here("a=mine").there("a=theirs")
    make = conflict_copy.make_conflict_copy

    def vanish(*arguments):
        monkeypatch.undo()
        (sides.folder / "a").unlink()
        return make(*arguments)

    monkeypatch.setattr(conflict_copy, "make_conflict_copy", vanish)
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a": "theirs"}


# --- a file that is deleted ---------------------------------------------------------------------------------


def test_an_edit_just_before_a_file_is_deleted_wins(sides, monkeypatch):
    sides.in_step("a=1 b=1").delete_there("a")
    replace = Directory.replace

    def edited_first(self, name, target, new):
        if name == "a":
            monkeypatch.undo()
            save(sides.folder / "a", "edited")
        replace(self, name, target, new)

    monkeypatch.setattr(Directory, "replace", edited_first)
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a": "edited", "b": "1"}
    assert sides.trashed() == {}


def test_an_edit_just_before_a_file_goes_to_a_trash_on_another_disk_wins(sides, monkeypatch):
    sides.in_step("a=1 b=1").delete_there("a")
    replace, link = Directory.replace, Directory.link

    def elsewhere(call):
        def checked(self, name, target, new):
            if os.path.dirname(self.join(name)) != os.path.dirname(target.join(new)):
                raise OSError(18, "another disk")
            if name == "a" and call is replace:
                save(sides.folder / "a", "edited")
            return call(self, name, target, new)

        return checked

    monkeypatch.setattr(Directory, "replace", elsewhere(replace))
    monkeypatch.setattr(Directory, "link", elsewhere(link))
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a": "edited", "b": "1"}
    assert nothing_aside(sides)


@pytest.mark.parametrize("number", [1, 5])
def test_an_object_is_not_deleted_for_a_file_that_is_there_again(sides, number):
    names = [f"k{index}" for index in range(number)]
    sides.in_step(" ".join(f"{name}=1" for name in names)).here("z=new-file").delete_here(*names)
    # As an editor does that deletes a file and writes it anew: the scan saw what was in between.
    sides.adapter = During(sides.bucket, "upload_file", lambda: sides.here(" ".join(f"{name}=2" for name in names)))
    assert sides.sync().deleted_remote == 0
    assert sides.sync().success
    assert sides.files() == sides.objects() == dict.fromkeys(names, "2") | {"z": "new-file"}


def test_an_object_that_is_edited_while_others_are_kept_is_not_deleted(sides):
    sides.settings = {"keep_replaced": "always"}
    names = [f"k{index}" for index in range(6)]
    sides.in_step(" ".join(f"{name}=1" for name in names)).delete_here(*names)
    kept: list[str] = []

    class Edited(During):
        def download_file(self, key, target, *, expect=None, start=0, end=None):
            found = self.inner.download_file(key, target, expect=expect, start=start, end=end)
            kept.append(key)
            if key == "k4":
                sides.there("k1=theirs k2=theirs")
            return found

    sides.adapter = Edited(sides.bucket, "", lambda: None)
    assert sides.sync().success
    assert {"k1", "k2"} <= set(kept)
    assert sides.objects() == sides.files() == {"k1": "theirs", "k2": "theirs"}


def test_a_run_that_is_stopped_keeps_and_deletes_no_more_of_a_batch(sides):
    sides.settings = {"keep_replaced": "always"}
    names = [f"k{index}" for index in range(6)]
    sides.in_step(" ".join(f"{name}=1" for name in names)).delete_here(*names)
    client: BuckiaClient

    class Stopped(During):
        def download_file(self, key, target, *, expect=None, start=0, end=None):
            if key == "k2":
                client.stop()
            return self.inner.download_file(key, target, expect=expect, start=start, end=end)

    sides.adapter = Stopped(sides.bucket, "", lambda: None)
    client = sides.client()
    result = client.sync(force=True)
    assert result.interrupted and result.deleted_remote == 3
    assert sides.baseline().keys() == sides.objects().keys() == {"k3", "k4", "k5"}


def test_an_object_that_changes_while_it_is_verified_is_left_to_the_next_run(sides):
    sides.here("a=mine b=1").there("a=them")
    changed = Fault("stat_file", lambda: PreconditionFailed("it is another version now"), key="a", times=None)
    sides.adapter = Faulty(sides.bucket, [changed])
    result = sides.sync(conflict="newest_wins")
    assert result.failed == 0 and sides.objects()["b"] == "1"
    sides.adapter = None
    assert sides.sync().success


# --- what ends a run ----------------------------------------------------------------------------------------


def test_what_is_under_way_when_a_listener_raises_is_remembered(sides):
    sides.here("a=1 b=1")
    told = threading.Event()

    class Slow(During):
        def upload_file(self, source, key, *, expect=None, info=None):
            if key == "b":
                assert told.wait(30)
            return self.inner.upload_file(source, key, expect=expect, info=info)

    def fails(event: Event) -> None:
        if isinstance(event, Finished):
            told.set()
            raise ZeroDivisionError

    sides.adapter = Slow(sides.bucket, "", lambda: None)
    with pytest.raises(ZeroDivisionError):
        sides.client().sync(events=fails, max_workers=2, force=True)
    assert sides.objects().keys() == sides.baseline().keys() == {"a", "b"}


class Dying(Executor):
    """Executes at once, and dies after some jobs: what was done in it then is told to nobody."""

    def __init__(self, jobs: int) -> None:
        self._left = jobs

    def submit(self, function, /, *arguments, **more):
        future: Future[object] = Future()
        result = function(*arguments, **more)
        self._left -= 1
        if self._left < 0:
            future.set_exception(BrokenProcessPool("a process was terminated abruptly"))
        else:
            future.set_result(result)
        return future


def test_a_pool_that_dies_ends_the_run_and_the_next_one_finds_what_it_did(sides):
    sides.in_step("e=1 f=1 g=1").here("a=1 b=1 c=1").there("d=1").delete_here("e").delete_there("f").here("g=2")
    with pytest.raises(BrokenProcessPool):
        sides.sync(executor=Dying(2), max_workers=2)
    assert {*sides.files().values(), *sides.objects().values()} <= {"1", "2"}
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a": "1", "b": "1", "c": "1", "d": "1", "g": "2"}
    sides.sync()
    assert sides.did == []


# --- groups -------------------------------------------------------------------------------------------------


def test_a_file_of_a_group_that_can_not_be_taken_away_fails_none_of_the_others(sides, monkeypatch):
    sides.there(" ".join(f"k{number:02}={number}" for number in range(40)))
    unlink = Directory.unlink

    def refuse(self, name):
        if name.startswith(TEMP_PREFIX) and "-" in name.removeprefix(TEMP_PREFIX):
            raise OSError(5, "Input/output error", self.join(name))
        unlink(self, name)

    monkeypatch.setattr(Directory, "unlink", refuse)
    sides.adapter = Faulty(sides.bucket, [Fault("download_file", lambda: Transient("no"), at=7)])
    result = sides.sync(max_workers=1)
    assert result.failed <= 40 and len(sides.files()) >= 39
    monkeypatch.undo()
    sides.adapter = None
    assert sides.sync().success
    assert sides.files() == sides.objects() and nothing_aside(sides)


# --- a disk that fails is not one that lacks something -----------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Directory, name, fail)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_name_that_can_not_be_given_is_not_taken(sides: Sides, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Without hard links and exclusive renames, a download takes whatever has its name: so nothing else may do."""
    sides.there("new=1")
    failing(monkeypatch, "link", number)
    result = sides.sync()
    assert result.failed == 1 and os.strerror(number) in result.errors[0].message
    assert sides.files() == {}
    failing(monkeypatch, "link", errno.EPERM)
    failing(monkeypatch, "rename_exclusive", number)
    assert sides.sync().failed == 1 and sides.files() == {}
    failing(monkeypatch, "rename_exclusive", errno.EINVAL)
    assert sides.sync().success and sides.files() == {"new": "1"}


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_file_that_can_not_be_exchanged_stays(sides: Sides, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    sides.in_step("a=1").there("a=2")
    failing(monkeypatch, "exchange", number)
    result = sides.sync()
    assert result.failed == 1 and os.strerror(number) in result.errors[0].message
    assert sides.files() == {"a": "1"}
    failing(monkeypatch, "exchange", errno.EINVAL)
    assert sides.sync().success and sides.files() == {"a": "2"}


def test_a_directory_that_appears_again_while_a_batch_of_deletes_is_backed_up_keeps_its_objects(sides):
    sides.settings = {"keep_replaced": "always"}
    sides.in_step("a=1 d/a=1 d/b=1 d/c=1")
    shutil.rmtree(sides.folder / "d")
    # The backup of the first object is under way when the others have a file again.
    sides.adapter = During(sides.bucket, "download_file", lambda: sides.here("d/b=1 d/c=1"))
    sides.sync()
    assert sides.objects() == {"a": "1", "d/b": "1", "d/c": "1"}
