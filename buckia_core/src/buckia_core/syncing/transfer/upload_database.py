"""What the upload of an SQLite database reads: a snapshot if it may be in use, and nothing if it is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from buckia_core.errors import CorruptDatabase
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.sqlite_files import HEADER_SIZE, has_wal_mode
from buckia_core.localfs.sqlite_snapshot import is_locked
from buckia_core.planning.manifest import LocalEntry
from buckia_core.syncing.disk.database import database_snapshot
from buckia_core.syncing.disk.file_locator import FileLocation
from buckia_core.syncing.transfer.errors import StateChanged

DatabaseSource = tuple[FileLocation, LocalEntry, LocalEntry | None]
"""The location and entry of the file to upload, and the entry to record; `None` for the entry of the file itself."""


@contextmanager
def database_source(location: FileLocation, planned: LocalEntry, *, is_new: bool) -> Iterator[DatabaseSource]:
    """Yield what to upload of the database `planned` at a location.

    database                                                  what is uploaded
    --------------------------------------------------------------------------------------
    with side files, named by the configuration, in WAL mode  a snapshot
    locked by a writer, or changed since the plan             a snapshot
    any other                                                 the file as it is
    damaged, replaces an object or has side files             nothing: `CorruptDatabase`
    damaged, new                                              the file as it is

    A snapshot may be newer than `planned`. The entry to record is that of before the snapshot, so that the next run
    finds what is committed after it.

    Raises:
        CorruptDatabase: See the table.
        Transient: It stayed locked.
        StateChanged: The snapshot is gone.
        FileNotFoundError: The database is gone.
    """
    as_it_is: DatabaseSource = location._replace(database=None), planned, None
    with ExitStack() as stack:
        try:
            found = stack.enter_context(database_snapshot(location, planned.key, planned.mapping_id))
        except CorruptDatabase:
            if planned.snapshot or not is_new:
                raise
            yield as_it_is
            return
        with open(found.path, "rb") as file:
            head = file.read(HEADER_SIZE)
        before = found.entry
        is_as_planned = (before.mtime_ns, before.inode) == (planned.mtime_ns, planned.inode)
        if not planned.snapshot and not has_wal_mode(head) and is_as_planned and not is_locked(location.path):
            yield as_it_is
            return
        copy = FileLocation(stack.enter_context(Tree(str(found.path.parent))).root, found.path.name)
        entry = copy.stat_entry(planned.key, planned.mapping_id)
        if entry is None:
            raise StateChanged
        yield copy, entry, found.entry
