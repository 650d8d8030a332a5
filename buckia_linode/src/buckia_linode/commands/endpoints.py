"""`buckia linode endpoints` and `usage`: endpoints, quotas and traffic of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.table import Column, Row
from buckia_linode.commands.adapter import linode_adapter
from buckia_linode.endpoint_types import LIMITS

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_linode.models import LinodeEndpoint, Quota

_ENDPOINTS = (Column("Region"), Column("Type"), Column("Requests", right=True), Column("URL"))
_USAGE = (Column("Endpoint"), Column("Used", right=True), Column("Limit"), Column("Quota", style="bold"))


def register_commands(linode: click.Group) -> None:
    """Add the commands to the group `linode`."""

    @linode.command("endpoints")
    @click.pass_obj
    def endpoints_command(host: CommandHost) -> None:
        """List the account's endpoints: region, type, requests per second, URL.

        An endpoint without a URL gets one with the first bucket that is created there.
        """
        with linode_adapter(host) as adapter:
            host.table(_ENDPOINTS, map(_endpoint_row, adapter.account.endpoints()))

    @linode.command("usage")
    @click.pass_obj
    def usage_command(host: CommandHost) -> None:
        """Show the account's quotas, their usage, and the bytes sent this month."""
        with linode_adapter(host) as adapter:
            sent = adapter.account.transfer()
            last = {"type": "transfer", "bytes": sent}, ("sent this month", sent, "byte", "")
            host.table(_USAGE, (*map(_quota_row, adapter.account.quotas()), last))


def _endpoint_row(endpoint: LinodeEndpoint) -> Row:
    limits = LIMITS[endpoint.type] if endpoint.type else None
    record = {
        "type": "endpoint",
        "region": endpoint.region,
        "endpoint_type": endpoint.type,
        "url": endpoint.url,
        "requests_per_second": limits.requests_per_second if limits else None,
        "bucket_bytes": limits.bucket_bytes if limits else None,
        "objects": limits.objects if limits else None,
    }
    rate = f"{limits.requests_per_second}/s" if limits else None
    return record, (endpoint.region, endpoint.type, rate, endpoint.url)


def _quota_row(quota: Quota) -> Row:
    record = {
        "type": "quota",
        "id": quota.id,
        "name": quota.name,
        "endpoint": quota.endpoint,
        "metric": quota.metric,
        "limit": quota.limit,
        "used": quota.used,
    }
    return record, (quota.endpoint, quota.used, f"of {quota.limit} {quota.metric}", quota.name)
