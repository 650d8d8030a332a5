"""The trash: what a sync replaces or deletes can be had again."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

import pytest

from buckia_core.syncing import trash as module
from buckia_core.syncing.trash import NotInTrash, Trash, link_or_copy


@pytest.fixture
def trash(tmp_path):
    return Trash(tmp_path / "state" / "trash")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("content")
    return path


def test_a_deleted_file_is_moved_and_comes_back(trash, file):
    name = trash.keep(str(file), "a.txt", "deleted in the bucket", leave=False)
    assert not file.exists()
    (kept,) = trash.list()
    assert (kept.id, kept.key, kept.path, kept.size) == (name, "a.txt", str(file), 7)
    assert kept.why == "deleted in the bucket"
    assert datetime.now(UTC) - kept.when < timedelta(minutes=1)
    assert trash.restore(name) == file
    assert file.read_text() == "content"
    assert trash.list() == []


def test_a_replaced_file_stays_where_it_is(trash, file):
    trash.keep(str(file), "a.txt", "", leave=True)
    other = file.with_name("new")
    other.write_text("new")
    os.replace(other, file)
    (kept,) = trash.list()
    target = file.with_name("restored")
    assert trash.restore(kept.id, target) == target
    assert (target.read_text(), file.read_text()) == ("content", "new")


def test_the_same_key_is_kept_as_often_as_it_loses(trash, file):
    for number in range(3):
        file.write_text(str(number))
        trash.keep(str(file), "a.txt", "", leave=False)
    assert len({each.id for each in trash.list()}) == 3
    assert sorted(trash.restore(each.id, file.with_name(each.id)).read_text() for each in trash.list()) == list("012")


def test_something_that_is_no_local_file_is_fetched(trash):
    name = trash.fetch("a/b", "/folder/a/b", 3, "replaced", lambda target: target.write_bytes(b"abc"))
    (kept,) = trash.list()
    assert (kept.id, kept.key, kept.size) == (name, "a/b", 3)


def test_what_could_not_be_fetched_leaves_nothing(trash, tmp_path):
    def fails(target):
        target.write_bytes(b"half")
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        trash.fetch("a", "/a", 4, "", fails)
    assert list((tmp_path / "state" / "trash").iterdir()) == []


def test_what_could_not_be_kept_leaves_nothing(trash, tmp_path, monkeypatch, file):
    monkeypatch.setattr(module, "_move", lambda path, target: (_ for _ in ()).throw(PermissionError("no")))
    with pytest.raises(PermissionError):
        trash.keep(str(file), "a", "", leave=False)
    assert file.exists() and trash.list() == []
    assert list((tmp_path / "state" / "trash").iterdir()) == []


def test_nothing_is_overwritten(trash, file):
    name = trash.keep(str(file), "a.txt", "", leave=True)
    with pytest.raises(FileExistsError):
        trash.restore(name)
    assert len(trash.list()) == 1


def test_directories_that_are_gone_are_made_again(trash, tmp_path):
    path = tmp_path / "d" / "e" / "x"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    name = trash.keep(str(path), "d/e/x", "", leave=False)
    path.parent.rmdir()
    path.parent.parent.rmdir()
    assert trash.restore(name) == path and path.read_text() == "x"


@pytest.mark.parametrize("name", ["none", "", "../a.txt", "/etc/passwd"])
def test_what_is_not_there_is_named(trash, name, file):
    trash.keep(str(file), "a.txt", "", leave=True)
    with pytest.raises(NotInTrash, match="trash list"):
        trash.restore(name)


def test_names_do_not_follow_keys(trash, file):
    """A key may be longer or stranger than the disk of the trash allows."""
    key = "../" + "é" * 500 + "\n:*?"
    trash.keep(str(file), key, "", leave=False)
    assert trash.list()[0].key == key


def test_it_is_emptied_by_age(trash, file, monkeypatch):
    trash.keep(str(file), "old", "", leave=True)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=3)

    monkeypatch.setattr(module, "datetime", Later)
    trash.keep(str(file), "new", "", leave=True)
    assert trash.empty(timedelta(days=2)) == (1, 7)
    assert [each.key for each in trash.list()] == ["new"]
    assert trash.empty() == (1, 7)
    assert trash.empty() == (0, 0)


def test_records_without_bytes_and_broken_ones_are_passed_over(trash, file, tmp_path):
    name = trash.keep(str(file), "a", "", leave=True)
    directory = tmp_path / "state" / "trash"
    (directory / "broken.json").write_text("{")
    (directory / "alone.json").write_text((directory / f"{name}.json").read_text().replace(name, "alone"))
    assert [each.id for each in trash.list()] == [name]


def test_where_there_are_no_hard_links_a_copy_is_made(trash, file, monkeypatch):
    def refuse(*args, **more):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    os.utime(file, (5, 5))
    target = file.with_name("copy")
    link_or_copy(str(file), target)
    assert target.read_text() == "content" and target.stat().st_mtime == 5
    assert file.stat().st_nlink == 1
    with pytest.raises(FileExistsError):
        link_or_copy(str(file), target)


def test_where_a_move_is_not_possible_a_copy_is_made(trash, file, monkeypatch):
    def refuse(*args, **more):
        raise OSError(18, "another disk")

    monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(os, "link", refuse)
    name = trash.keep(str(file), "a", "", leave=False)
    assert not file.exists()
    monkeypatch.undo()
    assert trash.restore(name).read_text() == "content"


@pytest.mark.skipif(sys.platform == "win32", reason="other permissions")
def test_a_restored_file_has_its_permissions(trash, file):
    file.chmod(0o640)
    name = trash.keep(str(file), "a", "", leave=False)
    assert trash.restore(name).stat().st_mode & 0o777 == 0o640
