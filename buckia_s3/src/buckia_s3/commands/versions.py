"""`buckia s3 delete-version`: what `buckia rm --version` does, past a retention in mode GOVERNANCE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_s3.commands.adapter import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(s3: click.Group) -> None:
    """Add the command to the group `s3`."""

    @s3.command("delete-version")
    @click.argument("key")
    @click.argument("version")
    @click.option("--bypass-governance", is_flag=True, help="Even if it is retained in mode GOVERNANCE.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_obj
    def delete_version_command(
        host: CommandHost, key: str, version: str, bypass_governance: bool, yes: bool
    ) -> int | None:
        """Delete one version of an object for good; of the mark of a deletion, undo the deletion."""
        bucket = host.one_bucket().name
        if not host.confirm(f"Version {version} of {key} in the bucket {bucket} will be gone. Go on?", yes=yes):
            host.note("Nothing was deleted.")
            return 1
        with s3_adapter(host) as adapter:
            adapter.versions.delete(key, version, bypass_governance=bypass_governance)
        record = {"type": "removed", "bucket": bucket, "key": key, "version": version, "error": None}
        host.result(record, f"{bucket}: version {version} of {key} deleted")
        return None
