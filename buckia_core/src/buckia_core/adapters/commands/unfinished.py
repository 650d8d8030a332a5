"""Unfinished multipart uploads: the command of an adapter that lists and aborts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import click

from buckia_core.adapters.commands.host import CommandHost
from buckia_core.adapters.transfers.upload_session import UnfinishedUpload, upload_id_from_checkpoint
from buckia_core.planning.manifest import time_from_ns


def list_or_abort_uploads(
    host: CommandHost,
    uploads: Iterable[UnfinishedUpload],
    abort_upload: Callable[[UnfinishedUpload], object],
    *,
    older_than: timedelta | None = None,
    get_size: Callable[[UnfinishedUpload], int | None] | None = None,
    abort: bool = False,
    resumable: bool = False,
    yes: bool = False,
) -> int | None:
    """List unfinished uploads, or abort them after confirmation, and return the exit code of the command.

    Args:
        host: The host of the command.
        uploads: All unfinished uploads of the bucket.
        abort_upload: Aborts an upload.
        older_than: Only uploads that were started longer ago than this.
        get_size: Returns how many bytes of an upload have arrived, `None` if the user did not ask for it. Left out by
            providers that do not report it.
        abort: Abort the uploads, instead of listing them.
        resumable: Abort also the uploads that the next sync of this project would resume.
        yes: Do not ask.

    Raises:
        click.UsageError: `resumable` without `abort`.
        AdapterError: The uploads can't be listed or aborted.
    """
    if resumable and not abort:
        raise click.UsageError("--resumable goes with --abort.")
    bucket = host.one_bucket().name
    resumable_ids = {upload_id_from_checkpoint(text) for text in host.resumable_uploads().values()}
    found, to_abort = 0, []
    for upload in uploads:
        if older_than is not None and time_from_ns(upload.started_ns) > datetime.now(UTC) - older_than:
            continue
        found += 1
        is_resumable = upload.upload_id in resumable_ids
        if not abort or not yes:
            size = {} if get_size is None else {"size": get_size(upload)}
            line = _line(upload, size.get("size"), resumable=is_resumable)
            host.result(_record(bucket, upload) | size | {"resumable": is_resumable}, line)
        if not is_resumable or resumable:
            to_abort.append(upload)
    if not found:
        host.note(f"{bucket}: no unfinished uploads")
    elif abort and not to_abort:
        host.note(f"{bucket}: the next sync resumes them; --resumable aborts them too")
    if not abort or not to_abort:
        return None
    if not host.confirm(f"{len(to_abort)} unfinished uploads in the bucket {bucket} will be aborted. Go on?", yes=yes):
        host.note("Nothing was aborted.")
        return 1
    for upload in to_abort:
        abort_upload(upload)
        record = {"type": "upload_aborted", "bucket": bucket, "key": upload.key, "upload_id": upload.upload_id}
        host.result(record, f"aborted  {upload.key}")
    return None


def _record(bucket: str, upload: UnfinishedUpload) -> dict[str, object]:
    return {
        "type": "unfinished_upload",
        "bucket": bucket,
        "key": upload.key,
        "upload_id": upload.upload_id,
        "begun": time_from_ns(upload.started_ns).isoformat().replace("+00:00", "Z"),
    }


def _line(upload: UnfinishedUpload, size: int | None, *, resumable: bool) -> str:
    volume = "" if size is None else f"{size:>14} B  "
    mark = "  (the next sync resumes it)" if resumable else ""
    started = f"{time_from_ns(upload.started_ns).astimezone():%Y-%m-%d %H:%M:%S}"
    return f"{started}  {volume}{upload.upload_id}  {upload.key}{mark}"
