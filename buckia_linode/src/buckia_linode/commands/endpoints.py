"""`buckia linode endpoints` and `usage`: endpoints, quotas and traffic of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_linode.commands.adapter import linode_adapter
from buckia_linode.endpoint_types import LIMITS

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(linode: click.Group) -> None:
    """Add the commands to the group `linode`."""

    @linode.command("endpoints")
    @click.pass_obj
    def endpoints_command(host: CommandHost) -> None:
        """List the account's endpoints: region, type, requests per second, URL.

        An endpoint without a URL gets one with the first bucket that is created there.
        """
        with linode_adapter(host) as adapter:
            for each in adapter.account.endpoints():
                limits = LIMITS[each.type] if each.type else None
                record = {
                    "type": "endpoint",
                    "region": each.region,
                    "endpoint_type": each.type,
                    "url": each.url,
                    "requests_per_second": limits.requests_per_second if limits else None,
                    "bucket_bytes": limits.bucket_bytes if limits else None,
                    "objects": limits.objects if limits else None,
                }
                rate = f"{limits.requests_per_second}/s" if limits else "-"
                host.result(record, f"{each.region:<14} {each.type or '-':<3} {rate:>6}  {each.url or '-'}")

    @linode.command("usage")
    @click.pass_obj
    def usage_command(host: CommandHost) -> None:
        """Show the account's quotas, their usage, and the bytes sent this month."""
        with linode_adapter(host) as adapter:
            for each in adapter.account.quotas():
                record = {
                    "type": "quota",
                    "id": each.id,
                    "name": each.name,
                    "endpoint": each.endpoint,
                    "metric": each.metric,
                    "limit": each.limit,
                    "used": each.used,
                }
                used = "-" if each.used is None else str(each.used)
                host.result(record, f"{each.endpoint:<34} {used:>14} of {each.limit} {each.metric}  {each.name}")
            sent = adapter.account.transfer()
            host.result({"type": "transfer", "bytes": sent}, f"{'sent this month':<34} {sent:>14} byte")
