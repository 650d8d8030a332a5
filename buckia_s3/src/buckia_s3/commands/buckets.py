"""`buckia s3 info`, `create`, `remove` and `buckets`: buckets as a whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from buckia_core.errors import AdapterError, NotSupported, PermissionDenied
from buckia_s3.commands.adapter import s3_adapter
from buckia_s3.commands.change import yes

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.administration import SubresourceStatus


def register_commands(s3: click.Group) -> None:
    """Add the commands to the group `s3`."""
    for command in (_add_info, _add_list, _add_create, _add_remove):
        command(s3)


def _add_info(s3: click.Group) -> None:
    @s3.command("info")
    @click.pass_obj
    def info_command(host: CommandHost) -> int | None:
        """Show how the bucket is configured, topic by topic."""
        failed = False
        with s3_adapter(host) as adapter:
            name = host.one_bucket().name
            for finding in adapter.administration.overview():
                state, text = _state_of(finding)
                failed = failed or state == "failed"
                record = {
                    "type": "configuration",
                    "bucket": name,
                    "topic": finding.topic.name,
                    "document": finding.document,
                    "state": state,
                    "problem": str(finding.problem) if finding.problem else None,
                }
                host.result(record, f"{finding.topic.name:<20} {text}")
        return 1 if failed else None


def _add_list(s3: click.Group) -> None:
    @s3.command("buckets")
    @click.pass_obj
    def buckets_command(host: CommandHost) -> None:
        """List the buckets that the credentials may list."""
        with s3_adapter(host) as adapter:
            for each in adapter.administration.buckets.list():
                created = None if each.created is None else _in_utc(each.created)
                record = {"type": "bucket", "name": each.name, "created": created, "region": each.region}
                host.result(record, f"{created or '-':<32}  {each.name}")


def _add_create(s3: click.Group) -> None:
    @s3.command("create")
    @click.option("--region", help="Region, where it is not the one of the settings.")
    @click.option("--object-lock", is_flag=True, help="Objects can be locked; versioning is on then, for good.")
    @click.option("--acl", metavar="NAME", help="Canned access control list, such as private.")
    @click.pass_obj
    def create_command(host: CommandHost, region: str | None, object_lock: bool, acl: str | None) -> None:
        """Make the bucket that the configuration names."""
        with s3_adapter(host) as adapter:
            buckets = adapter.administration.buckets
            buckets.create(region=region, object_lock=object_lock, acl=acl)
            record = {"type": "bucket_created", "bucket": host.one_bucket().name, "name": buckets.name}
            host.result(record, f"{host.one_bucket().name}: the bucket {buckets.name} is made")


def _add_remove(s3: click.Group) -> None:
    @s3.command("remove")
    @yes
    @click.pass_obj
    def remove_command(host: CommandHost, yes: bool) -> int | None:
        """Remove the bucket that the configuration names. Only an empty one is removed."""
        with s3_adapter(host) as adapter:
            buckets = adapter.administration.buckets
            if not host.confirm(f"The bucket {buckets.name} will be gone, with its configuration. Go on?", yes=yes):
                host.note("Nothing was removed.")
                return 1
            buckets.remove()
            record = {"type": "bucket_removed", "bucket": host.one_bucket().name, "name": buckets.name}
            host.result(record, f"{host.one_bucket().name}: the bucket {buckets.name} is removed")
            return None


def _in_utc(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _state_of(finding: SubresourceStatus) -> tuple[str, str]:
    """Return the state for programs, and the text for a person."""
    match finding.problem:
        case PermissionDenied():
            return "not_permitted", "not permitted"
        case NotSupported():
            return "not_supported", "not supported"
        case AdapterError() as error:
            return "failed", f"failed: {error}"
    if finding.document is None:
        return "not_set", "not set"
    return "set", json.dumps(finding.document, ensure_ascii=False)
