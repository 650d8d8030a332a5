"""Snapshots of SQLite databases: copy, check and replace a database that other programs have open.

A snapshot is made by SQLite's backup API, so it has every transaction that was committed before, and no part of
another one. The same content gives the same bytes: a backup to a new file writes the change counter, the schema cookie
and the counter of the version anew, and they are the only bytes of a database that its content does not decide. The
number of the SQLite version, which is one more, is set to 0.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from buckia_core.errors import CorruptDatabase, Transient
from buckia_core.localfs.sqlite_uri import sqlite_uri

BUSY_SECONDS = 10.0
"""How long to retry while another connection has the database locked."""

_RETRY_SECONDS = 0.02
_STEP_PAGES = 256
_VERSION_OFFSET = 96
_MODES = slice(18, 20)
"""Place of the two numbers in the header that say whether the database is in WAL mode."""

_PIECE = 1 << 20
"""Bytes of a comparison that are in memory."""

_SYSTEM_ERRORS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_READONLY: errno.EACCES,
}


@contextmanager
def snapshot(path: str, name: str = "snapshot.sqlite") -> Iterator[Path]:
    """Make a snapshot of a database in a private temporary directory, which is removed at the end of the context.

    Raises:
        CorruptDatabase: The file is no database, or SQLite finds damage in it.
        Transient: It stayed locked for `BUSY_SECONDS`.
        OSError: The database can't be read, or the snapshot not be written.
    """
    import tempfile  # noqa: PLC0415  # few trees have databases

    # A virus scanner of Windows may still read the snapshot at the end, which is no failure of what it was made for.
    with tempfile.TemporaryDirectory(prefix="buckia-", ignore_cleanup_errors=True) as directory:
        target = Path(directory, name)
        take_snapshot(path, target)
        yield target


def take_snapshot(path: str, target: Path) -> None:
    """Write a snapshot of a database to a new file, and check it; raises as `snapshot`."""
    _retry_readable(path, lambda mode: _copy(path, mode, target))
    with open(target, "r+b") as file:
        file.seek(_VERSION_OFFSET)
        file.write(bytes(4))
    if problem := find_damage(str(target)):
        raise CorruptDatabase(f"the database is damaged: {path}: {problem}")


def has_same_content(one: Path, other: Path) -> bool:
    """Tell whether two snapshots differ at most by whether their databases are in WAL mode. Reads both."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with open(one, "rb") as mine, open(other, "rb") as theirs:
        heads = [file.read(_PIECE) for file in (mine, theirs)]
        if len({(head[: _MODES.start], head[_MODES.stop :]) for head in heads}) > 1:
            return False
        while piece := mine.read(_PIECE):
            if piece != theirs.read(_PIECE):
                return False
    return True


def find_damage(path: str) -> str | None:
    """Return what SQLite finds wrong with a database that no program has open; `None` if it is sound."""
    try:
        with closing(_connect(path, "ro", immutable=True)) as connection:
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise error_for(error, path) from error
        return str(error)
    return None if result == "ok" else str(result)


def is_sqlite(path: str, *, immutable: bool = False) -> bool:
    """Tell whether SQLite takes a file for a database. A locked one is a database; an empty one is none.

    `immutable` creates no side files, but may be wrong about a database that changes at this moment.
    """
    try:
        status = os.stat(path)
        if not status.st_size or not stat.S_ISREG(status.st_mode):
            return False
        with closing(_connect(path, "ro", immutable=immutable)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except OSError:
        return False
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False
    return True


def logical_size(path: str) -> int | None:
    """Return the size of a snapshot of a database, in bytes; `None` if it is locked or can't be read."""
    try:
        with closing(_connect(path, "ro")) as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
    except sqlite3.DatabaseError:
        return None
    return int(pages) * int(size)


def is_locked(path: str) -> bool:
    """Tell whether another connection writes to a database now, so that the bytes of its file are no snapshot."""
    try:
        with closing(_connect(path, "ro")) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as error:
        return is_busy(error)
    return False


def is_open_elsewhere(path: str) -> bool:
    """Tell whether another connection uses a database now. An idle one that is not in WAL mode can't be seen."""
    try:
        with closing(_connect(path, "rw")) as connection:
            if sys.version_info >= (3, 12):
                # The question changes nothing: a WAL beside a damaged database must not be merged into it.
                connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        return is_busy(error)
    return False


def replace_content(source: str, path: str, is_unchanged: Callable[[], bool]) -> bool:
    """Replace the content of a database in one transaction, while other programs may have it open.

    They see the old content until the transaction ends, and the new one after it. A process that is killed leaves one
    of both.

    Args:
        source: The new content: a database that no program has open.
        path: The database.
        is_unchanged: Called while the database is locked; returns whether its content may be replaced.

    Returns:
        Whether it was replaced. Otherwise it is as it was.

    Raises:
        CorruptDatabase, Transient: As `snapshot`.
    """
    asked = False

    def ask_once(_: int = 0) -> None:
        nonlocal asked
        if not asked:
            asked = True
            if not is_unchanged():
                raise _Refused

    with closing(_connect(source, "ro", immutable=True)) as new, closing(_connect(path, "rw")) as old:
        (pages,) = new.execute("PRAGMA page_count").fetchone()
        try:
            if _needs_other_page_size(new, old):
                _leave_wal_mode(old, path, ask_once)
            if pages == 1:
                # It is copied and committed in one step.
                ask_once()
            # The first step takes the lock, and only the last one commits.
            _backup(new, old, path, max(1, min(_STEP_PAGES, pages - 1)), ask_once)
        except _Refused:
            return False
        except sqlite3.DatabaseError as error:
            raise error_for(error, path) from error
    return True


def require_replaceable(source: str, path: str) -> None:
    """Check that `replace_content` could replace a database now; one that is damaged is not looked at.

    Raises:
        Transient: It is open in another program, and its page size would change, which SQLite refuses in WAL mode.
    """
    try:
        with closing(_connect(source, "ro", immutable=True)) as new, closing(_connect(path, "rw")) as old:
            differs = _needs_other_page_size(new, old)
    except sqlite3.DatabaseError:
        return
    if differs and is_open_elsewhere(path):
        raise _other_page_size(path)


def _needs_other_page_size(new: sqlite3.Connection, old: sqlite3.Connection) -> bool:
    """Tell whether the page sizes differ, and the old database is in WAL mode, in which SQLite can't change it."""
    sizes = {each.execute("PRAGMA page_size").fetchone() for each in (new, old)}
    return len(sizes) > 1 and old.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _leave_wal_mode(database: sqlite3.Connection, path: str, on_locked: Callable[[], object]) -> None:
    """Lock a database until its connection ends, and end its WAL mode."""
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        on_locked()
        database.execute("ROLLBACK")
        database.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise _other_page_size(path) from error
        raise


def _other_page_size(path: str) -> Transient:
    return Transient(
        "the new content has another page size, so it can't replace a database in WAL mode that another program has "
        f"open; close that first: {path}"
    )


class _Refused(Exception):
    """The database changed before it was locked."""


def _copy(path: str, mode: str, target: Path) -> None:
    target.unlink(missing_ok=True)
    immutable = mode == "immutable"
    before = os.stat(path) if immutable else None
    with (
        closing(_connect(path, "ro" if immutable else mode, immutable=immutable)) as source,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        copy.execute("PRAGMA synchronous = OFF")
        _backup(source, copy, path, -1)
    if before is not None:
        after = os.stat(path)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or _has_wal(path):
            raise sqlite3.OperationalError("database is locked")
        if not _has_wal_mode(target):
            raise _NeedsLock


class _NeedsLock(Exception):
    """The database is not in WAL mode, so only a lock tells whether a transaction has written to its file."""


def _has_wal_mode(copy: Path) -> bool:
    """Tell whether a copy, which nobody has open, is that of a database in WAL mode."""
    with open(copy, "rb") as file:
        return file.read(_MODES.stop)[_MODES] == b"\2\2"


def _retry_readable(path: str, attempt: Callable[[str], None]) -> None:
    """Copy with the least intrusive connection that can read the database, and retry while that is locked."""
    end = time.monotonic() + BUSY_SECONDS
    readable, needs_lock = "ro", False
    while True:
        # Without a WAL, a read-only connection in WAL mode would leave one behind. Reading the file itself to find out
        # the mode would drop the locks of this process.
        is_immutable = not (needs_lock or _has_wal(path) or os.path.exists(f"{path}-journal"))
        mode = "immutable" if is_immutable else readable
        try:
            return attempt(mode)
        except _NeedsLock:
            needs_lock = True
        except sqlite3.OperationalError as error:
            if is_busy(error):
                if time.monotonic() > end:
                    raise _locked(path) from error
                time.sleep(_RETRY_SECONDS)
            elif readable == "ro" and mode == "ro":
                # The journal of a program that crashed must be rolled back first, as each reader does.
                readable = "rw"
            elif not os.path.exists(path):
                raise FileNotFoundError(2, os.strerror(2), path) from error
            else:
                raise error_for(error, path) from error
        except sqlite3.DatabaseError as error:
            if mode != "immutable":
                raise error_for(error, path) from error
            # Without a lock, a transaction that is being written looks like damage. This mode leaves no WAL behind.
            readable, needs_lock = "rw", True


def _backup(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    path: str,
    pages: int,
    on_step: Callable[[int], None] = lambda _: None,
) -> None:
    end = time.monotonic() + BUSY_SECONDS

    def progress(status: int, remaining: int, total: int) -> None:  # noqa: ARG001  # the signature of `backup`
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            # `backup` itself would retry for ever.
            if time.monotonic() > end:
                raise _locked(path)
        else:
            on_step(remaining)

    source.backup(target, pages=pages, progress=progress, sleep=_RETRY_SECONDS)


def _connect(path: str, mode: str, *, immutable: bool = False) -> sqlite3.Connection:
    options = f"mode={mode}" + ("&immutable=1" if immutable else "")
    uri = sqlite_uri(Path(os.path.abspath(path)), options)
    return sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether an error means that another connection has the database locked."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or (
        "locked" in str(error)
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error means that a database is damaged, or none. A full disk, for example, damages nothing."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def error_for(error: sqlite3.Error, path: str) -> Exception:
    """Return the error to raise for one of SQLite: `CorruptDatabase`, `Transient` or `OSError`."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB:
        advice = "if it is encrypted, or of another program, set `sqlite: off` to sync it as other files"
        return CorruptDatabase(f"the database is damaged: {path}: {error}; {advice}")
    if is_damage(error):
        return CorruptDatabase(f"the database is damaged: {path}: {error}")
    if is_busy(error):
        return _locked(path)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    number = _SYSTEM_ERRORS.get(code, errno.EIO)
    return OSError(number, f"SQLite can't use the database: {error}", path)


def _has_wal(path: str) -> bool:
    return os.path.exists(f"{path}-wal")


def _locked(path: str) -> Transient:
    return Transient(f"the database is locked by another program; it is left for the next run: {path}")
