"""Removes directories that are empty, or that contain nothing but empty directories."""

from __future__ import annotations

import os
from contextlib import suppress

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.opening import PathBlocked, is_link


def prune(tree: Tree, relative: str) -> None:
    """Remove a directory if it is empty, then its parents that become empty, but not the root or a link."""
    while relative:
        above, _, name = relative.rpartition("/")
        try:
            parent = tree.open_directory(above)
            # Windows removes links to directories like directories; elsewhere `rmdir` refuses them.
            if os.name == "nt" and is_link(parent.stat(name)):
                return
            parent.rmdir(name)
        except (OSError, PathBlocked):
            return
        relative = above


def remove_empty_tree(directory: Directory, name: str) -> None:
    """Remove an entry if it is a directory that contains nothing but empty directories."""
    try:
        # Nearly always there is no entry, and this is the cheapest way to find out.
        directory.rmdir(name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        with suppress(OSError, PathBlocked):
            _remove_empty_directories(directory.tree, f"{directory.relative}/{name}" if directory.relative else name)


def _remove_empty_directories(tree: Tree, relative: str) -> None:
    found, waiting = [], [relative]
    while waiting:
        path = waiting.pop()
        found.append(path)
        with tree.open_directory(path).scandir() as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    return
                waiting.append(f"{path}/{entry.name}")
    # Children were found after their parents.
    for path in reversed(found):
        above, _, name = path.rpartition("/")
        tree.open_directory(above).rmdir(name)
