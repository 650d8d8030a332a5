"""Builds the baseline row of a key after an operation."""

from __future__ import annotations

import time

from buckia_core.planning import digest
from buckia_core.planning.digest import Digests
from buckia_core.planning.manifest import UNRECEIVED, BaselineEntry, LocalEntry, RemoteObject

_FINE_RESOLUTION_NS = 20_000_000
"""Timestamp resolution of disks that store fractions of a second: one kernel tick."""

_COARSE_RESOLUTION_NS = 2_000_000_000
"""Timestamp resolution of disks that store whole seconds; FAT stores even ones."""


def baseline_row(local: LocalEntry, remote: RemoteObject, digests: Digests, run_started_ns: int) -> BaselineEntry:
    """Return the row of a key that is in sync. `run_started_ns` is before the `stat` of `local`."""
    return BaselineEntry(
        local.key,
        local.mapping_id,
        local.size,
        local.mtime_ns,
        local.ctime_ns,
        local.inode,
        is_racy(local, run_started_ns, time.time_ns()),
        remote.fingerprint,
        digest.format_digests(digest.without_tentative(digests)),
    )


def unreceived_row(local: LocalEntry, remote: RemoteObject, base: BaselineEntry, run_started_ns: int) -> BaselineEntry:
    """Return the row of an object that was edited in the bucket, and whose edit the local path leaves alone.

    Its digests are those of the local content, with a mark, so that an upload keeps the edit like that of a conflict.
    """
    digests = digest.merge(base.digests, (UNRECEIVED,))
    return baseline_row(local, remote, digests, run_started_ns)


def dirty_row(local: LocalEntry, remote: RemoteObject) -> BaselineEntry:
    """Return the row of a file that changed during its upload: it matches the object, and no local file."""
    return BaselineEntry(local.key, local.mapping_id, -1, 0, 0, 0, True, remote.fingerprint, "")


def is_racy(local: LocalEntry, run_started_ns: int, now_ns: int) -> bool:
    """Tell whether an edit after the `stat` of a file may have the same timestamps (git calls such entries racy).

    The `stat` may be as old as the run, since a whole upload may follow it.
    """
    resolution = _FINE_RESOLUTION_NS if local.mtime_ns % 1_000_000_000 else _COARSE_RESOLUTION_NS
    return run_started_ns - resolution < local.mtime_ns < now_ns + resolution
