"""The listing of a directory in the order of keys, read as far as it is asked for."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from buckia_core.adapters.directory.errors import translate_error
from buckia_core.adapters.directory.paths import Paths
from buckia_core.adapters.directory.stat import object_from_stat
from buckia_core.adapters.directory.temp_file import is_stale
from buckia_core.errors import InvalidKey
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.opening import InTheWay, is_link
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import RemoteObject

log = logging.getLogger(__name__)


class WalkRange(NamedTuple):
    """Which keys are wanted: those that start with `prefix`, are greater than `after` and not greater than `end`."""

    prefix: str
    after: str | None = None
    end: str | None = None

    def is_past(self, name: str) -> bool:
        """Tell whether this key, or every key in this directory, and all that follow are behind the range."""
        if self.end is None:
            return False
        return name >= self.end if name.endswith("/") else name > self.end

    def overlaps(self, directory: str) -> bool:
        """Tell whether a key in the directory, whose name ends in a slash, can be wanted."""
        if self.after is not None and directory < self.after and not self.after.startswith(directory):
            return False
        return directory.startswith(self.prefix) or self.prefix.startswith(directory)

    def contains(self, key: str) -> bool:
        """Tell whether a key that is not past the range is wanted."""
        return key.startswith(self.prefix) and (self.after is None or key > self.after)


@dataclass(slots=True)
class Walk:
    """One listing.

    Attributes:
        paths: The bucket.
        wanted: Which keys.
        stale: Temporary files that were left behind, as they are passed by; their paths below the root.
    """

    paths: Paths
    range: WalkRange
    stale: set[str]

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Children of one directory are sorted with a slash after the names of directories: that way `a-b`, `a.txt`,
        `a/b` and `a0` come in the order of the whole keys.

        Raises:
            AdapterError: A directory can't be read, or the root went away.
        """
        self.paths.check_root()
        base = self.range.prefix.rpartition("/")[0]
        with self.paths.open(base, reads=True) as tree:
            start = self._start(tree, base)
            if start is not None:
                yield from self._walk(tree, start, f"{base}/" if base else "")
            self.paths.check_root()

    def _walk(self, tree: Tree, start: Directory, base: str) -> Iterator[RemoteObject]:
        wanted = self.range
        stack = [(start, base, self._names(start, base))]
        while stack:
            directory, prefix, names = stack[-1]
            while names:
                name = names.pop()
                key = prefix + name
                if wanted.is_past(key):
                    return
                if name[-1] == "/":
                    if wanted.overlaps(key) and (below := self._below(tree, directory, name[:-1], key)) is not None:
                        stack.append((below, key, self._names(below, key)))
                        break
                elif wanted.contains(key):
                    status = self._status(directory, name, key)
                    if status is not None:
                        yield object_from_stat(key, status)
            else:
                stack.pop()

    def _start(self, tree: Tree, base: str) -> Directory | None:
        self.paths.find_directory(tree, "")
        try:
            return self.paths.find_directory(tree, base)
        except InvalidKey:
            # Links are not listed, nor is what is behind them.
            return None

    def _below(self, tree: Tree, directory: Directory, name: str, key: str) -> Directory | None:
        try:
            return tree.below(directory, name)
        except FileNotFoundError:
            # It may have been deleted; or the disk was unmounted, and everything seems to be gone.
            self.paths.check_root()
            return None
        except InTheWay:
            # It was a directory a moment ago, and what is behind a link is not listed.
            return None
        except OSError as error:
            raise translate_error(error, key) from error

    def _names(self, directory: Directory, base: str) -> list[str]:
        """Return the names in a directory, the first one last. Nothing else is kept: there may be a great many."""
        found: list[str] = []
        try:
            with directory.entries() as entries:
                for entry in entries:
                    name = entry.name
                    if not name.isascii() and not _is_utf8(name):
                        log.warning("%r in %r is not listed: its name is not valid UTF-8", name, base or "/")
                    elif name.startswith(TEMP_PREFIX):
                        self._note_temporary(directory, entry)
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

    def _status(self, directory: Directory, name: str, key: str) -> os.stat_result | None:
        try:
            status = directory.status(name)
        except FileNotFoundError:
            self.paths.check_root()
            return None
        except OSError as error:
            raise translate_error(error, key) from error
        return status if stat.S_ISREG(status.st_mode) and not is_link(status) else None

    def _note_temporary(self, directory: Directory, entry: os.DirEntry[str]) -> None:
        try:
            if entry.is_file(follow_symlinks=False) and is_stale(entry.stat(follow_symlinks=False)):
                self.stale.add(f"{directory.relative}/{entry.name}" if directory.relative else entry.name)
        except OSError:
            log.debug("%r vanished while it was looked at", entry.name)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
