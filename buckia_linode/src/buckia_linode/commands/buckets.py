"""`buckia linode buckets` and `access`: buckets of the account; ACL and CORS of the configured bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from buckia_core.adapters.commands.options import yes_option
from buckia_core.adapters.commands.table import Cell, Column
from buckia_linode.commands.adapter import linode_adapter, region, resolve_region
from buckia_linode.endpoint_types import EndpointType, require_full_api
from buckia_linode.models import BucketAcl

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_linode.models import LinodeBucket

_COLUMNS = (
    Column("Region"),
    Column("Type"),
    Column("Objects", right=True),
    Column("Bytes", right=True),
    Column("Name", style="bold"),
)
_ACLS = click.Choice([each.value for each in BucketAcl])


def register_commands(linode: click.Group) -> None:
    """Add the commands to the group `linode`."""

    @linode.group("buckets")
    def buckets_group() -> None:
        """List, create and delete buckets."""

    for command in (_add_list, _add_create, _add_delete):
        command(buckets_group)
    _add_access(linode)


def _add_list(buckets: click.Group) -> None:
    @buckets.command("list")
    @click.option("--region", metavar="ID", help="List only the buckets of this region.")
    @click.pass_obj
    def list_command(host: CommandHost, region: str | None) -> None:
        """List the account's buckets: region, type, objects, bytes, name."""
        with linode_adapter(host) as adapter:
            host.table(_COLUMNS, ((_record(each), _cells(each)) for each in adapter.account.buckets(region)))


def _add_create(buckets: click.Group) -> None:
    @buckets.command("create")
    @click.argument("name", required=False)
    @region
    @click.option(
        "--endpoint-type", "kind", type=click.Choice([each.value for each in EndpointType]), help="Endpoint type."
    )
    @click.option("--acl", type=_ACLS, default="private", show_default=True, help="Canned ACL.")
    @click.option("--cors", is_flag=True, help="Let all origins read it (E0 and E1).")
    @click.pass_obj
    def create_command(
        host: CommandHost, name: str | None, region: str | None, kind: str | None, acl: str, cors: bool
    ) -> None:
        """Create bucket NAME, or the configured one. An existing bucket is left unchanged."""
        with linode_adapter(host) as adapter:
            endpoint_type = EndpointType(kind) if kind else None
            if cors:
                require_full_api(endpoint_type, "CORS")
            bucket = adapter.account.create_bucket(
                resolve_region(adapter, region),
                name or adapter.bucket_name,
                acl=BucketAcl(acl),
                cors=cors,
                type=endpoint_type,
            )
            host.result(_record(bucket), f"The bucket {bucket.name} is at https://{bucket.endpoint}.")


def _add_delete(buckets: click.Group) -> None:
    @buckets.command("delete")
    @click.argument("name")
    @region
    @yes_option
    @click.pass_obj
    def delete_command(host: CommandHost, name: str, region: str | None, yes: bool) -> int | None:
        """Delete the empty bucket NAME."""
        with linode_adapter(host) as adapter:
            region_id = resolve_region(adapter, region)
            if not host.confirm(f"The bucket {name} in {region_id} will be deleted. Go on?", yes=yes):
                host.note("Nothing was removed.")
                return 1
            adapter.account.delete_bucket(region_id, name)
            record = {"type": "bucket_removed", "name": name, "region": region_id}
            host.result(record, f"The bucket {name} is removed.")
        return None


def _add_access(linode: click.Group) -> None:
    @linode.command("access")
    @click.option("--acl", type=_ACLS, help="Set the canned ACL.")
    @click.option("--cors/--no-cors", default=None, help="Let all origins read it, or not (E0 and E1).")
    @click.pass_obj
    def access_command(host: CommandHost, acl: str | None, cors: bool | None) -> None:
        """Show the ACL and CORS setting of the configured bucket; with options, set them first."""
        with linode_adapter(host) as adapter:
            if acl is not None or cors is not None:
                adapter.managed.set_access(acl=BucketAcl(acl) if acl else None, cors=cors)
            access = adapter.managed.access()
            origins = {None: "not supported", True: "every origin", False: "no origin, or rules of its own"}
            record = {"type": "access", "name": adapter.bucket_name, "acl": access.acl, "cors": access.cors}
            host.facts(record, (("ACL", access.acl), ("CORS", origins[access.cors])))


def _record(bucket: LinodeBucket) -> dict[str, Any]:
    return {
        "type": "bucket",
        "name": bucket.name,
        "region": bucket.region,
        "endpoint_type": bucket.type,
        "url": f"https://{bucket.endpoint}" if bucket.endpoint else None,
        "hostname": bucket.hostname,
        "created": f"{bucket.created.removesuffix('Z')}Z" if bucket.created else None,
        "objects": bucket.objects,
        "size": bucket.size,
    }


def _cells(bucket: LinodeBucket) -> Sequence[Cell]:
    return bucket.region, bucket.type, bucket.objects, bucket.size, bucket.name
