from pathlib import Path

import pytest

from buckia_core import errors
from buckia_core.planning.plan import Action, Reason
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.syncing.events import Status
from tests.unit.cli.conftest import operation

UPLOAD = operation(Action.UPLOAD, "images/a.png", Reason.NEW_LOCAL)
DELETE = operation(Action.DELETE_LOCAL, "old.txt", Reason.DELETED_REMOTE)
ADOPT = operation(Action.ADOPT, "same.txt", Reason.SAME_CONTENT)
CONFLICT = operation(Action.CONFLICT, "both.txt", Reason.CONFLICT)

NOTHING_GIVEN = {
    "sync_paths": None,
    "include": (),
    "exclude": (),
    "direction": None,
    "conflict": None,
    "delete_orphaned": None,
    "checksum": False,
    "dry_run": False,
    "max_workers": None,
    "max_delete": None,
    "force": False,
    "bwlimit": None,
}


def test_without_options_the_client_decides(buckia, assets):
    assert buckia("sync").code == 0
    assert assets.asked("sync") == NOTHING_GIVEN
    assert assets.closed == 1


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["images/", "./b.txt"], {"sync_paths": ["images/", "./b.txt"]}),
        (["--paths", "images/", "videos/"], {"sync_paths": ["videos/", "images/"]}),
        (["."], {"sync_paths": ["."]}),
        (["-n"], {"dry_run": True}),
        (["--dry-run"], {"dry_run": True}),
        (["--delete-orphaned"], {"delete_orphaned": True}),
        (["--no-delete-orphaned"], {"delete_orphaned": False}),
        (["--max-workers", "8"], {"max_workers": 8}),
        (["--conflict", "newest_wins"], {"conflict": ConflictPolicy.NEWEST_WINS}),
        (["--direction", "up"], {"direction": Direction.UP}),
        (["--include", "*.png", "--include", "*.jpg"], {"include": ("*.png", "*.jpg")}),
        (["--exclude", "*.tmp"], {"exclude": ("*.tmp",)}),
        (["--checksum"], {"checksum": True}),
        (["--max-delete", "25"], {"max_delete": "25"}),
        (["--max-delete", "10%"], {"max_delete": "10%"}),
        (["--force"], {"force": True}),
        (["--bwlimit", "500k"], {"bwlimit": "500k"}),
        (["--bwlimit", "10M:1M"], {"bwlimit": "10M:1M"}),
        (["--yes"], {}),
    ],
)
def test_options_reach_the_client(buckia, assets, arguments, given):
    assert buckia("sync", *arguments).code == 0
    if "sync_paths" in given:
        given = given | {"relative_to": Path.cwd()}
    assert assets.asked("sync") == NOTHING_GIVEN | given


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max-workers", "0"],
        ["--max-delete", "many"],
        ["--max-delete", "120%"],
        ["--bwlimit", "fast"],
        ["--direction", "sideways"],
        ["--conflict", "both"],
    ],
)
def test_a_bad_value_is_named_with_what_is_expected(buckia, assets, arguments):
    ran = buckia("sync", *arguments)
    assert ran.code == 2
    assert arguments[0] in ran.err
    assert arguments[1] in ran.err
    assert not assets.calls


def test_lines_of_json_have_exactly_the_documented_fields(buckia, assets):
    assets.does(UPLOAD)
    assets.counts = {"uploaded": 1, "bytes_up": 3, "requests": 2, "unchanged": 5}
    ran = buckia("sync", "--json")
    assert ran.records == [
        {
            "type": "operation",
            "bucket": "assets",
            "action": "upload",
            "key": "images/a.png",
            "path": "local/images/a.png",
            "size": 3,
            "reason": "new here",
            "status": "done",
            "error": None,
        },
        {
            "type": "summary",
            "bucket": "assets",
            "dry_run": False,
            "uploaded": 1,
            "downloaded": 0,
            "deleted_local": 0,
            "deleted_remote": 0,
            "moved": 0,
            "adopted": 0,
            "conflicts": 0,
            "failed": 0,
            "skipped": 0,
            "unchanged": 5,
            "bytes_up": 3,
            "bytes_down": 0,
            "requests": 2,
            "seconds": 0.4,
        },
    ]
    assert ran.err == ""


def test_lines_for_a_person(buckia, assets):
    assets.does(UPLOAD, DELETE, ADOPT)
    assets.counts = {"uploaded": 1, "deleted_local": 1, "adopted": 1}
    ran = buckia("sync")
    assert ran.out.splitlines() == [
        "upload                3 B  local/images/a.png  (new here)",
        "delete local          3 B  local/old.txt  (deleted in the bucket)",
        "assets: 1 uploaded, 1 found in step, 1 deleted locally (in the trash), 0 unchanged, 0.4 s",
    ]
    assert ran.err == ""


def test_a_dry_run_lists_every_operation(buckia, assets):
    assets.does(UPLOAD, ADOPT, status=Status.PLANNED)
    ran = buckia("sync", "-n")
    assert [line.split()[0] for line in ran.out.splitlines()[:-1]] == ["upload", "adopt"]


def test_book_keeping_shows_with_verbose(buckia, assets):
    assets.does(ADOPT)
    assert "same.txt" not in buckia("sync").out
    assert "same.txt" in buckia("sync", "-v").out


def test_what_is_no_file_is_named_with_verbose_and_in_json(buckia, assets):
    link = operation(Action.SKIP, "link", Reason.NOT_A_FILE, detail="a symbolic link")
    assets.does(link)
    assert "local/link" not in buckia("sync").out
    assets.does(link)
    assert "local/link  (not a file: a symbolic link)" in buckia("sync", "-v").out
    assets.does(link)
    ran = buckia("sync", "--json")
    assert (ran.records[0]["action"], ran.records[0]["reason"]) == ("skip", "not a file: a symbolic link")
    assert ran.code == 0


def test_quiet_says_nothing_unless_something_fails(buckia, assets):
    assets.does(UPLOAD)
    ran = buckia("sync", "-q")
    assert (ran.out, ran.err) == ("", "")
    assets.does(UPLOAD, status=Status.FAILED, error="the disk is full")
    assets.counts = {"failed": 1}
    ran = buckia("sync", "-q")
    assert ran.out == ""
    assert ran.err == "failed: local/images/a.png: the disk is full\n"
    assert ran.code == 1


def test_nothing_to_do_is_one_line(buckia, assets):
    assets.counts = {"unchanged": 212}
    assert buckia("sync").out == "assets: Nothing to do: 212 files in step, 0.4 s\n"


def test_conflicts_that_are_left_show_where_to_decide_them(buckia, assets):
    assets.does(CONFLICT, status=Status.UNRESOLVED)
    assets.counts = {"conflicts": 1, "unresolved": ["both.txt"]}
    ran = buckia("sync")
    assert ran.code == 8
    assert "buckia conflicts" in ran.err


@pytest.mark.parametrize(
    ("action", "status", "record"),
    [
        (Action.CONFLICT, Status.UNRESOLVED, ("conflict", "planned")),
        (Action.KEEP_BOTH, Status.DONE, ("conflict", "done")),
        (Action.REFUSE, Status.FAILED, ("skip", "failed")),
    ],
)
def test_records_have_the_documented_actions_and_statuses(buckia, assets, action, status, record):
    assets.does(operation(action, "a", Reason.CONFLICT), status=status)
    found = buckia("sync", "--json").records[0]
    assert (found["action"], found["status"]) == record


def test_the_summary_has_what_was_moved_and_what_was_found_equal(buckia, assets):
    assets.counts = {"moved": 2, "adopted": 3}
    (record,) = buckia("sync", "--json").records
    assert (record["uploaded"], record["moved"], record["adopted"]) == (0, 2, 3)


def test_an_error_is_one_line_and_one_record(buckia, assets):
    assets.error = errors.SideEmptied("The bucket is empty.\nReally.")
    ran = buckia("sync", "--json")
    assert ran.code == 7
    assert ran.records == [
        {"type": "error", "bucket": "assets", "error": "SideEmptied", "message": "The bucket is empty.\\nReally."}
    ]
    assert ran.err == "buckia: assets: The bucket is empty.\\nReally.\n"


def test_a_bucket_that_fails_does_not_keep_the_next_from_its_turn(buckia, buckets):
    buckets["assets"].error = errors.LockHeld("another sync is running")
    ran = buckia("sync", "--json")
    assert ran.code == 9
    assert [record["type"] for record in ran.records] == ["error", "summary"]
    assert buckets["backup"].asked("sync")
    assert buckets["assets"].closed == 1


def test_the_worst_of_several_buckets_counts(buckia, buckets):
    buckets["assets"].counts = {"unresolved": ["a"]}
    buckets["backup"].error = errors.Unauthenticated("no")
    assert buckia("sync").code == 3
    assert buckia("sync", "-b", "backup", "-b", "assets").code == 3


def test_an_interrupted_bucket_is_the_last_one(buckia, buckets):
    buckets["assets"].counts = {"interrupted": True, "uploaded": 1}
    ran = buckia("sync")
    assert ran.code == 130
    assert "Interrupted: 1 uploaded" in ran.out
    assert not buckets["backup"].calls


def test_an_unexpected_error_is_one_line_without_a_traceback(buckia, assets):
    assets.error = ZeroDivisionError("division by zero")
    ran = buckia("sync")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "ZeroDivisionError: division by zero" in ran.err
    assert "-vv" in ran.err
    assert "Traceback" in buckia("sync", "-vv").err


def test_a_secret_in_a_message_does_not_show(buckia, assets):
    assets.error = errors.AdapterError("GET https://user:hunter22@host/?X-Amz-Signature=0123456789abcdef failed")
    for ran in (buckia("sync"), buckia("sync", "--json"), buckia("sync", "-vv")):
        assert "hunter22" not in ran.out + ran.err
        assert "0123456789abcdef" not in ran.out + ran.err


def test_names_can_not_steer_the_terminal(buckia, assets):
    evil = "\x1b[2J\nforged\u202e[bold]"
    assets.does(operation(Action.UPLOAD, evil, Reason.NEW_LOCAL))
    ran = buckia("sync")
    assert r"local/\x1b[2J\nforged\u202e[bold]  (new here)" in ran.out
    assets.does(operation(Action.UPLOAD, evil, Reason.NEW_LOCAL), status=Status.FAILED, error=f"no {evil}")
    ran = buckia("sync")
    assert "\x1b" not in ran.err
    assert len(ran.err.splitlines()) == 1
    assets.error = errors.NotFound(f"no {evil}")
    assert "\x1b" not in buckia("sync").err
