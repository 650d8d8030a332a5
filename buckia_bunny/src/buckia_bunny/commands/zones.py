"""`buckia bunny zones`: lists the storage zones of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_bunny.commands.adapter import zone_account

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(bunny: click.Group) -> None:
    """Add the command to the group `bunny`."""

    @bunny.command("zones")
    @click.pass_obj
    def zones_command(host: CommandHost) -> None:
        """List the account's storage zones: region, files, bytes, name, pull zones."""
        with zone_account(host) as (_, account):
            for each in account.storage_zones():
                record = {
                    "type": "storage_zone",
                    "id": each.id,
                    "name": each.name,
                    "region": each.region,
                    "replicas": list(each.replicas),
                    "host": each.host,
                    "files": each.files,
                    "size": each.size,
                    "pull_zones": list(each.pull_zones),
                    "s3": each.s3,
                }
                pull_zones = ", ".join(each.pull_zones) or "-"
                counts = f"{_format_count(each.files):>10} {_format_count(each.size):>15}"
                host.result(record, f"{each.region:<4} {counts}  {each.name}  {pull_zones}")


def _format_count(count: int | None) -> str:
    return "-" if count is None else str(count)
