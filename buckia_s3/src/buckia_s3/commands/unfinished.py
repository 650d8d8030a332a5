"""`buckia s3 uploads`: unfinished multipart uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.adapters.commands.options import unfinished_uploads_options
from buckia_s3.commands.adapter import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_core.adapters.transfers.upload_session import UnfinishedUpload


def register_commands(s3: click.Group) -> None:
    """Add the command to the group `s3`."""

    @s3.command("uploads")
    @unfinished_uploads_options
    @click.option("--sizes", is_flag=True, help="Show uploaded bytes; costs a request per upload.")
    @click.pass_obj
    def uploads_command(host: CommandHost, /, prefix: str, sizes: bool, **options: Any) -> int | None:
        """List unfinished multipart uploads to keys that start with PREFIX.

        Object listings do not show them, and their parts are billed until they are aborted.
        """
        from buckia_core.adapters.commands.unfinished import list_or_abort_uploads  # noqa: PLC0415  # when a command runs

        with s3_adapter(host) as adapter:
            unfinished = adapter.unfinished

            def size_of(upload: UnfinishedUpload) -> int | None:
                return unfinished.size(upload) if sizes else None

            return list_or_abort_uploads(host, unfinished.all(prefix), unfinished.abort, get_size=size_of, **options)
