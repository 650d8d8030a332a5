"""Downloads of SQLite databases: what an app finds, whether it has the database open or left files behind."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from buckia_core.errors import AlreadyExists
from buckia_core.localfs import sqlite_snapshot
from tests.unit.syncing.databases.database import (
    KEY,
    connect,
    make_database,
    put_database,
    rows,
    rows_here,
    rows_of,
    rows_there,
    uploaded,
)
from tests.unit.syncing.sides import Sides


def crash(path: Path, *ids: int) -> None:
    """Write to a database in WAL mode, and die without closing it."""
    code = f"""
import os, sqlite3
app = sqlite3.connect({str(path)!r}, isolation_level=None)
app.execute("pragma synchronous = off")
app.execute("pragma journal_mode = wal")
app.execute("create table if not exists item (id integer primary key, name text)")
app.executemany("insert into item values (?, 'x')", {[(each,) for each in ids]!r})
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def trashed(sides: Sides) -> list[list[int]]:
    """Return the ids of the rows of each database in the trash."""
    items = sides.client().trash().list()
    found = []
    for each in items:
        path = sides.state_files.trash / each.id
        found.append(rows_of(path.read_bytes(), sides.folder.with_name("trashed.sqlite")))
    return found


@pytest.mark.parametrize("mode", ["wal", "delete", "persist"])
def test_open_database_is_replaced_for_those_who_have_it_open(sides: Sides, mode: str) -> None:
    with closing(make_database(sides.folder / KEY, mode, 1, 2)) as app:
        sides.sync()
        inode = (sides.folder / KEY).stat().st_ino
        put_database(sides, 7, 8, 9)
        assert sides.sync().downloaded == 1
        assert rows(app) == [7, 8, 9]
        assert (sides.folder / KEY).stat().st_ino == inode
        app.execute("insert into item values (10, 'x')")
        assert sides.sync().uploaded == 1
    assert rows_here(sides) == rows_there(sides) == [7, 8, 9, 10]
    assert trashed(sides)[0] == [1, 2]
    sides.sync()
    assert sides.sync().uploaded == 0


def test_closed_database_is_replaced_by_the_bytes_of_the_object(sides: Sides) -> None:
    make_database(sides.folder / KEY, "delete", 1, 2).close()
    sides.sync()
    data = put_database(sides, 7, 8, 9)
    assert sides.sync().downloaded == 1
    if sys.platform in ("linux", "win32"):
        assert (sides.folder / KEY).read_bytes() == data
    assert rows_here(sides) == [7, 8, 9]


def test_uncommitted_wal_of_a_program_that_crashed_does_not_hide_the_download(sides: Sides) -> None:
    crash(sides.folder / KEY, 1, 2)
    assert (sides.folder / f"{KEY}-wal").stat().st_size
    sides.sync()
    assert rows_there(sides) == [1, 2]
    put_database(sides, 7, 8, 9)
    assert sides.sync().downloaded == 1
    assert rows_here(sides) == [7, 8, 9]
    assert trashed(sides) == [[1, 2]]


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm"])
def test_side_files_without_a_database_do_not_corrupt_a_new_download(sides: Sides, suffix: str) -> None:
    crash(sides.folder / KEY, 1, 2)
    shutil.copy(sides.folder / f"{KEY}-wal", sides.folder.with_name("left"))
    for path in sides.folder.iterdir():
        path.unlink()
    shutil.copy(sides.folder.with_name("left"), sides.folder / f"{KEY}{suffix}")
    put_database(sides, 7, 8, 9)
    sides.sync()
    assert rows_here(sides) == [7, 8, 9]


def test_commit_between_plan_and_download_is_not_lost(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(make_database(sides.folder / KEY, "wal", 1, 2)) as app:
        sides.sync()
        put_database(sides, 7, 8, 9)
        read = sides.bucket.read_file

        def read_and_commit(*arguments, **options):
            monkeypatch.setattr(sides.bucket, "read_file", read)
            app.execute("insert into item values (3, 'x')")
            return read(*arguments, **options)

        monkeypatch.setattr(sides.bucket, "read_file", read_and_commit)
        sides.sync()
        copies = sorted(path for path in sides.folder.iterdir() if ".conflict-local-" in path.name)
        assert rows(app) == [7, 8, 9]
    (copy,) = [path for path in copies if path.suffix == ".sqlite"]
    with closing(connect(copy)) as kept:
        assert rows(kept) == [1, 2, 3]


def test_conflict_keeps_both_databases_whole(sides: Sides) -> None:
    with closing(make_database(sides.folder / KEY, "wal", 1, 2)) as app:
        sides.sync()
        put_database(sides, 7, 8, 9)
        app.execute("insert into item values (3, 'x')")
        sides.sync()
        assert rows(app) == [7, 8, 9]
    (copy,) = [path for path in sides.folder.iterdir() if path.name.endswith(".sqlite") and path.name != KEY]
    with closing(connect(copy)) as kept:
        assert rows(kept) == [1, 2, 3]
    assert rows_of(uploaded(sides, copy.name), sides.folder.with_name("copy.sqlite")) == [1, 2, 3]


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("damage", ["pages", "truncated"])
def test_damaged_object_never_replaces_a_sound_database(sides: Sides, is_open: bool, damage: str) -> None:
    app = make_database(sides.folder / KEY, "wal" if is_open else "delete", *range(2000))
    if not is_open:
        app.close()
    sides.sync()
    data = bytearray(uploaded(sides))
    if damage == "pages":
        data[4096:12288] = b"\xff" * 8192
    else:
        del data[4096:]
    sides.bucket.upload_file(bytes(data), KEY)
    result = sides.sync()
    assert result.downloaded == 0 and "damaged" in str(result.errors)
    app.close()
    assert len(rows_here(sides)) == 2000 and uploaded(sides) == data


def test_sound_object_replaces_a_damaged_database(sides: Sides) -> None:
    make_database(sides.folder / KEY, "delete", *range(2000)).close()
    sides.sync()
    (sides.folder / KEY).write_bytes((sides.folder / KEY).read_bytes()[:4096])
    put_database(sides, 7, 8, 9)
    sides.sync(conflict="remote_wins")
    assert rows_here(sides) == [7, 8, 9]


@pytest.mark.parametrize("first_page", [bytes(4096), b"garbage!" * 512])
def test_wal_beside_a_database_without_its_first_page_is_not_applied_to_the_download(
    sides: Sides, first_page: bytes
) -> None:
    crash(sides.folder / KEY, *range(300))
    with closing(connect(sides.folder / KEY)) as app:
        app.execute("pragma wal_checkpoint(truncate)")
    crash(sides.folder / KEY, 7000, 8000)
    wal = (sides.folder / f"{KEY}-wal").read_bytes()
    with open(sides.folder / KEY, "r+b") as file:
        file.write(first_page)
    put_database(sides, *range(500))
    sides.sync(conflict="remote_wins")
    assert rows_here(sides) == list(range(500))
    if sys.version_info >= (3, 12):  # an older one merges it into the damaged file, which is in the trash too
        assert wal in [(sides.state_files.trash / each.id).read_bytes() for each in sides.client().trash().list()]


def test_database_from_the_trash_is_not_mixed_with_a_wal_that_stayed(sides: Sides) -> None:
    make_database(sides.folder / KEY, "delete", *range(500)).close()
    sides.sync()
    put_database(sides, *range(300))
    sides.sync()
    (item,) = sides.client().trash().list()
    crash(sides.folder / KEY, 7000, 8000)
    wal = (sides.folder / f"{KEY}-wal").read_bytes()
    with pytest.raises(FileExistsError):
        sides.client().trash().restore(item.id)
    assert (sides.folder / f"{KEY}-wal").read_bytes() == wal
    (sides.folder / KEY).rename(sides.folder / "moved")
    sides.client().trash().restore(item.id)
    assert rows_here(sides) == list(range(500))
    assert wal in [(sides.state_files.trash / each.id).read_bytes() for each in sides.client().trash().list()]


@pytest.mark.parametrize("state", ["open", "crashed", "moved", "closed", "text"])
def test_get_of_an_object_puts_no_database_beside_changes_of_another(sides: Sides, state: str) -> None:
    path = sides.folder / KEY
    data = put_database(sides, *range(500))
    app = make_database(path, "wal", *range(300))
    app.execute("pragma wal_checkpoint(truncate)")
    if state in ("open", "text"):
        app.execute("insert into item values (7000, 'x')")
    else:
        app.close()
    if state in ("crashed", "moved"):
        crash(path, 7000)
    if state == "moved":
        path.rename(sides.folder / "moved")
    if state == "text":
        sides.bucket.upload_file(b"no database", KEY)
    client = sides.client()
    if state == "closed":
        client.get(KEY, path, overwrite=True)
        assert path.read_bytes() == data
        return
    with pytest.raises(AlreadyExists, match=f"{KEY}-wal beside it has changes"):
        client.get(KEY, path, overwrite=True)
    if state == "moved":
        (sides.folder / "moved").rename(path)
    assert rows_here(sides) == [*range(300), 7000]
    app.close()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_database_of_another_page_size_waits_until_the_old_one_is_closed(sides: Sides, mode: str) -> None:
    with closing(make_database(sides.folder / KEY, mode, 1, 2)) as app:
        sides.sync()
        other = sides.folder.with_name("large.sqlite")
        with closing(connect(other)) as large:
            large.execute("pragma page_size = 8192")
            large.execute("create table item (id integer primary key, name text)")
            large.execute("insert into item values (7, 'x')")
        sides.bucket.upload_file(other.read_bytes(), KEY)
        if mode == "wal":
            for _ in range(2):
                assert "page size" in str(sides.sync().errors)
            assert rows(app) == [1, 2] and trashed(sides) == []
            app.close()
        assert sides.sync().downloaded == 1
    assert rows_here(sides) == [7] and trashed(sides) == [[1, 2]]


def test_content_of_another_page_size_replaces_a_wal_that_a_crash_left(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    crash(old, 1, 2)
    with closing(connect(new)) as large:
        large.execute("pragma page_size = 8192")
        large.execute("create table item (id integer primary key, name text)")
    assert not sqlite_snapshot.replace_content(str(new), str(old), lambda: False)
    with closing(connect(old)) as app:
        assert rows(app) == [1, 2]
    assert sqlite_snapshot.replace_content(str(new), str(old), lambda: True)
    with closing(connect(old)) as app:
        assert rows(app) == []


def test_open_database_that_is_deleted_in_the_bucket_stays_until_it_is_closed(sides: Sides) -> None:
    with closing(make_database(sides.folder / KEY, "wal", 1, 2)) as app:
        sides.here("a=1").sync()
        sides.delete_there(KEY)
        assert "open" in str(sides.sync().errors)
        assert rows(app) == [1, 2]
    crash(sides.folder / "new.sqlite", 5)
    for suffix in ("", "-wal", "-shm"):
        os.replace(sides.folder / f"new.sqlite{suffix}", sides.folder / f"{KEY}{suffix}")
    sides.settings["conflict_resolution"] = "remote_wins"
    sides.sync()
    assert [path.name for path in sides.folder.iterdir()] == ["a"]
    assert trashed(sides) == [[5]]


def test_killed_replacement_leaves_the_old_database_or_the_new_one(sides: Sides, tmp_path: Path) -> None:
    path, new = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    make_database(new, "delete", *range(3000)).close()
    code = f"""
import os, sys
from buckia_core.localfs import sqlite_snapshot as each
copy, killed = each._backup, int(sys.argv[1])
each._STEP_PAGES = 2
def backup(source, target, path, pages, on_step):
    def step(left):
        on_step(left)
        step.number += 1
        if step.number == killed:
            os.kill(os.getpid(), 9)
    step.number = 0
    copy(source, target, path, pages, step)
each._backup = backup
each.replace_content({str(new)!r}, {str(path)!r}, lambda: True)
"""
    found = []
    for mode in ("wal", "delete"):
        for number in (1, 3, 10**6):
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            make_database(path, mode, 1, 2).close()
            subprocess.run([sys.executable, "-c", code, str(number)], check=False)
            with closing(sqlite3.connect(path)) as app:
                found.append(len(rows(app)))
    assert found == [2, 2, 3000] * 2


def test_full_disk_is_no_damage(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(make_database(sides.folder / KEY, "wal", 1, 2)) as app:
        sides.sync()
        put_database(sides, 7, 8, 9)

        def full(*arguments: object) -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

        monkeypatch.setattr(sqlite_snapshot, "_backup", full)
        result = sides.sync()
        assert result.downloaded == 0 and "full" in str(result.errors)
        assert rows(app) == [1, 2]
        monkeypatch.undo()
        assert sides.sync().downloaded == 1
        assert rows(app) == [7, 8, 9]
