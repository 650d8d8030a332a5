"""`buckia s3 lock`: how long a version of an object is retained, and whether a legal hold is on it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from buckia_s3.commands.adapter import s3_adapter
from buckia_s3.commands.params import retain_until

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.operations.retention import ObjectLock

_version = click.option("--version", metavar="ID", help="This version, instead of the latest one.")


def register_commands(s3: click.Group) -> None:
    """Add the group `lock` to the group `s3`."""

    @s3.group("lock")
    def lock_command() -> None:
        """Show or change what keeps an object from being deleted."""

    for command in (_add_show, _add_retain, _add_hold):
        command(lock_command)


def _add_show(lock: click.Group) -> None:
    @lock.command("show")
    @click.argument("key")
    @_version
    @click.pass_obj
    def show_command(host: CommandHost, key: str, version: str | None) -> None:
        """Show until when an object is retained, and whether a legal hold is on it."""
        with s3_adapter(host) as adapter:
            _show(host, key, version, adapter.locks.get(key, version))


def _add_retain(lock: click.Group) -> None:
    @lock.command("retain")
    @click.argument("key")
    @click.option(
        "--mode",
        type=click.Choice(["GOVERNANCE", "COMPLIANCE"], case_sensitive=False),
        required=True,
        help="GOVERNANCE can be ended by those with a special permission, COMPLIANCE by nobody at all.",
    )
    @click.option(
        "--until", metavar="TIME", callback=retain_until, required=True, help="A time, or a span from now, as 30d."
    )
    @_version
    @click.option("--bypass-governance", is_flag=True, help="Shorten a retention in mode GOVERNANCE.")
    @click.option("--yes", is_flag=True, help="Do not ask before the mode COMPLIANCE.")
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
        """Keep an object from being deleted until a time."""
        from buckia_s3.objects.object_lock import LockMode  # noqa: PLC0415  # the adapter is imported when a command runs

        wanted = LockMode(mode)
        question = (
            f"Nobody will be able to delete this version of {key} before {until.astimezone():%Y-%m-%d %H:%M}. Go on?"
        )
        if wanted is LockMode.COMPLIANCE and not host.confirm(question, yes=yes):
            host.note("Nothing was changed.")
            return 1
        with s3_adapter(host) as adapter:
            adapter.locks.retain(key, wanted, until, version, bypass_governance=bypass_governance)
            _show(host, key, version, adapter.locks.get(key, version))
        return None


def _add_hold(lock: click.Group) -> None:
    @lock.command("hold")
    @click.argument("key")
    @click.argument("state", type=click.Choice(["on", "off"]))
    @_version
    @click.pass_obj
    def hold_command(host: CommandHost, key: str, state: str, version: str | None) -> None:
        """Put a legal hold on an object, which keeps it until it is lifted; or lift it."""
        with s3_adapter(host) as adapter:
            adapter.locks.hold(key, version, on=state == "on")
            _show(host, key, version, adapter.locks.get(key, version))


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
    host.result(record, f"retained:    {retained}", f"legal hold:  {'on' if lock.legal_hold else 'off'}")
