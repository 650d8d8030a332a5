"""`buckia b2 unfinished`: what large uploads have left on the server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from buckia_b2.commands.opening import native, span

if TYPE_CHECKING:
    from buckia_b2.native import Native, Unfinished
    from buckia_core.adapters.commands import CommandHost

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add_to(b2: click.Group) -> None:
    """Add the command to the group `b2`."""

    @b2.command("unfinished")
    @click.argument("prefix", default="")
    @click.option("--older-than", metavar="AGE", callback=span, help="Only those begun longer ago, such as 12h or 7d.")
    @click.option("--abort", is_flag=True, help="Throw away what is there of them.")
    @click.option("--resumable", is_flag=True, help="Abort also what the next sync of this project would go on with.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_obj
    def unfinished_command(
        host: CommandHost, prefix: str, older_than: timedelta | None, abort: bool, resumable: bool, yes: bool
    ) -> int | None:
        """List large files that were begun and not finished.

        Those to keys that start with PREFIX. Listings do not show them, and they are paid for until they are aborted.
        """
        if resumable and not abort:
            raise click.UsageError("--resumable goes with --abort.")
        bucket = host.one_bucket().name
        with native(host) as api:
            kept, doomed = _kept(host), []
            for file in api.unfinished(prefix):
                if older_than is not None and _begun(file) > datetime.now(UTC) - older_than:
                    continue
                spared = file.file_id in kept
                if not (abort and yes):
                    host.result(_record(bucket, file, resumable=spared), _line(file, resumable=spared))
                if not spared or resumable:
                    doomed.append(file)
            if not doomed:
                host.note(f"{bucket}: no unfinished uploads" + (" to abort" if abort else ""))
                return None
            return _abort(host, api, doomed, yes=yes) if abort else None


def _abort(host: CommandHost, api: Native, doomed: list[Unfinished], *, yes: bool) -> int | None:
    bucket = host.one_bucket().name
    if not host.confirm(f"{len(doomed)} unfinished uploads in the bucket {bucket} will be aborted. Go on?", yes=yes):
        host.note("Nothing was aborted.")
        return 1
    for file in doomed:
        api.abort(file)
        record = {"type": "upload_aborted", "bucket": bucket, "key": file.key, "upload_id": file.file_id}
        host.result(record, f"aborted  {file.key}")
    return None


def _kept(host: CommandHost) -> set[str | None]:
    """Return the ids of the large files that a sync of this project goes on with."""
    from buckia_core.adapters.begun import upload_id_of  # noqa: PLC0415  # only this command needs it

    return {upload_id_of(text) for text in host.kept_uploads().values()}


def _begun(file: Unfinished) -> datetime:
    return _EPOCH + timedelta(microseconds=file.begun_ns // 1000)


def _record(bucket: str, file: Unfinished, *, resumable: bool) -> dict[str, object]:
    return {
        "type": "unfinished_upload",
        "bucket": bucket,
        "key": file.key,
        "upload_id": file.file_id,
        "begun": _begun(file).isoformat().replace("+00:00", "Z"),
        "resumable": resumable,
    }


def _line(file: Unfinished, *, resumable: bool) -> str:
    mark = "  (the next sync goes on with it)" if resumable else ""
    return f"{_begun(file).astimezone():%Y-%m-%d %H:%M:%S}  {file.file_id}  {file.key}{mark}"
