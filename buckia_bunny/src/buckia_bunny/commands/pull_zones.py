"""`buckia bunny pull-zones`: lists, creates and links pull zones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_bunny.commands.adapter import require_pull_zone, zone_account
from buckia_core.adapters.commands.options import yes_option
from buckia_core.adapters.commands.table import Column

if TYPE_CHECKING:
    from buckia_bunny.account.models import PullZone
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(bunny: click.Group) -> None:
    """Add the commands to the group `bunny`."""

    @bunny.group("pull-zones")
    def pull_zones_group() -> None:
        """List, create and link pull zones."""

    for command in (_add_list, _add_create, _add_link):
        command(pull_zones_group)


def _add_list(pull_zones: click.Group) -> None:
    @pull_zones.command("list")
    @click.pass_obj
    def list_command(host: CommandHost) -> None:
        """List the account's pull zones: number, name, host names."""
        with zone_account(host) as (_, account):
            columns = (Column("Id", right=True), Column("Name", style="bold"), Column("Hosts"))
            host.table(
                columns, ((_record(each), (each.id, each.name, ", ".join(each.hosts))) for each in account.pull_zones())
            )


def _add_create(pull_zones: click.Group) -> None:
    @pull_zones.command("create")
    @click.argument("name", required=False)
    @click.pass_obj
    def create_command(host: CommandHost, name: str | None) -> None:
        """Create a pull zone in front of the configured storage zone: NAME, or the configured pull zone."""
        with zone_account(host) as (settings, account):
            zone = account.storage_zone(settings.zone)
            created = account.create_pull_zone(name or require_pull_zone(settings), zone.id)
            host.result(
                _record(created), f"The pull zone {created.name} serves {zone.name} at https://{created.hosts[0]}."
            )


def _add_link(pull_zones: click.Group) -> None:
    @pull_zones.command("link")
    @click.argument("name", required=False)
    @yes_option
    @click.pass_obj
    def link_command(host: CommandHost, name: str | None, yes: bool) -> int | None:
        """Make the configured storage zone the origin of an existing pull zone."""
        with zone_account(host) as (settings, account):
            zone = account.storage_zone(settings.zone)
            found = account.pull_zone(name or require_pull_zone(settings))
            question = f"The pull zone {found.name} will serve {zone.name} and nothing else. Go on?"
            if found.storage_zone != zone.id:
                if not host.confirm(question, yes=yes):
                    host.note("Nothing was changed.")
                    return 1
                found = account.link_pull_zone(found.id, zone.id)
            host.result(_record(found), f"The pull zone {found.name} serves {zone.name}.")
        return None


def _record(zone: PullZone) -> dict[str, Any]:
    return {
        "type": "pull_zone",
        "id": zone.id,
        "name": zone.name,
        "hosts": list(zone.hosts),
        "storage_zone": zone.storage_zone,
        "origin": zone.origin or None,
        "signed": zone.signed,
    }
