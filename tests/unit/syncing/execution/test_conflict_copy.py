"""Conflict copies."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.syncing.execution import conflict_copy
from buckia_core.syncing.execution.conflict_copy import conflict_copy_name, make_conflict_copy
from buckia_core.testing import Fault, Faulty
from tests.unit.syncing.locations import open_location

WHEN = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
MARK = ".conflict-local-20261121T101500Z"


@pytest.mark.parametrize(
    ("name", "copy"),
    [
        ("report.txt", f"report{MARK}.txt"),
        ("archive.tar.gz", f"archive.tar{MARK}.gz"),
        ("Makefile", f"Makefile{MARK}"),
        (".bashrc", f".bashrc{MARK}"),
        (".env.local", f".env{MARK}.local"),
        ("a.", f"a{MARK}."),
        ("a b+%.x y", f"a b+%{MARK}.x y"),
        ("x" * 255, "x" * (255 - len(MARK)) + MARK),
        ("é" * 127 + "a", "é" * ((255 - len(MARK)) // 2) + MARK),
        ("x" * 251 + ".txt", "x" * (251 - len(MARK)) + MARK + ".txt"),
        ("a." + "x" * 253, f"a{MARK}"),
    ],
)
def test_n9_names(name, copy):
    assert conflict_copy_name(name, "local", WHEN) == copy
    assert len(copy.encode()) <= 255


def test_the_time_is_in_utc_and_a_number_makes_another_name():
    assert conflict_copy_name("a.b", "remote", WHEN.astimezone(timezone(timedelta(hours=9)))) == f"a{MARK}.b".replace(
        "local", "remote"
    )
    assert conflict_copy_name("a.b", "local", WHEN, 3) == f"a{MARK}-3.b"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1).filter(
    lambda name: len(name.encode()) <= 255 and name not in (".", "..")
), st.sampled_from([0, 7, 999]))  # fmt: skip
def test_n9_any_name_has_a_copy_that_a_disk_can_hold(name, number):
    copy = conflict_copy_name(name, "local", WHEN, number)
    assert 0 < len(copy.encode()) <= 255
    assert MARK in copy and copy != name


# --- making one --------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "d" / "a.txt"
    path.parent.mkdir()
    path.write_text("mine")
    return path


def copy_of(path, key="d/a.txt"):
    with open_location(path) as place:
        local = place.stat_entry(key, "")
        assert local is not None
        return make_conflict_copy(place, key, local, "sha256")


def test_a_copy_has_the_content_and_a_key_beside_the_first(file):
    copy = copy_of(file)
    assert copy.is_new
    assert copy.key.startswith("d/a.conflict-local-") and copy.key.endswith(".txt")
    assert copy.location.path == str(file.parent / copy.key[2:])
    with open(copy.location.path) as made:
        assert made.read() == "mine"


def test_who_writes_through_a_hard_link_of_the_file_does_not_change_the_copy(file):
    other = file.with_name("other")
    os.link(file, other)
    copy = copy_of(file)
    other.write_text("edited")
    assert Path(copy.location.path).read_text() == "mine"


def test_a_copy_at_the_root_has_no_directory_in_its_key(tmp_path):
    (tmp_path / "a").write_text("x")
    assert "/" not in copy_of(tmp_path / "a", "a").key


def test_p6_the_copy_of_an_interrupted_run_is_reused(file):
    first = copy_of(file)
    again = copy_of(file)
    assert (again.location.path, again.is_new) == (first.location.path, False)


@pytest.mark.parametrize("name", ["é" * 127 + "a", "x" * 251 + ".txt", "a." + "x" * 253, ".hidden", "none"])
def test_p6_also_where_the_name_had_to_be_cut(tmp_path, name):
    (tmp_path / name).write_text("mine")
    first = copy_of(tmp_path / name, name)
    assert copy_of(tmp_path / name, name).location.path == first.location.path


def test_other_content_gets_another_copy(file):
    first = copy_of(file)
    file.unlink()
    file.write_text("else")
    second = copy_of(file)
    assert second.is_new and second.location.path != first.location.path


def test_a_copy_of_another_file_is_not_taken_for_one_of_this(tmp_path):
    """`a-b` has the same content as `a`, and a name that begins like it."""
    for name in ("a-b", "a"):
        (tmp_path / name).write_text("mine")
    first = copy_of(tmp_path / "a-b", "a-b")
    second = copy_of(tmp_path / "a", "a")
    assert second.is_new and second.location.path != first.location.path


def test_two_of_one_second_get_two_names(file, monkeypatch):
    class Still(datetime):
        @classmethod
        def now(cls, tz=None):
            return WHEN

    monkeypatch.setattr(conflict_copy, "datetime", Still)
    names = []
    for content in ("one", "two", "three"):
        file.unlink()
        file.write_text(content)
        names.append(copy_of(file).key)
    assert names == [f"d/a{MARK}.txt", f"d/a{MARK}-1.txt", f"d/a{MARK}-2.txt"]


# --- seen through a sync -----------------------------------------------------------------------------------


def test_both_versions_are_on_both_sides(sides):
    sides.in_step("d/a.txt=1")
    sides.here("d/a.txt=mine").there("d/a.txt=yours")
    result = sides.sync()
    assert (result.conflicts, result.uploaded, result.downloaded) == (1, 1, 1) and result.success
    assert sides.files() == sides.objects()
    (copy,) = set(sides.files()) - {"d/a.txt"}
    assert sides.files() == {"d/a.txt": "yours", copy: "mine"}
    sides.sync()
    assert sides.did == []


def test_two_files_of_one_content_get_a_copy_each(sides):
    sides.here("a=same a-b=same").there("a=1 a-b=2").sync()
    assert len(sides.files()) == 4
    assert sides.files() == sides.objects()


def test_a_failed_download_leaves_no_copy_behind(sides):
    sides.here("a=mine").there("a=yours")
    sides.adapter = Faulty(sides.bucket, [Fault("download_file")])
    result = sides.sync()
    assert result.failed == 1
    assert sides.files() == {"a": "mine"} and sides.objects() == {"a": "yours"}


def test_a_copy_that_could_not_be_uploaded_is_uploaded_by_the_next_run(sides):
    sides.here("a=mine").there("a=yours")
    sides.adapter = Faulty(sides.bucket, [Fault("upload_file")])
    assert sides.sync().failed == 1
    assert sorted(sides.files().values()) == ["mine", "yours"] and sides.objects() == {"a": "yours"}
    result = sides.sync()
    assert result.success and (result.uploaded, result.conflicts) == (1, 0)
    assert sides.files() == sides.objects()
