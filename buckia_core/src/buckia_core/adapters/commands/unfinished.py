"""What adapters' commands show of uploads in parts that were begun and not finished, and how they abort them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from buckia_core.adapters.commands.host import CommandHost
from buckia_core.adapters.transfers.upload_session import upload_id_from_checkpoint

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnfinishedUpload(Protocol):
    """An upload that is not finished."""

    @property
    def key(self) -> str:
        """What it would become."""

    @property
    def begun_ns(self) -> int:
        """When it was begun, by the provider's clock; nanoseconds since 1970."""


U = TypeVar("U", bound=UnfinishedUpload)


def list_or_abort_uploads(
    host: CommandHost,
    uploads: Iterable[U],
    id_of: Callable[[U], str],
    *,
    older_than: timedelta | None = None,
    size_of: Callable[[U], int | None] | None = None,
    abort: Callable[[U], object] | None = None,
    resumable: bool = False,
    yes: bool = False,
) -> int | None:
    """List unfinished uploads, or abort them, and return the exit code of the command.

    Args:
        host: What the command was handed.
        uploads: Those of the bucket.
        id_of: Returns the provider's id of one.
        older_than: Only those that were begun longer ago.
        size_of: Returns how many bytes of one are there, `None` if nobody asked; left out where that can't be told.
        abort: Aborts one; left out to list them only.
        resumable: Abort those too that the next sync of this project would go on with.
        yes: Do not ask.

    Raises:
        AdapterError: They can't be listed or aborted.
    """
    bucket = host.one_bucket().name
    kept = {upload_id_from_checkpoint(text) for text in host.kept_uploads().values()}
    found, doomed = 0, []
    for upload in uploads:
        if older_than is not None and _begun(upload) > datetime.now(UTC) - older_than:
            continue
        found += 1
        spared = id_of(upload) in kept
        if abort is None or not yes:
            size = {} if size_of is None else {"size": size_of(upload)}
            line = _line(upload, id_of(upload), size.get("size"), resumable=spared)
            host.result(_record(bucket, upload, id_of(upload)) | size | {"resumable": spared}, line)
        if not spared or resumable:
            doomed.append(upload)
    if not found:
        host.note(f"{bucket}: no unfinished uploads")
    elif abort is not None and not doomed:
        host.note(f"{bucket}: the next sync goes on with them; --resumable aborts them all the same")
    if abort is None or not doomed:
        return None
    if not host.confirm(f"{len(doomed)} unfinished uploads in the bucket {bucket} will be aborted. Go on?", yes=yes):
        host.note("Nothing was aborted.")
        return 1
    for upload in doomed:
        abort(upload)
        record = {"type": "upload_aborted", "bucket": bucket, "key": upload.key, "upload_id": id_of(upload)}
        host.result(record, f"aborted  {upload.key}")
    return None


def _begun(upload: UnfinishedUpload) -> datetime:
    return _EPOCH + timedelta(microseconds=upload.begun_ns // 1000)


def _record(bucket: str, upload: UnfinishedUpload, upload_id: str) -> dict[str, object]:
    return {
        "type": "unfinished_upload",
        "bucket": bucket,
        "key": upload.key,
        "upload_id": upload_id,
        "begun": _begun(upload).isoformat().replace("+00:00", "Z"),
    }


def _line(upload: UnfinishedUpload, upload_id: str, size: int | None, *, resumable: bool) -> str:
    volume = "" if size is None else f"{size:>14} B  "
    mark = "  (the next sync goes on with it)" if resumable else ""
    return f"{_begun(upload).astimezone():%Y-%m-%d %H:%M:%S}  {volume}{upload_id}  {upload.key}{mark}"
