"""Syncs on disks that take names for one which differ in case: what is two objects in the bucket stays two."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.errors import InvalidKey, NotFound
from buckia_core.localfs.filename_rules import detect_filesystem_rules
from buckia_core.planning.keys import casefold_key
from tests.unit.syncing.sides import Sides

COMPOSED, DECOMPOSED = "é", unicodedata.normalize("NFD", "é")


@pytest.fixture
def sides(folding_disk: Path) -> Sides:
    return Sides(folding_disk / "folder")


@pytest.fixture
def folds_forms(folding_disk: Path) -> bool:
    """Whether this disk takes Unicode forms for one as well; exFAT does not."""
    (folding_disk / COMPOSED).touch()
    found = (folding_disk / DECOMPOSED).exists()
    (folding_disk / COMPOSED).unlink()
    return found


def test_it_is_recognised_with_and_without_names_that_tell(folding_disk, folds_forms):
    for name in ("empty", "telling"):
        (folding_disk / name).mkdir()
    (folding_disk / "telling" / "x").touch()
    (folding_disk / "telling" / COMPOSED).touch()
    for name in ("empty", "telling"):
        rules = detect_filesystem_rules(str(folding_disk / name))
        assert (rules.case_insensitive, rules.normalization_insensitive) == (True, folds_forms), name
    assert os.listdir(folding_disk / "empty") == []


def test_twins_in_the_bucket_stay_two_and_one_comes_down(sides):
    sides.there("Twin=one twin=two other=x")
    for _ in range(3):
        result = sides.sync(max_workers=1)
        assert result.unresolved or result.failed
    assert sides.objects() == {"Twin": "one", "twin": "two", "other": "x"}
    assert sides.files().keys() in ({"Twin", "other"}, {"twin", "other"})


def test_a_twin_of_a_file_that_is_here_does_not_replace_it(sides):
    sides.in_step("Name=mine").there("name=theirs")
    for _ in range(3):
        sides.sync()
    assert sides.files() == {"Name": "mine"}
    assert sides.objects() == {"Name": "mine", "name": "theirs"}


def test_a_file_whose_case_is_changed_here_is_not_lost(sides):
    sides.in_step("name=mine other=x")
    os.rename(sides.folder / "name", sides.folder / "NAME")
    for _ in range(2):
        sides.sync()
    assert sides.files() == {"NAME": "mine", "other": "x"}
    assert {casefold_key(key): value for key, value in sides.objects().items()} == {"name": "mine", "other": "x"}


def test_edits_on_both_sides_arrive(sides):
    sides.in_step("a/File=1 b=2").here("a/File=edited").there("b=theirs c=new")
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a/File": "edited", "b": "theirs", "c": "new"}
    assert sides.sync().unchanged == 3
    assert sides.did == []


def test_deletes_and_conflicts_are_resolved_as_elsewhere(sides):
    sides.in_step("a=1 b=1 d/c=1").here("a=mine").there("a=theirs").delete_there("d/c")
    assert sides.sync().success
    assert sorted(sides.files().values()) == ["1", "mine", "theirs"] and sides.files() == sides.objects()
    assert sides.trashed()["d/c"] == ["1"]


@pytest.mark.parametrize("name", [".BUCKIA", ".Buckia-State/trash/bucket/x.json", "d/.BUCKIAIGNORE", "BUCKIA~1"])
def test_nothing_from_the_bucket_configures_buckia(sides, name):
    (sides.folder / ".buckia").write_text("provider: memory\n")
    (sides.folder / ".buckia-state").mkdir()
    sides.bucket.upload_file(json.dumps({"id": "../../victim"}).encode(), name)
    sides.there("fine=1").sync()
    assert (sides.folder / ".buckia").read_text() == "provider: memory\n"
    assert list((sides.folder / ".buckia-state").iterdir()) == []
    assert sorted(path.name for path in sides.folder.rglob("*")) == [".buckia", ".buckia-state", "fine"]


def test_a_bucket_on_such_a_disk_keeps_to_one_spelling(folding_disk):
    (folding_disk / "bucket").mkdir()
    bucket = DirectorySync(DirectorySettings(root=folding_disk / "bucket"))
    bucket.upload_file(b"1", "Dir/Name")
    for key in ("Dir/name", "dir/Name", "dir/other"):
        with pytest.raises(InvalidKey, match="exists in another spelling"):
            bucket.upload_file(b"2", key)
        with pytest.raises(NotFound):
            bucket.stat_file(key)
    assert [found.key for found in bucket.list_files()] == ["Dir/Name"]
    assert bucket.upload_file(b"22", "Dir/Name").size == 2
    bucket.close()


@pytest.mark.parametrize("twin", ["PHOTOS/new", "photos/deep/new", "Photos/FILE"])
def test_a_twin_of_a_directory_does_not_join_it(sides, twin):
    sides.in_step("Photos/file=mine").there(f"{twin}=theirs")
    for _ in range(3):
        assert sides.sync().unresolved == [twin]
    assert sides.files() == {"Photos/file": "mine"}
    assert sides.objects() == {"Photos/file": "mine", twin: "theirs"}


def test_of_two_directories_that_are_twins_one_comes_down(sides):
    sides.there("Photos/a=1 photos/b=2")
    for _ in range(3):
        assert sides.sync().unresolved == ["photos/b"]
    assert (sides.files(), sides.objects()) == ({"Photos/a": "1"}, {"Photos/a": "1", "photos/b": "2"})


@pytest.mark.parametrize(("before", "after"), [("d/File", "d/file"), ("Photos/a", "photos/a"), ("x/Y/z", "x/y/z")])
def test_a_change_of_case_in_the_bucket_arrives(sides, folds_forms, before, after):
    sides.in_step(f"{before}=content other=x").delete_there(before).there(f"{after}=content")
    result = sides.sync()
    assert result.unresolved == []
    if result.failed and not folds_forms:
        # exFAT by FUSE remembers for a second that a directory is there which was removed under its other spelling.
        assert sides.objects() == {after: "content", "other": "x"} and sides.trashed()[before] == ["content"]
        return
    assert sides.files() == sides.objects() == {after: "content", "other": "x"}
    assert sides.sync().success and sides.did == []


def test_unicode_forms_are_twins_only_where_the_disk_takes_them_for_one(sides, folds_forms):
    sides.bucket.upload_file(b"one", COMPOSED)
    sides.bucket.upload_file(b"two", DECOMPOSED)
    result = sides.sync()
    assert len(result.unresolved) == (1 if folds_forms else 0)
    assert len(sides.files()) == (1 if folds_forms else 2)
    assert len(sides.objects()) == 2
