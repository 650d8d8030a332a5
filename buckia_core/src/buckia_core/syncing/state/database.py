"""The state database of one bucket: the baseline, conflicts left to decide, and the history of runs."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.scope import Scope
from buckia_core.syncing.state import database_file
from buckia_core.syncing.state.errors import raise_translated, reports_errors, state_error
from buckia_core.syncing.state.locations import filter_names

_log = logging.getLogger(__name__)

_FORMER_COLUMNS = ", ".join(name for name in BaselineEntry._fields if name != "out_of_scope")


class StateDatabase:
    """The state of one bucket of one project. For one thread; the lock sees to it that it is for one process."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    def open(cls, path: Path, identity: str) -> StateDatabase:
        """Open or make the state of the bucket with this identity.

        A damaged file is put aside (`….broken`), and so is one of another bucket (`….other`): the baseline starts
        empty then, which deletes nothing and adopts what is equal. Whatever else keeps it from being read or
        written leaves the file alone.

        Raises:
            StateTooNew: A newer Buckia wrote it.
            StateError: It can't be read or written.
        """
        database_file.refuse_link(path)
        try:
            if path.exists():
                database_file.narrow(path)
                state = cls._opened(path, database_file.connect)
                if state is not None and state.meta("identity") == identity:
                    return state
                if state is not None:
                    state.close()
                aside = database_file.put_aside(path, "other" if state else "broken")
                _log.warning("the state was put aside as %s, and a new one begins", aside)
            return cls(path, database_file.create(path, identity))
        except OSError as error:
            raise state_error(error, path) from error
        except sqlite3.Error as error:
            raise_translated(error, path)

    @classmethod
    def peek(cls, path: Path, identity: str) -> StateDatabase:
        """Open the state for reading only: nothing is made or put aside. What `open` would replace is empty here.

        Raises:
            StateTooNew: A newer Buckia wrote it.
            StateError: It can't be read.
        """
        database_file.refuse_link(path)
        try:
            if path.exists():
                state = cls._opened(path, database_file.connect_to_peek)
                if state is not None and state.meta("identity") == identity:
                    return state
                if state is not None:
                    state.close()
            return cls.in_memory(path, identity)
        except OSError as error:
            raise state_error(error, path) from error

    @classmethod
    def in_memory(cls, path: Path, identity: str) -> StateDatabase:
        """Make a state that is gone when it is closed, in place of the one at a path."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        database_file.fill(connection, identity)
        return cls(path, connection)

    @classmethod
    def _opened(cls, path: Path, connect: Callable[[Path], sqlite3.Connection]) -> StateDatabase | None:
        """Open and check a database; `None` if it is damaged."""

        def attempt() -> sqlite3.Connection:
            connection = connect(path)
            try:
                database_file.check(connection, path)
            except BaseException:
                connection.close()
                raise
            return connection

        try:
            return cls(path, database_file.confirmed(path, attempt))
        except database_file.Damaged as damage:
            _log.warning("the state %s can't be used: %s", path, damage)
            return None

    @reports_errors
    def use(self, name: str) -> None:
        """Remember what a `.buckia` calls the bucket. Before a run, it also shows that the state can be written."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('name', ?)", (name,))

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @reports_errors
    def meta(self, name: str) -> str | None:
        """Return a value that is kept under a name."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    @reports_errors
    def set_meta(self, name: str, value: str) -> None:
        """Keep a value under a name; nothing is written if it is kept already."""
        if self.meta(name) != value:
            with self._transaction():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # --- the baseline ------------------------------------------------------------------------------------

    def entries(self, scope: Scope, roots: Sequence[str] | None = None) -> Iterator[BaselineEntry]:
        """Yield the baseline in order of keys. A consistent picture, whatever is committed meanwhile.

        Args:
            scope: The keys.
            roots: The ids of the mappings whose rows are wanted, in order; of several that know a key, the first one
                counts, so that no key comes twice. `None` yields all rows, and a key once for each mapping.
        """
        # As `BaselineEntry._make`, without its check of the length, which the statement guarantees.
        make = partial(tuple.__new__, BaselineEntry)
        # The primary key begins with the key, so the rows come in order without a sort.
        wanted = "" if roots is None else f"AND root IN ({','.join('?' * len(roots))})"
        statement = f"SELECT * FROM entries WHERE key >= ? AND key < ? {wanted} ORDER BY key"  # noqa: S608  # question marks
        for prefix in scope.ranges():
            # Text is compared byte by byte, which is the order of keys.
            batches = self._batches(statement, (*database_file.bounds(prefix), *(roots or ())))
            for batch in database_file.once_each(batches, roots) if roots and len(roots) > 1 else batches:
                rows_read = map(make, batch)
                yield from rows_read if scope.is_everything else (row for row in rows_read if scope.covers(row.key))

    def _batches(self, statement: str, values: Sequence[Any]) -> Iterator[list[Any]]:
        try:
            rows = self._db.execute(statement, values)
            while batch := rows.fetchmany(1000):
                yield batch
        except sqlite3.Error as error:
            raise_translated(error, self.path)

    @reports_errors
    def get(self, key: str) -> BaselineEntry | None:
        """Return one row of the baseline; of several mappings that know the key, that of any."""
        row = self._db.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return BaselineEntry._make(row) if row else None

    @reports_errors
    def count(self) -> int:
        """Return the number of rows of the baseline."""
        count: int = self._db.execute("SELECT count(*) FROM entries").fetchone()[0]
        return count

    @reports_errors
    def has_root(self, root: str) -> bool:
        """Tell whether the baseline has anything of a root."""
        return self._db.execute("SELECT 1 FROM entries WHERE root = ? LIMIT 1", (root,)).fetchone() is not None

    @reports_errors
    def every(self, step: int, prefix: str = "") -> list[str]:
        """Return every `step`-th key that begins with `prefix`, in order: where a listing can be split."""
        low, high = database_file.bounds(prefix)
        rows = self._db.execute(
            "SELECT DISTINCT key FROM (SELECT key, row_number() OVER (ORDER BY key) AS n FROM entries "
            "WHERE key >= ? AND key < ?) WHERE n % ? = 0",
            (low, high, step),
        )
        return [key for (key,) in rows]

    @reports_errors
    def commit(
        self, *, put: Iterable[BaselineEntry] = (), drop: Iterable[str] = (), roots: Collection[str] | None = None
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
            self._db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            new_roots = [(root,) for root in set(owners.values())]
            self._db.executemany("INSERT OR IGNORE INTO roots (root) VALUES (?)", new_roots)

    def _roots_of(self, key: str, among: Collection[str] | None) -> list[str]:
        found = [root for (root,) in self._db.execute("SELECT root FROM entries WHERE key = ?", (key,))]
        return found if among is None else [root for root in found if root in among]

    # --- mappings ----------------------------------------------------------------------------------------

    @reports_errors
    def roots(self) -> dict[str, str | None]:
        """Return the mappings that the state knows: by id, the bucket entry that had it last.

        The entry is `None` where it is not known, and empty if a run chose the mapping for itself.
        """
        return dict(self._db.execute("SELECT root, name FROM roots").fetchall())

    @reports_errors
    def remember_roots(self, roots: Mapping[str, str]) -> None:
        """Remember the mappings of a run with the bucket entry that has them. Nothing is written where all is known.

        A run that chose a mapping for itself (an empty name) does not take it from the entry that has it.
        """
        known = self.roots()
        if new := [
            (root, name) for root, name in roots.items() if known.get(root) != name and (name or root not in known)
        ]:
            with self._transaction():
                self._db.executemany("INSERT OR REPLACE INTO roots VALUES (?, ?)", new)

    @reports_errors
    def rows_of(self, root: str) -> int:
        """Return the number of rows of a mapping that are not out of scope. Reads the whole baseline."""
        statement = "SELECT count(*) FROM entries WHERE root = ? AND NOT out_of_scope"
        number: int = self._db.execute(statement, (root,)).fetchone()[0]
        return number

    def outside(self, scope: Scope, roots: Collection[str]) -> list[BaselineEntry]:
        """Return the rows of mappings that a scope does not cover and that are not out of scope yet, in order."""
        rows = self.entries(Scope(), list(roots))
        return [row for row in rows if not row.out_of_scope and not scope.covers(row.key)]

    # --- conflicts and runs ------------------------------------------------------------------------------

    @reports_errors
    def conflicts(self) -> list[dict[str, Any]]:
        """Return the conflicts that are left to decide, in order of their keys, as they were recorded."""
        return [json.loads(record) for (record,) in self._db.execute("SELECT record FROM conflicts ORDER BY key")]

    @reports_errors
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

    @reports_errors
    def add_run(self, record: dict[str, Any], *, keep: int = 1000) -> None:
        """Add a run to the history, of which the last `keep` are kept."""
        with self._transaction():
            self._db.execute("INSERT INTO runs (record) VALUES (?)", (json.dumps(record),))
            self._db.execute("DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - ?", (keep,))

    @reports_errors
    def runs(self, limit: int) -> list[dict[str, Any]]:
        """Return the last runs, the newest first."""
        rows = self._db.execute("SELECT record FROM runs ORDER BY id DESC LIMIT ?", (limit,))
        return [json.loads(record) for (record,) in rows]

    @reports_errors
    def last_run(self) -> str:
        """Return when the last run began, in ISO 8601; empty if there was none."""
        row = self._db.execute("SELECT record FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        return str(json.loads(row[0]).get("started", "")) if row else ""

    # --- states of Buckia 0.6 ----------------------------------------------------------------------------

    def copy_to(self, other: StateDatabase) -> None:
        """Make another state equal to this one."""
        self._db.backup(other._db)

    @reports_errors
    def import_former(self, former: sqlite3.Connection, stem: str, *, newer: bool) -> None:
        """Take over what a database of Buckia 0.6 remembers of this bucket, in one transaction.

        If it is `newer` than this state, its rows count for all mappings that it has; else for those that are not
        known here yet. `stem` is what its file is called; the trash of that name belongs to the bucket.
        """
        runs = [record for (record,) in former.execute("SELECT record FROM runs ORDER BY id")]
        name = json.loads(runs[-1])["bucket"] if runs else unquote(stem)
        known = {root for (root,) in self._db.execute("SELECT root FROM roots")}
        conflicts = [(json.loads(record), record) for (record,) in former.execute("SELECT record FROM conflicts")]
        found = {root for (root,) in former.execute("SELECT DISTINCT root FROM entries")}
        taken = {*found, *(each["root"] for each, _ in conflicts)}.difference(() if newer else known)
        with self._transaction():
            for table in ("entries", "conflicts", "roots"):
                self._db.executemany(f"DELETE FROM {table} WHERE root = ?", [(root,) for root in taken])  # noqa: S608
            rows = (row for row in former.execute(f"SELECT {_FORMER_COLUMNS}, 0 FROM entries") if row[1] in taken)  # noqa: S608
            self._db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.executemany("INSERT INTO roots (root, name) VALUES (?, ?)", [(root, name) for root in taken])
            found_conflicts = [(each["key"], each["root"], text) for each, text in conflicts if each["root"] in taken]
            self._db.executemany("INSERT INTO conflicts VALUES (?, ?, ?)", found_conflicts)
            self._merge_runs(runs)
            stems = json.dumps(sorted({*self.former_stems(), stem}))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('former', ?)", (stems,))
            if newer:
                # Temporary files that it left are named by it.
                own_id = former.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('id', ?)", own_id)

    def _merge_runs(self, records: Iterable[str]) -> None:
        ours = [record for (record,) in self._db.execute("SELECT record FROM runs ORDER BY id")]
        merged = sorted(dict.fromkeys([*ours, *records]), key=lambda record: str(json.loads(record).get("started", "")))
        self._db.execute("DELETE FROM runs")
        self._db.executemany("INSERT INTO runs (record) VALUES (?)", [(record,) for record in merged])

    def former_stems(self) -> list[str]:
        """Return what files of the bucket were called that were taken over from Buckia 0.6."""
        try:
            found = json.loads(self.meta("former") or "[]")
        except (ValueError, RecursionError):
            found = []
        return filter_names(found if isinstance(found, list) else [])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # Of some errors, such as a full disk, SQLite has taken the transaction back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
