"""Path mappings: which local path belongs to which key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from buckia_core.planning.policy import Direction, SyncRules

PathPredicate = Callable[[str], bool]
"""Tells whether a path takes part. Paths are relative to the local root, with slashes; a directory ends in one."""


def accept_all(path: str) -> bool:  # noqa: ARG001  # a `PathPredicate`
    """Accept every path."""
    return True


def accept_none(path: str) -> bool:  # noqa: ARG001  # a `PathPredicate`
    """Accept no path."""
    return False


@lru_cache(maxsize=1024)
def _accepts_directories(accepts: PathPredicate, path: str) -> bool:
    """Tell whether a filter accepts a directory and all above it; most keys are in the same one as the key before.

    As in a scan, a directory that the filter rejects excludes everything in it.
    """
    return all(accepts(path[: end + 1]) for end, letter in enumerate(path) if letter == "/")


class PathMapping(NamedTuple):
    """Mapping of a local directory to a key prefix, or of a local file to a key.

    Attributes:
        id: Stable id, stored in the baseline. It is made of the configured paths, not of absolute ones.
        local: Absolute path of the directory or file.
        remote: The key prefix of a directory, empty or with a trailing slash; the key of a file.
        is_file: Whether it maps a single file.
        rules: The rules for its keys.
        path_filter: The filter of the run.
        configured_filter: The filter without the arguments of the run; `None` if it is the same.
        is_database: Tells which paths are SQLite databases by configuration; `None` treats databases as other files.
    """

    id: str
    local: str
    remote: str = ""
    is_file: bool = False
    rules: SyncRules = SyncRules()
    path_filter: PathPredicate = accept_all
    configured_filter: PathPredicate | None = None
    is_database: PathPredicate | None = accept_none

    def includes(self, key: str) -> bool:
        """Tell whether the key is below the prefix and passes the filter."""
        return self._includes(key, self.path_filter)

    def includes_by_configuration(self, key: str) -> bool:
        """Tell whether the key passes the filter of the configuration alone."""
        return self._includes(key, self.configured_filter or self.path_filter)

    def _includes(self, key: str, accepts: PathPredicate) -> bool:
        if self.is_file:
            return key == self.remote
        if not key.startswith(self.remote) or len(key) == len(self.remote):
            return False
        if accepts is accept_all:
            return True
        path = key[len(self.remote) :]
        return accepts(path) and _accepts_directories(accepts, path[: path.rfind("/") + 1])

    def database_mode(self, key: str) -> bool | None:
        """Tell whether a key is a database by configuration; `None` if databases are treated as other files."""
        if self.is_database is None or self.is_database is accept_none:
            return None if self.is_database is None else False
        return self.is_database(self.relative_path(key))

    def relative_path(self, key: str) -> str:
        """Return the path of a key relative to the local root; for a single file, the last part of its key."""
        return key.rsplit("/", 1)[-1] if self.is_file else key[len(self.remote) :]


class MappingIndex:
    """Index of mappings: finds the mapping of a key that has no local file.

    Args:
        mappings: In order of precedence. There may be many single files, but few directories.
    """

    def __init__(self, mappings: Sequence[PathMapping]) -> None:
        self._by_id = {mapping.id: mapping for mapping in mappings}
        self._files: defaultdict[str, list[PathMapping]] = defaultdict(list)
        self._directories = []
        for mapping in mappings:
            if mapping.is_file:
                self._files[mapping.remote].append(mapping)
            else:
                self._directories.append(mapping)

    def find(self, key: str, *, baseline_mapping_id: str | None = None) -> PathMapping | None:
        """Return the mapping of a key; `None` if the key takes no part.

        In order of precedence: the mapping of the baseline row if it still includes the key; a single-file mapping of
        the key; the first directory that is not `up` only; the first directory.
        """
        previous = self._by_id.get(baseline_mapping_id) if baseline_mapping_id is not None else None
        if previous is not None and previous.includes(key):
            return previous
        found = self._first_receiving(self._files[key]) if key in self._files else None
        return found or self._first_receiving([each for each in self._directories if each.includes(key)])

    def _first_receiving(self, candidates: Sequence[PathMapping]) -> PathMapping | None:
        receiving = (each for each in candidates if each.rules.direction is not Direction.UP)
        return next(receiving, candidates[0] if candidates else None)
