"""`buckia bunny statistics`: shows requests, traffic and the cache hit rate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from buckia_bunny.commands.adapter import zone_account

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost

_DAY = click.DateTime(["%Y-%m-%d"])


def register_commands(bunny: click.Group) -> None:
    """Add the command to the group `bunny`."""

    @bunny.command("statistics")
    @click.option("--from", "begin", type=_DAY, metavar="YYYY-MM-DD", help="First day; thirty days ago by default.")
    @click.option("--to", "end", type=_DAY, metavar="YYYY-MM-DD", help="Last day; today by default.")
    @click.option("--all", "everything", is_flag=True, help="Include all pull zones, not only the configured one.")
    @click.pass_obj
    def statistics_command(host: CommandHost, begin: datetime | None, end: datetime | None, everything: bool) -> None:
        """Show requests, bytes and the cache hit rate."""
        from buckia_bunny.account.models import Period  # noqa: PLC0415  # as the account

        with zone_account(host) as (settings, account):
            name = None if everything else settings.pull_zone
            zone = None if name is None else account.pull_zone(name)
            found = account.statistics(zone.id if zone else None, Period(_utc(begin), _utc(end)))
            record = {
                "type": "statistics",
                "pull_zone": zone.name if zone else None,
                "requests": found.requests,
                "bytes": found.bytes,
                "origin_bytes": found.origin_bytes,
                "cache_hit_rate": found.cache_hit_rate,
            }
            facts = (
                ("requests", found.requests),
                ("bytes", found.bytes),
                ("from the origin", found.origin_bytes),
                ("from the cache", f"{found.cache_hit_rate:.1f}%"),
            )
            host.facts(record, facts)


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)
