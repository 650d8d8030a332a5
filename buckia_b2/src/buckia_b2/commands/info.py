"""`buckia b2 info`: the bucket, and what the application key may do with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from buckia_b2.commands.adapter import native

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost

_HIDDEN = "the key may not see it"


def register_commands(b2: click.Group) -> None:
    """Add the command to the group `b2`."""

    @b2.command("info")
    @click.pass_obj
    def info_command(host: CommandHost) -> None:
        """Show the bucket: type, encryption, locks, rules; and what the application key may do."""
        with native(host) as api:
            facts = api.facts()
            capabilities = sorted(api.capabilities)
            lock = {None: _HIDDEN, True: f"on, by default {facts.retention}", False: "off"}[facts.lock]
            host.result(
                {"type": "bucket", **asdict(facts), "key_capabilities": capabilities},
                f"bucket       {facts.name} ({facts.id})",
                f"access       {facts.access}",
                f"encryption   {facts.encryption or _HIDDEN}",
                f"object lock  {lock}",
                f"lifecycle    {len(facts.lifecycle)} rules",
                f"CORS         {len(facts.cors)} rules",
                f"key may      {', '.join(capabilities)}",
            )
