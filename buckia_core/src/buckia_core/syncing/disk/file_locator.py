"""Locate the files of keys, and access them, without leaving the root of a mapping or following a link."""

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
from buckia_core.localfs.create_directories import make_directories
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.empty_directories import prune, remove_empty_tree
from buckia_core.localfs.files import NotAFile, entry_from_stat, open_file, read_file
from buckia_core.localfs.opening import PathBlocked, describe_entry_type, is_link
from buckia_core.localfs.sqlite_files import PAGE_STEP, database_entry, has_side_files
from buckia_core.planning.keys import FilesystemRules, invalid_reason, own_config_reason
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.paths import (
    RootIdentity,
    is_file_link,
    local_path,
    refusal_reason,
    relative_path,
)

_NO_ROOTS: Mapping_[str, RootIdentity | None] = {}

_MAX_OPEN = 4
"""Open directories per worker: enough for the directories of a batch of small files, in most cases."""

_SYSTEM_RULES = FilesystemRules(windows=sys.platform == "win32")


class FileLocation(NamedTuple):
    """The location of a file, which need not exist: an open directory and a name in it.

    Attributes:
        directory: The directory.
        name: The name.
        link: The location of the link that was followed to this file, if any.
        database: Whether the file is an SQLite database by configuration; `None` treats databases as other files.
    """

    directory: Directory
    name: str
    link: FileLocation | None = None
    database: bool | None = None

    @property
    def path(self) -> str:
        """The path, for messages, and for calls without `dir_fd`."""
        return self.directory.join(self.name)

    @property
    def is_directory(self) -> bool:
        """Whether the entry is a directory, and not a link to one."""
        try:
            status = self.directory.stat(self.name)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISDIR(status.st_mode) and not is_link(status)

    def stat_entry(self, key: str, mapping_id: str) -> LocalEntry | None:
        """Return a manifest entry of the file; `None` if it does not exist.

        Raises:
            InvalidKey: The entry is not a regular file.
        """
        try:
            status = self.directory.stat(self.name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            raise _blocked_path_error(describe_entry_type(status), self.path, key)
        entry = entry_from_stat(key, mapping_id, status)
        if self.database is None or entry.size % PAGE_STEP or not entry.size:
            return entry
        if self.database or has_side_files(self.directory, self.name):
            return database_entry(entry, self.directory, self.name)
        return entry

    def open(self, key: str) -> io.FileIO:
        """Open the file for reading, without following a link or blocking on a named pipe.

        Raises:
            InvalidKey: The entry is not a regular file.
        """
        try:
            return open_file(self.directory, self.name)
        except NotAFile as error:
            raise self._not_a_file_error(key) from error

    def read(self, key: str, size: int) -> tuple[bytes, os.stat_result]:
        """Read the file of `size` bytes, as `read_file` does; raises as `open`."""
        try:
            return read_file(self.directory, self.name, size)
        except NotAFile as error:
            raise self._not_a_file_error(key) from error

    def _not_a_file_error(self, key: str) -> InvalidKey:
        what = "something that is not a regular file"
        with suppress(OSError):
            what = describe_entry_type(self.directory.stat(self.name))
        return _blocked_path_error(what, self.path, key)

    def remove_empty_tree(self) -> None:
        """Remove a directory at this location, if it contains nothing but empty directories.

        A failed download may have left one. Syncs don't transfer empty directories, so nothing is lost.
        """
        remove_empty_tree(self.directory, self.name)


class FileLocator:
    """Locates the files of keys. A short-lived context for one thread, which closes the directories that it opened.

    Args:
        rules_by_mapping: Rules of the file system of each mapping, by id; by default, those of the operating system.
        follow: Follow symbolic links below the roots (setting `follow_symlinks`).
        root_identities: Results of `root_identity` at the start of the run, by id of the mapping. A root that is
            another directory now, or missing, is refused.
        remember_missing: A directory that `locate` has found to be missing counts as missing until the context ends:
            many files of a deleted directory cost one system call. For checks that are made in one go.
    """

    def __init__(
        self,
        rules_by_mapping: Mapping_[str, FilesystemRules],
        *,
        follow: bool = False,
        root_identities: Mapping_[str, RootIdentity | None] = _NO_ROOTS,
        remember_missing: bool = False,
    ) -> None:
        self._missing: set[tuple[str, str]] | None = set() if remember_missing else None
        self._rules_by_mapping = rules_by_mapping
        self._follow = follow
        self._root_identities = root_identities
        self._trees: dict[str, Tree] = {}

    def locate_for_write(self, key: str, mapping: PathMapping) -> FileLocation:
        """Locate the file of a key for writing; missing directories are created.

        Raises:
            InvalidKey: The file system does not allow the path, it configures Buckia, or a link or file blocks it.
            OSError: The directory can't be created.
        """
        problem = refusal_reason(key, mapping, self._rules(mapping))
        if problem:
            raise InvalidKey(f"refused, {problem}", key=key)
        return self._locate_in_tree(key, mapping, create=True)

    def locate(self, key: str, mapping: PathMapping) -> FileLocation | None:
        """Locate the file of a key for reading or deleting; `None` if its directory does not exist.

        Raises:
            InvalidKey: As `locate_for_write`.
        """
        if not mapping.is_file and (problem := invalid_reason(mapping.relative_path(key), self._rules(mapping))):
            raise InvalidKey(f"refused, {problem}", key=key)
        directory = (mapping.id, key.rpartition("/")[0])
        if self._missing and directory in self._missing:
            return None
        try:
            return self._locate_in_tree(key, mapping, create=False)
        except (FileNotFoundError, NotADirectoryError):
            if self._missing is not None and not mapping.is_file:
                self._missing.add(directory)
            return None
        except InvalidKey as error:
            # A parent is a regular file, so this file can't exist. Behind a link it might.
            if isinstance(error.__cause__, PathBlocked) and not error.__cause__.is_link:
                return None
            raise

    def stat_entry(self, key: str, mapping: PathMapping) -> LocalEntry | None:
        """Return a manifest entry of the file of a key; `None` if it does not exist.

        Raises:
            InvalidKey: As `locate_for_write`, or the entry is not a regular file.
        """
        try:
            location = self.locate(key, mapping)
        except InvalidKey:
            if mapping.is_file or invalid_reason(mapping.relative_path(key), self._rules(mapping)) is None:
                raise
            # The file system does not allow the name, so no such file exists.
            return None
        return None if location is None else location.stat_entry(key, mapping.id)

    def open_file(self, key: str, mapping: PathMapping) -> io.FileIO:
        """Open the file of a key for reading.

        Raises:
            InvalidKey: As `stat_entry`.
            FileNotFoundError: It does not exist.
        """
        location = self.locate(key, mapping)
        if location is None:
            raise FileNotFoundError(f"{local_path(key, mapping)} is gone")
        return location.open(key)

    def prune_parents(self, key: str, mapping: PathMapping) -> None:
        """Remove the empty parent directories of a deleted file, but not the root of the mapping."""
        if not mapping.is_file and (tree := self._trees.get(mapping.id)) is not None:
            prune(tree, mapping.relative_path(key).rpartition("/")[0])

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
        return self._rules_by_mapping.get(mapping.id, _SYSTEM_RULES)

    def _locate_in_tree(self, key: str, mapping: PathMapping, *, create: bool) -> FileLocation:
        if mapping.is_file:
            # The configuration names this file, so a link there is intended.
            head, name = os.path.split(mapping.local)
            root = self._open_tree(mapping.id, head, create=create).root
            location = FileLocation(root, name, database=mapping.database_mode(key))
            return self._resolve_link(location, key, mapping) if is_file_link(mapping) else location
        above, _, name = mapping.relative_path(key).rpartition("/")
        tree = self._open_tree(mapping.id, mapping.local, create=create)
        try:
            found = tree.open_directory(above, create=create)
            location = FileLocation(found, name, database=mapping.database_mode(key))
        except PathBlocked as error:
            raise _blocked_path_error(error.what, error.path, key) from error
        return self._resolve_links(location, key, mapping) if self._follow else location

    def _open_tree(self, id: str, root: str, *, create: bool) -> Tree:
        tree = self._trees.get(id)
        if tree is None:
            expected = self._root_identities.get(id)
            if create and expected is None:
                make_directories(root)
            try:
                tree = Tree(root, follow=self._follow, max_open=_MAX_OPEN)
            except FileNotFoundError:
                if expected is None:
                    raise
                raise _root_replaced_error(root) from None
            if expected is not None and tree.root.identity not in (None, expected):
                tree.close()
                raise _root_replaced_error(root)
            self._trees[id] = tree
        return tree

    def _resolve_links(self, location: FileLocation, key: str, mapping: PathMapping) -> FileLocation:
        """Check a location whose path may contain links, and follow the entry itself if it is a link."""
        path = os.path.realpath(location.path)
        if problem := own_config_reason(relative_path(os.path.realpath(mapping.local), path)):
            raise InvalidKey(f"refused, {problem}: {path}", key=key)
        try:
            is_linked = is_link(location.directory.stat(location.name))
        except (FileNotFoundError, NotADirectoryError):
            return location
        return self._resolve_link(location, key, mapping) if is_linked else location

    def _resolve_link(self, location: FileLocation, key: str, mapping: PathMapping) -> FileLocation:
        """Return the location of the target of a link. A download replaces the target, not the link."""
        path = os.path.realpath(location.path)
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise _blocked_path_error("a symbolic link that leads nowhere", location.path, key) from None
        head, name = os.path.split(path)
        root = self._open_tree(f"{key}\0{mapping.id}", head, create=False).root
        return FileLocation(root, name, location, location.database)


def _root_replaced_error(root: str) -> BuckiaError:
    return BuckiaError(
        f"the local folder went away or became another one since the run began: {root}; if a disk was mounted or "
        "unmounted there, run again"
    )


def _blocked_path_error(what: str, path: str, key: str) -> InvalidKey:
    return InvalidKey(f"{what} stands in its way: {path}", key=key)
