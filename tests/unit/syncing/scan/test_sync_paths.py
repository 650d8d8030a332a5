"""Paths that limit a sync: on the disk, in the baseline, in the bucket; patterns; and paths that match nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.client import BuckiaClient
from buckia_core.errors import InvalidSetting
from tests.unit.syncing.sides import Sides


def sync(sides: Sides, *paths: Any, **options: Any) -> list[str]:
    """Sync what the paths stand for, and return what was done."""
    sides.sync(sync_paths=paths, **options)
    return sides.did


@pytest.fixture
def tree(sides: Sides) -> Sides:
    """Three directories in step, in each of which a file has changed since."""
    sides.in_step("a.txt=1 images/x=1 images/old=1 sub/images/x=1 sub/a.txt=1 videos/z=1")
    return sides.here("a.txt=22 images/x=22 sub/images/x=22 sub/a.txt=22 videos/z=22")


@pytest.mark.parametrize(
    ("paths", "keys"),
    [
        (["images/"], ["images/x"]),
        (["images", "videos"], ["images/x", "videos/z"]),
        (["./images/x"], ["images/x"]),
        (["images/../videos"], ["videos/z"]),
        (["images/x", "images/x", "images"], ["images/x"]),
        (["."], ["a.txt", "images/x", "sub/a.txt", "sub/images/x", "videos/z"]),
        ([], ["a.txt", "images/x", "sub/a.txt", "sub/images/x", "videos/z"]),
        ([Path("images")], ["images/x"]),
    ],
)
def test_paths_are_relative_to_the_project(tree, paths, keys):
    assert sync(tree, *paths) == [f"upload {key}" for key in keys]


def test_absolute_paths(tree):
    assert sync(tree, tree.folder / "images", str(tree.folder / "videos/z/")) == ["upload images/x", "upload videos/z"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a.txt", "sub/a.txt"),
        ("images", "sub/images/x"),
        ("videos", "videos/z"),
        ("../a.txt", "a.txt"),
        ("../videos/", "videos/z"),
        ("sub/a.txt", "sub/a.txt"),
        ("images/x", "sub/images/x"),
    ],
)
def test_another_directory_goes_first_then_the_project(tree, path, key):
    assert sync(tree, path, relative_to=tree.folder / "sub") == [f"upload {key}"]


def test_the_directory_itself_is_all_that_is_in_it(tree):
    assert sync(tree, ".", relative_to=tree.folder / "sub") == ["upload sub/a.txt", "upload sub/images/x"]


def test_a_deleted_file_is_known_from_the_baseline_and_goes_before_one_of_the_project(tree):
    tree.delete_here("sub/a.txt")
    assert sync(tree, "a.txt", relative_to=tree.folder / "sub") == ["delete_remote sub/a.txt"]
    assert sync(tree, "a.txt", relative_to=tree.folder / "sub") == ["upload a.txt"]


def test_a_directory_that_was_deleted_is_known_as_well(tree):
    tree.delete_here("images/x", "images/old")
    (tree.folder / "images").rmdir()
    assert sync(tree, "images/") == ["delete_remote images/old", "delete_remote images/x"]


def test_what_only_the_bucket_has_is_found_in_the_same_order(tree):
    tree.there("sub/new=1 new=1 sub/more/x=1 keys/k=1")
    here = tree.folder / "sub"
    assert sync(tree, "new", "keys", relative_to=here) == ["download keys/k", "download sub/new"]
    assert sync(tree, "more", relative_to=here) == ["download sub/more/x"]
    assert sync(tree, "new", relative_to=tree.folder / "images") == ["download new"]


def test_a_name_is_no_beginning_of_a_name(tree):
    tree.there("images-old/k=1 imag/k=1")
    assert sync(tree, "imag", "images") == ["download imag/k", "upload images/x"]


# --- nothing of the name -----------------------------------------------------------------------------------


@pytest.mark.parametrize("paths", [["nope"], ["images", "nope"], ["nope/", "neither"], ["*.nope"], ["imag"]])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_path_that_matches_nothing_changes_nothing(tree, paths, dry_run):
    before = tree.objects()
    with pytest.raises(InvalidSetting) as caught:
        sync(tree, *paths, dry_run=dry_run)
    assert all(repr(path) in str(caught.value) for path in paths if path != "images")
    assert tree.objects() == before and tree.finished == []


def test_the_nearest_is_named(tree):
    with pytest.raises(InvalidSetting, match="did you mean 'images/old'"):
        sync(tree, "images/odl/")
    with pytest.raises(InvalidSetting, match="did you mean 'videos'"):
        sync(tree, "vidoes", relative_to=tree.folder / "sub")


@pytest.mark.parametrize("path", ["", "  "])
def test_an_empty_path_is_refused(tree, path):
    with pytest.raises(InvalidSetting, match="empty path"):
        sync(tree, path)


@pytest.mark.parametrize("path", ["../other", "/somewhere/else"])
def test_a_path_outside_is_refused(tree, path):
    with pytest.raises(InvalidSetting, match="not below any path that is synced"):
        sync(tree, path)


def test_a_file_that_is_not_mapped_has_a_message_of_its_own(sides):
    sides.settings = {"paths": ["data"]}
    sides.here("data/a=1 README=1")
    with pytest.raises(InvalidSetting, match="'README' is not below any path that is synced"):
        sync(sides, "README")


def test_no_conflict_is_asked_until_paths_are_resolved(tree):
    tree.there("a.txt=333")
    with pytest.raises(InvalidSetting):
        sync(tree, "a.txt", "nope", conflict="ask", ask=lambda _: pytest.fail("it asked"))


def test_status_and_check_refuse_as_well(tree):
    for call in (tree.client().status, tree.client().check):
        with pytest.raises(InvalidSetting, match="'nope' matches no file"):
            call(sync_paths=["nope"])


def test_check_is_limited_to_what_a_path_turned_out_to_be(tree):
    tree.there("sub/new=1 new=1")
    result = tree.client().check(["new"], relative_to=tree.folder / "sub")
    assert [each.key for each in result.differ] == ["sub/new"]


def test_a_run_that_is_stopped_says_nothing_of_paths(tree):
    client = tree.client()
    assert client.sync(sync_paths=["images", "nope"], events=lambda _: client.stop(), force=True).interrupted


class Listings(Wrapper):
    """Counts listings."""

    listed = 0

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        self.listed += 1
        return self.inner.list_files(prefix, start_after=start_after, end_at=end_at)


@pytest.mark.parametrize(("path", "works"), [("images", True), ("new", True), ("nope", False), ("*.txt", True)])
def test_no_path_costs_a_listing_of_its_own(tree, path, works):
    tree.there("new=1")
    tree.adapter = counting = Listings(tree.bucket)
    if works:
        sync(tree, path, dry_run=True)
    else:
        with pytest.raises(InvalidSetting):
            sync(tree, path)
    assert counting.listed == 1


# --- patterns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("*.txt", ["a.txt"]),
        ("**/*.txt", ["a.txt", "sub/a.txt"]),
        ("*/a.txt", ["sub/a.txt"]),
        ("im*", ["images/x"]),
        ("**/x", ["images/x", "sub/images/x"]),
        ("images/?", ["images/x"]),
        ("images/[x-z]", ["images/x"]),
        ("./vid*/z", ["videos/z"]),
    ],
)
def test_patterns(tree, pattern, keys):
    assert sync(tree, pattern) == [f"upload {key}" for key in keys]


def test_patterns_find_what_was_deleted_and_what_only_the_bucket_has(tree):
    tree.delete_here("images/x").there("images/y=1 images/z.jpg=1")
    assert sync(tree, "images/?") == ["delete_remote images/x", "download images/y"]
    assert sync(tree, "ima*/*.jpg") == ["download images/z.jpg"]


def test_patterns_are_relative_to_a_directory_first(tree):
    here = tree.folder / "sub"
    assert sync(tree, "*.txt", relative_to=here) == ["upload sub/a.txt"]
    assert sync(tree, "vid*", relative_to=here) == ["upload videos/z"]
    assert sync(tree, "../*.txt", relative_to=here) == ["upload a.txt"]


def test_a_file_that_is_named_like_a_pattern_is_that_file(sides):
    sides.here("a[1]=1 a1=1")
    assert sync(sides, "a[1]") == ["upload a[1]"]
    sides.there("b[1]=1 b1=1")
    assert sync(sides, "b[1]") == ["download b1", "download b[1]"]


def test_a_pattern_says_nothing_of_other_keys(tree):
    """What it does not cover is neither deleted nor forgotten, and conflicts there stay."""
    tree.there("videos/z=333").sync(conflict="ask")
    before = tree.baseline()
    tree.delete_here("images/old", "a.txt")
    assert sync(tree, "*.txt") == ["delete_remote a.txt"]
    assert tree.baseline() == {key: row for key, row in before.items() if key != "a.txt"}
    assert [conflict.key for conflict in tree.client().conflicts()] == ["videos/z"]


# --- mappings ----------------------------------------------------------------------------------------------


@pytest.fixture
def mapped(sides: Sides) -> Sides:
    sides.settings = {
        "paths": [{"local": "static/data", "remote": "data/", "direction": "both"}, {"local": "docs", "remote": "d/"}],
        "files": {"a.txt": "one/a.txt"},
    }
    return sides.here("static/data/x=1 static/data/y=1 docs/x=1 a.txt=1")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("static/data/x", ["data/x"]),
        ("static", ["data/x", "data/y"]),
        ("data/y", ["data/y"]),
        ("d", ["d/x"]),
        ("a.txt", ["one/a.txt"]),
        ("one/a.txt", ["one/a.txt"]),
        ("one", ["one/a.txt"]),
        ("static/*/x", ["data/x"]),
        ("*/x", ["d/x"]),
        ("**/x", ["d/x", "data/x"]),
        ("sta*", ["data/x", "data/y"]),
        ("*.txt", ["one/a.txt"]),
        ("data/*", ["data/x", "data/y"]),
        (".", ["d/x", "data/x", "data/y", "one/a.txt"]),
    ],
)
def test_paths_are_resolved_by_their_keys(mapped, path, keys):
    if path in ("d", "one", "data/*"):
        # Nothing is there by that name on the disk: it is a prefix, which the baseline or the bucket must know.
        mapped.there("d/new=1 one/a.txt=1 data/x=1 data/y=1" if path != "d" else "d/x=1")
        assert {each.split()[1] for each in sync(mapped, path)} >= set(keys)
        return
    assert [each.split()[1] for each in sync(mapped, path)] == keys


def test_a_path_of_two_mappings_is_both(sides):
    sides.settings = {"paths": [".", {"local": "static", "remote": "public/"}]}
    assert sync(sides.here("a=1 static/x=2"), "static") == ["upload public/x", "upload static/x"]


def test_configured_folders_limit_paths(sides):
    sides.settings = {"folders": ["images"]}
    sides.here("images/a.txt=1 images/b=1 videos/c.txt=1")
    assert sync(sides, "**/*.txt") == ["upload images/a.txt"]
    with pytest.raises(InvalidSetting, match="configured folders"):
        sync(sides, "videos")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_project_below_a_link_is_the_same(tree, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tree.folder, target_is_directory=True)
    assert sync(tree, "images", relative_to=link) == ["upload images/x"]
    tree.here("images/x=333")
    assert sync(tree, link / "images") == ["upload images/x"]


def test_a_local_path_of_the_run_is_what_paths_are_relative_to(sides, tmp_path):
    (tmp_path / "other/images").mkdir(parents=True)
    (tmp_path / "other/images/x").write_text("1")
    (tmp_path / "other/y").write_text("1")
    client: BuckiaClient = sides.client()
    assert client.sync(tmp_path / "other", sync_paths=["images"], force=True).uploaded == 1
    assert sides.objects() == {"images/x": "1"}
