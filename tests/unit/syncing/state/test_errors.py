"""Errors of SQLite and of the system, and what each one means for a state."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from buckia_core.errors import LockHeld, StateDenied, StateError
from buckia_core.localfs.file_lock import open_lock_file
from buckia_core.planning.scope import Scope
from buckia_core.syncing.state import database_file
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.errors import translate_error
from buckia_core.syncing.state.lock import RunLock
from buckia_core.testing import m

LOCK = "buckia_core.syncing.state.lock"


@pytest.fixture
def path(tmp_path):
    state = StateDatabase.open(tmp_path / "s.sqlite3", "here")
    state.commit(upserts=m("a=1 b=2").base("root"))
    state.close()
    return tmp_path / "s.sqlite3"


def of_sqlite(code: int, text: str = "what SQLite says", kind: type[sqlite3.Error] = sqlite3.OperationalError):
    error = kind(text)
    error.sqlite_errorcode = code
    return error


REFUSALS = [
    (sqlite3.SQLITE_FULL, StateError, "the disk is full"),
    (sqlite3.SQLITE_IOERR, StateError, "input/output error"),
    (sqlite3.SQLITE_IOERR | 19 << 8, StateError, "input/output error"),
    (sqlite3.SQLITE_CANTOPEN, StateError, "what SQLite says"),
    (sqlite3.SQLITE_BUSY, StateError, "another program keeps it locked"),
    (sqlite3.SQLITE_LOCKED, StateError, "another program keeps it locked"),
    (sqlite3.SQLITE_READONLY, StateDenied, "you may not read or write it"),
    (sqlite3.SQLITE_PERM, StateDenied, "you may not read or write it"),
    (sqlite3.SQLITE_NOMEM, StateError, "not enough memory"),
]


class Broken:
    """A connection whose first statement about a schema fails."""

    def __init__(self, connection: sqlite3.Connection, error: sqlite3.Error) -> None:
        self.connection = connection
        self.error = error

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, statement, *values):
        if "user_version" in statement:
            raise self.error
        return self.connection.execute(statement, *values)


@pytest.mark.parametrize(("code", "kind", "words"), REFUSALS)
def test_what_is_no_damage_leaves_the_file_alone(path, monkeypatch, code, kind, words):
    before = path.read_bytes()
    for name, opening in (("connect", StateDatabase.open), ("connect_readonly_anywhere", StateDatabase.open_readonly)):
        connect = getattr(database_file, name)
        monkeypatch.setattr(database_file, name, lambda path, connect=connect: Broken(connect(path), of_sqlite(code)))
        with pytest.raises(kind, match=words) as caught:
            opening(path, "here")
        assert str(path) in str(caught.value)
        assert type(caught.value) is kind
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert not [each.name for each in path.parent.iterdir() if each.suffix in (".broken", ".other")]


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT | 1 << 8])
def test_damage_puts_it_aside(path, monkeypatch, code):
    connect = database_file.connect
    error = of_sqlite(code, kind=sqlite3.DatabaseError)
    monkeypatch.setattr(database_file, "connect", lambda path: Broken(connect(path), error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_file, "create", lambda path, identity: sqlite3.connect(":memory:"))
        StateDatabase.open(path, "here").close()
    assert not path.exists() and len(list(path.parent.glob("*.broken"))) == 1


def test_a_fault_of_buckia_stays_one(path):
    error = sqlite3.IntegrityError("NOT NULL constraint failed")
    assert translate_error(error, path) is error


def test_a_database_that_can_not_be_put_aside_is_as_it_was(path, monkeypatch):
    """Without its journal it would lack what was committed last."""
    path.with_name(path.name + "-wal").write_bytes(b"journal")
    rename = Path.rename

    def refuse(self, target):
        if self.name.endswith("-wal") and str(target).endswith(".broken-wal"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    with pytest.raises(StateError, match="the disk is full"):
        database_file.put_aside(path, "broken")
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_a_database_that_can_not_be_made_leaves_none(tmp_path, monkeypatch):
    def refuse(*_):
        raise of_sqlite(sqlite3.SQLITE_FULL)

    monkeypatch.setattr(database_file, "create_tables", refuse)
    with pytest.raises(StateError, match="the disk is full"):
        StateDatabase.open(tmp_path / "s.sqlite3", "here")
    assert list(tmp_path.iterdir()) == []


def test_a_commit_that_fails_at_its_end_can_be_repeated(path):
    """A transaction that stayed open would make each later one fail as well."""
    state = StateDatabase.open(path, "here")
    connection = state._db

    class Full:
        def __getattr__(self, name):
            return getattr(connection, name)

        def execute(self, statement, *values):
            if statement == "COMMIT":
                raise of_sqlite(sqlite3.SQLITE_FULL)
            return connection.execute(statement, *values)

    state._db = Full()  # type: ignore[assignment]
    with pytest.raises(StateError, match="the disk is full"):
        state.commit(upserts=m("c=3").base("root"))
    state._db = connection
    state.commit(upserts=m("c=3").base("root"))
    assert [entry.key for entry in state.baseline(Scope())] == ["a", "b", "c"]
    state.close()


def test_an_error_in_the_middle_of_the_baseline_is_a_state_error(path):
    state = StateDatabase.open(path, "here")
    rows = state.baseline(Scope())
    next(rows)
    state.close()
    state = StateDatabase.open(path, "here")

    class Torn:
        def execute(self, *_):
            raise of_sqlite(sqlite3.SQLITE_IOERR)

    state._db, connection = Torn(), state._db  # type: ignore[assignment]
    with pytest.raises(StateError, match="input/output error"):
        list(state.baseline(Scope()))
    connection.close()


# --- the lock ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EIO, errno.EINVAL])
def test_a_lock_that_fails_is_not_reported_as_held(tmp_path, monkeypatch, number):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"{LOCK}.try_lock", refuse)
    with pytest.raises(StateError, match="it can't be locked") as caught, RunLock(tmp_path / "s.lock"):
        pass
    assert not isinstance(caught.value, LockHeld) and os.strerror(number) in str(caught.value)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EMFILE, StateError, "too many files are open"),
        (errno.ENOSPC, StateError, "the disk is full"),
        (errno.EROFS, StateDenied, "read-only file system"),
        (errno.EACCES, StateDenied, "you may not read or write it"),
        (errno.EIO, StateError, "input/output error"),
    ],
)
def test_a_lock_file_that_can_not_be_opened(tmp_path, monkeypatch, number, kind, words):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"{LOCK}.open_lock_file", refuse)
    with pytest.raises(kind, match=words), RunLock(tmp_path / "s.lock"):
        pass


def test_a_full_disk_does_not_unlock(tmp_path, monkeypatch):
    """Only who holds it can't be told then."""

    class Full:
        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return getattr(self._file, name)

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = open_lock_file
    monkeypatch.setattr(f"{LOCK}.open_lock_file", lambda path: Full(opened(path)))
    with RunLock(tmp_path / "s.lock"):
        monkeypatch.undo()
        with pytest.raises(LockHeld, match="is running:"), RunLock(tmp_path / "s.lock"):
            pass
    with RunLock(tmp_path / "s.lock"):
        pass


# --- a run that can't write down what it does ----------------------------------------------------------------


def failing(monkeypatch, method: str, first: int, until: int) -> None:
    """Let a method of the state fail from its call number `first` on, up to `until`."""
    calls = 0
    real = getattr(StateDatabase, method)

    def fail(self, *args, **kwargs):
        nonlocal calls
        calls += 1
        if first <= calls < until:
            raise StateError("s.sqlite3: the disk is full")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(StateDatabase, method, fail)


def test_a_run_begins_nothing_new_and_writes_down_what_was_done(sides, monkeypatch):
    monkeypatch.setattr("buckia_core.syncing.execution.recorder._BATCH_ROWS", 1)
    failing(monkeypatch, "commit", 3, 4)
    sides.here(" ".join(f"{index:03}=1" for index in range(300)))
    with pytest.raises(StateError, match=r"could not be written down.*the disk is full"):
        sides.sync(max_workers=1)
    sent = sides.objects().keys()
    assert 2 < len(sent) < 300
    assert sides.baseline().keys() == sent, "it was tried once more at the end"
    assert sides.sync().uploaded == 300 - len(sent)


def test_what_can_not_be_written_down_at_all_is_found_by_the_next_run(sides, monkeypatch):
    sides.in_step("a=1 b=1 c=1")
    sides.here("a=2").delete_here("b").delete_there("c")
    failing(monkeypatch, "commit", 1, 100)
    with pytest.raises(StateError, match="the next sync"):
        sides.sync()
    monkeypatch.undo()
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a": "2"}


@pytest.mark.parametrize(("method", "call"), [("update_conflicts", 1), ("add_run", 2)])
def test_a_history_or_a_conflict_that_can_not_be_written_is_an_error(sides, monkeypatch, method, call):
    failing(monkeypatch, method, call, call + 1)
    with pytest.raises(StateError, match="could not be written down"):
        sides.here("a=1").sync()
    assert sides.baseline().keys() == {"a"}
    assert sides.sync().success


def test_a_run_whose_beginning_can_not_be_written_changes_nothing(sides, monkeypatch):
    failing(monkeypatch, "add_run", 1, 2)
    with pytest.raises(StateError, match="the disk is full"):
        sides.here("a=1").sync()
    assert (sides.objects(), sides.client().history()) == ({}, [])
    assert sides.sync().success
