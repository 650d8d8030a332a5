"""SQLite databases on a disk: tell them and their side files apart, without opening a database that is in use.

A database that a program has open has side files: `App.sqlite-wal` has committed changes that are not in `App.sqlite`
yet, `App.sqlite-shm` is the index of those, and `App.sqlite-journal` has what an unfinished transaction replaced. The
content of such a database is that of all of them together; see `sqlite_snapshot`.

Closing a file drops all POSIX locks that the process holds on it, also those of its own SQLite connections. So a
database with side files is never opened as a file, but only by SQLite.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

if sys.platform != "win32":
    import fcntl

from buckia_core.localfs.directory import Directory
from buckia_core.localfs.files import LACKS_CTIME
from buckia_core.localfs.opening import FILE_NOFOLLOW_FLAGS
from buckia_core.localfs.sqlite_snapshot import is_sqlite, logical_size
from buckia_core.planning.manifest import LocalEntry

HEADER_SIZE = 20
"""Bytes at the start of a file that `is_database` and `has_wal_mode` need."""

SIDE_SUFFIXES = ("-wal", "-shm", "-journal")

PAGE_STEP = 512
"""The size of a database is a multiple of this, which rules out most other files without opening them."""

_MAGIC = b"SQLite format 3\0"
_WAL_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_NO_JOURNAL = bytes(8)
"""Start of a journal whose transaction has ended, if the database keeps its journal."""

_WAL_VERSION = 2


def is_database(head: bytes) -> bool:
    """Tell whether a file that begins with these bytes is an SQLite database."""
    return head.startswith(_MAGIC)


def has_wal_mode(head: bytes) -> bool:
    """Tell whether the first `HEADER_SIZE` bytes are those of a database in WAL mode."""
    return is_database(head) and head[18:20] == bytes((_WAL_VERSION, _WAL_VERSION))


def base_name(name: str) -> str | None:
    """Return the name or key of the database that a side file would belong to; `None` if it is no side file's name."""
    for suffix in SIDE_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return None


def find_in_use(directory: Directory, names: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the names of databases that have side files, and those of the side files, among the names of a directory.

    Costs one search of the names if none of them looks like a side file.
    """
    text = "\0".join(names)
    if not any(suffix in text for suffix in SIDE_SUFFIXES):
        return set(), set()
    present = set(names)
    databases: set[str] = set()
    side_files: set[str] = set()
    for name in names:
        base = base_name(name)
        if base in present and base is not None and (base in databases or has_side_files(directory, base)):
            databases.add(base)
            side_files.add(name)
    return databases, side_files


def has_side_files(directory: Directory, name: str) -> bool:
    """Tell whether an entry is a database with a `-wal` or `-journal` beside it."""
    for suffix in ("-wal", "-journal"):
        # Nearly no file has any, and an error for a missing one takes five times as long.
        head = _read_head(directory, name + suffix) if directory.has(name + suffix) else None
        if head is None:
            continue
        if head[:4] in _WAL_MAGIC or head[:8] == _JOURNAL_MAGIC:
            return True
        if head[:8] in (b"", _NO_JOURNAL) and is_sqlite(directory.join(name)):
            return True
    return False


def database_entry(entry: LocalEntry, directory: Directory, name: str) -> LocalEntry:
    """Return the entry of a database that is read as a snapshot. Its fingerprint covers the side files, if it has any.

    Its size is that of a snapshot, if SQLite can tell it now.
    """
    parts = [(entry.ctime_ns, entry.mtime_ns, entry.size)]
    newest = entry.mtime_ns
    for status in _side_file_stats(directory, name):
        parts.append((0 if LACKS_CTIME else status.st_ctime_ns, status.st_mtime_ns, status.st_size))
        newest = max(newest, status.st_mtime_ns)
    if len(parts) == 1:
        return entry._replace(snapshot=True)
    mark = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")
    size = logical_size(directory.join(name))
    return entry._replace(size=size or entry.size, mtime_ns=newest, ctime_ns=mark, snapshot=True)


def content_mark(directory: Directory, name: str) -> tuple[int, ...]:
    """Return numbers of a database and its WAL that each commit changes. A WAL without content counts as none."""
    status = directory.stat(name)
    mark = (status.st_ino, status.st_size, status.st_mtime_ns)
    with suppress(OSError):
        wal = directory.stat(f"{name}-wal")
        return (*mark, wal.st_size, wal.st_mtime_ns) if wal.st_size else mark
    return mark


def is_closed(directory: Directory, name: str) -> bool:
    """Tell whether surely no program has a database open that has no side files, so that a rename may replace it.

    Linux can tell by a lease. Windows refuses to rename a file that SQLite has open, also to its own name. Elsewhere
    nobody knows.
    """
    if sys.platform == "win32":
        return _can_be_renamed(directory.join(name))
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = directory.open(name, os.O_RDONLY | FILE_NOFOLLOW_FLAGS)
    except OSError:
        return False
    try:
        # A lease needs that nobody else has the file open. Without this, its end would be a signal that kills.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _can_be_renamed(path: str) -> bool:
    try:
        os.rename(path, path)
    except OSError:
        return False
    return True


def side_files(directory: Directory, name: str) -> list[str]:
    """Return the names of the side files that a database has now."""
    return [name + suffix for suffix in SIDE_SUFFIXES if _exists(directory, name + suffix)]


def unapplied_side_files(directory: Directory, name: str) -> list[str]:
    """Return the side files which SQLite would apply to whatever database gets this name, or that a program has open.

    A WAL without content counts, because the next commit of a program fills it.
    """
    found = []
    for suffix in ("-wal", "-journal"):
        head = _read_head(directory, name + suffix)
        if head is not None and (
            head[:4] in _WAL_MAGIC or head[:8] == _JOURNAL_MAGIC or (not head and suffix == "-wal")
        ):
            found.append(name + suffix)
    return found


def _side_file_stats(directory: Directory, name: str) -> Iterator[os.stat_result]:
    """Yield the status of each side file that has content; the index of a WAL changes when it is read."""
    for suffix in ("-wal", "-journal"):
        with suppress(OSError):
            yield directory.stat(name + suffix)


def _exists(directory: Directory, name: str) -> bool:
    try:
        directory.stat(name)
    except OSError:
        return False
    return True


def _read_head(directory: Directory, name: str) -> bytes | None:
    """Return the first bytes of a file; `None` if it can't be read."""
    try:
        descriptor = directory.open(name, os.O_RDONLY | FILE_NOFOLLOW_FLAGS)
    except OSError:
        return None
    try:
        return os.read(descriptor, HEADER_SIZE)
    except OSError:
        return None
    finally:
        os.close(descriptor)
