"""Resolution of conflicts by the user's choice."""

from __future__ import annotations

import pytest

from buckia_core.config import PathRule
from buckia_core.errors import InvalidSetting, SideEmptied
from buckia_core.syncing.planner.resolve import NotAConflict


@pytest.fixture
def conflicts(sides):
    """Two files that both sides edited, one that is new on both, and one that was edited and deleted."""
    sides.in_step("a=1 b=1 c=1")
    sides.here("a=mine b=mine new=mine").there("a=yours b=yours new=yours")
    sides.sync(conflict="ask")
    assert [each.key for each in sides.client().conflicts()] == ["a", "b", "new"]
    return sides


@pytest.mark.parametrize("keep", ["local", "remote"])
def test_one_version_gets_the_name_and_the_other_goes_into_the_trash(conflicts, keep):
    kept, lost = ("mine", "yours") if keep == "local" else ("yours", "mine")
    result = conflicts.client().resolve(["a", "new"], keep)
    assert result.success and result.conflicts == 2
    for key in ("a", "new"):
        assert conflicts.files()[key] == conflicts.objects()[key] == kept
        assert conflicts.trashed()[key] == [lost]
    assert [each.key for each in conflicts.client().conflicts()] == ["b"]
    conflicts.sync(conflict="ask")
    assert conflicts.did == ["conflict b"]


def test_both_versions_are_kept(conflicts):
    assert conflicts.client().resolve(["a"], "both").success
    assert conflicts.files()["a"] == conflicts.objects()["a"] == "yours"
    (copy,) = [key for key in conflicts.files() if ".conflict-local-" in key]
    assert conflicts.files()[copy] == conflicts.objects()[copy] == "mine"
    assert [each.key for each in conflicts.client().conflicts()] == ["b", "new"]


def test_the_versions_are_those_of_now(conflicts):
    conflicts.here("a=later")
    conflicts.client().resolve(["a"], "local")
    assert conflicts.objects()["a"] == "later"


@pytest.mark.parametrize("keep", ["remote", "both"])
def test_of_a_side_that_has_none_the_other_one_is_taken(conflicts, keep):
    assert conflicts.delete_here("a").client().resolve(["a"], keep).success
    assert conflicts.files()["a"] == conflicts.objects()["a"] == "yours"


@pytest.mark.parametrize("keep", ["local", "remote"])
def test_a_version_that_is_gone_since_is_not_kept_at_the_cost_of_the_other(conflicts, keep):
    if keep == "local":
        conflicts.delete_here("a")
    else:
        conflicts.delete_there("a")
    with pytest.raises(NotAConflict, match=r"'a': its version .* is gone"):
        conflicts.client().resolve(["a", "b"], keep)
    assert {**conflicts.objects(), **conflicts.files()}["a"] == ("yours" if keep == "local" else "mine")
    assert [each.key for each in conflicts.client().conflicts()] == ["a", "b", "new"]


def test_nothing_is_resolved_for_a_missing_folder(conflicts):
    conflicts.folder.rename(conflicts.folder.with_name("unmounted"))
    for keep in ("local", "remote", "both"):
        with pytest.raises(SideEmptied, match="is missing"):
            conflicts.client().resolve(["a"], keep)
    assert conflicts.objects()["a"] == "yours" and not conflicts.folder.exists()


def test_a_key_that_both_sides_deleted_is_resolved(conflicts):
    conflicts.delete_here("a").delete_there("a").client().resolve(["a"], "local")
    assert [each.key for each in conflicts.client().conflicts()] == ["b", "new"]


def test_one_whose_path_is_not_configured_any_more_says_so(conflicts):
    narrowed = conflicts.client(paths=(PathRule(local="d"),))
    assert [each.key for each in narrowed.conflicts()] == ["a", "b", "new"]
    with pytest.raises(NotAConflict, match=r"does not have its path any more \(. >\)"):
        narrowed.resolve(["a"], "local")


class TestOutOfScope:
    """A conflict that the configuration excludes is none, until it takes part again."""

    @pytest.mark.parametrize(
        "settings",
        [
            {"paths": (PathRule(local=".", exclude=("a",)),)},
            {"paths": (PathRule(local="d"),)},
            {"folders": ("b", "new")},
        ],
    )
    def test_a_sync_takes_it_from_the_list(self, conflicts, settings):
        settings = {"conflict_resolution": "ask"} | settings
        conflicts.client(**settings).sync()
        assert "a" not in [each.key for each in conflicts.client().conflicts()]
        assert (conflicts.files()["a"], conflicts.objects()["a"]) == ("mine", "yours")
        conflicts.sync(conflict="ask")
        assert [each.key for each in conflicts.client().conflicts()] == ["a", "b", "new"]

    def test_what_a_single_run_leaves_out_stays(self, conflicts):
        conflicts.sync(conflict="ask", exclude=["a"])
        conflicts.sync(conflict="ask", sync_paths=["b"])
        assert [each.key for each in conflicts.client().conflicts()] == ["a", "b", "new"]

    def test_a_file_in_the_way_of_a_directory(self, sides):
        sides.here("conf=1").there("conf/x=1").sync()
        assert sides.client().conflicts()
        excluded = sides.client(paths=(PathRule(local=".", exclude=("conf",)),))
        assert excluded.sync().success
        assert excluded.conflicts() == []

    @pytest.mark.parametrize("excluded", [False, True])
    def test_gone_on_both_sides(self, conflicts, excluded):
        conflicts.delete_here("a").delete_there("a")
        paths = (PathRule(local=".", exclude=("a",) if excluded else ()),)
        conflicts.client(paths=paths, conflict_resolution="ask").sync()
        assert [each.key for each in conflicts.client().conflicts()] == ["b", "new"]


def test_one_key_that_is_no_conflict_resolves_none(conflicts):
    with pytest.raises(NotAConflict, match="'c'"):
        conflicts.client().resolve(["a", "c"], "local")
    assert conflicts.objects()["a"] == "yours"
    assert len(conflicts.client().conflicts()) == 3


def test_a_name_that_is_the_trouble_is_not_mended_by_a_choice(sides):
    sides.here("a=1").there("a/b=1").sync()
    with pytest.raises(NotAConflict, match="rename one of the two"):
        sides.client().resolve(["a"], "local")


def test_an_unknown_resolution_is_named(conflicts):
    with pytest.raises(InvalidSetting, match="keep must be one of local, remote, both"):
        conflicts.client().resolve(["a"], "newest")


def test_a_direction_does_not_bind_a_person(sides):
    sides.settings = {"direction": "up"}
    sides.in_step("a=1").there("a=yours").sync()
    assert [each.reason for each in sides.client().conflicts()] == ["changed in the bucket, but this path only goes up"]
    sides.client().resolve(["a"], "remote")
    assert sides.files() == {"a": "yours"}
    sides.sync()
    assert sides.did == []
