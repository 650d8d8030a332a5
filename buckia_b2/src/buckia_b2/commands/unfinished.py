"""`buckia b2 unfinished`: lists and aborts unfinished large files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_b2.commands.adapter import native
from buckia_core.adapters.commands.options import unfinished_uploads_options

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(b2: click.Group) -> None:
    """Add the command to the group `b2`."""

    @b2.command("unfinished")
    @unfinished_uploads_options
    @click.pass_obj
    def unfinished_command(host: CommandHost, /, prefix: str, **options: Any) -> int | None:
        """List unfinished large files whose keys start with PREFIX.

        They do not appear in listings, and are billed until they are aborted.
        """
        from buckia_core.adapters.commands.unfinished import list_or_abort_uploads  # noqa: PLC0415  # when a command runs

        with native(host) as api:
            return list_or_abort_uploads(host, api.unfinished(prefix), api.abort, **options)
