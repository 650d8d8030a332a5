"""Walk: lists the files of a directory tree lazily, in the order of keys."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from buckia_core.adapters.directory.errors import translate_error
from buckia_core.adapters.directory.paths import Paths
from buckia_core.adapters.directory.stat import object_from_stat
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import InvalidKey
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.filename_rules import is_utf8
from buckia_core.localfs.opening import PathBlocked, is_link
from buckia_core.localfs.staging_file import remove_leftover
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import RemoteObject

log = redacted_logger(__name__)

STALE_SECONDS = 86_400
"""Age at which a staging file counts as left by a dead process."""


class WalkRange(NamedTuple):
    """The keys to list: those that start with `prefix`, with `after < key <= end`."""

    prefix: str
    after: str | None = None
    end: str | None = None

    def is_past(self, name: str) -> bool:
        """Tell whether a key, or all keys of a directory, are after the range."""
        if self.end is None:
            return False
        return name >= self.end if name.endswith("/") else name > self.end

    def overlaps(self, directory: str) -> bool:
        """Tell whether a directory, whose name ends in a slash, can contain keys of the range."""
        if self.after is not None and directory < self.after and not self.after.startswith(directory):
            return False
        return directory.startswith(self.prefix) or self.prefix.startswith(directory)

    def is_after_start(self, key: str) -> bool:
        """Tell whether a key has the prefix and is after the start. Call `is_past` first."""
        return key.startswith(self.prefix) and (self.after is None or key > self.after)


@dataclass(slots=True)
class Walk:
    """One listing.

    Attributes:
        paths: The bucket.
        range: The keys to list.
        stale_temp_files: Collects stale temporary files, as paths below the root.
    """

    paths: Paths
    range: WalkRange
    stale_temp_files: set[str]

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Sorts the names in a directory with a slash appended to those of directories, so that `a-b`, `a.txt`, `a/b` and
        `a0` are in the order of their keys.

        Raises:
            AdapterError: A directory can't be read, or the root was removed.
        """
        self.paths.check_root()
        base = self.range.prefix.rpartition("/")[0]
        with self.paths.open(base, reads=True) as tree:
            start = self._open_start(tree, base)
            if start is not None:
                yield from self._walk(tree, start, f"{base}/" if base else "")
            self.paths.check_root()

    def _walk(self, tree: Tree, start: Directory, base: str) -> Iterator[RemoteObject]:
        stack = [(start, base, self._names_descending(start, base))]
        while stack:
            directory, prefix, names = stack[-1]
            while names:
                name = names.pop()
                key = prefix + name
                if self.range.is_past(key):
                    return
                if name[-1] == "/":
                    if self.range.overlaps(key) and (child := self._open_child(tree, directory, name[:-1], key)):
                        stack.append((child, key, self._names_descending(child, key)))
                        break
                elif self.range.is_after_start(key):
                    status = self._file_stat(directory, name, key)
                    if status is not None:
                        yield object_from_stat(key, status)
            else:
                stack.pop()

    def _open_start(self, tree: Tree, base: str) -> Directory | None:
        # A link in the configured prefix is an error; in the key prefix, it is not followed.
        self.paths.find_directory(tree, "")
        try:
            return self.paths.find_directory(tree, base)
        except InvalidKey:
            # Links are not followed.
            return None

    def _open_child(self, tree: Tree, directory: Directory, name: str, key: str) -> Directory | None:
        try:
            return tree.open_child(directory, name)
        except FileNotFoundError:
            # Deleted; or the disk was unmounted, which would make all files look deleted.
            self.paths.check_root()
            return None
        except PathBlocked:
            # Replaced by a link, which is not followed.
            return None
        except OSError as error:
            raise translate_error(error, key) from error

    def _names_descending(self, directory: Directory, base: str) -> list[str]:
        """Return the names in a directory in descending order. Keeps names only, since there may be many."""
        found: list[str] = []
        try:
            with directory.scandir() as entries:
                for entry in entries:
                    name = entry.name
                    if not name.isascii() and not is_utf8(name):
                        log.warning("%r in %r is not listed: its name is not valid UTF-8", name, base or "/")
                    elif name.startswith(TEMP_PREFIX):
                        self._record_stale(directory, entry)
                    elif entry.is_dir(follow_symlinks=False):
                        if os.name != "nt" or not is_link(entry.stat(follow_symlinks=False)):
                            found.append(f"{name}/")
                    else:
                        found.append(name)
        except (FileNotFoundError, NotADirectoryError):
            self.paths.check_root()
            return []
        except OSError as error:
            raise translate_error(error, base or self.paths.root) from error
        found.sort(reverse=True)
        return found

    def _file_stat(self, directory: Directory, name: str, key: str) -> os.stat_result | None:
        try:
            status = directory.stat(name)
        except FileNotFoundError:
            self.paths.check_root()
            return None
        except OSError as error:
            raise translate_error(error, key) from error
        return status if stat.S_ISREG(status.st_mode) and not is_link(status) else None

    def _record_stale(self, directory: Directory, entry: os.DirEntry[str]) -> None:
        try:
            # The change time, because the modification time may be that of the source.
            is_stale = entry.stat(follow_symlinks=False).st_ctime < time.time() - STALE_SECONDS
            if is_stale and entry.is_file(follow_symlinks=False):
                self.stale_temp_files.add(f"{directory.relative}/{entry.name}" if directory.relative else entry.name)
        except OSError:
            log.debug("%r was removed during the listing", entry.name)


def remove_stale(tree: Tree, stale: set[str]) -> None:
    """Remove stale staging files, and empty the set. Files that can't be removed stay on the disk."""
    while stale:
        # Another thread may have popped the last one.
        with suppress(OSError, KeyError, PathBlocked):
            parent, _, name = stale.pop().rpartition("/")
            directory = tree.open_directory(parent)
            if kept := remove_leftover(directory, name):
                log.warning("an edit that a killed process had replaced is kept as %s", directory.join(kept))
