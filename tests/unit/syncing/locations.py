"""File locations of paths, for tests."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buckia_core.localfs.directory import Tree
from buckia_core.localfs.files import open_file
from buckia_core.planning.manifest import LocalEntry
from buckia_core.syncing.disk.file_locator import FileLocation


@contextmanager
def open_location(path: Path | str) -> Iterator[FileLocation]:
    """Open the location of a path; its directory is created."""
    head, name = os.path.split(path)
    os.makedirs(head, exist_ok=True)
    with Tree(head) as tree:
        yield FileLocation(tree.root, name)


def stat_path(path: Path | str, key: str = "", root: str = "") -> LocalEntry | None:
    """Return the manifest entry of a path."""
    with open_location(path) as location:
        return location.stat_entry(key, root)


@contextmanager
def open_path(path: Path | str) -> Iterator[io.FileIO]:
    """Open a path as the engine does."""
    with open_location(path) as location, open_file(location.directory, location.name) as file:
        yield file
