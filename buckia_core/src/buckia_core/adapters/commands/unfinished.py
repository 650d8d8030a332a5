"""Unfinished multipart uploads: the command of an adapter that lists and aborts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from buckia_core.adapters.commands.host import CommandHost
from buckia_core.adapters.transfers.upload_session import upload_id_from_checkpoint
from buckia_core.planning.manifest import time_from_ns


class UnfinishedUpload(Protocol):
    """A multipart upload that has been started and neither completed nor aborted."""

    @property
    def key(self) -> str:
        """The key of the object that it would create."""

    @property
    def started_ns(self) -> int:
        """When it was started, by the provider's clock, in nanoseconds since 1970."""


U = TypeVar("U", bound=UnfinishedUpload)


def list_or_abort_uploads(
    host: CommandHost,
    uploads: Iterable[U],
    get_id: Callable[[U], str],
    *,
    older_than: timedelta | None = None,
    get_size: Callable[[U], int | None] | None = None,
    abort: Callable[[U], object] | None = None,
    resumable: bool = False,
    yes: bool = False,
) -> int | None:
    """List unfinished uploads, or abort them after confirmation, and return the exit code of the command.

    Args:
        host: The host of the command.
        uploads: All unfinished uploads of the bucket.
        get_id: Returns an upload's id.
        older_than: Only uploads that were started longer ago than this.
        get_size: Returns how many bytes of an upload have arrived, `None` if the user did not ask for it. Left out by
            providers that do not report it.
        abort: Aborts an upload; `None` to list only.
        resumable: Abort also the uploads that the next sync of this project would resume.
        yes: Do not ask.

    Raises:
        AdapterError: The uploads can't be listed or aborted.
    """
    bucket = host.one_bucket().name
    resumable_ids = {upload_id_from_checkpoint(text) for text in host.resumable_uploads().values()}
    found, to_abort = 0, []
    for upload in uploads:
        if older_than is not None and time_from_ns(upload.started_ns) > datetime.now(UTC) - older_than:
            continue
        found += 1
        is_resumable = get_id(upload) in resumable_ids
        if abort is None or not yes:
            size = {} if get_size is None else {"size": get_size(upload)}
            line = _line(upload, get_id(upload), size.get("size"), resumable=is_resumable)
            host.result(_record(bucket, upload, get_id(upload)) | size | {"resumable": is_resumable}, line)
        if not is_resumable or resumable:
            to_abort.append(upload)
    if not found:
        host.note(f"{bucket}: no unfinished uploads")
    elif abort is not None and not to_abort:
        host.note(f"{bucket}: the next sync resumes them; --resumable aborts them too")
    if abort is None or not to_abort:
        return None
    if not host.confirm(f"{len(to_abort)} unfinished uploads in the bucket {bucket} will be aborted. Go on?", yes=yes):
        host.note("Nothing was aborted.")
        return 1
    for upload in to_abort:
        abort(upload)
        record = {"type": "upload_aborted", "bucket": bucket, "key": upload.key, "upload_id": get_id(upload)}
        host.result(record, f"aborted  {upload.key}")
    return None


def _record(bucket: str, upload: UnfinishedUpload, upload_id: str) -> dict[str, object]:
    return {
        "type": "unfinished_upload",
        "bucket": bucket,
        "key": upload.key,
        "upload_id": upload_id,
        "begun": time_from_ns(upload.started_ns).isoformat().replace("+00:00", "Z"),
    }


def _line(upload: UnfinishedUpload, upload_id: str, size: int | None, *, resumable: bool) -> str:
    volume = "" if size is None else f"{size:>14} B  "
    mark = "  (the next sync resumes it)" if resumable else ""
    return f"{time_from_ns(upload.started_ns).astimezone():%Y-%m-%d %H:%M:%S}  {volume}{upload_id}  {upload.key}{mark}"
