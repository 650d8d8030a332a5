"""Places of files that a test names by their path."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buckia_core.localfs.directory import Tree
from buckia_core.localfs.files import open_file
from buckia_core.planning.manifest import LocalEntry
from buckia_core.syncing.disk.paths import FileLocation


@contextmanager
def place_of(path: Path | str) -> Iterator[FileLocation]:
    """Give the place of a path, whose directory is made."""
    head, name = os.path.split(path)
    os.makedirs(head, exist_ok=True)
    with Tree(head) as tree:
        yield FileLocation(tree.root, name)


def look(path: Path | str, key: str = "", root: str = "") -> LocalEntry | None:
    """Return the file at a path as it is now."""
    with place_of(path) as place:
        return place.look(key, root)


@contextmanager
def opened(path: Path | str) -> Iterator[io.FileIO]:
    """Open a file as the engine does."""
    with place_of(path) as place, open_file(place.directory, place.name) as file:
        yield file
