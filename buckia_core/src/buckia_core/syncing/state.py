"""The state database of one bucket: the baseline, conflicts left to decide, and the history of runs."""

from __future__ import annotations

import json
import logging
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from buckia_core.errors import ConfigError
from buckia_core.planning.manifest import BaseEntry
from buckia_core.planning.scope import Scope

_log = logging.getLogger(__name__)

SCHEMA = 1

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    key TEXT PRIMARY KEY, root TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, racy INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, content TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE conflicts (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
"""


class StateTooNew(ConfigError):
    """The state was written by a newer Buckia, which this one does not understand."""


class State:
    """The state of one bucket of one project. For one thread; the lock sees to it that it is for one process."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    def open(cls, path: Path, identity: str) -> State:
        """Open or make the state of the bucket with this identity.

        A file that can't be read as a database is put aside (`….broken`), and so is one of another bucket
        (`….other`): the baseline starts empty then, which deletes nothing and adopts what is equal.

        Raises:
            StateTooNew: A newer Buckia wrote it; it is left alone.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            try:
                state = cls(path, _connect(path))
                state._check()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                    raise
                aside = _put_aside(path, "broken")
                _log.warning(
                    "the state could not be read (%s); it was put aside as %s, and a new one begins", error, aside
                )
            else:
                if state.meta("identity") == identity:
                    return state
                state.close()
                aside = _put_aside(path, "other")
                _log.warning("the state was of another bucket; it was put aside as %s, and a new one begins", aside)
        return cls(path, _create(_connect(path), identity))

    @classmethod
    def peek(cls, path: Path, identity: str) -> State:
        """Open the state for reading only: nothing is made or put aside. What `open` would replace is empty here.

        Raises:
            StateTooNew: A newer Buckia wrote it.
        """
        if path.exists():
            try:
                state = cls(
                    path, sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
                )
                state._check()
                if state.meta("identity") == identity:
                    return state
                state.close()
            except sqlite3.DatabaseError as error:
                _log.warning("the state could not be read (%s); this is what a sync without it would do", error)
        return cls(path, _create(sqlite3.connect(":memory:", isolation_level=None), identity))

    def _check(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            self.close()
            raise StateTooNew(
                f"it was written by a newer version of Buckia (schema {version}, this one knows {SCHEMA}); "
                "update Buckia, or move the file away to begin anew",
                source=str(self.path),
            )
        if version < SCHEMA:
            raise sqlite3.DatabaseError("it has no schema")
        result = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if result != "ok":
            raise sqlite3.DatabaseError(result)
        for table in ("meta", "entries", "conflicts", "runs"):
            self._db.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  # names of our own

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def meta(self, name: str) -> str | None:
        """Return a value that is kept under a name."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    # --- the baseline ------------------------------------------------------------------------------------

    def entries(self, scope: Scope) -> Iterator[BaseEntry]:
        """Yield the baseline in order of keys. A consistent picture, whatever is committed meanwhile."""
        # As `BaseEntry._make`, without its check of the length, which the statement guarantees.
        make = partial(tuple.__new__, BaseEntry)
        for prefix in scope.ranges():
            low, high = _between(prefix)
            # Text is compared byte by byte, which is the order of keys.
            rows = self._db.execute("SELECT * FROM entries WHERE key >= ? AND key < ? ORDER BY key", (low, high))
            rows.arraysize = 1000
            while batch := rows.fetchmany():
                rows_read = map(make, batch)
                yield from filter(lambda entry: scope.covers(entry.key), rows_read) if scope.names else rows_read

    def get(self, key: str) -> BaseEntry | None:
        """Return one row of the baseline."""
        row = self._db.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return BaseEntry._make(row) if row else None

    def count(self) -> int:
        """Return the number of rows of the baseline."""
        count: int = self._db.execute("SELECT count(*) FROM entries").fetchone()[0]
        return count

    def has_root(self, root: str) -> bool:
        """Tell whether the baseline has anything of a root."""
        return self._db.execute("SELECT 1 FROM entries WHERE root = ? LIMIT 1", (root,)).fetchone() is not None

    def every(self, step: int, prefix: str = "") -> list[str]:
        """Return every `step`-th key that begins with `prefix`, in order: where a listing can be split."""
        low, high = _between(prefix)
        rows = self._db.execute(
            "SELECT key FROM (SELECT key, row_number() OVER (ORDER BY key) AS n FROM entries "
            "WHERE key >= ? AND key < ?) WHERE n % ? = 0",
            (low, high, step),
        )
        return [key for (key,) in rows]

    def commit(self, *, put: Iterable[BaseEntry] = (), drop: Iterable[str] = (), settled: Iterable[str] = ()) -> None:
        """Write what happened, in one transaction: rows that are new or changed, rows and conflicts that are gone."""
        with self._transaction():
            self._db.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in drop])
            self._db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", list(put))
            self._db.executemany("DELETE FROM conflicts WHERE key = ?", [(key,) for key in settled])

    # --- conflicts and runs ------------------------------------------------------------------------------

    def conflicts(self) -> list[dict[str, Any]]:
        """Return the conflicts that are left to decide, in order of their keys, as they were recorded."""
        return [json.loads(record) for (record,) in self._db.execute("SELECT record FROM conflicts ORDER BY key")]

    def replace_conflicts(self, scope: Scope, records: Sequence[dict[str, Any]]) -> None:
        """Replace the conflicts of a scope; each record has its `key` and `since`, of which the first one is kept."""
        known = {record["key"]: record for record in self.conflicts()}
        for record in records:
            if record["key"] in known:
                record["since"] = known[record["key"]]["since"]
        with self._transaction():
            gone = [(key,) for key in known if scope.covers(key)]
            self._db.executemany("DELETE FROM conflicts WHERE key = ?", gone)
            rows = [(record["key"], json.dumps(record)) for record in records]
            self._db.executemany("INSERT OR REPLACE INTO conflicts VALUES (?, ?)", rows)

    def add_run(self, record: dict[str, Any], *, keep: int = 1000) -> None:
        """Add a run to the history, of which the last `keep` are kept."""
        with self._transaction():
            self._db.execute("INSERT INTO runs (record) VALUES (?)", (json.dumps(record),))
            self._db.execute("DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - ?", (keep,))

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """Return the last runs, the newest first."""
        rows = self._db.execute("SELECT record FROM runs ORDER BY id DESC LIMIT ?", (limit,))
        return [json.loads(record) for (record,) in rows]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def file_name(bucket: str) -> str:
    """Return the file name under which a bucket's state is kept, whatever the bucket is called."""
    name = quote(bucket, safe=" -+@") or "bucket"
    # `quote` leaves dots alone, and `..` is another directory.
    return name.replace(".", "%2E") if not name.strip(".") else name


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    # A commit that a loss of power takes back is found again by the next run: both sides are equal, and adopted.
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")
    return connection


def _create(connection: sqlite3.Connection, identity: str) -> sqlite3.Connection:
    connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", [("identity", identity), ("id", uuid.uuid4().hex[:8])])
    return connection


def _put_aside(path: Path, why: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.{stamp}.{why}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        rest = path.with_name(path.name + suffix)
        if rest.exists():
            rest.rename(aside.with_name(aside.name + suffix))
    return aside


def _between(prefix: str) -> tuple[str, str | bytes]:
    """Return bounds (low included, high not) of the keys that begin with a prefix."""
    for end in range(len(prefix), 0, -1):
        last = ord(prefix[end - 1])
        if last < 0x10FFFF:
            # The code points of surrogates are no characters.
            return prefix, prefix[: end - 1] + chr(0xE000 if last == 0xD7FF else last + 1)
    # SQLite sorts every blob behind every text.
    return prefix, b""
