"""Uploads of SQLite databases that are in use: whole, consistent, and only when their content changed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import Any

import pytest

from buckia_core.localfs import sqlite_snapshot
from buckia_core.syncing.bulk.uploads import directory_mapping, file_mapping, plan_uploads
from tests.unit.syncing.databases.database import KEY, connect, make_database, put_database, rows, rows_there, uploaded
from tests.unit.syncing.sides import Sides

MODES = ("wal", "delete", "persist", "truncate")


@pytest.mark.parametrize("mode", MODES)
def test_all_committed_rows_of_an_open_database_are_uploaded(sides: Sides, mode: str) -> None:
    with closing(make_database(sides.folder / KEY, mode, 1, 2, 3)) as app:
        assert sides.sync().uploaded == 1
        assert rows_there(sides) == [1, 2, 3]
        app.execute("insert into item values (4, 'x')")
        assert sides.sync().uploaded == 1
        assert rows_there(sides) == [1, 2, 3, 4]
    assert set(sides.baseline()) == {KEY} == {each.key for each in sides.bucket.list_files("")}


@pytest.mark.parametrize("mode", MODES)
def test_unchanged_content_is_not_uploaded_again(sides: Sides, mode: str) -> None:
    path = sides.folder / KEY
    with closing(make_database(path, mode, 1, 2, 3)):
        sides.sync()
        assert sides.sync().uploaded == 0
    # The last connection moves the WAL to the file and removes it.
    assert sides.sync().uploaded == 0
    with closing(connect(path)) as app:
        assert rows(app) == [1, 2, 3]
        assert sides.sync().uploaded == 0
        app.execute("pragma wal_checkpoint(truncate)")
        assert sides.sync().uploaded == 0
    sides.lose_baseline()
    assert sides.sync().uploaded == 0


def test_change_that_is_only_in_the_wal_is_noticed(sides: Sides) -> None:
    path = sides.folder / KEY
    with closing(make_database(path, "wal", 1, 2, 3)) as app:
        sides.sync()
        before = path.stat()
        app.execute("update item set name = 'changed' where id = 2")
        after = path.stat()
        assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        assert sides.sync().uploaded == 1
        assert b"changed" in uploaded(sides)


def test_single_file_of_the_configuration_is_a_snapshot_too(sides: Sides) -> None:
    sides.settings["files"] = {KEY: "user/App.sqlite"}
    with closing(make_database(sides.folder / KEY, "wal", 1, 2)):
        assert sides.sync().uploaded == 1
        assert sides.sync().uploaded == 0
    assert rows_there(sides, "user/App.sqlite") == [1, 2]


@pytest.mark.parametrize("mode", ["memory", "off"])
@pytest.mark.parametrize("is_named", [True, False])
def test_uncommitted_rows_of_a_writer_without_side_files_are_not_uploaded(
    sides: Sides, monkeypatch: pytest.MonkeyPatch, mode: str, is_named: bool
) -> None:
    monkeypatch.setattr(sqlite_snapshot, "BUSY_SECONDS", 0.05)
    sides.settings["sqlite"] = [KEY] if is_named else []
    with closing(make_database(sides.folder / KEY, mode, 1, 2)) as app:
        app.execute("pragma cache_size = 5")
        app.execute("begin")
        app.executemany("insert into item values (?, ?)", [(each, "x" * 500) for each in range(10, 300)])
        assert (sides.folder / KEY).stat().st_size > 50_000  # they are in the file already
        assert "locked" in str(sides.sync().errors)
        app.execute("commit")
        assert sides.sync().uploaded == 1
        assert rows_there(sides) == [1, 2, *range(10, 300)]


@pytest.mark.parametrize("journal", [bytes(16) + b"measurements", b""])
def test_files_beside_an_empty_file_or_a_folder_are_no_side_files(sides: Sides, journal: bytes) -> None:
    sides.here("lab= lab-wal=drawing report/x=1")
    (sides.folder / "lab").write_bytes(b"")
    for name in ("lab-journal", "report-journal", "report-wal"):
        (sides.folder / name).write_bytes(journal)
    sides.sync()
    names = {"lab", "lab-wal", "lab-journal", "report/x", "report-journal", "report-wal"}
    assert {each.key for each in sides.bucket.list_files("")} == names


def test_side_files_that_a_bulk_upload_leaves_out_have_a_reason(sides: Sides) -> None:
    with closing(make_database(sides.folder / KEY, "wal", 1)):
        mapping = directory_mapping("0", str(sides.folder), "", sides.client().config, (), ())
        plan = plan_uploads(sides.bucket, [mapping], follow_symlinks=False, no_clobber=False)
    assert {(os.path.basename(path), reason) for path, reason in plan.left_out} == {
        (KEY + suffix, "part of the SQLite database beside it") for suffix in ("-wal", "-shm")
    }


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_linked_database_in_a_folder_is_uploaded_when_it_changes(sides: Sides) -> None:
    sides.settings["follow_symlinks"] = True
    real = sides.folder.with_name("real.sqlite")
    with closing(make_database(real, "wal", 1, 2)) as app:
        (sides.folder / KEY).symlink_to(real)
        assert [sides.sync().uploaded for _ in range(3)] == [1, 0, 0]
        app.execute("insert into item values (3, 'x')")
        assert [sides.sync().uploaded for _ in range(2)] == [1, 0]
    assert rows_there(sides) == [1, 2, 3]


def test_encrypted_database_that_is_open_names_the_setting_for_it(sides: Sides) -> None:
    wal = b"\x37\x7f\x06\x82" + b"secret!!" * 1024
    (sides.folder / "encrypted.db").write_bytes(b"secret!!" * 1024)
    (sides.folder / "encrypted.db-wal").write_bytes(wal)
    assert "`sqlite: off`" in str(sides.sync().errors)


def test_bulk_upload_takes_databases_as_files_if_they_are_switched_off(sides: Sides) -> None:
    sides.settings["sqlite"] = "off"
    with closing(make_database(sides.folder / KEY, "wal", 1)):
        config = sides.client().config
        mappings = [
            directory_mapping("0", str(sides.folder), "d/", config, (), ()),
            file_mapping("1", str(sides.folder / KEY), "one", config),
        ]
        plan = plan_uploads(sides.bucket, mappings, follow_symlinks=False, no_clobber=False)
    assert {each.key for each in plan.operations} == {"one", "d/" + KEY, f"d/{KEY}-wal", f"d/{KEY}-shm"}
    assert plan.left_out == [] and mappings[1].database_mode("one") is None


def test_idle_database_keeps_its_bytes(sides: Sides) -> None:
    make_database(sides.folder / KEY, "delete", 1, 2).close()
    sides.sync()
    assert uploaded(sides) == (sides.folder / KEY).read_bytes()


def test_switched_off_files_are_bytes(sides: Sides) -> None:
    sides.settings["sqlite"] = "off"
    with closing(make_database(sides.folder / KEY, "wal", 1, 2)):
        sides.sync()
        assert uploaded(sides) == (sides.folder / KEY).read_bytes()
        assert {f"{KEY}-wal", f"{KEY}-shm"} < set(sides.baseline())


def test_named_database_is_a_snapshot_without_side_files(sides: Sides) -> None:
    path = sides.folder / KEY
    make_database(path, "delete", 1, 2).close()
    sides.settings["sqlite"] = ["*.sqlite"]
    sides.sync()
    assert uploaded(sides) != path.read_bytes()
    with closing(connect(path)) as app:
        # The change counter of the file moves, and its content does not.
        app.execute("insert into item values (3, 'x')")
        app.execute("delete from item where id = 3")
        app.execute("vacuum")
    sides.sync()
    assert sides.sync().uploaded == 0 and rows_there(sides) == [1, 2]


def test_database_that_is_locked_for_a_moment_is_uploaded(sides: Sides) -> None:
    with closing(make_database(sides.folder / KEY, "delete", 1)) as app:
        app.execute("begin exclusive")
        app.execute("insert into item values (2, 'x')")
        timer = threading.Timer(0.1, lambda: app.execute("commit"))
        timer.start()
        assert sides.sync().uploaded == 1
        timer.join()
    assert rows_there(sides) == [1, 2]


def test_database_that_stays_locked_fails_alone_and_is_uploaded_by_the_next_run(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_snapshot, "BUSY_SECONDS", 0.05)
    with closing(make_database(sides.folder / KEY, "delete", 1)) as app:
        app.execute("begin exclusive")
        app.execute("insert into item values (2, 'x')")
        result = sides.here("a=1").sync()
        assert result.uploaded == 1 and "locked by another program" in str(result.errors)
        app.execute("commit")
        assert sides.sync().uploaded == 1
    assert rows_there(sides) == [1, 2]


def test_half_written_transaction_is_not_taken_for_damage(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(make_database(sides.folder / KEY, "delete", 1, 2)):
        backup, calls = sqlite_snapshot._backup, []

        def torn(*arguments: Any) -> None:
            calls.append(arguments)
            if len(calls) == 1:
                error = sqlite3.DatabaseError("database disk image is malformed")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
            backup(*arguments)

        monkeypatch.setattr(sqlite_snapshot, "_backup", torn)
        assert (sides.sync().uploaded, len(calls)) == (1, 2)
    assert rows_there(sides) == [1, 2]


@pytest.mark.parametrize(("mode", "named"), [("wal", []), ("persist", []), ("delete", [KEY]), ("memory", [KEY])])
def test_sync_in_the_process_of_the_app_keeps_the_locks_of_the_app(sides: Sides, mode: str, named: list[str]) -> None:
    sides.settings["sqlite"] = named
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('begin immediate')"
    with closing(make_database(sides.folder / KEY, mode, 1, 2)) as app:
        app.execute("begin immediate")
        assert sides.sync().uploaded == 1
        other = subprocess.run([sys.executable, "-c", code, sides.folder / KEY], capture_output=True, check=False)
        assert b"database is locked" in other.stderr
    assert rows_there(sides) == [1, 2]


def test_damaged_database_never_replaces_a_sound_object(sides: Sides) -> None:
    make_database(sides.folder / KEY, "wal", *range(2000)).close()
    sides.sync()
    sound = uploaded(sides)
    data = bytearray((sides.folder / KEY).read_bytes())
    data[4096:12288] = b"\xff" * 8192
    (sides.folder / KEY).write_bytes(data)
    result = sides.sync()
    assert result.uploaded == 0 and "damaged" in str(result.errors)
    assert uploaded(sides) == sound and (sides.folder / KEY).read_bytes() == data


def test_files_that_only_look_like_databases_are_files(sides: Sides) -> None:
    (sides.folder / "notes").write_bytes(b"n" * 512)
    (sides.folder / "notes-wal").write_bytes(b"w")
    (sides.folder / "empty").write_bytes(b"e" * 512)
    (sides.folder / "empty-journal").write_bytes(b"")
    (sides.folder / "fake.db").write_bytes(b"SQLite format 3\0" + bytes(496))
    assert sides.sync().uploaded == 5
    assert sides.sync().uploaded == 0
    (sides.folder / "empty").write_bytes(b"E" * 512)
    assert sides.sync().uploaded == 1


def test_side_files_in_the_bucket_are_not_downloaded_beside_a_database(sides: Sides) -> None:
    put_database(sides, 1)
    for suffix in ("-wal", "-shm", "-journal"):
        sides.bucket.upload_file(b"old", KEY + suffix)
    for _ in range(2):
        sides.sync()
        assert [path.name for path in sides.folder.iterdir()] == [KEY]
    assert len(list(sides.bucket.list_files(""))) == 4
    sides.settings["delete_orphaned"] = True
    sides.sync(direction="up")
    assert len(list(sides.bucket.list_files(""))) == 4


def test_snapshots_while_a_writer_commits_have_all_that_was_committed_before(sides: Sides) -> None:
    path = sides.folder / KEY
    app = make_database(path, "wal")
    committed = [0]
    stopped, wrote = threading.Event(), threading.Event()

    def write() -> None:
        while not stopped.is_set():
            number = committed[0] + 1
            app.execute("insert into item values (?, ?)", [number, "x" * 200])
            committed[0] = number
            wrote.set()
            # 200 rows a second.
            stopped.wait(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(50):
            assert wrote.wait(10)
            wrote.clear()
            before = committed[0]
            with sqlite_snapshot.snapshot(str(path)) as copy, closing(connect(copy)) as reader:
                found = rows(reader)
            assert found == list(range(1, len(found) + 1)) and len(found) >= before, number
    finally:
        stopped.set()
        writer.join()
        app.close()
    assert committed[0] >= 50
