"""State database of one bucket: the baseline, unresolved conflicts, and the history of runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.scope import Scope
from buckia_core.syncing.state import database_file
from buckia_core.syncing.state.errors import raise_translated, state_error, translates_errors
from buckia_core.syncing.state.locations import safe_file_names

_log = redacted_logger(__name__)

_LEGACY_COLUMNS = "key, root, size, mtime_ns, ctime_ns, inode, racy, fingerprint, content"


class StateDatabase:
    """State of one bucket of one project. Not thread-safe; the run lock keeps other processes out."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    def open(cls, path: Path, identity: str) -> StateDatabase:
        """Open or create the state of the bucket with this identity.

        A damaged file is renamed to `….broken`, and the file of another bucket to `….other`. The baseline then starts
        empty: the next sync deletes nothing, and adopts files that are equal on both sides. All other errors leave
        the file as it is.

        Raises:
            StateTooNew: A newer Buckia wrote it.
            StateError: It can't be read or written.
        """
        database_file.refuse_symlink(path)
        try:
            if path.exists():
                database_file.restrict_permissions(path)
                state = cls._open_checked(path, database_file.connect)
                if state is not None and state.get_meta("identity") == identity:
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
    def open_readonly(cls, path: Path, identity: str) -> StateDatabase:
        """Open the state for reading, changing no file. A file that `open` would replace reads as empty.

        Raises:
            StateTooNew: A newer Buckia wrote it.
            StateError: It can't be read.
        """
        database_file.refuse_symlink(path)
        try:
            if path.exists():
                state = cls._open_checked(path, database_file.connect_readonly_anywhere)
                if state is not None and state.get_meta("identity") == identity:
                    return state
                if state is not None:
                    state.close()
            return cls.create_in_memory(path, identity)
        except OSError as error:
            raise state_error(error, path) from error

    @classmethod
    def create_in_memory(cls, path: Path, identity: str) -> StateDatabase:
        """Create an empty in-memory state that stands in for the file at `path`."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        database_file.create_tables(connection, identity)
        return cls(path, connection)

    @classmethod
    def _open_checked(cls, path: Path, connect: Callable[[Path], sqlite3.Connection]) -> StateDatabase | None:
        """Open and check a database file; return `None` if it is damaged."""

        def attempt() -> sqlite3.Connection:
            connection = connect(path)
            try:
                database_file.check_database(connection, path)
            except BaseException:
                connection.close()
                raise
            return connection

        try:
            return cls(path, database_file.confirm_damage(path, attempt))
        except database_file.DamagedDatabase as damage:
            _log.warning("the state %s can't be used: %s", path, damage)
            return None

    @translates_errors
    def set_name(self, name: str) -> None:
        """Record the configured name of the bucket. Before a run, this also proves that the state is writable."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('name', ?)", (name,))

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @translates_errors
    def get_meta(self, name: str) -> str | None:
        """Return a value of the `meta` table."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    @translates_errors
    def set_meta(self, name: str, value: str) -> None:
        """Set a value of the `meta` table; does not write if it is unchanged."""
        if self.get_meta(name) != value:
            with self._transaction():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # --- the baseline ------------------------------------------------------------------------------------

    def baseline(self, scope: Scope, mapping_ids: Sequence[str] | None = None) -> Iterator[BaselineEntry]:
        """Yield the rows of the baseline in key order, as a snapshot: later commits do not change it.

        Args:
            scope: The keys.
            mapping_ids: Ids of mappings, by priority: of several rows of one key, only the first mapping's is yielded.
                `None` yields all rows, so a key may come once for each mapping.
        """
        # `BaselineEntry._make` without its check of the length, which the statement guarantees.
        make = partial(tuple.__new__, BaselineEntry)
        # The primary key begins with the key, so the rows come in order without a sort.
        wanted = "" if mapping_ids is None else f"AND root IN ({','.join('?' * len(mapping_ids))})"
        statement = f"SELECT * FROM entries WHERE key >= ? AND key < ? {wanted} ORDER BY key"  # noqa: S608  # question marks
        for prefix in scope.ranges():
            # SQLite compares text by bytes, which is key order.
            batches = self._batches(statement, (*database_file.prefix_bounds(prefix), *(mapping_ids or ())))
            if mapping_ids and len(mapping_ids) > 1:
                batches = database_file.deduplicate_keys(batches, mapping_ids)
            for batch in batches:
                rows_read = map(make, batch)
                yield from rows_read if scope.is_everything else (row for row in rows_read if scope.covers(row.key))

    def _batches(self, statement: str, values: Sequence[Any]) -> Iterator[list[Any]]:
        try:
            rows = self._db.execute(statement, values)
            while batch := rows.fetchmany(1000):
                yield batch
        except sqlite3.Error as error:
            raise_translated(error, self.path)

    @translates_errors
    def has_mapping(self, mapping_id: str) -> bool:
        """Tell whether the baseline has a row of a mapping."""
        return self._db.execute("SELECT 1 FROM entries WHERE root = ? LIMIT 1", (mapping_id,)).fetchone() is not None

    @translates_errors
    def sample_keys(self, step: int, prefix: str = "") -> list[str]:
        """Return every `step`-th key with a prefix, in order: the points at which to split a listing."""
        start, end = database_file.prefix_bounds(prefix)
        keys: list[str] = []
        # Numbering all rows in one statement takes several times as long.
        statement = "SELECT key FROM entries WHERE key >= ? AND key < ? AND key IS NOT ? ORDER BY key LIMIT 1 OFFSET ?"
        values: tuple[str | bytes | int | None, ...] = (start, end, None, step - 1)
        while (row := self._db.execute(statement, values).fetchone()) is not None:
            keys += row
            values = (keys[-1], end, keys[-1], step - 1)
        return keys

    @translates_errors
    def commit(
        self,
        *,
        upserts: Iterable[BaselineEntry] = (),
        deletes: Iterable[str] = (),
        mapping_ids: Collection[str] | None = None,
    ) -> None:
        """Write results to the baseline in one transaction.

        Args:
            upserts: New and changed rows. A row replaces that of another mapping of the run for the same key.
            deletes: Keys whose rows to delete.
            mapping_ids: Ids of the mappings of the run; rows of others stay. `None` means all mappings.
        """
        rows = list(upserts)
        owners = {row.key: row.mapping_id for row in rows}
        with self._transaction():
            if mapping_ids is None:
                self._db.executemany("DELETE FROM entries WHERE key = ?", ((key,) for key in deletes))
            else:
                ids = tuple(mapping_ids)
                statement = f"DELETE FROM entries WHERE key = ? AND root IN ({', '.join('?' * len(ids))})"  # noqa: S608
                self._db.executemany(statement, ((key, *ids) for key in deletes))
                if len(ids) > 1:
                    others = ((key, *ids, owner) for key, owner in owners.items())
                    self._db.executemany(f"{statement} AND root != ?", others)
            self._db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            owner_ids = [(id_,) for id_ in set(owners.values())]
            self._db.executemany("INSERT OR IGNORE INTO roots (root) VALUES (?)", owner_ids)

    # --- mappings ----------------------------------------------------------------------------------------

    @translates_errors
    def mapping_labels(self) -> dict[str, str | None]:
        """Return the mappings of all runs: the label of the section that had each last, by id.

        A label is `None` if it is unknown, and empty if only ad-hoc runs (`local_path`) had the mapping.
        """
        return dict(self._db.execute("SELECT root, name FROM roots").fetchall())

    @translates_errors
    def record_mappings(self, labels: Mapping[str, str]) -> None:
        """Record the mappings of a run, with the label of their section. Does not write if nothing changed.

        An empty label, of an ad-hoc run, does not replace another one.
        """
        known = self.mapping_labels()
        if new := [
            (id_, label) for id_, label in labels.items() if known.get(id_) != label and (label or id_ not in known)
        ]:
            with self._transaction():
                self._db.executemany("INSERT OR REPLACE INTO roots VALUES (?, ?)", new)

    @translates_errors
    def count_rows(self, mapping_id: str) -> int:
        """Return the number of rows of a mapping that are in scope. Reads the whole baseline."""
        statement = "SELECT count(*) FROM entries WHERE root = ? AND NOT out_of_scope"
        number: int = self._db.execute(statement, (mapping_id,)).fetchone()[0]
        return number

    def rows_outside(self, scope: Scope, mapping_ids: Collection[str]) -> list[BaselineEntry]:
        """Return the rows that a scope does not cover and that are not yet marked as out of scope, in key order."""
        rows = self.baseline(Scope(), list(mapping_ids))
        return [row for row in rows if not row.out_of_scope and not scope.covers(row.key)]

    # --- conflicts and runs ------------------------------------------------------------------------------

    @translates_errors
    def conflicts(self) -> list[dict[str, Any]]:
        """Return the records of unresolved conflicts, in key order. Damaged ones are left out."""
        return read_records(self._db.execute("SELECT record FROM conflicts ORDER BY key"), "key", "root", "since")

    @translates_errors
    def update_conflicts(self, records: Sequence[dict[str, Any]], resolved: Iterable[tuple[str, str]] = ()) -> None:
        """Record conflicts, and remove resolved ones, given as `(key, mapping id)`.

        A record has at least `key`, `root` (a mapping id) and `since`. A known conflict keeps its `since`.
        """
        known = {(each["key"], each["root"]): each["since"] for each in self.conflicts()}
        rows = []
        for record in records:
            id_ = record["key"], record["root"]
            rows.append((*id_, json.dumps(record | {"since": known.get(id_, record["since"])})))
        removed = known.keys() & set(resolved)
        if not rows and not removed:
            return
        with self._transaction():
            self._db.executemany("DELETE FROM conflicts WHERE key = ? AND root = ?", removed)
            self._db.executemany("INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?)", rows)

    @translates_errors
    def add_run(self, record: dict[str, Any], *, replaces: int | None = None, keep: int = 1000) -> int:
        """Append a run to the history, or replace the one with an id, and delete all but the last `keep` runs.

        Returns:
            The id of the run.
        """
        with self._transaction():
            row = (replaces, json.dumps(record))
            added = self._db.execute("INSERT OR REPLACE INTO runs (id, record) VALUES (?, ?)", row).lastrowid
            self._db.execute("DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - ?", (keep,))
        assert added is not None
        return added

    @translates_errors
    def runs(self, limit: int) -> list[dict[str, Any]]:
        """Return the last runs, newest first. Damaged records are left out."""
        return read_records(self._db.execute("SELECT record FROM runs ORDER BY id DESC LIMIT ?", (limit,)))

    @translates_errors
    def last_run_started(self) -> str:
        """Return the start of the last run in ISO 8601, or an empty string."""
        return last_start(self._db)

    # --- states of Buckia 0.6 ----------------------------------------------------------------------------

    def copy_to(self, other: StateDatabase) -> None:
        """Copy this state over another one."""
        self._db.backup(other._db)

    @translates_errors
    def import_legacy(self, legacy: sqlite3.Connection, stem: str, *, newer: bool) -> None:
        """Import a database of Buckia 0.6 of the same bucket, in one transaction.

        Args:
            legacy: The database.
            stem: The stem of its file name, which its trash has as well.
            newer: It is newer than this state, so its mappings replace those here; otherwise only mappings that are
                unknown here are imported.
        """
        run_records = read_records(legacy.execute("SELECT record FROM runs ORDER BY id"), "bucket")
        name = run_records[-1]["bucket"] if run_records else unquote(stem)
        known = {root for (root,) in self._db.execute("SELECT root FROM roots")}
        conflicts = read_records(legacy.execute("SELECT record FROM conflicts"), "key", "root", "since")
        found = {root for (root,) in legacy.execute("SELECT DISTINCT root FROM entries")}
        imported = {*found, *(each["root"] for each in conflicts)}.difference(() if newer else known)
        with self._transaction():
            for table in ("entries", "conflicts", "roots"):
                self._db.executemany(f"DELETE FROM {table} WHERE root = ?", [(root,) for root in imported])  # noqa: S608
            rows = (row for row in legacy.execute(f"SELECT {_LEGACY_COLUMNS}, 0 FROM entries") if row[1] in imported)  # noqa: S608
            self._db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.executemany("INSERT INTO roots (root, name) VALUES (?, ?)", [(root, name) for root in imported])
            found_conflicts = [
                (each["key"], each["root"], json.dumps(each)) for each in conflicts if each["root"] in imported
            ]
            self._db.executemany("INSERT OR REPLACE INTO conflicts VALUES (?, ?, ?)", found_conflicts)
            self._merge_runs(run_records)
            stems = json.dumps(sorted({*self.legacy_stems(), stem}))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('former', ?)", (stems,))
            if newer:
                # Its leftover temporary files have its id in their names.
                own_id = legacy.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('id', ?)", own_id)

    def _merge_runs(self, records: Iterable[dict[str, Any]]) -> None:
        own = read_records(self._db.execute("SELECT record FROM runs ORDER BY id"))
        merged = sorted([*own, *records], key=lambda record: str(record.get("started", "")))
        texts = dict.fromkeys(json.dumps(record) for record in merged)
        self._db.execute("DELETE FROM runs")
        self._db.executemany("INSERT INTO runs (record) VALUES (?)", [(text,) for text in texts])

    def legacy_stems(self) -> list[str]:
        """Return the stems of the imported files of Buckia 0.6."""
        try:
            found = json.loads(self.get_meta("former") or "[]")
        except (ValueError, RecursionError):
            found = []
        return safe_file_names(found if isinstance(found, list) else [])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # On some errors, such as a full disk, SQLite rolls back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def read_records(rows: Iterable[tuple[object]], *required: str) -> list[dict[str, Any]]:
    """Parse a column of JSON objects. One that is damaged, or has no text in a required field, is left out."""
    found = []
    for (text,) in rows:
        try:
            record = json.loads(text)  # type: ignore[arg-type]  # other types raise an error
            json.dumps(record, ensure_ascii=False).encode()
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(record, dict) and all(isinstance(record.get(name), str) for name in required):
            found.append(record)
    return found


def last_start(database: sqlite3.Connection) -> str:
    """Return the start of the last run in a database whose record is not damaged, or an empty string."""
    found = read_records(database.execute("SELECT record FROM runs ORDER BY id DESC LIMIT 100"), "started")
    return str(found[0]["started"]) if found else ""
