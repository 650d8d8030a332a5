"""A key below a second entry of `paths`, which only goes up, that somebody changes in the bucket."""

from __future__ import annotations

import pytest

from buckia_core.planning.plan import Reason
from tests.unit.syncing.sides import Sides


@pytest.fixture
def sides(tmp_path) -> Sides:
    sides = Sides(tmp_path / "folder", settings={"paths": ["first", "second"]})
    for name in ("first", "second"):
        (sides.folder / name).mkdir()
    (sides.folder / "second" / "a").write_text("here")
    sides.sync()
    sides.bucket.upload_file(b"edited in the bucket", "a")
    return sides


def test_it_stays_and_is_reported_once(sides: Sides) -> None:
    result = sides.sync()
    assert (result.skipped, result.unresolved, result.failed) == (1, [], 0)
    assert sides.finished[0].operation.reason is Reason.EDIT_NOT_RECEIVED
    (sides.folder / "second" / "a").touch()
    for _ in range(2):
        result = sides.sync()
        assert (sides.did, result.skipped, result.uploaded) == ([], 0, 0)
    assert sides.files() == {"second/a": "here"} and sides.objects() == {"a": "edited in the bucket"}


def test_later_change_here_is_uploaded_and_keeps_the_edit_in_the_trash(sides: Sides) -> None:
    sides.sync()
    (sides.folder / "second" / "a").write_text("changed here")
    assert sides.sync().uploaded == 1
    assert sides.objects() == {"a": "changed here"} and sides.trashed() == {"a": ["edited in the bucket"]}
    (sides.folder / "second" / "a").write_text("again")
    sides.sync()
    assert sides.objects() == {"a": "again"}


def test_next_edit_in_the_bucket_is_reported_again(sides: Sides) -> None:
    sides.sync()
    sides.bucket.upload_file(b"edited again", "a")
    assert sides.sync().skipped == 1


def test_path_that_goes_up_by_configuration_has_a_conflict_in_every_run(sides: Sides) -> None:
    sides.settings["paths"] = ["first", {"local": "second", "direction": "up"}]
    for _ in range(2):
        assert sides.sync().unresolved == ["a"]
    sides.settings["paths"] = ["first", "second"]
    assert sides.sync(conflict="local_wins").uploaded == 1
