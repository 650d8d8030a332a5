"""Comparing the content of both sides."""

from __future__ import annotations

import os

import pytest

from buckia_core.errors import SideEmptied, Transient
from buckia_core.syncing.planner.check import CheckResult
from buckia_core.testing import Fault, Faulty


def differences(result: CheckResult) -> dict[str, str]:
    return {each.key: each.what for each in result.differ}


def test_both_sides_are_the_same(sides):
    sides.in_step("a=1 b=1 d/c=")
    result = sides.client().check()
    assert result.success and result.same == 3


def test_every_difference_is_named(sides):
    sides.in_step("a=1 b=1 same=1")
    sides.here("a=2 only-here=1").there("only-there=1 longer=333").here("longer=1")
    assert differences(sides.client().check()) == {
        "a": "other content",
        "longer": "1 bytes here, 3 bytes in the bucket",
        "only-here": "only here",
        "only-there": "only in the bucket",
    }


def test_no_local_fingerprint_is_believed(sides, monkeypatch):
    """The same size and every time put back: a sync would not see it on such a disk, a check does."""
    monkeypatch.setattr("buckia_core.localfs.files.LACKS_CTIME", True)
    monkeypatch.setattr("buckia_core.syncing.state.baseline_rows.is_racy", lambda *_: False)
    sides.in_step("a=1")
    before = (sides.folder / "a").stat()
    (sides.folder / "a").write_text("2")
    os.utime(sides.folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    sides.sync()
    assert sides.did == []
    assert differences(sides.client().check()) == {"a": "other content"}


def test_an_object_of_which_no_digest_is_known_is_read(sides, tmp_path):
    from buckia_core.adapters.directory.settings import DirectorySettings
    from buckia_core.adapters.directory.sync import DirectorySync

    (tmp_path / "bucket").mkdir()
    sides.bucket = DirectorySync(DirectorySettings(root=tmp_path / "bucket"))
    sides.here("a=1 b=1").there("a=1 b=2")
    assert differences(sides.client().check()) == {"b": "other content"}


def test_what_does_not_travel_is_no_difference(sides):
    sides.in_step("a=1").here("only-here=1").there("only-there=1")
    sides.settings = {"direction": "up"}
    assert differences(sides.client().check()) == {"only-here": "only here"}
    sides.settings = {"direction": "down"}
    assert differences(sides.client().check()) == {"only-there": "only in the bucket"}


def test_what_can_not_be_compared_is_a_difference(sides, monkeypatch):
    def refuse(file, algorithms):
        raise PermissionError(13, "Permission denied", file.name)

    sides.here("a=1 b=1").there("a=1 b=22")
    monkeypatch.setattr("buckia_core.syncing.planner.evidence.hash_open_file", refuse)
    found = differences(sides.client().check())
    assert found.keys() == {"a", "b"} and "Permission denied" in found["a"]


def test_part_of_it(sides):
    sides.here("a=1 d/x=1").there("a=2 d/x=1")
    assert sides.client().check(["d"]).success


def test_it_changes_nothing_and_needs_all_of_both_sides(sides):
    sides.here("a=1").client().check()
    assert not sides.state_dir.exists()
    sides.adapter = Faulty(sides.bucket, [Fault("list_files")])
    with pytest.raises(Transient):
        sides.client().check()
    sides.adapter = None
    sides.sync()
    (sides.folder / "a").unlink()
    sides.folder.rmdir()
    with pytest.raises(SideEmptied):
        sides.client().check()
