"""Keys that a changed configuration excludes are not deleted."""

from __future__ import annotations

import errno
import os
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.errors import SideEmptied
from buckia_core.syncing.events import Notice, SyncResult
from buckia_core.syncing.planner.former_mappings import FormerMapping
from tests.unit.syncing.sides import Sides

ALL = {"paths": [{"local": ".", "remote": ""}]}
CHANGES: dict[str, dict[str, Any]] = {
    "excluded": ALL | {"exclude": ["logs/"]},
    "not included": ALL | {"include": ["images/*"]},
    "narrowed": {"paths": [{"local": "images", "remote": "images"}]},
    "narrowed, other keys": {"paths": ["images"]},
    "another prefix": {"paths": [{"local": ".", "remote": "new"}]},
    "another folder of the bucket": ALL | {"folders": ["images"]},
    "a single file instead": {"files": {"images/a": "images/a"}},
}
EVENTS = {
    # what happens meanwhile: what becomes of the key when it takes part again
    "nothing": "1 1",
    "deleted here": "1 1",
    "changed here": "edit edit",
    "deleted there": "1 1",
    "changed there": "edit edit",
    "deleted on both sides": ". .",
    "changed on both sides": "both both",
}


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path / "folder", settings=dict(ALL)).in_step("images/a=1 logs/x=1 logs/y=1")


def notices(sides: Sides) -> list[str]:
    return [event.message for event in sides.events if isinstance(event, Notice)]


def happen(sides: Sides, event: str) -> None:
    if event in ("deleted here", "deleted on both sides"):
        sides.delete_here("logs/x")
    if event in ("deleted there", "deleted on both sides"):
        sides.delete_there("logs/x")
    if event == "changed here":
        sides.here("logs/x=edit")
    if event == "changed there":
        sides.there("logs/x=edit")
    if event == "changed on both sides":
        sides.here("logs/x=mine").there("logs/x=their")


def logs(tree: dict[str, str]) -> dict[str, str]:
    return {key: content for key, content in tree.items() if key.startswith("logs/")}


@pytest.mark.parametrize(("change", "event"), list(product(CHANGES, EVENTS)))
def test_what_is_out_of_scope_is_left_alone_and_compared_when_it_is_back(sides, change, event):
    sides.settings = CHANGES[change]
    happen(sides, event)
    before = logs(sides.files()), logs(sides.objects())
    told = []
    for force in (False, True):
        for _ in range(2):
            sides.sync(force=force)
            told += notices(sides)
            assert (logs(sides.files()), logs(sides.objects())) == before
            assert not any(each.endswith(("logs/x", "logs/y")) and each.startswith("delete") for each in sides.did)
    about_logs = [each for each in told if "logs/" in each]
    assert len(about_logs) == 1, "a person is told once"
    assert "logs/y" in about_logs[0] and "Nothing was deleted" in about_logs[0]

    sides.settings = dict(ALL)
    sides.sync(force=False)
    here, there = logs(sides.files()), logs(sides.objects())
    assert here["logs/y"] == there["logs/y"] == "1"
    if event == "changed on both sides":
        assert {*here.values()} == {*there.values()} == {"1", "mine", "their"}
    else:
        assert f"{here.get('logs/x', '.')} {there.get('logs/x', '.')}" == EVENTS[event]
    sides.sync(force=False)
    assert [each for each in sides.did if "logs/" in each] == [] and not any("logs/" in each for each in notices(sides))
    sides.delete_here("logs/y").sync()
    assert "logs/y" not in sides.objects(), "it is in step again, so a delete is one"


def test_a_mirror_deletes_nothing_of_what_was_taken_out(sides):
    """To a mirror, what has no local file is an orphan."""
    mirror = {"direction": "up", "delete_orphaned": True}
    sides.settings = ALL | mirror
    sides.sync()
    for change in ({"paths": ["images"]}, ALL | {"exclude": ["logs/"]}):
        sides.settings = change | mirror
        sides.sync()
        assert logs(sides.objects()) == {"logs/x": "1", "logs/y": "1"}


def test_an_ignore_file_puts_out_of_scope_too(sides):
    (sides.folder / ".buckiaignore").write_text("logs/\n")
    sides.delete_here("logs/x").sync(force=False)
    assert len(notices(sides)) == 1 and "excluded now" in notices(sides)[0]
    (sides.folder / ".buckiaignore").unlink()
    sides.sync()
    assert sides.files()["logs/x"] == sides.objects()["logs/x"] == "1"


def test_a_filter_that_changes_twice_does_not_forget(sides):
    sides.settings = ALL | {"exclude": ["logs/"]}
    sides.sync()
    sides.delete_here("logs/x")
    sides.settings = ALL | {"exclude": ["logs/*"]}
    sides.sync()
    assert notices(sides) == []
    sides.settings = ALL
    sides.sync()
    assert "logs/x" in sides.files() and "logs/x" in sides.objects()


def test_a_key_that_could_not_come_back_is_still_not_deleted(sides, monkeypatch):
    """Its download fails in the first run that takes it again; the next run must not take it for deleted."""
    sides.settings = ALL | {"exclude": ["logs/"]}
    sides.delete_here("logs/x").sync()
    sides.settings = dict(ALL)
    (sides.folder / "logs").rename(sides.folder / "aside")
    (sides.folder / "logs").write_text("a file in the way")
    sides.sync()
    assert "logs/x" in sides.objects()
    (sides.folder / "logs").unlink()
    (sides.folder / "aside").rename(sides.folder / "logs")
    sides.sync()
    assert sides.objects()["logs/x"] == sides.files()["logs/x"] == "1"


# --- what a single run leaves out --------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"exclude": ["logs/"]}, {"include": ["images/*"]}, {"sync_paths": ["images/"]}])
def test_options_of_one_run_only_limit_that_run(sides, options):
    sides.delete_here("logs/x").sync(**options)
    assert notices(sides) == [] and sides.did == []
    sides.sync()
    assert sides.did == ["delete_remote logs/x"], "it was deleted, and the configuration never left it out"


def test_a_path_of_one_run_is_apart_from_the_configured_ones(sides, tmp_path):
    """`sync("./restored")`: what the configured folder lacks or has says nothing of another one."""
    other = tmp_path / "restored"
    other.mkdir()
    result = sides.client().sync(other, direction="down")
    assert (result.downloaded, result.notices) == (3, [])
    assert sides.delete_here("logs/x").sync().notices == []
    assert sides.did == ["delete_remote logs/x"]
    assert sides.client().sync(other, direction="both", force=True).deleted_local == 1


def test_two_entries_for_one_bucket_say_nothing_of_each_other(sides):
    def sync(name: str, path: str) -> SyncResult:
        config = BucketConfig(
            provider="memory", name=name, base_dir=sides.folder, paths=[{"local": path, "remote": path}]
        )
        return BuckiaClient(config, adapter=sides.bucket, state_dir=sides.state_dir).sync()

    for _ in range(2):
        assert sync("one", "images").notices == sync("two", "logs").notices == []


# --- when it is told ---------------------------------------------------------------------------------------


def test_a_dry_run_reports_and_the_real_run_reports_as_well(sides):
    sides.settings = ALL | {"exclude": ["logs/"]}
    for _ in range(2):
        sides.sync(dry_run=True)
        assert len(notices(sides)) == 1
    result = sides.sync()
    assert result.notices == notices(sides) and len(result.notices) == 1
    assert "2 files (logs/x, logs/y) are excluded now" in result.notices[0]
    assert sides.sync().notices == []


def test_a_run_after_a_refused_one_reports_as_well(sides):
    sides.settings = ALL | {"exclude": ["logs/"]}
    (sides.folder / "images/a").unlink()
    shutil.rmtree(sides.folder / "logs")
    with pytest.raises(SideEmptied):
        sides.sync(force=False)
    assert len(notices(sides)) == 1
    assert len(sides.sync(force=True).notices) == 1


def test_a_path_that_is_put_back_is_named(sides):
    sides.settings = {"paths": [{"local": "images", "remote": "images"}]}
    (told,) = sides.sync().notices
    assert "2 files (logs/x, logs/y) are not synced any more" in told
    assert "'.' for 'the whole bucket'" in told and "put it back" in told


# --- keys that pass to another mapping ---------------------------------------------------------------------


def named(local: str, remote: str = "img") -> dict[str, Any]:
    return {"paths": [{"local": local, "remote": remote}]}


@pytest.fixture
def pictures(tmp_path: Path) -> Sides:
    return Sides(tmp_path / "folder", settings=named("images")).in_step("images/a=1 images/b=1 images/c=1")


def test_a_folder_that_is_renamed_in_the_configuration_too_is_taken_over_without_a_transfer(pictures):
    (pictures.folder / "images").rename(pictures.folder / "assets")
    pictures.settings = named("assets")
    result = pictures.sync(force=False)
    assert (pictures.did, result.notices, result.unchanged) == ([], [], 3)
    assert {row.mapping_id for row in pictures.baseline().values()} == {"assets > img/"}
    pictures.delete_here("assets/a").sync()
    assert pictures.did == ["delete_remote img/a"]


def test_what_happened_while_a_folder_was_renamed_is_compared(pictures):
    pictures.delete_here("images/a").here("images/b=mine").there("img/c=theirs")
    (pictures.folder / "images").rename(pictures.folder / "assets")
    pictures.settings = named("assets")
    pictures.sync(force=False)
    assert {each.split(" ")[0] for each in pictures.did} == {"download", "keep_both"}
    assert pictures.files()["assets/a"] == "1" and pictures.files()["assets/c"] == "theirs"
    assert {*pictures.files().values()} == {*pictures.objects().values()} == {"1", "mine", "theirs"}


def test_a_new_path_for_a_missing_folder_gets_everything(pictures):
    """The disk died; the new one is empty."""
    shutil.rmtree(pictures.folder / "images")
    (pictures.folder / "new-disk").mkdir()
    pictures.settings = named("new-disk")
    assert pictures.sync(force=False).downloaded == 3
    assert len(pictures.objects()) == 3


def test_a_new_path_beside_the_old_folder_gets_nothing_and_reports_it(pictures):
    (pictures.folder / "assets").mkdir()
    pictures.settings = named("assets")
    result = pictures.sync(force=False)
    assert (pictures.did, len(result.notices)) == ([], 1)
    assert len(pictures.objects()) == 3


def test_a_folder_that_deploys_under_a_new_name_replaces_the_old_files_and_keeps_them(pictures):
    pictures.settings = named("images") | {"direction": "up"}
    pictures.sync()
    pictures.here("dist/a=new dist/b=1")
    pictures.settings = named("dist") | {"direction": "up"}
    pictures.sync(force=False)
    assert pictures.objects() == {"img/a": "new", "img/b": "1", "img/c": "1"}
    assert pictures.trashed()["img/a"] == ["1"]


@pytest.mark.parametrize("content", ["1", "another"])
def test_a_single_file_that_takes_over_a_key(sides, tmp_path, content):
    desk = tmp_path / "desk"
    desk.write_text(content)
    sides.settings = ALL | {"files": {str(desk): "logs/x"}}
    sides.sync(force=False)
    contents = {*sides.files().values(), desk.read_text(), *sides.objects().values()}
    assert {"1", content} <= contents
    assert desk.read_text() == sides.objects()["logs/x"]
    assert (sides.folder / "logs/x").read_text() == "1", "the file below the root is not the key's any more"
    sides.settings = dict(ALL)
    sides.sync(force=False)
    assert desk.exists() and sides.files()["logs/x"] == sides.objects()["logs/x"]


def test_another_mapping_with_the_same_path_takes_over(sides):
    """Narrowed to a folder that keeps its keys, while a file of it is missing: it is copied."""
    sides.settings = {"paths": [{"local": "images", "remote": "images"}]}
    sides.delete_here("images/a").sync(force=False)
    assert sides.did == ["download images/a"]
    assert len(notices(sides)) == 1 and "images/a" not in notices(sides)[0]
    sides.delete_there("images/a").sync(force=True)
    assert sides.did == ["delete_local images/a"], "it is in step with its new mapping"


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("images > img/", ("/p/images", "img/", False, True)),
        (". > ", ("/p", "", False, False)),
        ("/abs/a > b > c/", ("/abs/a > b", "c/", False, False)),
        ("plan.pdf = docs/plan = 2.pdf", ("/p/plan.pdf", "docs/plan = 2.pdf", True, False)),
    ],
)
def test_a_mapping_is_known_by_its_id(id_, expected, monkeypatch):
    monkeypatch.setattr("buckia_core.syncing.planner.former_mappings._is_directory", lambda path: path == "/p")
    former = FormerMapping.from_id(id_, Path("/p"), {"img/", ""})
    assert (former.local, former.remote, former.is_file, former.has_moved) == expected


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_folder_whose_stat_fails_has_not_moved(sides, monkeypatch, number):
    """Where a folder moved, files that are missing at its new place count as deleted."""
    sides.settings = {"paths": [{"local": "old", "remote": "docs"}]}
    sides.in_step("old/a=1 old/b=1")
    (sides.folder / "new").mkdir()
    sides.settings = {"paths": [{"local": "new", "remote": "docs"}]}
    stat = os.stat

    def refuse(path, *arguments, **more):
        if path == str(sides.folder / "old"):
            raise OSError(number, os.strerror(number), path)
        return stat(path, *arguments, **more)

    monkeypatch.setattr("buckia_core.syncing.planner.former_mappings.os.stat", refuse)
    with pytest.raises(OSError, match="old"):
        sides.sync()
    assert {"docs/a", "docs/b"} <= sides.objects().keys()
