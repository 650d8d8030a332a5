"""Local trash: keeps files and objects that a sync replaces or deletes, until the user empties it.

Each item is two files in one directory: `<id>` has the content, and `<id>.json` is a record of its origin. The names
are independent of the key, which may be longer than a file name, or contain characters that are not allowed there.
Records are not trusted: they may come with a checkout, or from another user. An item's id is always its file name.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from buckia_core.errors import BuckiaError, InvalidKey
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.filename_rules import detect_filesystem_rules
from buckia_core.localfs.files import (
    NotAFile,
    descriptor_path,
    exists,
    has_other_links,
    open_file,
    open_private_directory,
    signature,
    unlink_if_exists,
    write_all,
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

_PART = ".part"
"""Suffix of an item that is being downloaded."""

_RECORD = ".json"

_STALE_AGE = timedelta(days=1)
"""A `.part` file without writes for this long, or a record without content, belongs to a run that was killed."""

_MAX_RECORD_SIZE = 1 << 18
"""In bytes. A record has a key of 1,024 bytes and a path of 4,096, and JSON may need six characters per byte."""

_ID = re.compile(r"[0-9A-Za-z._-]{1,200}")


@dataclass(frozen=True, slots=True)
class Trashed:
    """One item in the trash.

    Attributes:
        id: The name of the item.
        key: The key of the file or object; empty if the record is unreadable.
        path: Its local path, also of an object; empty if the record is unreadable.
        size: In bytes.
        when: Time of the replacement or deletion, in UTC.
        why: The reason for it.
    """

    id: str
    key: str
    path: str
    size: int
    when: datetime
    why: str


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
            name = _write_record(trash, key, (original.link or original).path, status.st_size, reason)
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
                    unlink_if_exists(trash, name + _RECORD)
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
            name = _write_record(trash, key, path, size, reason)
            try:
                # If the run is killed, a partial download must not become an item.
                descriptor = trash.open(name + _PART, CREATE_FLAGS, PRIVATE_MODE)
                with StagingFile(trash, name + _PART, descriptor) as staged:
                    write(Path(descriptor_path(descriptor, staged.path)))
                    staged.fsync()
                    staged.commit(trash, name)
            except BaseException as error:
                unlink_if_exists(trash, name + _RECORD)
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
            records = sorted(name for name in trash.listdir() if name.endswith(_RECORD))
            found = (_read_item(trash, record.removesuffix(_RECORD)) for record in records)
            return [trashed for trashed in found if trashed]

    def restore(self, id: str, to: Path | None = None) -> Path:
        """Move an item to its original path, or to another one, and return that path. Nothing is overwritten.

        Raises:
            NotInTrash: There is no item with this id.
            NotRestored: The recorded path is not the one that the key is mapped to, or a sync would not write there:
                it leads through a link, configures Buckia, or is excluded by a filter. Give a path.
            FileExistsError: The path exists.
            OSError: The item can't be read or written. It stays in the trash.
        """
        with self._open_directory() as trash:
            trashed = None if trash is None or not _ID.fullmatch(id) else _read_item(trash, id)
            if trash is None or trashed is None:
                raise NotInTrash(f"the trash has no entry {id!r}; `buckia trash list` shows its ids and paths")
            path = os.path.abspath(to) if to else os.path.normpath(trashed.path)
            with self._restore_location(trashed, path) if to is None else _location_of_path(path) as location:
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
    def _restore_location(self, trashed: Trashed, path: str) -> Iterator[FileLocation]:
        """Locate the path of a record, if a sync could have written there."""
        advice = f"give a path: buckia trash restore {trashed.id} --to PATH"
        key, mapping = trashed.key, self._find_mapping(trashed.key, path)
        if mapping is None:
            message = "the path that it had is not where this project has its key"
            raise NotRestored(f"{message} ({trashed.path!r}, {key!r}); {advice}")
        rules = detect_filesystem_rules(root_directory(mapping))
        if refusal_reason(key, mapping, rules) is None and not mapping.includes(key):
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

    def restore(self, id: str, to: Path | None = None) -> Path:
        """See `Trash`."""
        owners = (trash for trash in self._all if any(each.id == id for each in trash.list()))
        return next(owners, self._all[0]).restore(id, to)

    def empty(self, older_than: timedelta | None = None) -> tuple[int, int]:
        """See `Trash`."""
        counts, sizes = zip(*(trash.empty(older_than) for trash in self._all), strict=True)
        return sum(counts), sum(sizes)


def _write_record(trash: Directory, key: str, path: str, size: int, why: str) -> str:
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    trashed = Trashed(name, key, path, size, now, why)
    # The record comes first: content without a record could not be found, while a record without content is ignored.
    record = json.dumps(asdict(trashed) | {"when": now.isoformat()}, ensure_ascii=True)
    descriptor = trash.open(name + _RECORD, CREATE_FLAGS, 0o600)
    try:
        write_all(descriptor, record.encode("ascii"))
    finally:
        os.close(descriptor)
    return name


@contextmanager
def _location_of_path(path: str) -> Iterator[FileLocation]:
    """Locate a path that the user gave; links in it are followed."""
    head, name = os.path.split(path)
    os.makedirs(head, exist_ok=True)
    with Tree(head) as tree:
        yield FileLocation(tree.root, name)


def _read_item(trash: Directory, id: str) -> Trashed | None:
    """Return an item, with the fields of its record if that is valid; `None` if there is no such item.

    Raises:
        OSError: The content or the record can't be read now.
    """
    try:
        status = trash.stat(id)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    try:
        with open_file(trash, id + _RECORD) as file:
            fields = json.loads(file.read(_MAX_RECORD_SIZE + 1))
        key, path, why = (_require_str(fields[name]) for name in ("key", "path", "why"))
        when = datetime.fromisoformat(_require_str(fields["when"]))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except FileNotFoundError:
        return None
    except (NotAFile, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        # The content exists, so the user must be able to restore it.
        when = datetime.fromtimestamp(max(0, min(status.st_ctime, 2**35)), UTC)
        return Trashed(id, "", "", status.st_size, when, "its record can't be read")
    return Trashed(id, key, path, status.st_size, when, why)


def _require_str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a string: {value!r}")
    return value


def _remove_leftovers(trash: Directory, before: datetime) -> None:
    """Remove temporary files and records without content that killed runs left."""
    names = set(trash.listdir())
    for name in names:
        id_ = name.removesuffix(_RECORD)
        is_lone_record = id_ != name and names.isdisjoint({id_, id_ + _PART, name + _RECORD})
        if name.endswith(_PART) or name.startswith(TEMP_PREFIX) or is_lone_record:
            with suppress(OSError):
                if trash.stat(name).st_mtime < before.timestamp():
                    trash.unlink(name)
                    unlink_if_exists(trash, name.removesuffix(_PART) + _RECORD)


def _delete(trash: Directory, id: str) -> None:
    unlink_if_exists(trash, id)
    unlink_if_exists(trash, id + _RECORD)


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
