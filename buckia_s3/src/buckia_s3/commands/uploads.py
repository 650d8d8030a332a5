"""`buckia s3 uploads`: what large uploads have left on the server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from buckia_s3.commands.opening import s3_adapter
from buckia_s3.commands.times import span

if TYPE_CHECKING:
    from buckia_core.adapters.commands import CommandHost
    from buckia_s3.sync import S3Sync
    from buckia_s3.unfinished import UnfinishedUpload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add_to(s3: click.Group) -> None:
    """Add the command to the group `s3`."""

    @s3.command("uploads")
    @click.argument("prefix", default="")
    @click.option("--older-than", metavar="AGE", callback=span, help="Only those begun longer ago, such as 12h or 7d.")
    @click.option("--sizes", is_flag=True, help="How much of each is there; costs a request for each.")
    @click.option("--abort", is_flag=True, help="Throw away what is there of them.")
    @click.option("--resumable", is_flag=True, help="Abort also what the next sync of this project would go on with.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_obj
    def uploads_command(
        host: CommandHost,
        prefix: str,
        older_than: timedelta | None,
        sizes: bool,
        abort: bool,
        resumable: bool,
        yes: bool,
    ) -> int | None:
        """List uploads in parts that were begun and not finished.

        Those to keys that start with PREFIX. Listings do not show them, and they are paid for until they are aborted.
        """
        if resumable and not abort:
            raise click.UsageError("--resumable goes with --abort.")
        bucket = host.one_bucket().name
        with s3_adapter(host) as adapter:
            kept = _kept(host)
            found, doomed = 0, []
            for upload in adapter.unfinished.all(prefix):
                if older_than is not None and _begun(upload) > datetime.now(UTC) - older_than:
                    continue
                found += 1
                spared = upload.upload_id in kept
                size = adapter.unfinished.size(upload) if sizes else None
                if not (abort and yes):
                    host.result(_record(bucket, upload, size, resumable=spared), _line(upload, size, spared))
                if not spared or resumable:
                    doomed.append(upload)
            if not found:
                host.note(f"{bucket}: no unfinished uploads")
            elif abort and not doomed:
                host.note(f"{bucket}: the next sync goes on with them; --resumable aborts them all the same")
            return _abort(host, adapter, doomed, yes=yes) if abort and doomed else None


def _abort(host: CommandHost, adapter: S3Sync, doomed: list[UnfinishedUpload], *, yes: bool) -> int | None:
    bucket = host.one_bucket().name
    if not host.confirm(f"{len(doomed)} unfinished uploads in the bucket {bucket} will be aborted. Go on?", yes=yes):
        host.note("Nothing was aborted.")
        return 1
    for upload in doomed:
        adapter.unfinished.abort(upload)
        record = {"type": "upload_aborted", "bucket": bucket, "key": upload.key, "upload_id": upload.upload_id}
        host.result(record, f"aborted  {upload.key}")
    return None


def _kept(host: CommandHost) -> set[str | None]:
    """Return the ids of the uploads that a sync of this project goes on with."""
    from buckia_core.adapters.begun import upload_id_of  # noqa: PLC0415  # only this command needs it

    return {upload_id_of(text) for text in host.kept_uploads().values()}


def _begun(upload: UnfinishedUpload) -> datetime:
    return _EPOCH + timedelta(microseconds=upload.begun_ns // 1000)


def _record(bucket: str, upload: UnfinishedUpload, size: int | None, *, resumable: bool) -> dict[str, object]:
    return {
        "type": "unfinished_upload",
        "bucket": bucket,
        "key": upload.key,
        "upload_id": upload.upload_id,
        "begun": _begun(upload).isoformat().replace("+00:00", "Z"),
        "size": size,
        "resumable": resumable,
    }


def _line(upload: UnfinishedUpload, size: int | None, resumable: bool) -> str:
    volume = "" if size is None else f"{size:>14} B  "
    mark = "  (the next sync goes on with it)" if resumable else ""
    return f"{_begun(upload).astimezone():%Y-%m-%d %H:%M:%S}  {volume}{upload.upload_id}  {upload.key}{mark}"
