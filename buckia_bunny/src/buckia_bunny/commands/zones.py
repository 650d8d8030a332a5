"""`buckia bunny zones`: lists the storage zones of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_bunny.commands.adapter import zone_account
from buckia_core.adapters.commands.table import Column, Row

if TYPE_CHECKING:
    from buckia_bunny.account.models import StorageZone
    from buckia_core.adapters.commands.host import CommandHost

_COLUMNS = (
    Column("Region"),
    Column("Files", right=True),
    Column("Bytes", right=True),
    Column("Name", style="bold"),
    Column("Pull zones"),
)


def register_commands(bunny: click.Group) -> None:
    """Add the command to the group `bunny`."""

    @bunny.command("zones")
    @click.pass_obj
    def zones_command(host: CommandHost) -> None:
        """List the account's storage zones: region, files, bytes, name, pull zones."""
        with zone_account(host) as (_, account):
            host.table(_COLUMNS, map(_row, account.storage_zones()))


def _row(zone: StorageZone) -> Row:
    record = {
        "type": "storage_zone",
        "id": zone.id,
        "name": zone.name,
        "region": zone.region,
        "replicas": list(zone.replicas),
        "host": zone.host,
        "files": zone.files,
        "size": zone.size,
        "pull_zones": list(zone.pull_zones),
        "s3": zone.s3,
    }
    return record, (zone.region, zone.files, zone.size, zone.name, ", ".join(zone.pull_zones) or None)
