"""Entry points of the installed packages, read as `importlib.metadata` does, whose import takes a tenth of a start."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Collection, Iterator
from importlib.machinery import PathFinder
from operator import attrgetter
from typing import Any, NamedTuple

_INFO_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """Entry point of an installed package.

    Attributes:
        group: Its group.
        name: Its name.
        value: `package.module`, or `package.module:attribute`.
    """

    group: str
    name: str
    value: str

    def load(self) -> Any:
        """Import the module, and return it or its attribute."""
        module, _, attribute = self.value.partition(":")
        loaded = importlib.import_module(module.strip())
        return attrgetter(attribute.strip())(loaded) if attribute else loaded


def find_entry_points(groups: Collection[str]) -> list[EntryPoint]:
    """Return the entry points of some groups; of two packages of one name, those of the first on the path.

    Raises:
        OSError: A file can't be read, as too many are open.
    """
    directories = [os.path.abspath(path) for path in sys.path if isinstance(path, str)]
    # Packages in archives, and those of other importers, have to be asked for.
    others = any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder)
    if others or any(os.path.isfile(path) for path in directories):
        from importlib import metadata  # noqa: PLC0415  # slow to import

        listed = (each for group in groups for each in metadata.entry_points(group=group))
        return [EntryPoint(each.group, each.name, _without_extras(each.value)) for each in listed]
    found = (entry for info in _info_directories(directories) for entry in _read_entry_points(info))
    return [entry for entry in found if entry.group in groups]


def _info_directories(directories: list[str]) -> Iterator[str]:
    """Yield the metadata directories of all packages, of each name the first."""
    seen: set[str] = set()
    for directory in dict.fromkeys(directories):
        try:
            names = os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        for name in names:
            if not name.endswith(_INFO_SUFFIXES):
                continue
            # `name-version.dist-info`; the names are compared as package indexes do.
            package = re.sub(r"[-_.]+", "-", name.rpartition(".")[0].partition("-")[0]).lower()
            if package not in seen:
                seen.add(package)
                yield os.path.join(directory, name)


def _read_entry_points(info: str) -> Iterator[EntryPoint]:
    try:
        with open(os.path.join(info, "entry_points.txt"), encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except (FileNotFoundError, NotADirectoryError, PermissionError, UnicodeDecodeError):
        return
    group = ""
    for line in lines:
        if line.startswith("["):
            group = line.strip("[]").strip()
        elif "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield EntryPoint(group, name.strip(), _without_extras(value))


def _without_extras(value: str) -> str:
    """Return the value of an entry point without the extras that may follow in brackets."""
    return value.partition("[")[0].strip()
