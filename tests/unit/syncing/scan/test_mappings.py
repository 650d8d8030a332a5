"""Mappings and scope from a configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from buckia_core.config import BucketConfig, load
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.syncing.bulk.uploads import directory_mapping
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings
from buckia_core.testing import m
from buckia_core.testing.miniatures import files_in
from tests.unit.syncing.sides import Sides

UP, DOWN, BOTH = Direction.UP, Direction.DOWN, Direction.BOTH


def config(base: Path, **settings: Any) -> BucketConfig:
    return BucketConfig(provider="memory", base_dir=base, **settings)


def mapped(base: Path, choices: RunOverrides | None = None, **settings: Any) -> list[tuple[str, str, Direction]]:
    """Return local path, prefix or key, and direction of each mapping."""
    mappings = build_mappings(config(base, **settings), choices or RunOverrides())
    return [(os.path.relpath(each.local, base), each.remote, each.rules.direction) for each in mappings]


def test_without_paths_the_directory_of_the_configuration_is_the_root(tmp_path):
    assert mapped(tmp_path) == [(".", "", BOTH)]


def test_the_first_path_receives_and_the_others_only_send(tmp_path):
    assert mapped(tmp_path, paths=["one", "two/"]) == [("one", "", BOTH), ("two", "", UP)]


def test_a_path_may_say_its_direction(tmp_path):
    paths = ["one", {"local": "two", "direction": "both"}, {"local": "three", "remote": "data/", "direction": "down"}]
    assert mapped(tmp_path, paths=paths) == [("one", "", BOTH), ("two", "", BOTH), ("three", "data/", DOWN)]


def test_the_bucket_may_say_the_direction(tmp_path):
    assert mapped(tmp_path, paths=["one", "two"], direction="down") == [("one", "", DOWN), ("two", "", DOWN)]
    assert mapped(tmp_path, paths=["one", "two"], direction="both") == [("one", "", BOTH), ("two", "", UP)]


def test_the_run_may_say_the_direction(tmp_path):
    assert mapped(tmp_path, RunOverrides(direction=UP), paths=["one"], direction="down") == [("one", "", UP)]


def test_single_files_come_first_and_stand_alone(tmp_path):
    files: dict[str, Any] = {"files": {"a": "x"}, "upload_files": {"b": "y"}, "download_files": {"c": "z"}}
    alone = [("a", "x", BOTH), ("b", "y", UP), ("c", "z", DOWN)]
    assert mapped(tmp_path, **files) == alone
    assert mapped(tmp_path, **files, paths=["one"]) == [*alone, ("one", "", BOTH)]


def test_a_local_path_of_the_run_is_the_one_root(tmp_path):
    choices = RunOverrides(local_path=tmp_path / "other")
    assert mapped(tmp_path, choices, paths=["one", "two"], files={"a": "x"}) == [("other", "", BOTH)]


def test_ids_stay_when_the_project_moves(tmp_path):
    def ids(base: Path) -> list[str]:
        settings = {"paths": [".", "./one/../two", {"local": "x", "remote": "y"}, "/absolute"], "files": {"a": "b"}}
        return [each.id for each in build_mappings(config(base, **settings), RunOverrides())]

    assert ids(tmp_path / "here") == ids(tmp_path / "there")
    assert len(set(ids(tmp_path))) == 5


def test_rules_are_those_of_the_configuration_unless_the_run_says_otherwise(tmp_path):
    settings = {"conflict_resolution": "local_wins", "delete_orphaned": True, "checksum_algorithm": "md5"}
    (mapping,) = build_mappings(config(tmp_path, **settings), RunOverrides())
    assert mapping.rules.conflict_policy is ConflictPolicy.LOCAL_WINS
    assert mapping.rules.delete_orphaned is True and mapping.rules.algorithm == "md5"
    (mapping,) = build_mappings(
        config(tmp_path, **settings),
        RunOverrides(conflict=ConflictPolicy.ASK, delete_orphaned=False, checksum=True),
    )
    assert mapping.rules.conflict_policy is ConflictPolicy.ASK
    assert mapping.rules.delete_orphaned is False and mapping.rules.checksum
    (mapping,) = build_mappings(config(tmp_path), RunOverrides())
    assert mapping.rules.conflict_policy is ConflictPolicy.KEEP_BOTH


def test_the_configuration_file_takes_no_part_whatever_it_is_called(tmp_path):
    read = BucketConfig.from_mapping({"provider": "memory"}, base_dir=tmp_path, source=str(tmp_path / "conf/my.yml"))
    (mapping,) = build_mappings(read, RunOverrides())
    assert not mapping.path_filter("conf/my.yml")
    assert mapping.path_filter("conf/my.yaml")


# --- seen through a sync -----------------------------------------------------------------------------------


def test_all_roots_go_up_and_the_first_one_receives(sides: Sides):
    sides.settings = {"paths": ["one", "two"]}
    m("a=1").write_to(sides.folder / "one")
    m("b=2").write_to(sides.folder / "two")
    sides.there("c=3").sync()
    assert sides.objects() == {"a": "1", "b": "2", "c": "3"}
    assert files_in(sides.folder) == {"one/a": b"1", "one/c": b"3", "two/b": b"2"}
    sides.sync()
    assert sides.did == []


def test_a_key_of_two_roots_is_reported_and_the_first_one_counts(sides: Sides):
    sides.settings = {"paths": ["one", "two"]}
    m("a=1").write_to(sides.folder / "one")
    m("a=2").write_to(sides.folder / "two")
    result = sides.sync()
    assert sides.objects() == {"a": "1"}
    assert sides.did == ["skip a", "upload a"] and result.skipped == 1 and result.success


def test_a_root_inside_another_one_has_its_own_prefix(sides: Sides):
    """A file below both is under two keys; each of them is its own."""
    sides.settings = {"paths": [".", {"local": "static", "remote": "public/"}]}
    sides.here("a=1 static/x=2").sync()
    assert sides.objects() == {"a": "1", "static/x": "2", "public/x": "2"}
    sides.sync()
    assert sides.did == []


def test_a_mapped_file_goes_its_own_way(sides: Sides):
    sides.settings = {"files": {"a.txt": "docs/b.txt"}, "download_files": {"c": "c"}, "upload_files": {"d": "d"}}
    sides.here("a.txt=1 d=1 other=1").there("c=1 more=1").sync()
    assert sides.objects() == {"docs/b.txt": "1", "c": "1", "d": "1", "more": "1"}
    assert sides.files() == {"a.txt": "1", "c": "1", "d": "1", "other": "1"}
    sides.there("docs/b.txt=22 d=22").here("c=333").sync()
    assert sides.files()["a.txt"] == "22"
    assert sides.objects()["c"] == "1" and sides.files()["d"] == "1"


def test_a_mapped_file_is_no_part_of_the_root_around_it(sides: Sides):
    """It would otherwise be two mappings' own under one key."""
    sides.settings = {"files": {"here.txt": "there.txt"}, "paths": ["."]}
    sides.here("here.txt=1").sync()
    assert sides.objects() == {"there.txt": "1", "here.txt": "1"}
    sides.there("there.txt=22").sync()
    assert sides.files() == {"here.txt": "22"}


def test_folders(sides: Sides):
    sides.settings = {"folders": ["images"]}
    sides.here("a=1 images/x=1").there("b=1 images/y=1 images-2/z=1").sync()
    assert sides.did == ["upload images/x", "download images/y"]


def test_sync_paths(sides: Sides):
    sides.in_step("a=1 images/x=1 images/y=1 videos/z=1")
    sides.here("a=22 images/x=22 videos/z=22").sync(sync_paths=["images/", "videos/z"])
    assert sides.did == ["upload images/x", "upload videos/z"]


def test_a_change_of_the_mapping_of_a_prefix_deletes_nothing(sides: Sides):
    sides.in_step("a=1 b=1")
    sides.settings = {"paths": [{"local": ".", "remote": "moved/"}]}
    result = sides.sync()
    assert result.deleted == 0
    assert sides.objects() == {"a": "1", "b": "1", "moved/a": "1", "moved/b": "1"}


@pytest.mark.parametrize(
    ("reference", "secret"),
    [
        ("file:creds/photos.key", "creds/photos.key"),
        ("file:creds/../creds//photos.key", "creds/photos.key"),
        ("file:link", "creds/linked"),
        ("file:{here}/photos.key", "photos.key"),
        ("dotenv:KEY", ".env"),
        ("dotenv:conf/app.env#KEY", "conf/app.env"),
        ("age:team.age#KEY", "identity.txt"),
    ],
)
@pytest.mark.parametrize("of_neighbour", [False, True])
def test_files_with_secrets_of_the_configuration_are_not_synced(tmp_path, monkeypatch, reference, secret, of_neighbour):
    """Whatever the patterns say, and also the secrets of another bucket of the file."""
    monkeypatch.setenv("BUCKIA_AGE_IDENTITY", "identity.txt")
    (tmp_path / "link").symlink_to("creds/linked")
    own = reference.format(here=tmp_path)
    first, second = ("env:A", own) if of_neighbour else (own, "env:A")
    (tmp_path / ".buckia").write_text(
        f"photos: {{provider: memory, credentials: {{key: '{first}'}}, exclude: ['!*']}}\n"
        f"other: {{provider: memory, key: '{second}'}}\n"
    )
    bucket = load(tmp_path / ".buckia").buckets["photos"].with_changes(max_workers=2)
    (root,) = build_mappings(bucket, RunOverrides())
    put = directory_mapping("1", str(tmp_path), "x/", bucket, (), ())
    for mapping in (root, put):
        assert not mapping.path_filter(secret)
        assert mapping.path_filter("team.age") and mapping.path_filter("creds/other") and mapping.path_filter("x/.envx")


def test_a_file_that_is_named_for_upload_is_synced_though_it_has_a_secret(tmp_path):
    assert mapped(tmp_path, upload_files={".env": "conf/env"}, key="dotenv:KEY") == [(".env", "conf/env", UP)]
