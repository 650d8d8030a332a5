"""Databases of a sync: the snapshot that stands for the content of an SQLite database which may be in use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from buckia_core.errors import CorruptDatabase, Transient
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.files import entry_from_stat, permission_bits, unlink_if_exists
from buckia_core.localfs.sqlite_files import PAGE_STEP, content_mark, database_entry, side_files
from buckia_core.localfs.sqlite_snapshot import is_open_elsewhere, is_sqlite, snapshot
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.file_locator import FileLocation


class DatabaseSnapshot(NamedTuple):
    """Snapshot of a database.

    Attributes:
        path: The snapshot, with the permissions and the modification time of the database. A temporary file.
        entry: The database as it was just before, with the size of the snapshot. A later commit changes its numbers.
    """

    path: Path
    entry: LocalEntry


def may_be_database(entry: LocalEntry, mapping: PathMapping) -> bool:
    """Tell whether a file may be an SQLite database by its size, if databases are not treated as other files."""
    return mapping.is_database is not None and entry.size > 0 and entry.size % PAGE_STEP == 0


@contextmanager
def database_snapshot(location: FileLocation, key: str, mapping_id: str) -> Iterator[DatabaseSnapshot]:
    """Make a snapshot of the database at a location, and remove it at the end of the context.

    Raises:
        FileNotFoundError: It does not exist.
        CorruptDatabase: It is no database, or SQLite finds damage in it.
        Transient: It stayed locked.
    """
    status = location.directory.stat(location.name)
    before = database_entry(entry_from_stat(key, mapping_id, status), location.directory, location.name)
    with snapshot(location.path, location.name) as path:
        if hasattr(os, "fchmod"):
            path.chmod(permission_bits(status))
        os.utime(path, ns=(before.mtime_ns, before.mtime_ns))
        yield DatabaseSnapshot(path, before._replace(size=path.stat().st_size))


@contextmanager
def readable_copy(location: FileLocation, entry: LocalEntry) -> Iterator[tuple[FileLocation, LocalEntry]]:
    """Yield the location and entry to copy a file from: for an SQLite database, those of a snapshot.

    A database may be replaced in place, so a hard link to it is no copy.

    Raises:
        Transient: It is a database that stayed locked.
    """
    is_candidate = location.database is not None and (entry.snapshot or entry.size % PAGE_STEP == 0)
    if not (is_candidate and is_sqlite(location.path, immutable=True)):
        yield location, entry
        return
    with ExitStack() as stack:
        try:
            found = stack.enter_context(database_snapshot(location, entry.key, entry.mapping_id))
        except CorruptDatabase:
            # Nothing replaces a damaged database in place.
            yield location, entry
            return
        tree = stack.enter_context(Tree(str(found.path.parent)))
        yield FileLocation(tree.root, found.path.name, link=location.link or location), found.entry


def remove_database(location: FileLocation, planned: LocalEntry, preserve: Callable[[FileLocation], object]) -> bool:
    """Add a snapshot of a database to the trash, and delete the database with its side files.

    Returns:
        Whether that is done. Otherwise the database changed meanwhile, and stays.

    Raises:
        Transient: Another program has it open.
        CorruptDatabase: It is damaged.
    """
    directory, name = location.directory, location.name
    if is_open_elsewhere(location.path):
        raise Transient(f"another program has the database open, so it is not deleted: {location.path}")
    mark = content_mark(directory, name)
    with readable_copy(location, planned) as (source, _):
        preserve(source)
    if content_mark(directory, name) != mark:
        return False
    # The database first: where another program has it open, Windows refuses that, and its WAL must stay with it.
    for each in (name, *side_files(directory, name)):
        unlink_if_exists(directory, each)
    return True


def move_side_files(location: FileLocation, preserve: Callable[[FileLocation], object]) -> None:
    """Move the side files of a former database to the trash: SQLite would apply them to the one that gets its name.

    `preserve` adds a file to the trash, and may keep it where it is.
    """
    for name in side_files(location.directory, location.name):
        preserve(FileLocation(location.directory, name))
        unlink_if_exists(location.directory, name)
