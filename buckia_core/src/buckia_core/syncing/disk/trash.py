"""Local trash: keeps files and objects that a sync replaces or deletes, until the user empties it.

Each item is two files in one directory: `<id>` has the content, and `<id>.json` is a record of its origin. The names
are independent of the key, which may be longer than a file name, or contain characters that are not allowed there.
Records are not trusted: they may come with a checkout, or from another user. An item's id is always its file name.
"""

from __future__ import annotations

import errno
import os
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from buckia_core.errors import BuckiaError, InvalidKey
from buckia_core.localfs.create_directories import make_directories, open_private_directory
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.filename_rules import detect_filesystem_rules
from buckia_core.localfs.files import (
    descriptor_path,
    exists,
    has_other_links,
    open_file,
    signature,
    unlink_if_exists,
)
from buckia_core.localfs.opening import CREATE_FLAGS, PathBlocked
from buckia_core.localfs.sqlite_files import HEADER_SIZE, is_database
from buckia_core.localfs.staging_file import PRIVATE_MODE, StagingFile, link_or_copy, move_to_free_name
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import LocalEntry, is_same_copy, is_same_version
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.database import move_side_files
from buckia_core.syncing.disk.file_locator import FileLocation, FileLocator
from buckia_core.syncing.disk.paths import local_path, refusal_reason, root_directory
from buckia_core.syncing.disk.trash_records import RECORD_SUFFIX, Trashed, read_item, write_record

_PART = ".part"
"""Suffix of an item that is being downloaded."""

_STALE_AGE = timedelta(days=1)
"""A `.part` file without writes for this long, or a record without content, belongs to a run that was killed."""

_ID = re.compile(r"[0-9A-Za-z._-]{1,200}")


class NotInTrash(BuckiaError):
    """The trash has no item with this id."""


class NotRestored(BuckiaError):
    """The item can't go back to its original path; give another one."""


class Trash:
    """The trash of one bucket. Safe for concurrent use by threads and processes.

    Args:
        directory: The directory of the trash.
        mappings: Mappings of the project. Without a path from the user, an item is restored only to the path that
            they give its key.
        below: A parent of `directory`, by default two levels up. Directories below it are private, and links there
            are not followed.
    """

    def __init__(self, directory: Path, mappings: Sequence[PathMapping] = (), below: Path | None = None) -> None:
        self._below = directory.parent.parent if below is None else below
        self._relative = directory.relative_to(self._below).as_posix()
        self._mappings = tuple(mappings)

    def add(
        self, location: FileLocation, key: str, reason: str, *, keep_source: bool, original: FileLocation | None = None
    ) -> str:
        """Add a file to the trash, and return the id of the item.

        Args:
            location: The file.
            key: The key of the file.
            reason: Why it is replaced or deleted.
            keep_source: Also keep the file where it is, to be replaced. Otherwise it is moved.
            original: The location to record, if not `location`.

        Raises:
            OSError: The file can't be added. It is unchanged.
        """
        with self._create_directory() as trash:
            status = location.directory.stat(location.name)
            original = original or location
            name = write_record(trash, key, (original.link or original).path, status.st_size, reason)
            try:
                if keep_source:
                    link_or_copy(location.directory, location.name, trash, name, TEMP_PREFIX)
                elif has_other_links(status):
                    # A write through one of those must not change the item.
                    _move_by_copying(location, trash, name)
                else:
                    _move(location, trash, name)
            except BaseException:
                if not exists(trash, name):
                    unlink_if_exists(trash, name + RECORD_SUFFIX)
                raise
            return name

    def is_unchanged(self, id: str, seen: LocalEntry) -> bool:
        """Tell whether an item has size and time of the file as the scan found it."""
        with self._create_directory() as trash:
            status = trash.stat(id)
        return is_same_copy(signature(status), seen)

    def undo_add(self, id: str, location: FileLocation) -> None:
        """Move an item back to the location that it was added from, unless a new file is there."""
        with self._create_directory() as trash:
            try:
                link_or_copy(trash, id, location.directory, location.name, TEMP_PREFIX)
            except FileExistsError:
                return
            _delete(trash, id)

    def add_from(self, key: str, path: str, size: int, reason: str, write: Callable[[Path], object]) -> str:
        """Add an object: `write` downloads it to the given path. Returns the id of the item."""
        with self._create_directory() as trash:
            name = write_record(trash, key, path, size, reason)
            try:
                # If the run is killed, a partial download must not become an item.
                descriptor = trash.open(name + _PART, CREATE_FLAGS, PRIVATE_MODE)
                with StagingFile(trash, name + _PART, descriptor) as staged:
                    write(Path(descriptor_path(descriptor, staged.path)))
                    staged.fsync()
                    staged.commit(trash, name)
            except BaseException as error:
                unlink_if_exists(trash, name + RECORD_SUFFIX)
                if isinstance(error, OSError) and error.filename is None:
                    # Errors of `write` have no file name.
                    error.filename = trash.path
                raise
            return name

    def list(self) -> list[Trashed]:
        """Return all items, oldest first.

        Raises:
            OSError: Some of them can't be read.
        """
        with self._open_directory() as trash:
            if trash is None:
                return []
            records = sorted(name for name in trash.listdir() if name.endswith(RECORD_SUFFIX))
            found = (read_item(trash, record.removesuffix(RECORD_SUFFIX)) for record in records)
            return [trashed for trashed in found if trashed]

    def content(self, id: str) -> Path:
        """Return the path of the content of an item, for readers.

        Raises:
            NotInTrash: There is no item with this id.
        """
        with self._open_directory() as trash:
            if trash is None or not _ID.fullmatch(id) or read_item(trash, id) is None:
                raise _not_in_trash(id)
            return Path(trash.join(id))

    def restore(self, id: str, to: Path | None = None, *, excluded: bool = False) -> Path:
        """Move an item to its original path, or to another one, and return that path. Nothing is overwritten.

        Args:
            id: The item.
            to: Another path.
            excluded: Also restore to a path that a filter keeps out of the sync.

        Raises:
            NotInTrash: There is no item with this id.
            NotRestored: The recorded path is not the one that the key is mapped to, or a sync would not write there:
                it leads through a link, configures Buckia, or is excluded by a filter. Give a path.
            FileExistsError: The path exists.
            OSError: The item can't be read or written. It stays in the trash.
        """
        with self._open_directory() as trash:
            trashed = None if trash is None or not _ID.fullmatch(id) else read_item(trash, id)
            if trash is None or trashed is None:
                raise _not_in_trash(id)
            path = os.path.abspath(to) if to else os.path.normpath(trashed.path)
            found = self._restore_location(trashed, path, excluded=excluded) if to is None else _location_of_path(path)
            with found as location:
                self._clear_side_files(trash, trashed, location)
                link_or_copy(trash, id, location.directory, location.name, TEMP_PREFIX)
                location.directory.fsync()
            _delete(trash, id)
            return Path(path)

    def empty(self, older_than: timedelta | None = None) -> tuple[int, int]:
        """Delete all items, or only the older ones, for good; return their number and size in bytes."""
        now = datetime.now(UTC)
        deleted = [each for each in self.list() if older_than is None or now - each.when > older_than]
        with self._open_directory() as trash:
            if trash is not None:
                for each in deleted:
                    _delete(trash, each.id)
                _remove_leftovers(trash, now - _STALE_AGE)
        return len(deleted), sum(each.size for each in deleted)

    @contextmanager
    def _create_directory(self) -> Iterator[Directory]:
        """Open the directory, and create it private to this user if it is missing."""
        with self._open_directory(create=True) as trash:
            assert trash is not None
            yield trash

    @contextmanager
    def _open_directory(self, *, create: bool = False) -> Iterator[Directory | None]:
        """Open the directory; yields `None` if it is missing."""
        try:
            with open_private_directory(str(self._below), self._relative, create=create) as found:
                yield found
        except PathBlocked as error:
            raise BuckiaError(f"the trash can't be used, {error}") from error

    @contextmanager
    def _restore_location(self, trashed: Trashed, path: str, *, excluded: bool) -> Iterator[FileLocation]:
        """Locate the path of a record, if a sync could have written there."""
        advice = f"give a path: buckia trash restore {trashed.id} --to PATH"
        key, mapping = trashed.key, self._find_mapping(trashed.key, path)
        if mapping is None:
            message = "the path that it had is not where this project has its key"
            raise NotRestored(f"{message} ({trashed.path!r}, {key!r}); {advice}")
        rules = detect_filesystem_rules(root_directory(mapping))
        if not excluded and refusal_reason(key, mapping, rules) is None and not mapping.includes(key):
            raise NotRestored(f"{trashed.path!r} can't be restored: a filter keeps it out of the sync; {advice}")
        with FileLocator({mapping.id: rules}) as locator:
            try:
                location = locator.locate_for_write(key, mapping)
            except InvalidKey as error:
                raise NotRestored(f"{trashed.path!r} can't be restored: {error}; {advice}") from error
            yield location

    def _clear_side_files(self, trash: Directory, item: Trashed, location: FileLocation) -> None:
        """Move side files of a former database to the trash if a database is going to be restored beside them."""
        with open_file(trash, item.id) as file:
            is_free = is_database(file.read(HEADER_SIZE)) and not exists(location.directory, location.name)
        if is_free:
            reason = "a database was restored beside it"
            move_side_files(location, lambda each: self.add(each, item.key, reason, keep_source=False))

    def _find_mapping(self, key: str, path: str) -> PathMapping | None:
        """Find the mapping that maps a key to a path."""
        for mapping in self._mappings:
            if not (key == mapping.remote if mapping.is_file else key.startswith(mapping.remote)):
                continue
            mapped = os.path.normpath(local_path(key, mapping))
            # File systems differ in the Unicode form of the names that they list.
            if unicodedata.normalize("NFC", mapped) == unicodedata.normalize("NFC", path):
                return mapping
        return None


class CombinedTrash(Trash):
    """A trash in several directories below `below`; new items go to the first one.

    There is one directory for each name under which the bucket was synced. Buckia 0.6 named them after the bucket in
    the `.buckia` file, so one may also have items of other buckets.
    """

    def __init__(self, directories: Sequence[Path], mappings: Sequence[PathMapping], below: Path) -> None:
        super().__init__(directories[0], mappings, below)
        self._all = [Trash(directory, mappings, below) for directory in directories]

    def list(self) -> list[Trashed]:
        """See `Trash`."""
        return sorted((each for trash in self._all for each in trash.list()), key=lambda each: each.when)

    def content(self, id: str) -> Path:
        """See `Trash`."""
        return self._owner(id).content(id)

    def restore(self, id: str, to: Path | None = None, *, excluded: bool = False) -> Path:
        """See `Trash`."""
        return self._owner(id).restore(id, to, excluded=excluded)

    def _owner(self, id: str) -> Trash:
        owners = (trash for trash in self._all if any(each.id == id for each in trash.list()))
        return next(owners, self._all[0])

    def empty(self, older_than: timedelta | None = None) -> tuple[int, int]:
        """See `Trash`."""
        counts, sizes = zip(*(trash.empty(older_than) for trash in self._all), strict=True)
        return sum(counts), sum(sizes)


def _not_in_trash(id: str) -> NotInTrash:
    return NotInTrash(f"the trash has no entry {id!r}; `buckia trash list` shows its ids and paths")


@contextmanager
def _location_of_path(path: str) -> Iterator[FileLocation]:
    """Locate a path that the user gave; links in it are followed."""
    head, name = os.path.split(path)
    make_directories(head)
    with Tree(head) as tree:
        yield FileLocation(tree.root, name)


def _remove_leftovers(trash: Directory, before: datetime) -> None:
    """Remove temporary files and records without content that killed runs left."""
    names = set(trash.listdir())
    for name in names:
        id_ = name.removesuffix(RECORD_SUFFIX)
        is_lone_record = id_ != name and names.isdisjoint({id_, id_ + _PART, name + RECORD_SUFFIX})
        if name.endswith(_PART) or name.startswith(TEMP_PREFIX) or is_lone_record:
            with suppress(OSError):
                if trash.stat(name).st_mtime < before.timestamp():
                    trash.unlink(name)
                    unlink_if_exists(trash, name.removesuffix(_PART) + RECORD_SUFFIX)


def _delete(trash: Directory, id: str) -> None:
    unlink_if_exists(trash, id)
    unlink_if_exists(trash, id + RECORD_SUFFIX)


def _move(location: FileLocation, trash: Directory, name: str) -> None:
    try:
        location.directory.replace(location.name, trash, name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            # The user knows this path, and not the one in the trash.
            error.filename = location.path
            raise
        _move_by_copying(location, trash, name)


def _move_by_copying(location: FileLocation, trash: Directory, name: str) -> None:
    """Copy a file, rename it, and delete it if it is unchanged, so that an edit during the copy is not lost."""
    directory = location.directory
    planned = signature(directory.stat(location.name))
    temp_name = f"{TEMP_PREFIX}{uuid.uuid4().hex}"
    try:
        link_or_copy(directory, location.name, trash, name, TEMP_PREFIX)
        directory.replace(location.name, directory, temp_name)
        if not is_same_version(signature(directory.stat(temp_name)), planned):
            trash.unlink(name)
            link_or_copy(directory, temp_name, trash, name, TEMP_PREFIX)
    except BaseException:
        unlink_if_exists(trash, name)
        with suppress(OSError):
            move_to_free_name(directory, temp_name, directory, location.name)
        raise
    directory.unlink(temp_name)
