"""Stored names of files on case-insensitive file systems."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from buckia_core.errors import InvalidKey
from buckia_core.planning.keys import FilesystemRules, casefold_key
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk import case_collisions
from buckia_core.syncing.disk.case_collisions import CaseCollisions
from buckia_core.syncing.events import Notice
from buckia_core.testing import m
from tests.unit.syncing.sides import Sides


@pytest.fixture
def folding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a disk tell that a name is there whose other spelling it has, as one that folds does."""

    def path_exists(mapping: PathMapping, path: str) -> bool:
        place = Path(mapping.local)
        for part in path.split("/"):
            names = os.listdir(place) if place.is_dir() else []
            found = [name for name in names if casefold_key(name) == casefold_key(part)]
            if not found:
                return False
            place /= found[0]
        return True

    monkeypatch.setattr(case_collisions, "path_exists", path_exists)
    monkeypatch.setattr("buckia_core.syncing.disk.case_collisions.path_exists", path_exists)
    monkeypatch.setattr(
        "buckia_core.syncing.planner.planner.detect_filesystem_rules",
        lambda _: FilesystemRules(case_insensitive=True, normalization_insensitive=True),
    )


@pytest.mark.usefixtures("folding")
def test_the_other_spelling_of_a_file_or_a_directory(tmp_path):
    mapping = PathMapping("m", str(m("Dir/File=1 same=1").write_to(tmp_path)))
    expected = {
        "dir": "Dir",
        "Dir": None,
        "Dir/file": "Dir/File",
        "same": None,
        "SAME": "same",
        "none": None,
        "Dir/x": None,
    }
    assert {path: CaseCollisions().find(mapping, path) for path in expected} == expected


def test_a_name_that_no_listing_has_is_a_twin_all_the_same(tmp_path, monkeypatch):
    """A short name of Windows: `progra~1` is there, and no directory lists it."""
    monkeypatch.setattr(case_collisions, "path_exists", lambda *_: True)
    assert CaseCollisions().find(PathMapping("m", str(tmp_path)), "progra~1") == "progra~1"


def test_each_directory_is_listed_once(tmp_path, monkeypatch):
    mapping = PathMapping("m", str(m("d/a=1").write_to(tmp_path)))
    monkeypatch.setattr(case_collisions, "path_exists", lambda *_: True)
    listed = []
    scandir = os.scandir

    def counted(path: str) -> Iterator[os.DirEntry[str]]:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    collisions = CaseCollisions()
    for number in range(100):
        collisions.find(mapping, f"d/{number}")
    assert len(listed) == 1


@pytest.mark.usefixtures("folding")
def test_a_key_is_refused_for_any_part_of_its_path(tmp_path):
    mapping = PathMapping("m", str(m("Dir/File=1").write_to(tmp_path)), "pre/")
    CaseCollisions().check(mapping, "pre/Dir/File")
    for key, other in (("pre/dir/new", "pre/Dir"), ("pre/Dir/file", "pre/Dir/File")):
        with pytest.raises(InvalidKey, match=other):
            CaseCollisions().check(mapping, key)


@pytest.mark.usefixtures("folding")
@pytest.mark.parametrize("twin", ["DIR/a", "dir/b", "Dir/A"])
def test_a_twin_at_any_level_stays_in_the_bucket_and_is_left_to_a_person(tmp_path, twin):
    sides = Sides(tmp_path / "folder").in_step("Dir/a=1")
    sides.there(f"{twin}=2")
    for _ in range(3):
        result = sides.sync()
        assert result.unresolved == [twin]
        assert sides.objects() == {"Dir/a": "1", twin: "2"} and sides.files() == {"Dir/a": "1"}


@pytest.mark.usefixtures("folding")
def test_a_folder_whose_case_changed_there_is_renamed_here(tmp_path):
    sides = Sides(tmp_path / "folder").in_step("Dir/a=one Dir/b=two")
    sides.delete_there("Dir/a", "Dir/b").there("dir/a=one dir/b=two")
    result = sides.sync()
    assert (result.failed, result.unresolved) == (0, [])
    assert sides.files() == sides.objects() == {"dir/a": "one", "dir/b": "two"}


@pytest.mark.usefixtures("folding")
def test_a_folder_whose_case_changed_and_that_something_keeps_is_not_joined_with_the_other(tmp_path):
    sides = Sides(tmp_path / "folder", settings={"exclude": ["*.tmp"]}).in_step("Dir/a=one").here("Dir/x.tmp=kept")
    sides.delete_there("Dir/a").there("dir/a=one")
    first = sides.sync()
    assert [error.key for error in first.errors] == ["dir/a"]
    assert sides.sync().unresolved == ["dir/a"]
    assert sides.objects() == {"dir/a": "one"}


def test_a_new_twin_in_unicode_form_is_reported_once_on_a_disk_that_holds_both(tmp_path):
    if CaseCollisions().find(PathMapping("m", str(m("é=1").write_to(tmp_path / "probe"))), "e\u0301") is not None:
        pytest.skip("this disk folds Unicode forms")
    sides = Sides(tmp_path / "folder").in_step("é=1")
    sides.there("e\u0301=2")
    result = sides.sync()
    assert (result.downloaded, result.success) == (1, True)
    (told,) = [event.message for event in sides.events if isinstance(event, Notice)]
    assert r"'e\u0301' beside '\xe9'" in told
    assert sides.sync().notices == []
