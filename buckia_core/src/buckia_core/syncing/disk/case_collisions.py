"""Case collisions: files whose stored name differs from the key in case or Unicode form."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from buckia_core.errors import InvalidKey
from buckia_core.planning.keys import casefold_key, parent_directories
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Reason


def path_exists(mapping: PathMapping, path: str) -> bool:
    """Tell whether a path below the root of a mapping exists."""
    return os.path.lexists(os.path.join(mapping.local, *path.split("/")))


@dataclass(frozen=True, slots=True)
class CaseCollisions:
    """Finds case collisions below local roots. Each directory is listed once, so an instance is short-lived."""

    _listed: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def find(self, mapping: PathMapping, path: str) -> str | None:
        """Return a path with the stored spelling of its last component; `None` if it is missing, or stored as given.

        If the path is a short name of Windows (`FILE~1`), which is never listed, the path itself is returned.
        """
        if not path_exists(mapping, path):
            return None
        parent, _, name = path.rpartition("/")
        names = self._list_directory(os.path.join(mapping.local, *parent.split("/"))).get(casefold_key(name), [])
        if name in names:
            return None
        if names:
            return path[: len(path) - len(name)] + names[0]
        # A name that is neither listed nor short was just removed: the operating system caches names for a moment.
        return path if "~" in name else None

    def check(self, mapping: PathMapping, key: str) -> None:
        """Check that the file of a key and its parent directories have no other spelling on the disk.

        Raises:
            InvalidKey: One of them has.
            OSError: A directory can't be listed, for another reason than permission.
        """
        path = mapping.relative_path(key)
        for name in (*parent_directories(path), path):
            other = self.find(mapping, name)
            if other is not None:
                raise InvalidKey(f"refused, {Reason.CASE_COLLISION.value}: {mapping.remote}{other}", key=key)

    def _list_directory(self, directory: str) -> dict[str, list[str]]:
        found = self._listed.get(directory)
        if found is None:
            found = self._listed[directory] = {}
            try:
                with os.scandir(directory) as entries:
                    for entry in entries:
                        found.setdefault(casefold_key(entry.name), []).append(entry.name)
            except (PermissionError, FileNotFoundError, NotADirectoryError):
                return found
        return found
