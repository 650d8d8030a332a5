"""A sync, from the safety checks to the hooks."""

from __future__ import annotations

import os
import shutil

import pytest

from buckia_core.errors import (
    InvalidSetting,
    SideEmptied,
    SyncIncomplete,
    TooManyDeletes,
    UnresolvedConflicts,
)
from buckia_core.planning.plan import Operation
from buckia_core.planning.policy import ConflictPolicy
from buckia_core.syncing.events import Planned, Scanning, Status
from buckia_core.syncing.scan.local import temporary_prefix
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.resume_store import ResumeStore, TransferKind
from buckia_core.testing import Fault, Faulty, m
from buckia_core.testing.miniatures import files_in
from tests.unit.syncing.sides import Sides

MANY = " ".join(f"k{index:02}=1" for index in range(30))


# --- the guard ---------------------------------------------------------------------------------------------


def unchanged(sides: Sides) -> tuple[object, ...]:
    return sides.files(), sides.objects(), sides.baseline()


def test_an_emptied_folder_deletes_nothing(sides):
    sides.in_step(MANY)
    for path in sides.folder.iterdir():
        path.unlink()
    before = unchanged(sides)
    with pytest.raises(SideEmptied, match="folder is empty, though 30 files"):
        sides.sync(force=False)
    assert unchanged(sides) == before
    assert sides.sync(force=True).deleted_remote == 30


def test_an_emptied_bucket_deletes_nothing(sides):
    sides.in_step(MANY).delete_there(*sides.objects())
    before = unchanged(sides)
    with pytest.raises(SideEmptied, match="The bucket is empty"):
        sides.sync(force=False)
    assert unchanged(sides) == before


def test_a_missing_root_deletes_nothing(sides):
    sides.in_step("a=1")
    shutil.rmtree(sides.folder)
    with pytest.raises(SideEmptied, match="local folder is missing") as caught:
        sides.sync(force=False)
    assert str(sides.folder) in str(caught.value)
    assert sides.objects() == {"a": "1"}


def test_a_missing_root_is_made_where_nothing_was_in_step(sides):
    shutil.rmtree(sides.folder)
    assert sides.there("a=1").sync(force=False).downloaded == 1
    assert sides.files() == {"a": "1"}


def test_a_missing_root_that_is_the_truth_is_an_error_from_the_start(sides):
    shutil.rmtree(sides.folder)
    with pytest.raises(SideEmptied):
        sides.there("a=1").sync(force=False, direction="up", delete_orphaned=True)
    assert sides.objects() == {"a": "1"}


def test_a_root_that_is_no_directory_is_named(sides):
    sides.settings = {"paths": ["a-file"]}
    sides.here("a-file=1")
    with pytest.raises(InvalidSetting, match="not a folder"):
        sides.sync()


def test_too_many_deletes_are_refused_and_shown_by_a_dry_run(sides):
    sides.in_step(MANY).delete_here(*(f"k{index:02}" for index in range(20)))
    before = unchanged(sides)
    with pytest.raises(TooManyDeletes, match="20 files would be deleted in the bucket"):
        sides.sync(force=False)
    assert unchanged(sides) == before
    with pytest.raises(TooManyDeletes):
        sides.sync(force=False, dry_run=True)
    assert len(sides.finished) == 20 and {event.status for event in sides.finished} == {Status.PLANNED}
    with pytest.raises(TooManyDeletes):
        sides.sync(force=False, max_delete="10%")
    assert sides.sync(force=False, max_delete=20).deleted_remote == 20


# --- P4, P7 to P11 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["here", "there"])
def test_p4_what_was_deleted_does_not_come_back(sides, side):
    sides.in_step("a=1 b=1")
    getattr(sides, f"delete_{side}")("a")
    for _ in range(3):
        sides.sync()
        assert sides.files() == sides.objects() == {"b": "1"}


def test_p4_what_stays_in_the_bucket_does_not_come_back_here(sides):
    sides.in_step("a=1 b=1").delete_here("a")
    for _ in range(3):
        assert sides.sync(delete_orphaned=False).success
        assert sides.did == []
        assert sides.files() == {"b": "1"} and sides.objects() == {"a": "1", "b": "1"}


def test_p7_the_same_bytes_on_both_sides_are_no_conflict_and_cost_no_transfer(sides):
    result = sides.here("a=same d/b=").there("a=same d/b=").sync()
    assert sides.did == ["adopt a", "adopt d/b"]
    assert (result.conflicts, result.bytes_up, result.bytes_down, result.adopted) == (0, 0, 0, 2)


def test_what_has_nothing_to_do_any_more_is_not_adopted(sides):
    sides.here("a=1 same=2").there("same=2")

    def vanish(event):
        if isinstance(event, Planned):
            (sides.folder / "a").unlink()

    result = sides.client().sync(events=vanish)
    assert (result.adopted, result.uploaded, result.failed) == (1, 0, 0)
    assert sides.baseline().keys() == {"same"}


def test_p8_n34_a_touch_costs_nothing(sides):
    sides.in_step("a=1 b=1")
    for seconds in (0, 1, 4_102_444_800):
        os.utime(sides.folder / "a", (seconds, seconds))
        result = sides.sync()
        assert sides.did == [] and (result.bytes_up, result.unchanged) == (0, 2)


def test_p8_an_upload_of_the_same_bytes_by_somebody_else_costs_nothing(sides):
    sides.in_step("a=1").there("a=1")
    result = sides.sync()
    assert sides.did == [] and result.requests == 1
    sides.delete_here("a").sync()
    assert sides.objects() == {}, "it was no edit, so the delete here goes through"


def test_p9_an_edit_that_was_taken_back_is_none(sides):
    sides.in_step("a=1").here("a=2").here("a=1").there("a=3")
    result = sides.sync()
    assert result.conflicts == 0 and sides.files() == sides.objects() == {"a": "3"}


def test_p10_n33_an_edit_of_the_same_size_and_time_is_seen(sides):
    sides.in_step("a=1 b=1")
    path = sides.folder / "a"
    before = path.stat()
    path.write_text("2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    sides.sync()
    assert sides.did == ["upload a"]


def test_p10_with_checksum_every_file_is_read(sides, monkeypatch):
    """Where a disk tells no change times, only this finds such an edit."""
    monkeypatch.setattr("buckia_core.localfs.files.LACKS_CTIME", True)
    monkeypatch.setattr("buckia_core.syncing.state.baseline_rows.is_racy", lambda *_: False)
    sides.in_step("a=1 b=1")
    path = sides.folder / "a"
    before = path.stat()
    path.write_text("2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    sides.sync()
    assert sides.did == []
    sides.sync(checksum=True)
    assert sides.did == ["upload a"]


@pytest.mark.parametrize("breaks", ["removed", "broken", "of another bucket"])
def test_p11_n50_without_a_baseline_nothing_is_deleted(sides, breaks):
    sides.in_step("same=1 deleted-here=1 deleted-there=1 edited=1")
    sides.delete_here("deleted-here").delete_there("deleted-there").here("edited=2")
    if breaks == "removed":
        sides.lose_baseline()
    elif breaks == "broken":
        sides.state_file.write_bytes(b"\0" * 5000)
    else:
        sides.lose_baseline()
        StateDatabase.open(sides.state_file, "another").close()
    result = sides.sync()
    assert result.deleted == 0 and result.conflicts == 1
    assert sides.files() == sides.objects()
    assert {"same", "deleted-here", "deleted-there", "edited"} <= sides.files().keys()
    assert sorted(sides.files().values()) == ["1", "1", "1", "1", "2"]


def test_n37_change_beats_delete_and_says_so(sides):
    sides.in_step("a=1 b=1").delete_here("a").delete_there("b").here("b=2").there("a=2")
    sides.sync()
    assert sides.files() == sides.objects() == {"a": "2", "b": "2"}
    assert {event.operation.explanation for event in sides.finished} == {
        "changed on one side, deleted on the other: the change wins"
    }


# --- one-way -----------------------------------------------------------------------------------------------


def test_up_overwrites_nothing_that_somebody_else_wrote(sides):
    sides.in_step("a=1 b=1").there("a=2 c=3").here("b=2").delete_here("a")
    result = sides.sync(direction="up")
    assert sides.objects() == {"a": "2", "b": "2", "c": "3"}
    assert result.unresolved == ["a"] and not result.success
    assert [event.operation.key for event in sides.finished if event.status is Status.UNRESOLVED] == ["a"]
    with pytest.raises(UnresolvedConflicts):
        result.raise_for_failures()


def test_a_dry_run_tells_undecided_conflicts_and_refused_keys_as_the_run_does(sides):
    sides.settings = {"conflict_resolution": "ask"}
    sides.here("a=1 b=1").there("a=2 ../x=3")
    rehearsed = sides.sync(dry_run=True)
    planned = {event.operation.key: event.status for event in sides.finished}
    assert planned == {"a": Status.UNRESOLVED, "b": Status.PLANNED, "../x": Status.FAILED}
    done = sides.sync()
    assert {event.operation.key: event.status for event in sides.finished} == planned | {"b": Status.DONE}
    assert (rehearsed.unresolved, rehearsed.failed) == (done.unresolved, done.failed) == (["a"], 1)


def test_down_with_mirroring_puts_what_is_only_here_into_the_trash(sides):
    sides.in_step("a=1 b=1").here("only-here=3").delete_there("b")
    sides.sync(direction="down", delete_orphaned=True)
    assert sides.files() == {"a": "1"}
    assert sides.trashed() == {"b": ["1"], "only-here": ["3"]}


def test_up_with_mirroring_keeps_what_nobody_here_ever_had(sides):
    sides.settings = {"keep_replaced": "auto"}
    sides.in_step("a=1").there("only-there=3")
    sides.sync(direction="up", delete_orphaned=True)
    assert sides.objects() == {"a": "1"}
    assert sides.trashed() == {"only-there": ["3"]}


def test_n21_what_a_bucket_can_not_nest_is_a_conflict_of_types(sides, tmp_path):
    from buckia_core.adapters.directory.settings import DirectorySettings
    from buckia_core.adapters.directory.sync import DirectorySync

    (tmp_path / "bucket").mkdir()
    sides.bucket = DirectorySync(DirectorySettings(root=tmp_path / "bucket"))
    sides.here("a=1 b=1").there("a/x=2")
    result = sides.sync(direction="up")
    assert result.unresolved == ["a"] and result.failed == 0
    assert sides.objects() == {"a/x": "2", "b": "1"} and sides.files() == {"a": "1", "b": "1"}


# --- hostile keys ------------------------------------------------------------------------------------------

HOSTILE = ["//x", "/x", "a//b", "../x", "a/../../x", "..", "a/./b", "x" * 256, "d/"]


def test_n21_to_n24_what_a_disk_can_not_hold_is_named_and_the_rest_goes_on(sides):
    for key in HOSTILE:
        sides.bucket.upload_file(b"evil", key)
    sides.bucket.upload_file(b"", "marker/")
    sides.there("good=1")
    result = sides.sync()
    assert sorted(error.key for error in result.errors) == sorted(HOSTILE)
    assert result.failed == len(HOSTILE) and not result.success
    assert files_in(sides.folder.parent).keys() - {"folder/good"} == {
        name for name in files_in(sides.folder.parent) if name.startswith("folder-state/")
    }
    with pytest.raises(SyncIncomplete, match="9 failed"):
        result.raise_for_failures()
    assert sides.sync(dry_run=True).failed == len(HOSTILE), "a dry run refuses what a run refuses"
    assert len(sides.objects()) == len(HOSTILE) + 2


def test_what_is_ours_does_not_come_down(sides):
    sides.there(".buckia=evil d/.buckia=evil .buckia-state/x=evil a=1").sync()
    assert sides.files() == {"a": "1"}


@pytest.mark.parametrize(
    "key", ["a b", " a", "a+%2F%", "#?&=;", "it's `$(x)`", "-rf", "~", "é", "e\u0301", "🙂", "a\nb"]
)
def test_odd_names_go_both_ways(sides, key):
    (sides.folder / "up").mkdir()
    (sides.folder / "up" / key).write_text("1")
    sides.bucket.upload_file(b"2", f"down/{key}")
    assert sides.sync().success
    assert sides.files() == sides.objects() == {f"up/{key}": "1", f"down/{key}": "2"}


# --- asking ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "here", "there"),
    [
        (ConflictPolicy.LOCAL_WINS, "mine", "mine"),
        (ConflictPolicy.REMOTE_WINS, "yours", "yours"),
        (None, "mine", "yours"),
        (ConflictPolicy.ASK, "mine", "yours"),
    ],
)
def test_a_person_is_asked(sides, answer: ConflictPolicy | None, here, there):
    asked = []

    def ask(operation: Operation) -> ConflictPolicy | None:
        asked.append(operation.key)
        return answer

    sides.here("a=mine b=1").there("a=yours")
    sides.sync(conflict="ask", ask=ask)
    assert asked == ["a"]
    assert (sides.files()["a"], sides.objects()["a"]) == (here, there)


def test_only_what_is_open_is_asked(sides):
    sides.here("a=mine").there("a=yours")
    sides.sync(conflict="local_wins", ask=lambda operation: pytest.fail("nobody has to be asked"))
    assert sides.objects() == {"a": "mine"}


# --- what is told ------------------------------------------------------------------------------------------


def test_events_come_in_their_order(sides):
    sides.here("a=1").there("b=1").sync()
    kinds = [type(event) for event in sides.events]
    assert kinds.index(Planned) > max(index for index, kind in enumerate(kinds) if kind is Scanning)
    assert kinds.count(Planned) == 1
    assert [event.path for event in sorted(sides.finished, key=lambda each: each.path)] == ["folder/a", "folder/b"]


def test_the_result_counts_what_was_done(sides):
    sides.in_step("a=1 b=1 c=1 d=1")
    sides.here("a=22 new=333").there("b=4444").delete_here("c").delete_there("d")
    result = sides.sync()
    assert (result.uploaded, result.downloaded, result.deleted_local, result.deleted_remote) == (2, 1, 1, 1)
    assert (result.bytes_up, result.bytes_down, result.unchanged, result.failed) == (5, 4, 0, 0)
    assert result.success and result.requests > 0 and result.seconds > 0


def test_p15_the_counts_of_a_dry_run_are_those_of_the_run(sides):
    sides.in_step("a=1 b=1 c=1 d=1 e=1")
    sides.here("a=22 new=333 e=mine").there("b=4444 e=yours").delete_here("c").delete_there("d")
    counts = [
        (each.uploaded, each.downloaded, each.deleted_local, each.deleted_remote, each.conflicts, each.unchanged)
        for each in (sides.sync(dry_run=True), sides.sync())
    ]
    assert counts[0] == counts[1]


def test_the_state_keeps_itself_out_of_version_control(sides):
    sides.sync()
    assert (sides.state_dir / ".gitignore").read_text() == "*\n"


def test_temporary_files_that_a_killed_run_left_are_swept_but_not_by_a_dry_run(sides):
    sides.in_step("d/a=1")
    state = StateDatabase.open_readonly(sides.state_file, sides.bucket.identity)
    left = sides.folder / "d" / f".buckia-tmp-{state.get_meta('id')}-0123456789ab"
    state.close()
    left.write_text("half")
    sides.sync(dry_run=True)
    assert left.exists()
    sides.sync()
    assert not left.exists() and sides.files() == {"d/a": "1"}


def test_p18_what_could_not_be_listed_again_is_deleted_one_by_one(sides):
    sides.in_step("a=1 b=1 c=1 d=1").delete_here("a", "b", "c")
    sides.adapter = Faulty(sides.bucket, [Fault("list_files", at=2)])
    assert sides.sync().deleted_remote == 3
    assert sides.objects() == {"d": "1"}


def test_two_folders_meet_in_one_bucket(sides, tmp_path):
    other = Sides(tmp_path / "other", sides.bucket)
    sides.here("a=1 b=1").sync()
    other.sync()
    sides.here("a=mine").delete_here("b")
    other.here("a=yours")
    sides.sync()
    other.sync()
    sides.sync()
    assert sides.files() == other.files() == sides.objects()
    assert sorted(sides.files().values()) == ["mine", "yours"]
    assert m("a=1").contents().keys() <= sides.files().keys()


# --- what a killed run left ---------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["own", "foreign prefix", "other folder"])
def test_the_file_of_a_discarded_download_is_removed_if_this_project_made_it(sides, place):
    """The note may come with a project of somebody else's."""
    sides.in_step("d/a=1 d/b=1")
    store = ResumeStore(sides.state_files)
    state = StateDatabase.open_readonly(sides.state_file, sides.bucket.identity)
    prefix = temporary_prefix(state.get_meta("id") or "")
    state.close()
    folder = sides.folder.with_name("other") if place == "other folder" else sides.folder / "d"
    folder.mkdir(exist_ok=True)
    left = folder / (".buckia-tmp-1" if place == "foreign prefix" else f"{prefix}1")
    left.write_text("part")
    store.claim(TransferKind.DOWNLOAD, "d/gone", "v1", sides.bucket, str(left)).write("{}")
    assert sides.sync().success
    assert list(store.all()) == []
    assert left.exists() == (place != "own")
