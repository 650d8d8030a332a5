"""How a disk spells a name that it takes for another one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from buckia_core.errors import InvalidKey
from buckia_core.planning.keys import casefold_key, parent_directories
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Reason


def exists(mapping: PathMapping, path: str) -> bool:
    """Tell whether something is at a path below a mapping's root."""
    return os.path.lexists(os.path.join(mapping.local, *path.split("/")))


@dataclass(frozen=True, slots=True)
class Spellings:
    """Tells the names that directories have. Each directory is listed once, so it is for the work of a moment."""

    _listed: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def other(self, mapping: PathMapping, path: str) -> str | None:
        """Return what is at a path under another spelling of its last part; `None` if nothing is, or the very name.

        The path itself is returned where it is the short name of something, which no directory lists.
        """
        if not exists(mapping, path):
            return None
        parent, _, name = path.rpartition("/")
        names = self._names(os.path.join(mapping.local, *parent.split("/"))).get(casefold_key(name), [])
        if name in names:
            return None
        if names:
            return path[: len(path) - len(name)] + names[0]
        # What is neither listed nor a short name is gone: the system remembers names of such disks for a moment.
        return path if "~" in name else None

    def check(self, mapping: PathMapping, key: str) -> None:
        """Refuse a key whose file, or a directory above it, has another spelling on the disk.

        Raises:
            InvalidKey: It has.
            OSError: A directory can't be listed, for another reason than permission.
        """
        path = mapping.relative_path(key)
        for name in (*parent_directories(path), path):
            other = self.other(mapping, name)
            if other is not None:
                raise InvalidKey(f"refused, {Reason.CASE_COLLISION.value}: {mapping.remote}{other}", key=key)

    def _names(self, directory: str) -> dict[str, list[str]]:
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
