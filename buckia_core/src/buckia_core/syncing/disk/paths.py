"""Local paths of keys: mapping roots, manifest entries from `stat`, and reasons to refuse a path."""

from __future__ import annotations

import os
import stat
import sys

from buckia_core.localfs.opening import file_identity, is_link
from buckia_core.planning.keys import FilesystemRules, invalid_reason, own_config_reason
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping

RootIdentity = tuple[int, int]
"""Device and inode of the root of a mapping."""

_SQLITE_MAX = 2**63 - 1

LACKS_CTIME = sys.platform == "win32"
"""Whether `st_ctime` is the creation time, as on Windows, and not the time of the last change of the inode."""


def entry_from_stat(key: str, mapping_id: str, status: os.stat_result) -> LocalEntry:
    """Build a manifest entry. Numbers beyond the range of SQLite are clamped, and still compare equal."""
    mtime_ns, ctime_ns = status.st_mtime_ns, 0 if LACKS_CTIME else status.st_ctime_ns
    if not (-_SQLITE_MAX <= mtime_ns <= _SQLITE_MAX and -_SQLITE_MAX <= ctime_ns <= _SQLITE_MAX):
        mtime_ns, ctime_ns = _clamp(mtime_ns), _clamp(ctime_ns)
    return LocalEntry(key, mapping_id, status.st_size, mtime_ns, ctime_ns, status.st_ino & _SQLITE_MAX)


def _clamp(time_ns: int) -> int:
    return max(-_SQLITE_MAX, min(time_ns, _SQLITE_MAX))


def is_unchanged(a: LocalEntry, b: LocalEntry) -> bool:
    """Tell whether two entries are the same unchanged file. `ctime_ns` is ignored: a new hard link changes it."""
    return (a.size, a.mtime_ns, a.inode) == (b.size, b.mtime_ns, b.inode)


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


def describe_entry_type(status: os.stat_result) -> str:
    """Return the type of an entry that is not a regular file, such as "a directory"."""
    if is_link(status):
        return "a symbolic link"
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def blocked_path_message(what: str, path: str, more: str = "") -> str:
    """Format what blocks the path of a file and how to help, as a clause after "refused: "."""
    return f"{what} stands in its way: {path}{more}; move or remove it, and sync again"
