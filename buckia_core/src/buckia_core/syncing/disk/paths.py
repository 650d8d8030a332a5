"""The gate between keys and the disk, its effectful half: no path leaves its root, and none leads through a link."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Mapping as Mapping_
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from buckia_core.errors import BuckiaError, InvalidKey
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import NotAFile, open_file, read_file
from buckia_core.localfs.opening import BY_DESCRIPTOR, InTheWay, is_link
from buckia_core.planning.keys import FilesystemRules, invalid_reason, own_config_reason
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping

Identity = tuple[int, int]
"""Which directory one is: device and inode."""

_ANY: Mapping_[str, Identity | None] = {}
_LARGEST = 2**63 - 1

_MOST_OPEN = 4
"""Directories that a worker holds open, which are mostly those of a group of small files."""

NO_CHANGE_TIMES = sys.platform == "win32"
"""Whether the system does not tell when an inode was changed: Windows tells its creation in that field."""

_SYSTEM = FilesystemRules(windows=sys.platform == "win32")


def entry_from_stat(key: str, root: str, status: os.stat_result) -> LocalEntry:
    """Return what a manifest keeps of a file. Numbers that SQLite can't hold are cut, which still compares."""
    mtime_ns, ctime_ns = status.st_mtime_ns, 0 if NO_CHANGE_TIMES else status.st_ctime_ns
    if not (-_LARGEST <= mtime_ns <= _LARGEST and -_LARGEST <= ctime_ns <= _LARGEST):
        mtime_ns, ctime_ns = _cut(mtime_ns), _cut(ctime_ns)
    return LocalEntry(key, root, status.st_size, mtime_ns, ctime_ns, status.st_ino & _LARGEST)


def _cut(time_ns: int) -> int:
    return max(-_LARGEST, min(time_ns, _LARGEST))


def refusal_reason(key: str, mapping: PathMapping, rules: FilesystemRules) -> str | None:
    """Say why a key may not be written to the disk; `None` if it may. A clause that completes "refused, "."""
    if mapping.is_file:
        return own_config_reason(os.path.basename(mapping.local))
    relative = mapping.relative_path(key)
    return invalid_reason(relative, rules) or own_config_reason(relative)


class FileLocation(NamedTuple):
    """Where one file is, or is to come: a directory that is held open, and a name in it.

    Attributes:
        directory: The directory.
        name: The name.
        link: The place of the link that leads here, where links are followed.
    """

    directory: Directory
    name: str
    link: FileLocation | None = None

    @property
    def path(self) -> str:
        """The path, for messages, and for what only works by path."""
        return self.directory.join(self.name)

    @property
    def is_directory(self) -> bool:
        """Whether a directory is there, and no link to one."""
        try:
            status = self.directory.status(self.name)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISDIR(status.st_mode) and not is_link(status)

    def look(self, key: str, root: str) -> LocalEntry | None:
        """Return the file as it is now; `None` if there is none.

        Raises:
            InvalidKey: Something else than a regular file is there.
        """
        try:
            status = self.directory.status(self.name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            raise _in_its_way(kind(status), self.path, key)
        return entry_from_stat(key, root, status)

    def open(self, key: str) -> io.FileIO:
        """Open the file for reading, without following a link or waiting for what is no file.

        Raises:
            InvalidKey: Something else than a regular file is there.
        """
        try:
            return open_file(self.directory, self.name)
        except NotAFile as error:
            raise self._no_file(key) from error

    def read(self, key: str, size: int) -> tuple[bytes, os.stat_result]:
        """Read the file, which has `size` bytes, as `read_file` does; raises as `open`."""
        try:
            return read_file(self.directory, self.name, size)
        except NotAFile as error:
            raise self._no_file(key) from error

    def _no_file(self, key: str) -> InvalidKey:
        what = "something that is no file"
        with suppress(OSError):
            what = kind(self.directory.status(self.name))
        return _in_its_way(what, self.path, key)

    def clear_empty(self) -> None:
        """Remove a directory that holds nothing but empty directories, and stands where a file is to come.

        A download that failed may have left one. No sync carries it, so nothing is lost; one with a file in it stays.
        """
        directory, name = self.directory, self.name
        try:
            # Nearly always nothing is there, and this is the cheapest way to find that out.
            directory.remove_directory(name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError:
            pass
        if BY_DESCRIPTOR:
            at = directory.descriptor
            if any(files for _, _, files, _ in os.fwalk(name, topdown=False, dir_fd=at)):
                return
            for _, below, _, inside in os.fwalk(name, topdown=False, dir_fd=at):
                for each in below:
                    with suppress(OSError):
                        os.rmdir(each, dir_fd=inside)
        else:
            found = list(os.walk(self.path, topdown=False))
            if any(files for _, _, files in found):
                return
            for each, _, _ in found:
                with suppress(OSError):
                    os.rmdir(each)
        with suppress(OSError):
            directory.remove_directory(name)


class FileLocator:
    """Places of keys, for the work of a moment and for one thread. What was opened for them is closed at its end.

    Args:
        disks: Rules of each mapping's disk, by id; of a disk that is not among them, those of the system.
        follow: Symbolic links below the roots are followed, as `follow_symlinks` says.
        roots: What `root_identity` told of mappings when the run began, by id. One that is another directory now, or
            gone, is not worked in.
    """

    def __init__(
        self,
        disks: Mapping_[str, FilesystemRules],
        *,
        follow: bool = False,
        roots: Mapping_[str, Identity | None] = _ANY,
    ) -> None:
        self._disks = disks
        self._follow = follow
        self._roots = roots
        self._trees: dict[str, Tree] = {}

    def of(self, key: str, mapping: PathMapping) -> FileLocation:
        """Return the place of a key to write to, with its directory made.

        Raises:
            InvalidKey: The disk can't hold the key, it configures Buckia, or its way leads through a link or a file.
            OSError: The directory can't be made.
        """
        problem = refusal_reason(key, mapping, self._rules(mapping))
        if problem:
            raise InvalidKey(f"refused, {problem}", key=key)
        return self._find(key, mapping, make=True)

    def find(self, key: str, mapping: PathMapping) -> FileLocation | None:
        """Return the place of a key to read from, or to delete; `None` if there is no such directory.

        Raises:
            InvalidKey: As `of`.
        """
        if not mapping.is_file and (problem := invalid_reason(mapping.relative_path(key), self._rules(mapping))):
            raise InvalidKey(f"refused, {problem}", key=key)
        try:
            return self._find(key, mapping, make=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except InvalidKey as error:
            # Below a file there is nothing; what is behind a link is not looked at.
            if isinstance(error.__cause__, InTheWay) and not error.__cause__.is_link:
                return None
            raise

    def look(self, key: str, mapping: PathMapping) -> LocalEntry | None:
        """Return the file of a key as it is now; `None` if there is none.

        Raises:
            InvalidKey: As `of`, or something else than a regular file is there.
        """
        try:
            place = self.find(key, mapping)
        except InvalidKey:
            if mapping.is_file or invalid_reason(mapping.relative_path(key), self._rules(mapping)) is None:
                raise
            # What the disk can't hold is not on it.
            return None
        return None if place is None else place.look(key, mapping.id)

    def open(self, key: str, mapping: PathMapping) -> io.FileIO:
        """Open the file of a key for reading.

        Raises:
            InvalidKey: As `look`.
            FileNotFoundError: There is none.
        """
        place = self.find(key, mapping)
        if place is None:
            raise FileNotFoundError(f"{local_path(key, mapping)} is gone")
        return place.open(key)

    def prune(self, key: str, mapping: PathMapping) -> None:
        """Remove the directories above a deleted file that are empty now, up to its root, which stays."""
        tree = self._trees.get(mapping.id)
        if mapping.is_file or tree is None:
            return
        above = mapping.relative_path(key).rpartition("/")[0]
        while above:
            outer, _, name = above.rpartition("/")
            try:
                directory = tree.directory(outer)
                if is_link(directory.status(name)):
                    return
                directory.remove_directory(name)
            except (OSError, InTheWay):
                return
            above = outer

    def close(self) -> None:
        """Close what was opened."""
        for tree in self._trees.values():
            tree.close()
        self._trees.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rules(self, mapping: PathMapping) -> FilesystemRules:
        return self._disks.get(mapping.id, _SYSTEM)

    def _find(self, key: str, mapping: PathMapping, *, make: bool) -> FileLocation:
        if mapping.is_file:
            # The configuration names this very file, so a link there is one that somebody meant.
            head, name = os.path.split(mapping.local)
            place = FileLocation(self._tree(mapping.id, head, make=make).root, name)
            return self._behind_link(place, key, mapping) if is_followed(mapping) else place
        above, _, name = mapping.relative_path(key).rpartition("/")
        tree = self._tree(mapping.id, mapping.local, make=make)
        try:
            place = FileLocation(tree.directory(above, make=make), name)
        except InTheWay as error:
            raise _in_its_way(error.what, error.path, key) from error
        return self._behind_links(place, key, mapping) if self._follow else place

    def _tree(self, id: str, root: str, *, make: bool) -> Tree:
        tree = self._trees.get(id)
        if tree is None:
            expected = self._roots.get(id)
            try:
                tree = Tree(root, follow=self._follow, most=_MOST_OPEN)
            except FileNotFoundError:
                if expected is not None:
                    raise _root_went(root) from None
                if not make:
                    raise
                os.makedirs(root, exist_ok=True)
                tree = Tree(root, follow=self._follow, most=_MOST_OPEN)
            if expected is not None and tree.root.identity not in (None, expected):
                tree.close()
                raise _root_went(root)
            self._trees[id] = tree
        return tree

    def _behind_links(self, place: FileLocation, key: str, mapping: PathMapping) -> FileLocation:
        """Return where the file is, after links that were followed on the way, and one that stands there itself."""
        path = os.path.realpath(place.path)
        if problem := own_config_reason(below(os.path.realpath(mapping.local), path)):
            raise InvalidKey(f"refused, {problem}: {path}", key=key)
        try:
            is_linked = is_link(place.directory.status(place.name))
        except (FileNotFoundError, NotADirectoryError):
            return place
        return self._behind_link(place, key, mapping) if is_linked else place

    def _behind_link(self, place: FileLocation, key: str, mapping: PathMapping) -> FileLocation:
        """Return where the file is that a link points to: there, what replaces it is written."""
        path = os.path.realpath(place.path)
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise _in_its_way("a symbolic link that leads nowhere", place.path, key) from None
        head, name = os.path.split(path)
        return FileLocation(self._tree(f"{key}\0{mapping.id}", head, make=False).root, name, place)


def root_of(mapping: PathMapping) -> str:
    """Return the directory that all files of a mapping are below; of a single file, the one that it is in."""
    return os.path.dirname(mapping.local) if mapping.is_file else mapping.local


def root_identity(mapping: PathMapping) -> Identity | None:
    """Return which directory the root of a mapping is; `None` if there is none.

    Raises:
        OSError: It can't be looked at, which says nothing of it.
    """
    try:
        status = os.stat(root_of(mapping))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _root_went(root: str) -> BuckiaError:
    return BuckiaError(
        f"the local folder went away or became another one since the run began: {root}; if a disk was mounted or "
        "unmounted there, run again"
    )


def below(root: str, path: str) -> str:
    """Return a path with slashes, relative to a root if it is below that."""
    inside = path.startswith(os.path.join(root, ""))
    return (path[len(root) :] if inside else path).replace(os.sep, "/")


def is_followed(mapping: PathMapping) -> bool:
    """Tell whether a single file that is mapped is a link to a file."""
    return os.path.islink(mapping.local) and os.path.isfile(mapping.local)


def kind(status: os.stat_result) -> str:
    """Return what an entry is that is no regular file, in words."""
    if is_link(status):
        return "a symbolic link"
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def in_the_way(what: str, path: str, more: str = "") -> str:
    """Return a clause that says what stands where a file is to come, and what to do. It completes "refused: "."""
    return f"{what} stands in its way: {path}{more}; move or remove it, and sync again"


def local_path(key: str, mapping: PathMapping) -> str:
    """Return where the scan found a key, for messages. The path is not checked; files are reached by `FileLocator`."""
    return mapping.local if mapping.is_file else os.path.join(mapping.local, *mapping.relative_path(key).split("/"))


def _in_its_way(what: str, path: str, key: str) -> InvalidKey:
    return InvalidKey(f"{what} stands in its way: {path}", key=key)
