"""The local trash: what a sync replaces or deletes is kept here until a person empties it.

Each thing is two files in one directory: `<id>` holds the bytes, `<id>.json` says what they were. The names
do not follow the key, which may be longer or stranger than the disk allows. Records are not trusted: they may have
come with a checkout, or from another user. The id of a thing is the name of its record, and nothing else.
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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from buckia_core.errors import BuckiaError, InvalidKey
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import (
    NotAFile,
    exists,
    link_or_copy,
    make_private,
    open_file,
    path_of_open,
    remove,
    write_all,
)
from buckia_core.localfs.opening import CREATE, InTheWay
from buckia_core.localfs.probing import disk_rules
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.paths import (
    FileLocation,
    FileLocator,
    entry_from_stat,
    local_path,
    refusal_reason,
    root_of,
)

_PART = ".part"
"""How the name of a thing ends while it is fetched."""

_RECORD = ".json"

_STALE = timedelta(days=1)
"""A part that nobody wrote to for so long was left by a run that died."""

_LARGEST_RECORD = 1 << 18
"""Bytes. Ours have a key of 1,024 bytes and a path of 4,096, each byte of which may take six."""

_ID = re.compile(r"[0-9A-Za-z._-]{1,200}")


@dataclass(frozen=True, slots=True)
class Trashed:
    """One thing in the trash.

    Attributes:
        id: Its name in the trash.
        key: The key it had; empty where its record can't be read.
        path: The local path it had, or would have had; empty likewise.
        size: Bytes.
        when: When it was put here, in UTC.
        why: What replaced or deleted it.
    """

    id: str
    key: str
    path: str
    size: int
    when: datetime
    why: str


class NotInTrash(BuckiaError):
    """The trash has nothing of that id."""


class NotRestored(BuckiaError):
    """A thing in the trash can't go where it was, for a reason that another place helps against."""


class Trash:
    """The trash of one bucket. May be used from many threads and processes at once.

    Args:
        directory: Where it is.
        mappings: Where things may be put back without a path of yours: to what their key is mapped.
        below: The directory, some levels up, below which no link is followed and nobody else may look into anything;
            by default the one two levels up.
    """

    def __init__(self, directory: Path, mappings: Sequence[PathMapping] = (), below: Path | None = None) -> None:
        self._below = directory.parent.parent if below is None else below
        self._levels = directory.relative_to(self._below).parts
        self._mappings = tuple(mappings)

    def keep(self, place: FileLocation, key: str, why: str, *, leave: bool, was_at: FileLocation | None = None) -> str:
        """Put a file into the trash, and return its id.

        Args:
            place: The file.
            key: Its key.
            why: What replaces or deletes it.
            leave: The file also stays where it is (it is about to be replaced); else it is moved.
            was_at: Where it was, if that is another place.

        Raises:
            OSError: It can't be put there. It is where it was.
        """
        with self._made() as trash:
            size = place.directory.status(place.name).st_size
            was_at = was_at or place
            name = _new(trash, key, (was_at.link or was_at).path, size, why)
            try:
                if leave:
                    link_or_copy(place.directory, place.name, trash, name, TEMP_PREFIX)
                else:
                    _move(place, trash, name)
            except BaseException:
                if not exists(trash, name):
                    remove(trash, name + _RECORD)
                raise
            return name

    def is_still(self, id: str, seen: LocalEntry) -> bool:
        """Tell whether a thing is as the file was seen before it was put here."""
        with self._made() as trash:
            status = trash.status(id)
        return (status.st_size, entry_from_stat(seen.key, seen.root, status).mtime_ns) == (seen.size, seen.mtime_ns)

    def give_back(self, id: str, place: FileLocation) -> None:
        """Put a thing back where it just was, unless something is there by now."""
        with self._made() as trash:
            try:
                link_or_copy(trash, id, place.directory, place.name, TEMP_PREFIX)
            except FileExistsError:
                return
            _forget(trash, id)

    def fetch(self, key: str, path: str, size: int, why: str, write: Callable[[Path], object]) -> str:
        """Put something into the trash that is not a local file: `write` is given the path to write it to."""
        with self._made() as trash:
            name = _new(trash, key, path, size, why)
            part = name + _PART
            try:
                descriptor = trash.open(part, CREATE, 0o600)
                try:
                    write(Path(path_of_open(descriptor, trash.join(part))))
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                # A killed run must not leave a part of it under the name that `list` shows and `restore` takes.
                trash.replace(part, trash, name)
            except BaseException as error:
                remove(trash, part)
                remove(trash, name + _RECORD)
                if isinstance(error, OSError) and error.filename is None:
                    # The system names no file of a write.
                    error.filename = trash.path
                raise
            return name

    def list(self) -> list[Trashed]:
        """Return what is in the trash, oldest first.

        Raises:
            OSError: The system does not let some of it be read.
        """
        with self._opened() as trash:
            if trash is None:
                return []
            records = sorted(name for name in trash.names() if name.endswith(_RECORD))
            found = (_read(trash, record.removesuffix(_RECORD)) for record in records)
            return [trashed for trashed in found if trashed]

    def restore(self, id: str, to: Path | None = None) -> Path:
        """Move a thing back to where it was, or to another path, and return that path. Nothing is overwritten.

        Raises:
            NotInTrash: There is nothing of that id.
            NotRestored: Its record names a path to which its key is not mapped, or a sync would not write there: a
                link is on the way, it configures Buckia, or a filter keeps it out. Give a path.
            FileExistsError: Something is at the path.
            OSError: The system does not let it be read or written. It stays in the trash.
        """
        with self._opened() as trash:
            trashed = None if trash is None or not _ID.fullmatch(id) else _read(trash, id)
            if trash is None or trashed is None:
                raise NotInTrash(f"nothing with the id {id!r} is in the trash; `buckia trash list` shows what is")
            path = os.path.abspath(to) if to else os.path.normpath(trashed.path)
            with self._place(trashed, path) if to is None else _place_of(path) as place:
                link_or_copy(trash, id, place.directory, place.name, TEMP_PREFIX)
                place.directory.sync()
            _forget(trash, id)
            return Path(path)

    def empty(self, older_than: timedelta | None = None) -> tuple[int, int]:
        """Delete what is in the trash for good, or only what is older; return how many things and bytes that were."""
        now = datetime.now(UTC)
        doomed = [each for each in self.list() if older_than is None or now - each.when > older_than]
        with self._opened() as trash:
            if trash is not None:
                for each in doomed:
                    _forget(trash, each.id)
                _sweep(trash, now - _STALE)
        return len(doomed), sum(each.size for each in doomed)

    @contextmanager
    def _made(self) -> Iterator[Directory]:
        """Open the directory, which is made if it is not there. Nobody else may look into it."""
        self._below.mkdir(parents=True, exist_ok=True)
        with Tree(str(self._below)) as tree:
            try:
                for depth, name in enumerate(self._levels):
                    make_private(tree.directory("/".join(self._levels[:depth])), name)
                yield tree.directory("/".join(self._levels))
            except InTheWay as error:
                raise BuckiaError(f"the trash can't be used, {error}") from error

    @contextmanager
    def _opened(self) -> Iterator[Directory | None]:
        """Open the directory; `None` if it is not there."""
        with ExitStack() as stack:
            try:
                tree = stack.enter_context(Tree(str(self._below)))
                found = tree.directory("/".join(self._levels))
            except FileNotFoundError:
                found = None
            except InTheWay as error:
                raise BuckiaError(f"the trash can't be used, {error}") from error
            yield found

    @contextmanager
    def _place(self, trashed: Trashed, path: str) -> Iterator[FileLocation]:
        """Give the place that a record names, if it is one that a sync could have written to."""
        advice = f"give a path: buckia trash restore {trashed.id} --to PATH"
        key, mapping = trashed.key, self._mapping_of(trashed.key, path)
        if mapping is None:
            words = "the path that it had is not where this project has its key"
            raise NotRestored(f"{words} ({trashed.path!r}, {key!r}); {advice}")
        rules = disk_rules(root_of(mapping))
        if refusal_reason(key, mapping, rules) is None and not mapping.includes(key):
            raise NotRestored(f"{trashed.path!r} can't be restored: a filter keeps it out of the sync; {advice}")
        with FileLocator({mapping.id: rules}) as places:
            try:
                place = places.of(key, mapping)
            except InvalidKey as error:
                raise NotRestored(f"{trashed.path!r} can't be restored: {error}; {advice}") from error
            yield place

    def _mapping_of(self, key: str, path: str) -> PathMapping | None:
        """Return the mapping by which a key has a path."""
        for mapping in self._mappings:
            below = key == mapping.remote if mapping.is_file else key.startswith(mapping.remote)
            # Disks differ in the form of Unicode in which they tell a name.
            if below and _in_one_form(os.path.normpath(local_path(key, mapping))) == _in_one_form(path):
                return mapping
        return None


def _in_one_form(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _new(trash: Directory, key: str, path: str, size: int, why: str) -> str:
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    trashed = Trashed(name, key, path, size, now, why)
    # The record comes first: bytes without a record could not be found again, a record without bytes is ignored.
    record = json.dumps(asdict(trashed) | {"when": now.isoformat()}, ensure_ascii=True)
    descriptor = trash.open(name + _RECORD, CREATE, 0o600)
    try:
        write_all(descriptor, record.encode("ascii"))
    finally:
        os.close(descriptor)
    return name


@contextmanager
def _place_of(path: str) -> Iterator[FileLocation]:
    """Give the place of a path that a person gave, who may mean links on the way."""
    head, name = os.path.split(path)
    os.makedirs(head, exist_ok=True)
    with Tree(head) as tree:
        yield FileLocation(tree.root, name)


def _read(trash: Directory, id: str) -> Trashed | None:
    """Return what a record says, as far as it is sound; `None` if there are no bytes of that id.

    Raises:
        OSError: The system does not let them be read, which says nothing of them.
    """
    try:
        status = trash.status(id)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    try:
        with open_file(trash, id + _RECORD) as file:
            fields = json.loads(file.read(_LARGEST_RECORD + 1))
        key, path, why = (_text(fields[name]) for name in ("key", "path", "why"))
        when = datetime.fromisoformat(_text(fields["when"]))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except FileNotFoundError:
        return None
    except (NotAFile, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        # The bytes are there all the same, and a person must be able to get at them.
        when = datetime.fromtimestamp(max(0, min(status.st_ctime, 2**35)), UTC)
        return Trashed(id, "", "", status.st_size, when, "its record can't be read")
    return Trashed(id, key, path, status.st_size, when, why)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}")
    return value


def _sweep(trash: Directory, before: datetime) -> None:
    """Remove what runs that died were fetching."""
    for name in trash.names():
        if name.endswith(_PART) or name.startswith(TEMP_PREFIX):
            with suppress(OSError):
                if trash.status(name).st_mtime < before.timestamp():
                    trash.unlink(name)
                    remove(trash, name.removesuffix(_PART) + _RECORD)


def _forget(trash: Directory, id: str) -> None:
    remove(trash, id)
    remove(trash, id + _RECORD)


def _move(place: FileLocation, trash: Directory, name: str) -> None:
    try:
        place.directory.replace(place.name, trash, name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            # The file is what a person knows, and not its name in the trash.
            error.filename = place.path
            raise
        _move_to_another_disk(place, trash, name)


def _move_to_another_disk(place: FileLocation, trash: Directory, name: str) -> None:
    """Copy a file, and delete it when it has given up its name: so no edit that comes in between goes unseen."""
    directory = place.directory
    before = directory.status(place.name)
    aside = f"{TEMP_PREFIX}{uuid.uuid4().hex}"
    try:
        link_or_copy(directory, place.name, trash, name, TEMP_PREFIX)
        directory.replace(place.name, directory, aside)
        if not _same(before, directory.status(aside)):
            trash.unlink(name)
            link_or_copy(directory, aside, trash, name, TEMP_PREFIX)
    except BaseException:
        remove(trash, name)
        with suppress(OSError):
            directory.link(aside, directory, place.name)
            directory.unlink(aside)
        raise
    directory.unlink(aside)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_size, one.st_mtime_ns) == (other.st_ino, other.st_size, other.st_mtime_ns)
