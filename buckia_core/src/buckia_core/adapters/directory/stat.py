"""What a file's `stat` says, as an object of the bucket."""

from __future__ import annotations

import os

from buckia_core.planning.manifest import RemoteObject

# Windows tells the inode and the change time in some calls and not in others; a fingerprint must not depend on which.
_HAS_INODES = os.name != "nt"


def fingerprint_from_stat(status: os.stat_result) -> str:
    """Return the proof that a file is unchanged: size, modification time, inode and change time."""
    if _HAS_INODES:
        return f"{status.st_size:x}.{status.st_mtime_ns:x}.{status.st_ino:x}.{status.st_ctime_ns:x}"
    return f"{status.st_size:x}.{status.st_mtime_ns:x}.0.0"


def object_from_stat(key: str, status: os.stat_result) -> RemoteObject:
    """Return a file as a listing tells it."""
    modified = status.st_mtime_ns
    return RemoteObject(key, status.st_size, fingerprint_from_stat(status), modified, modified)


def changed_while_read(before: os.stat_result, after: os.stat_result) -> bool:
    """Tell whether a file that is held open was written to between two looks.

    A file that was replaced or linked meanwhile has another change time for that, and the same content.
    """
    if before.st_size != after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        return True
    return _HAS_INODES and before.st_ctime_ns != after.st_ctime_ns and before.st_nlink == after.st_nlink
