"""From what happened to one row of the baseline."""

from __future__ import annotations

import time

from buckia_core.planning import digest
from buckia_core.planning.digest import Digests
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject

_FINE = 20_000_000
"""Nanoseconds within which two writes may leave the same time on a disk that keeps parts of seconds (a kernel tick)."""

_COARSE = 2_000_000_000
"""The same on a disk that keeps whole seconds; FAT keeps even ones."""


def baseline_row(local: LocalEntry, remote: RemoteObject, digests: Digests, since_ns: int) -> BaselineEntry:
    """Return the row for a key that is in step now. `local` was looked at after `since_ns`, the start of the run."""
    return BaselineEntry(
        local.key,
        local.root,
        local.size,
        local.mtime_ns,
        local.ctime_ns,
        local.inode,
        is_racy(local, since_ns, time.time_ns()),
        remote.fingerprint,
        digest.format_digests(digest.without_tentative(digests)),
    )


def dirty_row(local: LocalEntry, remote: RemoteObject) -> BaselineEntry:
    """Return the row for an upload during which the file changed: the object is ours, the file counts as changed."""
    return BaselineEntry(local.key, local.root, -1, 0, 0, 0, True, remote.fingerprint, "")


def is_racy(local: LocalEntry, since_ns: int, now_ns: int) -> bool:
    """Tell whether a file is so young that an edit after the look at it may have left, or may leave, the same times.

    The look may have been any time since the run began: between it and the record lies a whole upload.
    """
    grain = _FINE if local.mtime_ns % 1_000_000_000 else _COARSE
    return since_ns - grain < local.mtime_ns < now_ns + grain
