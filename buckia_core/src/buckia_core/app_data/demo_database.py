"""Apply one SQLite database to another one: rows are added and replaced by primary key, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from buckia_core.config.values import suggest
from buckia_core.errors import BuckiaError, ConfigError
from buckia_core.localfs.sqlite_snapshot import BUSY_SECONDS, error_for, snapshot
from buckia_core.localfs.sqlite_uri import sqlite_uri

_HIDDEN_COLUMNS = (2, 3)
"""Kinds of generated columns, in `PRAGMA table_xinfo`."""


class NotApplied(BuckiaError):
    """The rows of a database do not fit into the other one, which is unchanged."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """What an application of a database does to one table.

    Attributes:
        table: Its name.
        added: Rows that it lacks.
        replaced: Rows of the same primary key with other values.
        unchanged: Rows that are the same already, or that a trigger keeps as they are (`RAISE(IGNORE)`).
        left_out: Why the table is left as it is; empty if it is not.
    """

    table: str
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    left_out: str = ""


def apply_database(
    source: Path,
    target: Path,
    *,
    leave_out: Collection[str] = (),
    dry_run: bool = False,
    preserve: Callable[[], object] | None = None,
) -> list[TableChange]:
    """Add the rows of a database to another one, which other programs may have open.

    Tables and columns are matched by name; what only one of both has stays as it is. A row with the primary key of an
    existing one replaces the values of the matched columns. A row with NULL in its primary key is added unless there is
    an equal one. Rows that only the target has stay. Virtual tables and the tables behind them are left as they are.

    Triggers of the target run in the same transaction, as for any upsert of the app: those of INSERT for added rows,
    those of UPDATE (and BEFORE INSERT) for replaced ones, none for unchanged ones. `recursive_triggers` is off.

    Args:
        source: The database to read, of which a snapshot is made.
        target: The database to change.
        leave_out: Names of tables to leave as they are.
        dry_run: Only count.
        preserve: Called before the target changes.

    Raises:
        ConfigError: `leave_out` names a table that neither of both has. Nothing was changed.
        NotApplied: A row violates a constraint or a foreign key of the target, or would take the place of another one,
            or a trigger of the target failed. Nothing was changed.
        CorruptDatabase: One of the two is damaged, or no database.
        Transient: The target stayed locked.
        FileNotFoundError: One of the two does not exist.
    """
    for path in (source, target):
        if not path.is_file():
            raise FileNotFoundError(2, "there is no database", str(path))
    with snapshot(str(source)) as demo, closing(_connect(target)) as database:
        try:
            database.execute("ATTACH ? AS demo", (sqlite_uri(demo, "mode=ro&immutable=1"),))
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            raise error_for(error, str(target)) from error
        _check_tables(database, leave_out, target)
        if preserve is not None and not dry_run:
            preserve()
        return _apply(database, target, frozenset(map(str.casefold, leave_out)), dry_run=dry_run)


def _check_tables(database: sqlite3.Connection, given: Collection[str], target: Path) -> None:
    statement = """
        SELECT name FROM main.sqlite_master WHERE type = 'table'
        UNION SELECT name FROM demo.sqlite_master WHERE type = 'table'
    """
    try:
        known = {name.casefold(): name for (name,) in database.execute(statement)}
    except sqlite3.DatabaseError as error:
        raise error_for(error, str(target)) from error
    for name in given:
        if name.casefold() not in known:
            raise ConfigError(
                f"there is no table {name!r} to leave out.{suggest(name, known.values())} Nothing was changed"
            )


def _apply(
    database: sqlite3.Connection, target: Path, leave_out: frozenset[str], *, dry_run: bool
) -> list[TableChange]:
    table = ""
    try:
        broken = set(_broken_keys(database))
        changes = []
        virtual = _virtual_tables(database)
        for table in _tables(database):
            if table.casefold() in leave_out:
                changes.append(TableChange(table, left_out="left out by configuration"))
            elif reason := _virtual_reason(table, virtual):
                changes.append(TableChange(table, left_out=reason))
            else:
                changes.append(_apply_table(database, table))
        _check_keys(database, broken)
        # A dry run does all of it, so that it shows the errors too.
        database.execute("ROLLBACK" if dry_run else "COMMIT")
    except BaseException as error:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        if isinstance(error, sqlite3.IntegrityError) or _is_of_schema(error):
            raise NotApplied(f"{_describe(database, table)}: {error}: {target}") from error
        if isinstance(error, sqlite3.DatabaseError):
            raise error_for(error, str(target)) from error
        raise
    return changes


def _is_of_schema(error: BaseException) -> bool:
    """Tell whether SQLite can't compile a statement, as with a trigger that calls a function which only the app has."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def _describe(database: sqlite3.Connection, table: str) -> str:
    """Return what could not be written; SQLite does not tell which trigger failed, so all of the table are named."""
    if not table:
        return "the schema of the database has an error"
    statement = "SELECT name FROM main.sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
    triggers = ", ".join(repr(name) for (name,) in database.execute(statement, (table,)))
    return f"rows of the table {table!r} do not fit" + (f", or its trigger {triggers} failed" if triggers else "")


def _check_keys(database: sqlite3.Connection, known: set[tuple[object, ...]]) -> None:
    if new := set(_broken_keys(database)) - known:
        child, _, parent, _ = min(new, key=repr)
        raise NotApplied(f"{len(new)} rows would refer to rows that do not exist, such as {child!r} to {parent!r}")


def _connect(path: Path) -> sqlite3.Connection:
    uri = sqlite_uri(path.absolute(), "mode=rw")
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _tables(database: sqlite3.Connection) -> list[str]:
    """Return the names of the tables that both databases have, in order."""
    statement = """
        SELECT mine.name FROM main.sqlite_master AS mine JOIN demo.sqlite_master AS theirs
        ON mine.name = theirs.name COLLATE NOCASE AND mine.type = 'table' AND theirs.type = 'table'
        WHERE mine.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY mine.name
    """
    return [name for (name,) in database.execute(statement)]


def _virtual_tables(database: sqlite3.Connection) -> dict[str, str]:
    """Return the names of the virtual tables of both databases, such as indexes of full-text search, by folded name."""
    statement = """
        SELECT name FROM demo.sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'
        UNION ALL SELECT name FROM main.sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'
    """
    return {name.casefold(): name for (name,) in database.execute(statement)}


def _virtual_reason(table: str, virtual: Mapping[str, str]) -> str:
    """Return why a table is left out, if it is virtual or keeps the data of a virtual one; else an empty text.

    SQLite names the latter by the virtual table, an underscore and one word. `PRAGMA table_list` knows them only in
    newer versions, and only if the module of the table is installed.
    """
    if table.casefold() in virtual:
        return "is a virtual table"
    owner = virtual.get(table.casefold().rpartition("_")[0])
    return "" if owner is None else f"belongs to the virtual table {owner!r}"


def _columns(database: sqlite3.Connection, schema: str, table: str) -> Iterator[tuple[str, int]]:
    """Yield name and place in the primary key of the columns that can be written."""
    for _, name, _, _, _, key, hidden in database.execute(f"PRAGMA {schema}.table_xinfo({_quote(table)})"):
        if hidden not in _HIDDEN_COLUMNS:
            yield name, key


def _apply_table(database: sqlite3.Connection, table: str) -> TableChange:
    theirs = {name.casefold() for name, _ in _columns(database, "demo", table)}
    mine = dict(_columns(database, "main", table))
    keys = [name for name, place in mine.items() if place]
    if not keys:
        return TableChange(table, left_out="has no primary key")
    if missing := [name for name in keys if name.casefold() not in theirs]:
        return TableChange(table, left_out=f"the demo has no column {missing[0]!r} of its primary key")
    common = [name for name in mine if name.casefold() in theirs]
    values = [name for name in common if name not in keys]
    name = _quote(table)
    same_key = " AND ".join(f"a.{_quote(each)} = b.{_quote(each)}" for each in keys)
    # A collation such as NOCASE would take other values for the same.
    same = " AND ".join(f"a.{_quote(each)} COLLATE BINARY IS b.{_quote(each)}" for each in values) or "1"
    has_null = " OR ".join(f"b.{_quote(each)} IS NULL" for each in keys)
    equal = " AND ".join(f"a.{_quote(each)} IS b.{_quote(each)}" for each in keys) + f" AND {same}"
    # Rows with NULL in the key are never in conflict.
    is_there = f"(({has_null}) AND EXISTS (SELECT 1 FROM main.{name} AS a WHERE {equal}))"  # noqa: S608  # as below
    # What is the same already is not written, so that no trigger runs for it.
    is_same = f"EXISTS (SELECT 1 FROM main.{name} AS a WHERE {same_key} AND {same})"  # noqa: S608  # as below
    # Names can't be parameters of a statement; they are quoted.
    total, found = database.execute(
        f"SELECT count(*), count(a.{_quote(keys[0])}) FROM demo.{name} AS b LEFT JOIN main.{name} AS a ON {same_key}"  # noqa: S608
    ).fetchone()
    (known,) = database.execute(f"SELECT count(*) FROM demo.{name} AS b WHERE {is_there}").fetchone()  # noqa: S608
    added, before = total - found - known, _count(database, name)
    columns = ", ".join(map(_quote, common))
    updates = ", ".join(f"{_quote(each)} = excluded.{_quote(each)}" for each in values)
    written = database.execute(
        f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM demo.{name} AS b "  # noqa: S608
        f"WHERE NOT {is_there} AND NOT {is_same} "
        f"ON CONFLICT ({', '.join(map(_quote, keys))}) DO {f'UPDATE SET {updates}' if updates else 'NOTHING'}"
    ).rowcount
    # A constraint such as `UNIQUE ON CONFLICT REPLACE` deletes or drops rows without an error.
    if lost := before + added - _count(database, name):
        raise NotApplied(
            f"rows of the table {table!r} do not fit: a constraint or trigger would drop or add {abs(lost)} others"
        )
    replaced = max(written, 0) - added
    return TableChange(table, added, replaced, found - replaced + known)


def _count(database: sqlite3.Connection, quoted_name: str) -> int:
    (rows,) = database.execute(f"SELECT count(*) FROM main.{quoted_name}").fetchone()  # noqa: S608  # quoted
    return int(rows)


def _broken_keys(database: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    yield from database.execute("PRAGMA main.foreign_key_check")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
