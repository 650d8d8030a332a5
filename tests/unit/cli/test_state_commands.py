from types import SimpleNamespace

import pytest

from buckia_core.localfs.directory import Tree
from buckia_core.planning.plan import Action, Reason
from buckia_core.syncing.disk.file_locator import FileLocation
from buckia_core.syncing.events import FileError, Status, SyncResult
from tests.unit.cli.conftest import NOON, conflict, operation


def test_status_is_a_dry_run_that_no_guard_refuses(buckia, assets):
    assets.does(operation(Action.UPLOAD, "a", Reason.NEW_LOCAL), status=Status.PLANNED)
    assets.counts = {"uploaded": 1}
    ran = buckia("status", "images/", "--json")
    asked = assets.asked("sync")
    assert (asked["dry_run"], asked["force"], asked["sync_paths"]) == (True, True, ["images/"])
    assert [record["type"] for record in ran.records] == ["status", "operation", "summary"]
    assert ran.records[0] == {"type": "status", "bucket": "assets", "last_sync": None, "unresolved": 0}


def test_status_tells_of_the_last_sync_and_of_conflicts(buckia, assets):
    assets.runs = [SyncResult(bucket="assets", started=NOON)]
    assets.left = [conflict("a")]
    assets.counts = {"unresolved": ["a"]}
    ran = buckia("status")
    assert "last sync 2026-05-0" in ran.out
    assert "1 conflict left" in ran.out
    assert ran.code == 0


def test_check_of_what_is_the_same(buckia, assets):
    ran = buckia("check", "./images/", "--json")
    assert ran.code == 0
    assert assets.asked("check") == {"sync_paths": ["./images/"], "relative_to": assets.directory}
    assert ran.records == [{"type": "check_summary", "bucket": "assets", "same": 7, "differ": 0}]


def test_check_names_each_difference(buckia, assets):
    assets.differ = [SimpleNamespace(key="a\n", what="missing here")]
    ran = buckia("check")
    assert ran.code == 1
    assert ran.out.splitlines() == [r"a\n: missing here", "assets: 7 files the same, 1 different"]


@pytest.mark.parametrize("arguments", [["conflicts"], ["conflicts", "list"]])
def test_conflicts_are_listed(buckia, assets, arguments):
    assert buckia(*arguments).code == 0
    assets.left = [conflict("a.txt")]
    ran = buckia(*arguments)
    assert ran.code == 8
    assert "a.txt  (changed on both sides, since 2026-05-0" in ran.out
    assert buckia(*arguments, "--json").records == [
        {
            "type": "conflict",
            "bucket": "assets",
            "key": "a.txt",
            "path": "a.txt",
            "local_size": 3,
            "local_mtime": "2026-05-04T12:00:00Z",
            "remote_size": 4,
            "remote_mtime": "2026-05-04T12:00:00Z",
            "since": "2026-05-03T12:00:00Z",
            "reason": "changed on both sides",
        }
    ]


def test_a_conflict_is_resolved(buckia, assets):
    assets.counts = {"uploaded": 1}
    assets.left = [conflict("a"), conflict("b"), conflict("c")]
    ran = buckia("conflicts", "resolve", "a", "b", "--keep", "local")
    assert ran.code == 0
    assert assets.asked("resolve") == {"keys": ("a", "b"), "keep": "local"}


def test_a_conflict_that_can_not_be_resolved_is_named(buckia, assets):
    assets.counts = {"failed": 1, "errors": [FileError("a", "it is open elsewhere")]}
    assets.left = [conflict("a")]
    ran = buckia("conflicts", "resolve", "a", "--keep", "both")
    assert ran.code == 1
    assert ran.err == "failed: a: it is open elsewhere\n"


@pytest.mark.parametrize("arguments", [["a"], ["--keep", "local"], ["a", "--keep", "neither"]])
def test_resolving_needs_keys_and_a_side(buckia, assets, arguments):
    assert buckia("conflicts", "resolve", *arguments).code == 2
    assert not assets.calls


def test_a_conflict_that_there_is_none_of(buckia, assets):
    ran = buckia("conflicts", "show", "a")
    assert ran.code == 2
    assert "buckia conflicts list" in ran.err


@pytest.mark.parametrize("arguments", [["show", "zz"], ["resolve", "a", "zz", "--keep", "both"]])
def test_a_name_that_is_no_conflict_is_a_mistake_of_the_command_line(buckia, assets, arguments):
    assets.left = [conflict("a")]
    ran = buckia("conflicts", *arguments, "--json")
    assert ran.code == 2
    assert ran.records == [
        {
            "type": "error",
            "bucket": "assets",
            "error": "UsageError",
            "message": "'zz' is not a conflict; `buckia conflicts list` shows what is.",
        }
    ]
    assert not assets.calls


def test_a_missing_choice_is_reported_in_one_line(buckia, assets):
    ran = buckia("conflicts", "resolve", "a")
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "buckia: Missing option '--keep'. Choose from: local, remote, both"


@pytest.fixture
def trashed(assets, project):
    (project / "old.txt").write_text("hello")
    with Tree(str(project)) as tree:
        return assets.trash.add(
            FileLocation(tree.root, "old.txt"), "old.txt", "deleted in the bucket", keep_source=False
        )


@pytest.mark.parametrize("arguments", [["trash"], ["trash", "list"]])
def test_the_trash_is_listed(buckia, trashed, arguments, project):
    assert trashed in buckia(*arguments).out
    (record,) = buckia(*arguments, "--json").records
    assert record.pop("when").endswith("Z")
    assert record == {
        "type": "trashed",
        "bucket": "assets",
        "id": trashed,
        "key": "old.txt",
        "path": str(project / "old.txt"),
        "size": 5,
        "why": "deleted in the bucket",
    }


def test_a_path_that_differs_from_the_key_is_shown(buckia, trashed, assets, project):
    assert " in the bucket)  (" not in buckia("trash").out
    with Tree(str(project)) as tree:
        (project / "hook").write_text("hello")
        assets.trash.add(FileLocation(tree.root, "hook"), "report.txt", "deleted in the bucket", keep_source=False)
    assert f"{project / 'hook'} (report.txt in the bucket)  (deleted in the bucket)" in buckia("trash").out


def test_something_is_restored(buckia, trashed, project):
    ran = buckia("trash", "restore", trashed, "--json")
    assert (project / "old.txt").read_text() == "hello"
    assert ran.records == [{"type": "restored", "bucket": "assets", "id": trashed, "path": str(project / "old.txt")}]


@pytest.mark.parametrize("name", ["notes/old.txt", "old.txt", "{project}/notes/old.txt", "./old.txt"])
def test_a_path_names_its_only_entry(buckia, assets, project, monkeypatch, name):
    (project / "notes").mkdir()
    (project / "notes" / "old.txt").write_text("hello")
    with Tree(str(project / "notes")) as tree:
        location = FileLocation(tree.root, "old.txt")
        added = assets.trash.add(location, "notes/old.txt", "deleted in the bucket", keep_source=False)
    monkeypatch.chdir(project / "notes")
    ran = buckia("trash", "restore", name.format(project=project), "--json")
    assert [record["id"] for record in ran.records] == [added]
    assert (project / "notes" / "old.txt").read_text() == "hello"


def test_a_path_of_several_entries_lists_their_ids(buckia, trashed, assets, project):
    (project / "old.txt").write_text("hello again")
    with Tree(str(project)) as tree:
        location = FileLocation(tree.root, "old.txt")
        other = assets.trash.add(location, "old.txt", "deleted in the bucket", keep_source=False)
    ran = buckia("trash", "restore", "old.txt")
    assert ran.code == 2
    assert trashed in ran.err
    assert other in ran.err
    assert not (project / "old.txt").exists()


def test_a_path_that_is_not_in_the_trash(buckia, trashed):
    ran = buckia("trash", "restore", "new.txt")
    assert ran.code == 1
    assert "'new.txt'" in ran.err
    assert "buckia trash list" in ran.err


def test_something_is_restored_elsewhere_and_over_nothing(buckia, trashed, project):
    (project / "taken.txt").write_text("mine")
    ran = buckia("trash", "restore", trashed, "--to", "taken.txt")
    assert ran.code == 1
    assert "taken.txt exists; move it away, or name another path with --to" in ran.err
    assert (project / "taken.txt").read_text() == "mine"
    assert buckia("trash", "restore", trashed, "--to", "new.txt").code == 0
    assert (project / "new.txt").read_text() == "hello"


def test_the_trash_is_not_emptied_unasked(buckia, trashed, assets):
    ran = buckia("trash", "empty")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert len(assets.trash.list()) == 1


def test_the_trash_is_emptied_of_what_is_old(buckia, trashed, assets):
    ran = buckia("trash", "empty", "--older-than", "30d", "--yes", "--json")
    assert ran.records == [{"type": "emptied", "bucket": "assets", "files": 0, "bytes": 0}]
    ran = buckia("trash", "empty", "--yes")
    assert ran.out == "assets: 1 file deleted for good, 5 B\n"
    assert assets.trash.list() == []


@pytest.mark.parametrize("age", ["old", "30", "d", "-1d", "1y"])
def test_an_age_that_is_none(buckia, trashed, assets, age):
    ran = buckia("trash", "empty", "--yes", "--older-than", age)
    assert ran.code == 2
    assert "30d" in ran.err
    assert len(assets.trash.list()) == 1


def test_history(buckia, assets):
    assert buckia("history").out == ""
    assets.runs = [SyncResult(bucket="assets", started=NOON, uploaded=number) for number in (2, 1)]
    assert "assets  2 uploaded" in buckia("history").out.splitlines()[0]
    (record,) = buckia("history", "-n", "1", "--json").records
    assert (record["type"], record["started"], record["uploaded"]) == ("run", "2026-05-04T12:00:00Z", 2)
    assert (record["interrupted"], record["unresolved"]) == (False, 0)


def test_history_tells_a_run_that_did_not_end(buckia, assets):
    assets.runs = [SyncResult(bucket="assets", started=NOON, interrupted=True, ended=False)]
    assert "Interrupted: it was killed, or still runs" in buckia("history").out
    (record,) = buckia("history", "--json").records
    assert (record["interrupted"], record["ended"]) == (True, False)


def test_history_has_what_was_moved_and_what_was_found_equal(buckia, assets):
    assets.runs = [SyncResult(bucket="assets", started=NOON, moved=2, adopted=3)]
    (record,) = buckia("history", "--json").records
    assert (record["moved"], record["adopted"]) == (2, 3)
