"""Unfinished multipart uploads: the command of an adapter that lists and aborts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import click

from buckia_core.adapters.commands.host import CommandHost
from buckia_core.adapters.commands.table import Column, Row
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
    found = [
        each
        for each in uploads
        if older_than is None or time_from_ns(each.started_ns) <= datetime.now(UTC) - older_than
    ]
    to_abort = [each for each in found if resumable or each.upload_id not in resumable_ids]

    def row(upload: UnfinishedUpload) -> Row:
        is_resumable = upload.upload_id in resumable_ids
        size = {} if get_size is None else {"size": get_size(upload)}
        started = f"{time_from_ns(upload.started_ns).astimezone():%Y-%m-%d %H:%M:%S}"
        key = f"{upload.key} (the next sync resumes it)" if is_resumable else upload.key
        record = _record(bucket, upload) | size | {"resumable": is_resumable}
        return record, (started, *size.values(), upload.upload_id, key)

    if not abort or not yes:
        sizes = () if get_size is None else (Column("Bytes", right=True),)
        host.table((Column("Started"), *sizes, Column("Id"), Column("Key", style="bold")), map(row, found))
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
