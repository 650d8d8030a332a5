"""Conversion of a file's `stat` into an object and its fingerprint."""

from __future__ import annotations

import os

from buckia_core.planning.manifest import RemoteObject

# On Windows only some calls return the inode and the change time; a fingerprint must not depend on the call.
_HAS_INODES = os.name != "nt"


def fingerprint_from_stat(status: os.stat_result) -> str:
    """Build a fingerprint from size, modification time, inode and change time."""
    if _HAS_INODES:
        return f"{status.st_size:x}.{status.st_mtime_ns:x}.{status.st_ino:x}.{status.st_ctime_ns:x}"
    return f"{status.st_size:x}.{status.st_mtime_ns:x}.0.0"


def object_from_stat(key: str, status: os.stat_result) -> RemoteObject:
    """Build the object that listings return for a file."""
    modified = status.st_mtime_ns
    return RemoteObject(key, status.st_size, fingerprint_from_stat(status), modified, modified)
