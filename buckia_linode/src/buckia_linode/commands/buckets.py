"""`buckia linode buckets` and `access`: the buckets of the account, and who may do what with the configured one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_linode.commands.adapter import linode_adapter, region, region_of, yes
from buckia_linode.endpoint_types import EndpointType, require_full_api
from buckia_linode.models import BucketAcl

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_linode.models import LinodeBucket

_ACLS = click.Choice([each.value for each in BucketAcl])


def register_commands(linode: click.Group) -> None:
    """Add the commands to the group `linode`."""

    @linode.group("buckets")
    def buckets_group() -> None:
        """List, make and remove buckets."""

    for command in (_add_list, _add_create, _add_delete):
        command(buckets_group)
    _add_access(linode)


def _add_list(buckets: click.Group) -> None:
    @buckets.command("list")
    @click.option("--region", metavar="ID", help="Only those of this region.")
    @click.pass_obj
    def list_command(host: CommandHost, region: str | None) -> None:
        """List the account's buckets: region, type, objects, bytes, name."""
        with linode_adapter(host) as adapter:
            for each in adapter.account.buckets(region):
                type_ = each.type or "-"
                host.result(
                    _record(each),
                    f"{each.region:<14} {type_:<3} {_shown(each.objects):>10} {_shown(each.size):>15}  {each.name}",
                )


def _add_create(buckets: click.Group) -> None:
    @buckets.command("create")
    @click.argument("name", required=False)
    @region
    @click.option("--endpoint-type", "kind", type=click.Choice([each.value for each in EndpointType]), help="Its type.")
    @click.option("--acl", type=_ACLS, default="private", show_default=True, help="Who may do what.")
    @click.option("--cors", is_flag=True, help="Let pages of every origin read it (E0 and E1).")
    @click.pass_obj
    def create_command(
        host: CommandHost, name: str | None, region: str | None, kind: str | None, acl: str, cors: bool
    ) -> None:
        """Make a bucket: NAME, or the one that the configuration names. One that is there stays as it is."""
        with linode_adapter(host) as adapter:
            wanted = EndpointType(kind) if kind else None
            if cors:
                require_full_api(wanted, "CORS", provider=adapter.provider)
            made = adapter.account.create_bucket(
                region_of(adapter, region), name or adapter.bucket_name, acl=BucketAcl(acl), cors=cors, type=wanted
            )
            host.result(_record(made), f"The bucket {made.name} is at https://{made.endpoint}.")


def _add_delete(buckets: click.Group) -> None:
    @buckets.command("delete")
    @click.argument("name")
    @region
    @yes
    @click.pass_obj
    def delete_command(host: CommandHost, name: str, region: str | None, yes: bool) -> int | None:
        """Remove the bucket NAME, which must be empty."""
        with linode_adapter(host) as adapter:
            where = region_of(adapter, region)
            if not host.confirm(f"The bucket {name} in {where} will be gone. Go on?", yes=yes):
                host.note("Nothing was removed.")
                return 1
            adapter.account.delete_bucket(where, name)
            record = {"type": "bucket_removed", "name": name, "region": where}
            host.result(record, f"The bucket {name} is removed.")
        return None


def _add_access(linode: click.Group) -> None:
    @linode.command("access")
    @click.option("--acl", type=_ACLS, help="Set who may do what.")
    @click.option("--cors/--no-cors", default=None, help="Let pages of every origin read it, or not (E0 and E1).")
    @click.pass_obj
    def access_command(host: CommandHost, acl: str | None, cors: bool | None) -> None:
        """Show who may do what with the configured bucket, after changing it if asked to."""
        with linode_adapter(host) as adapter:
            if acl is not None or cors is not None:
                adapter.managed.set_access(acl=BucketAcl(acl) if acl else None, cors=cors)
            now = adapter.managed.access()
            shared = {None: "not there", True: "every origin", False: "no origin, or rules of its own"}[now.cors]
            record = {"type": "access", "name": adapter.bucket_name, "acl": now.acl, "cors": now.cors}
            host.result(record, f"ACL   {now.acl}", f"CORS  {shared}")


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


def _shown(count: int | None) -> str:
    return "-" if count is None else str(count)
