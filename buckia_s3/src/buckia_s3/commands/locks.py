"""`buckia s3 lock` and `delete-version`: retention and legal holds of object versions, and deletion despite them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.options import yes_option
from buckia_s3.commands.adapter import retain_until, s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.operations.object_locks import ObjectLock

_version = click.option("--version", metavar="ID", help="Use this version instead of the latest one.")


def register_commands(s3: click.Group) -> None:
    """Add the group `lock` and the command `delete-version` to the group `s3`."""

    @s3.group("lock")
    def lock_command() -> None:
        """Show or change the retention and the legal hold of an object."""

    for command in (_add_show, _add_retain, _add_hold):
        command(lock_command)
    _add_delete_version(s3)


def _add_show(lock: click.Group) -> None:
    @lock.command("show")
    @click.argument("key")
    @_version
    @click.pass_obj
    def show_command(host: CommandHost, key: str, version: str | None) -> None:
        """Show the retention and the legal hold of an object."""
        with s3_adapter(host) as adapter:
            _show(host, key, version, adapter.locks.get(key, version))


def _add_retain(lock: click.Group) -> None:
    @lock.command("retain")
    @click.argument("key")
    @click.option(
        "--mode",
        type=click.Choice(["GOVERNANCE", "COMPLIANCE"], case_sensitive=False),
        required=True,
        help="GOVERNANCE can be shortened with a special permission, COMPLIANCE cannot.",
    )
    @click.option(
        "--until", metavar="TIME", callback=retain_until, required=True, help="Time, or duration from now, such as 30d."
    )
    @_version
    @click.option("--bypass-governance", is_flag=True, help="Override a retention in mode GOVERNANCE.")
    @click.option("--yes", is_flag=True, help="Do not ask before mode COMPLIANCE.")
    @click.pass_obj
    def retain_command(
        host: CommandHost,
        key: str,
        mode: str,
        until: datetime,
        version: str | None,
        bypass_governance: bool,
        yes: bool,
    ) -> int | None:
        """Protect an object version from deletion until a time."""
        from buckia_s3.objects.object_lock import LockMode  # noqa: PLC0415  # the adapter is imported when a command runs

        lock_mode = LockMode(mode)
        question = (
            f"This version of {key} cannot be deleted by anyone before {until.astimezone():%Y-%m-%d %H:%M}. Go on?"
        )
        if lock_mode is LockMode.COMPLIANCE and not host.confirm(question, yes=yes):
            host.note("Nothing was changed.")
            return 1
        with s3_adapter(host) as adapter:
            adapter.locks.retain(key, lock_mode, until, version, bypass_governance=bypass_governance)
            _show(host, key, version, adapter.locks.get(key, version))
        return None


def _add_hold(lock: click.Group) -> None:
    @lock.command("hold")
    @click.argument("key")
    @click.argument("state", type=click.Choice(["on", "off"]))
    @_version
    @click.pass_obj
    def hold_command(host: CommandHost, key: str, state: str, version: str | None) -> None:
        """Set or remove a legal hold, which protects an object version without a time limit."""
        with s3_adapter(host) as adapter:
            adapter.locks.hold(key, version, on=state == "on")
            _show(host, key, version, adapter.locks.get(key, version))


def _add_delete_version(s3: click.Group) -> None:
    @s3.command("delete-version")
    @click.argument("key")
    @click.argument("version")
    @click.option("--bypass-governance", is_flag=True, help="Override a retention in mode GOVERNANCE.")
    @yes_option
    @click.pass_obj
    def delete_version_command(
        host: CommandHost, key: str, version: str, bypass_governance: bool, yes: bool
    ) -> int | None:
        """Delete one version of an object permanently. Deleting a delete marker restores the object."""
        bucket = host.one_bucket().name
        if not host.confirm(f"Version {version} of {key} in the bucket {bucket} will be deleted. Go on?", yes=yes):
            host.note("Nothing was deleted.")
            return 1
        with s3_adapter(host) as adapter:
            adapter.versions.delete(key, version, bypass_governance=bypass_governance)
        record = {"type": "removed", "bucket": bucket, "key": key, "version": version, "error": None}
        host.result(record, f"{bucket}: version {version} of {key} deleted")
        return None


def _show(host: CommandHost, key: str, version: str | None, lock: ObjectLock) -> None:
    until = lock.retain_until
    record = {
        "type": "lock",
        "bucket": host.one_bucket().name,
        "key": key,
        "version": version,
        "mode": lock.mode,
        "until": until.isoformat().replace("+00:00", "Z") if until else None,
        "hold": lock.legal_hold,
    }
    retained = f"until {until.astimezone():%Y-%m-%d %H:%M:%S} in mode {lock.mode}" if until else "no"
    host.facts(record, (("retained:", retained), ("legal hold:", "on" if lock.legal_hold else "off")))
