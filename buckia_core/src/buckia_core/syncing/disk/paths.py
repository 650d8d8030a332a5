"""Local paths of keys: mapping roots, and reasons to refuse a path."""

from __future__ import annotations

import os

from buckia_core.localfs.opening import file_identity
from buckia_core.planning.keys import FilesystemRules, invalid_reason, own_config_reason
from buckia_core.planning.mapping import PathMapping

RootIdentity = tuple[int, int]
"""Device and inode of the root of a mapping."""


def refusal_reason(key: str, mapping: PathMapping, rules: FilesystemRules) -> str | None:
    """Return why a key may not be written to the disk, as a clause after "refused, "; `None` if it may."""
    if mapping.is_file:
        return own_config_reason(os.path.basename(mapping.local))
    relative = mapping.relative_path(key)
    return invalid_reason(relative, rules) or own_config_reason(relative)


def local_path(key: str, mapping: PathMapping) -> str:
    """Return the unchecked local path of a key, for messages. Use `FileLocator` to access files."""
    return mapping.local if mapping.is_file else os.path.join(mapping.local, *mapping.relative_path(key).split("/"))


def relative_path(root: str, path: str) -> str:
    """Return a path with slashes, relative to a root if it is below that."""
    inside = path.startswith(os.path.join(root, ""))
    return (path[len(root) :] if inside else path).replace(os.sep, "/")


def nearest_directory(path: str) -> str:
    """Return the nearest existing directory at or above a path."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def root_directory(mapping: PathMapping) -> str:
    """Return the root of a mapping; for a mapped file, its directory."""
    return os.path.dirname(mapping.local) if mapping.is_file else mapping.local


def root_identity(mapping: PathMapping) -> RootIdentity | None:
    """Return device and inode of the root of a mapping; `None` if there is no such directory.

    Raises:
        OSError: `stat` of the root failed for another reason.
    """
    try:
        return file_identity(os.stat(root_directory(mapping)))
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_file_link(mapping: PathMapping) -> bool:
    """Tell whether a mapped file is a link to a file."""
    return os.path.islink(mapping.local) and os.path.isfile(mapping.local)


def blocked_path_message(what: str, path: str, more: str = "") -> str:
    """Format what blocks the path of a file and how to help, as a clause after "refused: "."""
    return f"{what} stands in its way: {path}{more}; move or remove it, and sync again"
