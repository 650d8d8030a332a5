"""JSON records of the output, one per line. Their fields are documented in `docs/cli.md`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from buckia_core.cli.terminal.formatting import time_or_none
from buckia_core.cli.terminal.output import Record
from buckia_core.planning.digest import without_tentative
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.plan import Action, Operation

if TYPE_CHECKING:
    from buckia_core.syncing.events import Status, SyncResult

_DOCUMENTED = {"keep_both": "conflict", "refuse": "skip", "unresolved": "planned"}
"""Values of actions and statuses that the documented format writes as another one."""


def operation(bucket: str, operation: Operation, path: str | None, status: Status, error: str | None = None) -> Record:
    """Build the record of an operation, done or planned."""
    return {
        "type": "operation",
        "bucket": bucket,
        "action": _documented(operation.action),
        "key": operation.key,
        "path": path,
        "size": operation.size,
        "reason": operation.explanation,
        "status": _documented(status),
        "error": error,
    }


def _documented(member: Action | Status) -> str:
    value: str = member.value
    return _DOCUMENTED.get(value, value)


def notice(bucket: str, message: str) -> Record:
    """Build the record of a notice: information that is not an error."""
    return {"type": "notice", "bucket": bucket, "message": message}


def summary(result: SyncResult, *, kind: str = "summary") -> dict[str, object]:
    """Build the record with the counts of a run."""
    return {
        "type": kind,
        "bucket": result.bucket,
        "dry_run": result.dry_run,
        "uploaded": result.uploaded,
        "downloaded": result.downloaded,
        "deleted_local": result.deleted_local,
        "deleted_remote": result.deleted_remote,
        "moved": result.moved,
        "adopted": result.adopted,
        "conflicts": result.conflicts,
        "failed": result.failed,
        "skipped": result.skipped,
        "unchanged": result.unchanged,
        "bytes_up": result.bytes_up,
        "bytes_down": result.bytes_down,
        "requests": result.requests,
        "seconds": round(result.seconds, 3),
    }


def remote_object(bucket: str, found: RemoteObject) -> dict[str, object]:
    """Build the record of an object in a bucket."""
    return {
        "type": "object",
        "bucket": bucket,
        "key": found.key,
        "size": found.size,
        "modified": iso_time_ns(found.modified_ns or None),
        "mtime": iso_time_ns(found.mtime_ns),
        "fingerprint": found.fingerprint,
        "digests": {digest.algorithm: digest.value for digest in without_tentative(found.digests)},
        "claimed": {digest.algorithm: digest.value for digest in found.claimed},
        "version": found.version,
        "content_type": found.content_type,
        "metadata": None if found.metadata is None else dict(found.metadata),
    }


def iso_time_ns(time_ns: int | None) -> str | None:
    """Format nanoseconds since 1970 as ISO 8601 in UTC; `None` if unset or outside of the range of `datetime`."""
    return None if time_ns is None else iso_time(time_or_none(time_ns))


def iso_time(time: datetime | None) -> str | None:
    """Format a time as ISO 8601 in UTC."""
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
