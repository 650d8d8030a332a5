"""`buckia b2 unfinished`: what large uploads have left on the server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from buckia_b2.commands.adapter import duration, native

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(b2: click.Group) -> None:
    """Add the command to the group `b2`."""

    @b2.command("unfinished")
    @click.argument("prefix", default="")
    @click.option(
        "--older-than", metavar="AGE", callback=duration, help="Only those begun longer ago, such as 12h or 7d."
    )
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
        from buckia_core.adapters.commands.unfinished import list_or_abort_uploads  # noqa: PLC0415  # when a command runs

        if resumable and not abort:
            raise click.UsageError("--resumable goes with --abort.")
        with native(host) as api:
            return list_or_abort_uploads(
                host,
                api.unfinished(prefix),
                lambda file: file.file_id,
                older_than=older_than,
                abort=api.abort if abort else None,
                resumable=resumable,
                yes=yes,
            )
