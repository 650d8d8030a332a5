"""`buckia b2 unfinished`: lists and aborts unfinished large files."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from buckia_b2.commands.adapter import duration, native, yes

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(b2: click.Group) -> None:
    """Add the command to the group `b2`."""

    @b2.command("unfinished")
    @click.argument("prefix", default="")
    @click.option(
        "--older-than", metavar="AGE", callback=duration, help="Only uploads older than this, such as 12h or 7d."
    )
    @click.option("--abort", is_flag=True, help="Abort them.")
    @click.option(
        "--resumable", is_flag=True, help="Also abort uploads that the next sync of this project would resume."
    )
    @yes
    @click.pass_obj
    def unfinished_command(
        host: CommandHost, prefix: str, older_than: timedelta | None, abort: bool, resumable: bool, yes: bool
    ) -> int | None:
        """List unfinished large files whose keys start with PREFIX.

        They do not appear in listings, and are billed until they are aborted.
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
