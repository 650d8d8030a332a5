"""The state database of one bucket: the baseline, conflicts left to decide, and the history of runs."""

from __future__ import annotations

import json
import logging
import sqlite3
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from buckia_core.errors import ConfigError
from buckia_core.planning.manifest import BaseEntry
from buckia_core.planning.scope import Scope

_log = logging.getLogger(__name__)

SCHEMA = 2

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    key TEXT NOT NULL, root TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, racy INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (key, root)
) WITHOUT ROWID;
CREATE TABLE roots (
    root TEXT PRIMARY KEY, name TEXT, filter TEXT, reported INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE conflicts (
    key TEXT NOT NULL, root TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (key, root)
) WITHOUT ROWID;
CREATE TABLE runs (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
"""

_FROM_SCHEMA_1 = f"""
ALTER TABLE entries RENAME TO old_entries;
ALTER TABLE conflicts RENAME TO old_conflicts;
ALTER TABLE meta RENAME TO old_meta;
ALTER TABLE runs RENAME TO old_runs;
{_TABLES}
INSERT INTO entries SELECT * FROM old_entries;
INSERT INTO roots (root) SELECT DISTINCT root FROM old_entries;
INSERT INTO conflicts SELECT key, json_extract(record, '$.root'), record FROM old_conflicts;
INSERT INTO meta SELECT * FROM old_meta;
INSERT INTO runs SELECT * FROM old_runs;
DROP TABLE old_entries; DROP TABLE old_conflicts; DROP TABLE old_meta; DROP TABLE old_runs;
"""  # noqa: S608  # names of our own


class KnownRoot(NamedTuple):
    """What the state knows of one mapping.

    Attributes:
        rows: Number of its rows in the baseline.
        name: The bucket entry under which it was last synced; `None` if a version before 0.7 wrote it.
        filter: The text that described its filter then; `None` likewise.
        reported: Whether a person was told that the mapping is gone.
    """

    rows: int
    name: str | None
    filter: str | None
    reported: bool


class StateTooNew(ConfigError):
    """The state was written by a newer Buckia, which this one does not understand."""


class State:
    """The state of one bucket of one project. For one thread; the lock sees to it that it is for one process."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection
        self._schema = SCHEMA

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
                state._upgrade()
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
        version = self._schema = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            self.close()
            raise StateTooNew(
                f"it was written by a newer version of Buckia (schema {version}, this one knows {SCHEMA}); "
                "update Buckia, or move the file away to begin anew",
                source=str(self.path),
            )
        if version < 1:
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

    def _upgrade(self) -> None:
        if self._schema < SCHEMA:
            self._db.executescript(f"BEGIN IMMEDIATE; {_FROM_SCHEMA_1} PRAGMA user_version = {SCHEMA}; COMMIT;")
            self._schema = SCHEMA

    # --- the baseline ------------------------------------------------------------------------------------

    def entries(self, scope: Scope, roots: Sequence[str] | None = None) -> Iterator[BaseEntry]:
        """Yield the baseline in order of keys. A consistent picture, whatever is committed meanwhile.

        Args:
            scope: The keys.
            roots: The ids of the mappings whose rows are wanted, in order; of several that know a key, the first one
                counts, so that no key comes twice. `None` yields all rows, and a key once for each mapping.
        """
        # As `BaseEntry._make`, without its check of the length, which the statement guarantees.
        make = partial(tuple.__new__, BaseEntry)
        # The primary key begins with the key, so the rows come in order without a sort.
        wanted = "" if roots is None else f"AND root IN ({','.join('?' * len(roots))})"
        statement = f"SELECT * FROM entries WHERE key >= ? AND key < ? {wanted} ORDER BY key"  # noqa: S608  # question marks
        for prefix in scope.ranges():
            low, high = _between(prefix)
            # Text is compared byte by byte, which is the order of keys.
            rows = self._db.execute(statement, (low, high, *(roots or ())))
            rows.arraysize = 1000
            batches = iter(rows.fetchmany, [])
            for batch in _once_each(batches, roots) if roots and len(roots) > 1 else batches:
                rows_read = map(make, batch)
                yield from filter(lambda entry: scope.covers(entry.key), rows_read) if scope.names else rows_read

    def get(self, key: str) -> BaseEntry | None:
        """Return one row of the baseline; of several mappings that know the key, that of any."""
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
            "SELECT DISTINCT key FROM (SELECT key, row_number() OVER (ORDER BY key) AS n FROM entries "
            "WHERE key >= ? AND key < ?) WHERE n % ? = 0",
            (low, high, step),
        )
        return [key for (key,) in rows]

    def commit(
        self, *, put: Iterable[BaseEntry] = (), drop: Iterable[str] = (), roots: Collection[str] | None = None
    ) -> None:
        """Write what happened, in one transaction: rows that are new or changed, and keys whose rows are gone.

        Rows of other mappings than `roots`, those of the run, stay as they are; `None` stands for all mappings. A key
        has one owner in a run, so a row that is put replaces the one that another mapping of the run has of the key.
        """
        rows = list(put)
        owners = {row.key: row.root for row in rows}
        with self._transaction():
            gone = [(key, root) for key in drop for root in self._roots_of(key, roots)]
            if roots is not None and len(roots) > 1:
                gone += [
                    (key, each) for key, root in owners.items() for each in self._roots_of(key, roots) if each != root
                ]
            self._db.executemany("DELETE FROM entries WHERE key = ? AND root = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            new_roots = [(root,) for root in set(owners.values())]
            self._db.executemany("INSERT OR IGNORE INTO roots (root) VALUES (?)", new_roots)

    def _roots_of(self, key: str, among: Collection[str] | None) -> list[str]:
        found = [root for (root,) in self._db.execute("SELECT root FROM entries WHERE key = ?", (key,))]
        return found if among is None else [root for root in found if root in among]

    # --- mappings ----------------------------------------------------------------------------------------

    def roots(self, besides: Collection[str] = ()) -> dict[str, KnownRoot]:
        """Return what is known of all mappings, by id, but those in `besides`.

        Rows are counted only if there are other mappings, so a run whose mappings stay the same pays nothing.
        """
        known: dict[str, tuple[str | None, str | None, int]] = {}
        if self._schema >= 2:
            known = {
                root: tuple(rest) for root, *rest in self._db.execute("SELECT root, name, filter, reported FROM roots")
            }
            if known.keys() <= set(besides):
                return {}
        counts = dict(self._db.execute("SELECT root, count(*) FROM entries GROUP BY root"))
        return {
            root: KnownRoot(counts.get(root, 0), name, text, bool(reported))
            for root in sorted({*known, *counts}.difference(besides))
            for name, text, reported in [known.get(root, (None, None, 0))]
        }

    def filter_of(self, root: str) -> str | None:
        """Return the text that described the filter of a mapping when `remember_roots` was last called with it."""
        if self._schema < 2:
            return None
        row = self._db.execute("SELECT filter FROM roots WHERE root = ?", (root,)).fetchone()
        return row[0] if row else None

    def remember_roots(self, roots: Mapping[str, tuple[str, str]]) -> None:
        """Remember mappings that a run has synced: by id, a text that describes the filter, and the entry's name.

        A mapping that was reported as gone is known again. Nothing is written where all is as it was.
        """
        rows = [(root, name, text, 0) for root, (text, name) in roots.items()]
        known = set(self._db.execute("SELECT root, name, filter, reported FROM roots"))
        if new := [row for row in rows if row not in known]:
            with self._transaction():
                self._db.executemany("INSERT OR REPLACE INTO roots VALUES (?, ?, ?, ?)", new)

    def mark_reported(self, roots: Iterable[str]) -> None:
        """Remember that a person was told that mappings are gone, until a run has them again."""
        with self._transaction():
            self._db.executemany(
                "INSERT INTO roots VALUES (?, NULL, NULL, 1) ON CONFLICT (root) DO UPDATE SET reported = 1",
                [(root,) for root in roots],
            )

    # --- conflicts and runs ------------------------------------------------------------------------------

    def conflicts(self) -> list[dict[str, Any]]:
        """Return the conflicts that are left to decide, in order of their keys, as they were recorded."""
        return [json.loads(record) for (record,) in self._db.execute("SELECT record FROM conflicts ORDER BY key")]

    def update_conflicts(self, records: Sequence[dict[str, Any]], settled: Iterable[tuple[str, str]] = ()) -> None:
        """Record conflicts, and remove those that are settled, given as `(key, root)`.

        A record has at least `key`, `root` and `since`. Of a conflict that stays, the first `since` is kept.
        """
        known = {(each["key"], each["root"]): each["since"] for each in self.conflicts()}
        rows = []
        for record in records:
            place = record["key"], record["root"]
            rows.append((*place, json.dumps(record | {"since": known.get(place, record["since"])})))
        gone = known.keys() & set(settled)
        if not rows and not gone:
            return
        with self._transaction():
            self._db.executemany("DELETE FROM conflicts WHERE key = ? AND root = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?)", rows)

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


def _once_each(batches: Iterable[list[Any]], roots: Sequence[str]) -> Iterator[list[Any]]:
    """Yield batches of rows in which no key comes twice: the root that comes first is its owner."""
    rank = {root: index for index, root in enumerate(roots)}
    held: list[Any] = []
    for batch in batches:
        rows = held + batch
        if len({row[0] for row in rows}) < len(rows):
            best: dict[str, Any] = {}
            for row in rows:
                if row[0] not in best or rank[row[1]] < rank[best[row[0]][1]]:
                    best[row[0]] = row
            rows = list(best.values())
        # Other rows of the last key may come with the next batch.
        held = rows[-1:]
        yield rows[:-1]
    yield held


def _between(prefix: str) -> tuple[str, str | bytes]:
    """Return bounds (low included, high not) of the keys that begin with a prefix."""
    for end in range(len(prefix), 0, -1):
        last = ord(prefix[end - 1])
        if last < 0x10FFFF:
            # The code points of surrogates are no characters.
            return prefix, prefix[: end - 1] + chr(0xE000 if last == 0xD7FF else last + 1)
    # SQLite sorts every blob behind every text.
    return prefix, b""
