"""The database file of a state: making, opening and checking it, and putting it aside when it is damaged."""

from __future__ import annotations

import os
import sqlite3
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from buckia_core.errors import ConfigError, StateError
from buckia_core.syncing.state.errors import code_of, is_damage, raise_translated, state_error

T = TypeVar("T")

SCHEMA = 2

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    key TEXT NOT NULL, root TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, racy INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, content TEXT NOT NULL, out_of_scope INTEGER NOT NULL, PRIMARY KEY (key, root)
) WITHOUT ROWID;
CREATE TABLE roots (root TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;
CREATE TABLE conflicts (
    key TEXT NOT NULL, root TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (key, root)
) WITHOUT ROWID;
CREATE TABLE runs (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
"""

TABLES = {
    1: frozenset({"meta", "entries", "conflicts", "runs"}),
    2: frozenset({"meta", "entries", "roots", "conflicts", "runs"}),
}
"""The tables that a database has, by schema."""

_BESIDE = ("-wal", "-shm")
"""How the names of the files end that SQLite keeps beside a database."""


class StateTooNew(ConfigError):
    """The state was written by a newer Buckia, which this one does not understand."""


class Damaged(Exception):
    """A file is no sound database of a state."""


def create(path: Path, identity: str) -> sqlite3.Connection:
    """Make a database at a path where none is. If that fails, none is there."""
    # Journals of a database that somebody removed are not those of this one.
    for rest in beside(path):
        rest.unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))
    connection = None
    try:
        connection = connect(path)
        fill(connection, identity)
    except BaseException:
        if connection is not None:
            connection.close()
        for each in (path, *beside(path)):
            with suppress(OSError):
                each.unlink(missing_ok=True)
        raise
    return connection


def fill(connection: sqlite3.Connection, identity: str) -> None:
    """Make the tables."""
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {SCHEMA};")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", [("identity", identity), ("id", uuid.uuid4().hex[:8])])
    connection.execute("COMMIT")


def connect(path: Path) -> sqlite3.Connection:
    """Open a database for writing. SQLite gives the files beside it the permissions of the database."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        # A commit that a loss of power takes back is found again by the next run: both sides are equal, and adopted.
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """Open a database for reading only.

    `alone` promises that nobody writes to it, so that SQLite needs no files beside it, and makes none.
    """
    mode = "mode=ro&immutable=1" if alone and not _has_journal(path) else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)


def connect_to_peek(path: Path) -> sqlite3.Connection:
    """Open a database for reading only, also where the directory can't be written."""
    connection = connect_to_read(path)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        # In a directory that can't be written, SQLite can't make the files that it shares with other programs.
        if code_of(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        connection = connect_to_read(path, alone=True)
    return connection


def check(connection: sqlite3.Connection, path: Path, *, schema: int = SCHEMA) -> None:
    """Make sure that a database is a sound one of a schema.

    Raises:
        StateTooNew: A newer Buckia wrote it.
        Damaged: It is not.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise StateTooNew(
            f"it was written by a newer version of Buckia (schema {version}, this one knows {SCHEMA}); "
            "update Buckia, or move the file away to begin anew",
            source=str(path),
        )
    if version != schema:
        raise Damaged("it is no state of Buckia")
    result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise Damaged(result)
    missing = TABLES[schema].difference(name for (name,) in connection.execute("SELECT name FROM sqlite_master"))
    if missing:
        raise Damaged(f"it has no table {', '.join(sorted(missing))}")


def refuse_link(path: Path) -> None:
    """Make sure that no symbolic link stands in for a file of the state.

    Raises:
        StateError: One does. A link that came with a checkout could lead to any file.
    """
    try:
        linked = leads_elsewhere(path)
    except OSError as error:
        raise state_error(error, path) from error
    if linked is not None:
        raise StateError(f"{linked}: it is a symbolic link, which Buckia does not follow here; remove it")


def leads_elsewhere(path: Path) -> Path | None:
    """Return the one of a database and its journals that is a symbolic link; SQLite would write where that leads."""
    for each in (path, *beside(path), path.with_name(f"{path.name}-journal")):
        with suppress(FileNotFoundError):
            if stat.S_ISLNK(os.lstat(each).st_mode):
                return each
    return None


def narrow(path: Path) -> None:
    """Take from others what earlier versions let them read."""
    if os.name != "posix":
        return
    for each in (path, *beside(path)):
        try:
            status = each.stat()
        except FileNotFoundError:
            continue
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            each.chmod(status.st_mode & 0o600)


def put_aside(path: Path, why: str) -> Path:
    """Give a database and its journals another name, and return that.

    Raises:
        StateError: The directory can't be written; the database is as it was.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.{stamp}.{why}")
    pairs = [(path, aside), *zip(beside(path), beside(aside), strict=True)]
    done = []
    try:
        for old, new in pairs:
            if old.exists():
                old.rename(new)
                done.append((old, new))
    except OSError as error:
        # A database without its journal would lack what was committed last.
        for old, new in reversed(done):
            with suppress(OSError):
                new.rename(old)
        raise state_error(error, path) from error
    return aside


def beside(path: Path) -> list[Path]:
    """Return the files that SQLite keeps beside a database."""
    return [path.with_name(path.name + suffix) for suffix in _BESIDE]


def _has_journal(path: Path) -> bool:
    journal = beside(path)[0]
    return journal.exists() and journal.stat().st_size > 0


def as_damage(error: sqlite3.Error | Damaged, path: Path) -> Damaged:
    """Return damage as such.

    Raises:
        StateError: The error is of another kind: the file could not be reached, which says nothing of what it holds.
    """
    if isinstance(error, Damaged):
        return error
    if not is_damage(error):
        raise_translated(error, path)
    return Damaged(str(error))


def confirmed(path: Path, attempt: Callable[[], T]) -> T:
    """Call what opens and checks a database; damage that it finds has to be found twice, in a file that can be read.

    SQLite reports a page that it could not read as damage, if it reads it for the schema or for the check.

    Raises:
        Damaged: It is no sound database.
        StateError: It could not be read.
    """
    try:
        return attempt()
    except (sqlite3.Error, Damaged) as error:
        as_damage(error, path)
    try:
        for each in (path, *beside(path)):
            _read_to_its_end(each)
    except OSError as error:
        raise state_error(error, path) from error
    try:
        return attempt()
    except (sqlite3.Error, Damaged) as error:
        raise as_damage(error, path) from error


def _read_to_its_end(path: Path) -> None:
    with suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def once_each(batches: Iterable[list[Any]], roots: Sequence[str]) -> Iterator[list[Any]]:
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


def bounds(prefix: str) -> tuple[str, str | bytes]:
    """Return bounds (low included, high not) of the keys that begin with a prefix."""
    for end in range(len(prefix), 0, -1):
        last = ord(prefix[end - 1])
        if last < 0x10FFFF:
            # The code points of surrogates are no characters.
            return prefix, prefix[: end - 1] + chr(0xE000 if last == 0xD7FF else last + 1)
    # SQLite sorts every blob behind every text.
    return prefix, b""
