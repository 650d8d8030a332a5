"""Database file of a state: creates, opens and checks it, and renames it when it is damaged."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from buckia_core.errors import ConfigError, StateError
from buckia_core.localfs.durability import fsync_directory
from buckia_core.localfs.sqlite_uri import sqlite_uri
from buckia_core.syncing.state.errors import is_damage, primary_code, raise_translated, state_error

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

_TABLE_NAMES = {
    1: frozenset({"meta", "entries", "conflicts", "runs"}),
    2: frozenset({"meta", "entries", "roots", "conflicts", "runs"}),
}
"""Names of the tables, by schema version."""

_JOURNAL_SUFFIXES = ("-wal", "-shm")
"""Suffixes of the files that SQLite keeps beside a database in WAL mode."""


class StateTooNew(ConfigError):
    """A newer version of Buckia wrote the state."""


class DamagedDatabase(Exception):
    """The file is not an intact state database."""


def create(path: Path, identity: str) -> sqlite3.Connection:
    """Create a database. It has its name when it is complete; on errors, removes what it created."""
    with staged_database(path) as staged:
        os.close(os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))
        with closing(connect(staged)) as connection:
            create_tables(connection, identity)
    return connect(path)


@contextmanager
def staged_database(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a database, which is fsynced and renamed to `path` at the end. Close it before.

    Removes what a killed process left there, and journals of a removed database, which SQLite would replay.

    Raises:
        OSError: The database can't be written.
    """
    staged = path.with_name(f"{path.name}.new")
    for each in (staged, *journal_files(staged), *journal_files(path)):
        each.unlink(missing_ok=True)
    try:
        yield staged
        _require_no_journal(staged)
        with open(staged, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(staged, path)
    except BaseException:
        for each in (staged, *journal_files(staged)):
            with suppress(OSError):
                each.unlink(missing_ok=True)
        raise
    fsync_directory(str(path.parent))


def _require_no_journal(path: Path) -> None:
    # SQLite reports no error when it closes a database, and leaves the journal that it could not apply.
    for journal in journal_files(path):
        if journal.exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(journal))


def create_tables(connection: sqlite3.Connection, identity: str) -> None:
    """Create the tables, and an id for the state."""
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {SCHEMA};")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", [("identity", identity), ("id", uuid.uuid4().hex[:8])])
    connection.execute("COMMIT")


def connect(path: Path) -> sqlite3.Connection:
    """Open a database for writing. SQLite gives the journal files the permissions of the database."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        # With NORMAL, a power loss may undo the last commits; the next run adopts those files, as both sides are equal.
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_readonly(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """Open a database for reading.

    `immutable` tells SQLite that nothing writes to it, so it needs no journal files, and creates none.
    """
    mode = "mode=ro&immutable=1" if immutable and not _has_journal(path) else "mode=ro"
    return sqlite3.connect(sqlite_uri(path.absolute(), mode), uri=True, isolation_level=None)


def connect_readonly_anywhere(path: Path) -> sqlite3.Connection:
    """Open a database for reading, even in a read-only directory."""
    connection = connect_readonly(path)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException as error:
        connection.close()
        # SQLite can't create the shared-memory file there.
        readonly = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not isinstance(error, sqlite3.OperationalError) or primary_code(error) not in readonly:
            raise
        connection = connect_readonly(path, immutable=True)
    return connection


def check_database(connection: sqlite3.Connection, path: Path, *, schema: int = SCHEMA) -> None:
    """Check that a database is intact and has a schema.

    Raises:
        StateTooNew: A newer version of Buckia wrote it.
        DamagedDatabase: It is damaged, or not a state database.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise StateTooNew(
            f"it was written by a newer version of Buckia (schema {version}, this one knows {SCHEMA}); "
            "update Buckia, or move the file away to begin anew",
            source=str(path),
        )
    if version != schema:
        raise DamagedDatabase("it is no state of Buckia")
    result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise DamagedDatabase(result)
    missing = _TABLE_NAMES[schema].difference(name for (name,) in connection.execute("SELECT name FROM sqlite_master"))
    if missing:
        raise DamagedDatabase(f"it has no table {', '.join(sorted(missing))}")


def refuse_symlink(path: Path) -> None:
    """Refuse symbolic links in place of the database files: one from a checkout could point to any file.

    Raises:
        StateError: There is one.
    """
    try:
        linked = find_symlink(path)
    except OSError as error:
        raise state_error(error, path) from error
    if linked is not None:
        raise StateError(f"{linked}: it is a symbolic link, which Buckia does not follow here; remove it")


def find_symlink(path: Path) -> Path | None:
    """Return the first file of a database and its journals that is a symbolic link, which SQLite would follow."""
    for each in (path, *journal_files(path), path.with_name(f"{path.name}-journal")):
        with suppress(FileNotFoundError):
            if stat.S_ISLNK(os.lstat(each).st_mode):
                return each
    return None


def restrict_permissions(path: Path) -> None:
    """Remove the permissions of group and others, which earlier versions set."""
    if os.name != "posix":
        return
    for each in (path, *journal_files(path)):
        try:
            status = each.stat()
        except FileNotFoundError:
            continue
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            each.chmod(status.st_mode & 0o600)


def put_aside(path: Path, suffix: str) -> Path:
    """Rename a database and its journals, adding a timestamp and a suffix, and return the new path.

    Raises:
        StateError: The directory can't be written; the database has its old name.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.{stamp}.{suffix}")
    pairs = [(path, aside), *zip(journal_files(path), journal_files(aside), strict=True)]
    done = []
    try:
        for old, new in pairs:
            if old.exists():
                old.rename(new)
                done.append((old, new))
    except OSError as error:
        # A database without its journal lacks the last commits.
        for old, new in reversed(done):
            with suppress(OSError):
                new.rename(old)
        raise state_error(error, path) from error
    return aside


def journal_files(path: Path) -> list[Path]:
    """Return the paths of the files that SQLite keeps beside a database."""
    return [path.with_name(path.name + suffix) for suffix in _JOURNAL_SUFFIXES]


def _has_journal(path: Path) -> bool:
    journal = journal_files(path)[0]
    return journal.exists() and journal.stat().st_size > 0


def damage_from_error(error: sqlite3.Error | DamagedDatabase, path: Path) -> DamagedDatabase:
    """Convert an error that reports damage.

    Raises:
        StateError: The error does not report damage; the file could not be read.
    """
    if isinstance(error, DamagedDatabase):
        return error
    if not is_damage(error):
        raise_translated(error, path)
    return DamagedDatabase(str(error))


def confirm_damage(path: Path, attempt: Callable[[], T]) -> T:
    """Call `attempt`, which opens and checks a database; if it reports damage, read the whole file and retry once.

    This tells damage from read errors: SQLite reports a page of the schema that it can't read as damage.

    Raises:
        DamagedDatabase: It is damaged, or not a state database.
        StateError: It can't be read.
    """
    try:
        return attempt()
    except (sqlite3.Error, DamagedDatabase) as error:
        damage_from_error(error, path)
    try:
        for each in (path, *journal_files(path)):
            _read_fully(each)
    except OSError as error:
        raise state_error(error, path) from error
    try:
        return attempt()
    except (sqlite3.Error, DamagedDatabase) as error:
        raise damage_from_error(error, path) from error


def _read_fully(path: Path) -> None:
    with suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def deduplicate_keys(batches: Iterable[list[Any]], mapping_ids: Sequence[str]) -> Iterator[list[Any]]:
    """Yield batches of rows with unique keys: of several rows of a key, that of the first mapping in `mapping_ids`."""
    rank = {id_: index for index, id_ in enumerate(mapping_ids)}
    held: list[Any] = []
    for batch in batches:
        rows = held + batch
        if len({row[0] for row in rows}) < len(rows):
            best: dict[str, Any] = {}
            for row in rows:
                if row[0] not in best or rank[row[1]] < rank[best[row[0]][1]]:
                    best[row[0]] = row
            rows = list(best.values())
        # The next batch may have more rows of the last key.
        held = rows[-1:]
        yield rows[:-1]
    yield held


def prefix_bounds(prefix: str) -> tuple[str, str | bytes]:
    """Return the half-open range of the keys with a prefix."""
    for end in range(len(prefix), 0, -1):
        last = ord(prefix[end - 1])
        if last < 0x10FFFF:
            # Skips the surrogates, which text can't contain.
            return prefix, prefix[: end - 1] + chr(0xE000 if last == 0xD7FF else last + 1)
    # SQLite sorts blobs after all text.
    return prefix, b""
