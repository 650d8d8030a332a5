"""`FormerMapping`: a mapping that earlier runs had, and that is not configured any more."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_ROOT, _FILE = " > ", " = "


@dataclass(frozen=True, slots=True)
class FormerMapping:
    """A mapping that is not configured any more.

    Attributes:
        local: Absolute path of its directory, or of its file.
        remote: Its key prefix; of a single file, its key.
        is_file: Whether it mapped a single file.
        has_moved: Its directory is gone, and another mapping has its place in the bucket.
    """

    local: str
    remote: str
    is_file: bool = False
    has_moved: bool = False

    @classmethod
    def read(cls, id_: str, base_dir: Path, places: Collection[str]) -> FormerMapping:
        """Return the mapping that an id stands for; `places` are the key prefixes that are configured now.

        Raises:
            OSError: Its directory can't be looked at, so it may be there.
        """
        local, arrow, remote = id_.rpartition(_ROOT)
        if not arrow:
            local, _, key = id_.partition(_FILE)
            return cls(_absolute(base_dir, local), key, is_file=True)
        local = _absolute(base_dir, local)
        return cls(local, remote, has_moved=remote in places and not _is_directory(local))

    def path(self, key: str) -> str:
        """Return where a key of it was."""
        return self.local if self.is_file else os.path.join(self.local, *key[len(self.remote) :].split("/"))


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _absolute(base_dir: Path, local: str) -> str:
    return os.path.normpath(os.path.join(base_dir, os.path.expanduser(local)))
