"""`buckia s3 uploads`: unfinished multipart uploads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from buckia_s3.commands.adapter import duration, s3_adapter, yes

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.operations.unfinished_uploads import UnfinishedUpload


def register_commands(s3: click.Group) -> None:
    """Add the command to the group `s3`."""

    @s3.command("uploads")
    @click.argument("prefix", default="")
    @click.option(
        "--older-than", metavar="AGE", callback=duration, help="Only those started longer ago, such as 12h or 7d."
    )
    @click.option("--sizes", is_flag=True, help="Show uploaded bytes; costs a request per upload.")
    @click.option("--abort", is_flag=True, help="Abort them, and delete their parts.")
    @click.option("--resumable", is_flag=True, help="Also abort those that the next sync of this project would resume.")
    @yes
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
        """List unfinished multipart uploads to keys that start with PREFIX.

        Object listings do not show them, and their parts are billed until they are aborted.
        """
        from buckia_core.adapters.commands.unfinished import list_or_abort_uploads  # noqa: PLC0415  # when a command runs

        if resumable and not abort:
            raise click.UsageError("--resumable goes with --abort.")
        with s3_adapter(host) as adapter:
            unfinished = adapter.unfinished

            def size_of(upload: UnfinishedUpload) -> int | None:
                return unfinished.size(upload) if sizes else None

            return list_or_abort_uploads(
                host,
                unfinished.all(prefix),
                lambda upload: upload.upload_id,
                older_than=older_than,
                get_size=size_of,
                abort=unfinished.abort if abort else None,
                resumable=resumable,
                yes=yes,
            )
