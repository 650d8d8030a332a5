"""`buckia s3 info`, `create`, `remove` and `buckets`: overview, creation, deletion and listing of buckets."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.options import yes_option
from buckia_core.adapters.commands.table import Column, Row
from buckia_core.errors import AdapterError, NotSupported, PermissionDenied
from buckia_s3.commands.adapter import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.administration import SubresourceStatus
    from buckia_s3.administration.buckets import Bucket

_BUCKETS = (Column("Created"), Column("Name", style="bold"))
_TOPICS = (Column("Topic", style="bold"), Column("State"))


def register_commands(s3: click.Group) -> None:
    """Add the commands to the group `s3`."""
    for command in (_add_info, _add_list, _add_create, _add_remove):
        command(s3)


def _add_info(s3: click.Group) -> None:
    @s3.command("info")
    @click.pass_obj
    def info_command(host: CommandHost) -> int | None:
        """Show the configuration of the bucket, topic by topic."""
        name, states = host.one_bucket().name, set()

        def row(status: SubresourceStatus) -> Row:
            state, text = _state_of(status)
            states.add(state)
            record = {
                "type": "configuration",
                "bucket": name,
                "topic": status.subresource.name,
                "document": status.document,
                "state": state,
                "problem": str(status.problem) if status.problem else None,
            }
            return record, (status.subresource.name, text)

        with s3_adapter(host) as adapter:
            host.table(_TOPICS, [row(each) for each in adapter.administration.overview()])
        return 1 if "failed" in states else None


def _add_list(s3: click.Group) -> None:
    @s3.command("buckets")
    @click.pass_obj
    def buckets_command(host: CommandHost) -> None:
        """List the buckets that the credentials may list."""
        with s3_adapter(host) as adapter:
            host.table(_BUCKETS, map(_row, adapter.administration.buckets.list()))


def _add_create(s3: click.Group) -> None:
    @s3.command("create")
    @click.option("--region", help="Region of the new bucket; by default that of the settings.")
    @click.option("--object-lock", is_flag=True, help="Enable object lock, and with it versioning, permanently.")
    @click.option("--acl", metavar="NAME", help="Canned ACL of the new bucket, such as private.")
    @click.pass_obj
    def create_command(host: CommandHost, region: str | None, object_lock: bool, acl: str | None) -> None:
        """Create the configured bucket."""
        with s3_adapter(host) as adapter:
            buckets = adapter.administration.buckets
            buckets.create(region=region, object_lock=object_lock, acl=acl)
            record = {"type": "bucket_created", "bucket": host.one_bucket().name, "name": buckets.name}
            host.result(record, f"{host.one_bucket().name}: the bucket {buckets.name} is created")


def _add_remove(s3: click.Group) -> None:
    @s3.command("remove")
    @yes_option
    @click.pass_obj
    def remove_command(host: CommandHost, yes: bool) -> int | None:
        """Delete the configured bucket, which must be empty."""
        with s3_adapter(host) as adapter:
            buckets = adapter.administration.buckets
            if not host.confirm(f"The bucket {buckets.name} will be deleted with its configuration. Go on?", yes=yes):
                host.note("Nothing was removed.")
                return 1
            buckets.remove()
            record = {"type": "bucket_removed", "bucket": host.one_bucket().name, "name": buckets.name}
            host.result(record, f"{host.one_bucket().name}: the bucket {buckets.name} is removed")
            return None


def _row(bucket: Bucket) -> Row:
    created = None if bucket.created is None else _iso_utc(bucket.created)
    record = {"type": "bucket", "name": bucket.name, "created": created, "region": bucket.region}
    return record, (created, bucket.name)


def _iso_utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _state_of(status: SubresourceStatus) -> tuple[str, str]:
    """Return the state for the JSON record, and the text for the terminal."""
    match status.problem:
        case PermissionDenied():
            return "not_permitted", "not permitted"
        case NotSupported():
            return "not_supported", "not supported"
        case AdapterError() as error:
            return "failed", f"failed: {error}"
    if status.document is None:
        return "not_set", "not set"
    return "set", json.dumps(status.document, ensure_ascii=False)
