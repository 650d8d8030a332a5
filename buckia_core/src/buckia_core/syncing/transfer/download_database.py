"""Give a downloaded SQLite database its name: in place, where another program may have the old one open."""

from __future__ import annotations

from collections.abc import Callable

from buckia_core.errors import CorruptDatabase, Transient
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.sqlite_files import HEADER_SIZE, content_mark, is_closed, is_database
from buckia_core.localfs.sqlite_snapshot import (
    find_damage,
    is_open_elsewhere,
    is_sqlite,
    replace_content,
    require_replaceable,
)
from buckia_core.planning.manifest import LocalEntry, is_same_version
from buckia_core.syncing.disk.database import database_snapshot, move_side_files
from buckia_core.syncing.disk.file_locator import FileLocation
from buckia_core.syncing.transfer.errors import StateChanged

Preserve = Callable[[FileLocation], object]
"""Adds a file to the trash, and keeps it where it is."""


def place_database(staged: str, location: FileLocation, planned: LocalEntry | None, preserve: Preserve) -> bool:
    """Prepare a location for the downloaded file `staged`, or replace the content of the database there.

    downloaded    here                                   result
    ------------------------------------------------------------------------------------------------------
    a database    nothing                                leftover side files go to the trash; rename
    a database    no database, or a damaged one          leftover side files go to the trash; rename
    a database    sound, no program has it open          rename
    a database    sound                                  snapshot to the trash; replaced in one transaction
    damaged       sound                                  `CorruptDatabase`; both stay
    no database   sound, with side files or configured   `CorruptDatabase`; both stay
    no database   a damaged one with side files          these go to the trash; rename
    no database   anything else                          rename

    Returns:
        Whether the content was replaced. Otherwise `staged` must be renamed, by a caller that keeps the old file.

    Raises:
        StateChanged: The database is not as planned.
        CorruptDatabase: See the table.
        Transient: It stayed locked, or is damaged and open.
    """
    with open(staged, "rb") as file:
        arrived = is_database(file.read(HEADER_SIZE))
    if not arrived and not (planned and planned.snapshot):
        return False
    if planned is None:
        move_side_files(location, preserve)
        return False
    now = location.stat_entry(planned.key, planned.mapping_id)
    if now is None or not is_same_version(now, planned):
        raise StateChanged
    if not is_sqlite(location.path, immutable=True):
        _clear_damaged(location, preserve)
        return False
    return _replace_database(staged, location, planned, preserve, arrived=arrived)


def _replace_database(
    staged: str, location: FileLocation, planned: LocalEntry, preserve: Preserve, *, arrived: bool
) -> bool:
    if arrived:
        require_replaceable(staged, location.path)
    mark = content_mark(location.directory, location.name)
    damage = find_damage(staged) if arrived else "it is no SQLite database"
    try:
        with (
            database_snapshot(location, planned.key, planned.mapping_id) as found,
            Tree(str(found.path.parent)) as tree,
        ):
            if damage is None and not planned.snapshot and is_closed(location.directory, location.name):
                return False
            if damage is None:
                preserve(FileLocation(tree.root, found.path.name))
    except CorruptDatabase:
        _clear_damaged(location, preserve)
        return False
    if damage is not None:
        raise CorruptDatabase(
            f"the object is a damaged database, so it does not replace the sound one here: {damage}; to take it "
            f"nevertheless, move {location.path} away"
        )

    def is_unchanged() -> bool:
        return content_mark(location.directory, location.name) == mark

    if not replace_content(staged, location.path, is_unchanged):
        raise StateChanged
    return True


def _clear_damaged(location: FileLocation, preserve: Preserve) -> None:
    if is_open_elsewhere(location.path):
        message = "the database here is damaged, and open in another program, so it is not replaced"
        raise Transient(f"{message}: {location.path}")
    move_side_files(location, preserve)
