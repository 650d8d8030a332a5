"""`buckia b2 info`: shows the bucket and the capabilities of the application key."""

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
        """Show the bucket (type, encryption, locks, rules) and the capabilities of the application key."""
        with native(host) as api:
            bucket = api.info()
            capabilities = sorted(api.capabilities)
            lock = {None: _HIDDEN, True: f"on, by default {bucket.retention}", False: "off"}[bucket.lock]
            facts = (
                ("bucket", f"{bucket.name} ({bucket.id})"),
                ("access", bucket.access),
                ("encryption", bucket.encryption or _HIDDEN),
                ("object lock", lock),
                ("lifecycle", f"{len(bucket.lifecycle)} rules"),
                ("CORS", f"{len(bucket.cors)} rules"),
                ("key may", ", ".join(capabilities)),
            )
            host.facts({"type": "bucket", **asdict(bucket), "key_capabilities": capabilities}, facts)
