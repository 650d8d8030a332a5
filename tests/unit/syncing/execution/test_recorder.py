"""The recorder of results."""

from __future__ import annotations

import pytest

from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.scope import Scope
from buckia_core.syncing.events import Status
from buckia_core.syncing.execution import recorder as module
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.recorder import BaselineRecorder
from buckia_core.syncing.planner.evidence import EvidenceCollector
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.testing import m


@pytest.fixture
def state(tmp_path):
    opened = StateDatabase.open(tmp_path / "s.sqlite3", "here")
    yield opened
    opened.close()


def done(put: str = "", drop: tuple[str, ...] = (), **more) -> OperationResult:
    operation = Operation(Action.UPLOAD, "a", "", Reason.NEW_LOCAL)
    return OperationResult(operation, upserts=m(put).base(), deletes=list(drop), **more)


def keys(state: StateDatabase) -> list[str]:
    return [entry.key for entry in state.baseline(Scope())]


def test_results_are_written_together(state, monkeypatch):
    monkeypatch.setattr(module, "_BATCH_ROWS", 3)
    recorder = BaselineRecorder(state, Scope(), [PathMapping(id="", local="/")], 0)
    recorder.add([done("a=1")])
    recorder.add([done("b=1")])
    assert keys(state) == []
    recorder.add([done("c=1")])
    assert keys(state) == ["a", "b", "c"]
    recorder.add([done("d=1")])
    recorder.commit()
    assert keys(state) == ["a", "b", "c", "d"]


def test_results_are_written_after_a_while(state, monkeypatch):
    recorder = BaselineRecorder(state, Scope(), [PathMapping(id="", local="/")], 0)
    monkeypatch.setattr(module, "_BATCH_SECONDS", -1.0)
    recorder.add([done("a=1")])
    assert keys(state) == ["a"]


def test_a_result_that_failed_is_written_as_far_as_it_went(state):
    """The object was uploaded, the file changed meanwhile: what the bucket has is ours, whatever came after."""
    recorder = BaselineRecorder(state, Scope(), [PathMapping(id="", local="/")], 0)
    recorder.add([done("a=1", status=Status.FAILED, error="it kept changing")])
    recorder.commit()
    assert keys(state) == ["a"]


def test_what_one_result_wrote_and_removed_is_removed(state):
    state.commit(upserts=m("a=1").base())
    recorder = BaselineRecorder(state, Scope(), [PathMapping(id="", local="/")], 0)
    recorder.add([done("a=2", drop=("a",))])
    recorder.commit()
    assert keys(state) == []


def test_a_key_that_went_and_came_again_is_there(state):
    state.commit(upserts=m("a=1").base())
    recorder = BaselineRecorder(state, Scope(), [PathMapping(id="", local="/")], 0)
    recorder.add([done(drop=("a",))])
    recorder.add([done("a=2")])
    recorder.commit()
    assert keys(state) == ["a"]


def test_directories_are_flushed_before_the_baseline_is_committed(state, monkeypatch):
    order: list[str] = []
    monkeypatch.setattr(module, "fsync_directory", order.append)
    monkeypatch.setattr(StateDatabase, "commit", lambda self, **changes: order.append("commit"))
    recorder = BaselineRecorder(state, Scope(), [PathMapping(id="", local="/")], 0)
    recorder.add([done("a=1", directories=["/d"])])
    recorder.add([done("b=1", directories=["/d"])])
    recorder.commit()
    assert order == ["/d", "commit"]


def test_what_may_not_be_on_the_disk_is_not_remembered(state, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "fsync_directory", fail)
    recorder = BaselineRecorder(state, Scope(), [PathMapping(id="", local="/")], 0)
    recorder.add([done("a=1", directories=["/d"])])
    recorder.flush()
    assert keys(state) == [] and "/d: the disk reports an input/output error" in str(recorder.failure)
    monkeypatch.undo()
    recorder.flush()
    assert keys(state) == [], "a system tells once of what it lost, so another attempt proves nothing"


# --- seen through a sync -----------------------------------------------------------------------------------


def test_changed_fingerprints_are_updated_and_not_verified_again(sides, monkeypatch):
    monkeypatch.setattr("buckia_core.syncing.state.baseline_rows.is_racy", lambda *_: False)
    sides.in_step("a=1 b=1")
    (sides.folder / "a").touch()
    sides.there("b=1")
    hashed: list[str] = []
    monkeypatch.setattr(EvidenceCollector, "hash_local", counting(hashed))
    sides.sync()
    assert sides.did == [] and len(hashed) == 1
    sides.sync()
    assert len(hashed) == 1, "P2: a file that was looked at once is believed"


def counting(calls: list[str]):
    hash_local = EvidenceCollector.hash_local

    def hash_and_count(self, mapping, entry, *more):
        calls.append(entry.key)
        return hash_local(self, mapping, entry, *more)

    return hash_and_count


def test_p2_nothing_is_read_where_nothing_changed(sides, monkeypatch):
    monkeypatch.setattr("buckia_core.syncing.state.baseline_rows.is_racy", lambda *_: False)
    sides.in_step("a=1 b=1 d/c=1").there("e=1").sync()
    read: list[str] = []
    monkeypatch.setattr(EvidenceCollector, "hash_local", counting(read))
    result = sides.sync()
    assert (read, result.requests, result.unchanged) == ([], 1, 4)


def test_unresolved_conflicts_are_recorded_and_go_when_they_are_resolved(sides):
    sides.here("a=1 b=1").there("a=22 b=2").sync(conflict="ask")
    conflicts = sides.client().conflicts()
    assert [(each.key, each.local_size, each.remote_size) for each in conflicts] == [("a", 1, 2), ("b", 1, 1)]
    assert {each.reason for each in conflicts} == {"changed on both sides"}
    sides.there("a=1").sync(conflict="ask")
    assert [each.key for each in sides.client().conflicts()] == ["b"]


def test_a_run_that_does_not_end_is_in_the_history_as_interrupted(sides, monkeypatch):
    def die(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("buckia_core.syncing.execution.executor.Execution.run", die)
        with pytest.raises(SystemExit):
            sides.here("a=1").sync()
    sides.sync()
    assert [(run.uploaded, run.interrupted, run.ended) for run in sides.client().history()] == [
        (1, False, True),
        (0, True, False),
    ]


def test_every_run_is_in_the_history(sides):
    sides.here("a=1").sync()
    sides.sync(dry_run=True)
    sides.sync()
    assert [(run.uploaded, run.unchanged) for run in sides.client().history()] == [(0, 1), (1, 0)]


# --- conflicts that a run says nothing about -----------------------------------------------------------------


@pytest.fixture
def undecided(sides):
    """Three conflicts that are left to decide."""
    sides.in_step("a=1 d/b=1 e=1")
    sides.here("a=mine d/b=mine e=mine").there("a=theirs d/b=theirs e=theirs").sync(conflict="ask")
    assert listed(sides) == ["a", "d/b", "e"]
    return sides


def listed(sides) -> list[str]:
    return [each.key for each in sides.client().conflicts()]


def test_a_conflict_whose_resolution_failed_stays(undecided, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied", "d")

    monkeypatch.setattr("buckia_core.syncing.disk.trash.Trash.add", fail)
    result = undecided.client().resolve(["a", "d/b"], "remote")
    assert result.failed == 2
    assert listed(undecided) == ["a", "d/b", "e"]
    monkeypatch.undo()
    assert undecided.client().resolve(["d/b"], "remote").success
    assert listed(undecided) == ["a", "e"]


def test_a_conflict_whose_resolution_failed_in_a_sync_stays(undecided, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("buckia_core.syncing.disk.trash.Trash.add_from", fail)
    assert undecided.sync(conflict="local_wins").failed == 3
    assert listed(undecided) == ["a", "d/b", "e"]


def test_one_outside_of_the_run_stays(undecided):
    undecided.sync(sync_paths=["a"], conflict="local_wins")
    assert listed(undecided) == ["d/b", "e"]


def test_one_that_is_excluded_stays(undecided):
    undecided.sync(exclude=["e", "d/"], conflict="local_wins")
    assert listed(undecided) == ["d/b", "e"]


def test_one_below_a_folder_that_could_not_be_read_stays(undecided, deny):
    deny(undecided.folder / "d")
    undecided.sync(conflict="local_wins")
    assert listed(undecided) == ["d/b"]


def test_one_of_another_mapping_stays(undecided, tmp_path):
    other = tmp_path / "other"
    m("a=mine").write_to(other)
    undecided.client().sync(other, conflict="remote_wins", force=True)
    assert listed(undecided) == ["a", "d/b", "e"]


def test_a_run_that_ended_early_keeps_what_it_did_not_come_to_and_adds_what_it_found(undecided):
    undecided.here("f=mine").there("f=theirs")
    client = undecided.client()

    def stop(event) -> None:
        if type(event).__name__ == "Finished":
            client.stop()

    assert client.sync(conflict="ask", events=stop, max_workers=1).interrupted
    assert set(listed(undecided)) >= {"a", "d/b", "e"}


def test_one_that_went_by_itself_goes(undecided):
    undecided.here("a=same").there("a=same").sync(conflict="ask")
    undecided.delete_here("e").delete_there("e").sync(conflict="ask")
    assert listed(undecided) == ["d/b"]
