"""Listings: the objects of a range of keys, in their order."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from buckia_core.adapters.directory.errors import translate_error
from buckia_core.adapters.directory.paths import Paths
from buckia_core.adapters.directory.stat import object_from_stat
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import InvalidKey
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.opening import PathBlocked
from buckia_core.localfs.staging_file import remove_leftover
from buckia_core.localfs.walk import TreeWalk, WalkError
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


class Walk(TreeWalk[RemoteObject]):
    """One listing.

    Args:
        paths: The bucket.
        range: The keys to list.
        stale: Collects stale staging files, as paths below the root.
    """

    def __init__(self, paths: Paths, range: WalkRange, stale: set[str]) -> None:
        self._paths = paths
        self._range = range
        self._stale = stale

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Raises:
            AdapterError: A directory can't be read, or the root was removed.
        """
        self._paths.check_root()
        base = self._range.prefix.rpartition("/")[0]
        with self._paths.open(base, reads=True) as tree:
            # A link in the configured prefix is an error; in the key prefix, it is not followed.
            self._paths.find_directory(tree, "")
            with suppress(InvalidKey):
                if (start := self._paths.find_directory(tree, base)) is not None:
                    yield from self.walk(tree, start, f"{base}/" if base else "")
            self._paths.check_root()

    def make(self, key: str, status: os.stat_result) -> RemoteObject:
        """See `TreeWalk`."""
        return object_from_stat(key, status)

    def includes(self, key: str) -> bool:
        """See `TreeWalk`."""
        return not self._range.is_past(key) and (
            self._range.overlaps(key) if key.endswith("/") else self._range.is_after_start(key)
        )

    def hides(self, name: str) -> bool:
        """See `TreeWalk`. Configuration is an object like any other."""
        return name.startswith(TEMP_PREFIX)

    def on_hidden(self, directory: Directory, name: str) -> None:
        """See `TreeWalk`. A listing removes nothing itself."""
        with suppress(OSError):
            status = directory.stat(name)
            # The change time, because the modification time may be that of the source.
            if stat.S_ISREG(status.st_mode) and status.st_ctime < time.time() - STALE_SECONDS:
                self._stale.add(f"{directory.relative}/{name}" if directory.relative else name)

    def on_error(self, key: str, path: str, error: WalkError, *, is_link: bool = False) -> None:  # noqa: ARG002
        """See `TreeWalk`."""
        match error:
            case PathBlocked():
                # Links and special files are no objects.
                return
            case UnicodeError():
                log.warning("%r is not listed: %s", key, error)
            case FileNotFoundError() | NotADirectoryError():
                # Deleted; or the disk was unmounted, which would make all files look deleted.
                self._paths.check_root()
            case _:
                raise translate_error(error, key or self._paths.root) from error


def remove_stale(tree: Tree, stale: set[str]) -> None:
    """Remove stale staging files, and empty the set. Files that can't be removed stay on the disk."""
    while stale:
        # Another thread may have popped the last one.
        with suppress(OSError, KeyError, PathBlocked):
            parent, _, name = stale.pop().rpartition("/")
            directory = tree.open_directory(parent)
            if kept := remove_leftover(directory, name):
                log.warning("an edit that a killed process had replaced is kept as %s", directory.join(kept))
