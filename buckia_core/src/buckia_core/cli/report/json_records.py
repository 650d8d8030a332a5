"""Lines of JSON: what each kind of thing looks like to a program. Their fields are documented in `docs/cli.md`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from buckia_core.cli.terminal.formatting import time_from_ns
from buckia_core.cli.terminal.output import Record
from buckia_core.planning.digest import without_tentative
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.plan import Action, Operation

if TYPE_CHECKING:
    from buckia_core.syncing.events import Status, SyncResult

_DOCUMENTED = {"keep_both": "conflict", "refuse": "skip", "unresolved": "planned"}
"""Values of actions and statuses that the documented format writes as another one."""


def operation(bucket: str, operation: Operation, path: str | None, status: Status, error: str | None = None) -> Record:
    """Return an operation of a run, done or planned."""
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
    """Return something that a person should know and that is no failure."""
    return {"type": "notice", "bucket": bucket, "message": message}


def summary(result: SyncResult, *, kind: str = "summary") -> dict[str, object]:
    """Return the counts of one bucket's run."""
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
    """Return one object of a bucket."""
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


def iso_time_ns(since_1970: int | None) -> str | None:
    """Return a time as ISO 8601 in UTC; `None` where there is none, or none that a calendar reaches."""
    return None if since_1970 is None else iso_time(time_from_ns(since_1970))


def iso_time(time: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC."""
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
