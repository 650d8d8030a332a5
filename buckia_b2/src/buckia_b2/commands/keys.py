"""`buckia b2 keys`: lists, creates and revokes application keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from buckia_b2.commands.adapter import native
from buckia_core.adapters.commands.options import parse_age, yes_option
from buckia_core.adapters.commands.table import Cell, Column
from buckia_core.planning.manifest import time_from_ns

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import ApplicationKey
    from buckia_core.adapters.commands.host import CommandHost

_COLUMNS = (Column("Id", style="bold"), Column("Name"), Column("Scope"), Column("Capabilities"))
_MAX_LIFETIME = timedelta(days=1000)


def register_commands(b2: click.Group) -> None:
    """Add the commands to the group `b2`."""

    @b2.group("keys")
    def keys_group() -> None:
        """List, create and revoke application keys."""

    for command in (_add_list, _add_create, _add_delete):
        command(keys_group)


def _add_list(keys: click.Group) -> None:
    @keys.command("list")
    @click.pass_obj
    def list_command(host: CommandHost) -> None:
        """List the application keys: id, name, scope, capabilities. The secrets are not shown."""
        with native(host) as b2:
            rows = [(_record(each), _cells(each)) for each in b2.application_keys()]
        host.table(_COLUMNS, rows)
        if not rows:
            host.note("The account has no application keys besides its master key.")


def _add_create(keys: click.Group) -> None:
    @keys.command("create")
    @click.argument("name")
    @click.option("--read-only", is_flag=True, help="Allow listing and reading only.")
    @click.option(
        "--capability", "more", multiple=True, help="Allow another capability, such as writeKeys. May be repeated."
    )
    @click.option("--prefix", help="Restrict to names with this prefix; by default the setting `prefix` of the bucket.")
    @click.option("--all-buckets", is_flag=True, help="Allow all buckets of the account instead of this one.")
    @click.option("--lasting", metavar="AGE", callback=parse_age, help="Expire after this time, such as 12h or 90d.")
    @click.pass_obj
    def create_command(
        host: CommandHost,
        name: str,
        read_only: bool,
        more: tuple[str, ...],
        prefix: str | None,
        all_buckets: bool,
        lasting: timedelta | None,
    ) -> None:
        """Create an application key NAME for this bucket. The key is shown only once.

        By default it has the capabilities that a sync of this bucket needs.
        """
        if lasting is not None and not timedelta(0) < lasting <= _MAX_LIFETIME:
            raise click.UsageError(f"A key lasts for up to {_MAX_LIFETIME.days} days.")
        if all_buckets and prefix:
            raise click.UsageError("A key for all buckets has no --prefix.")
        from buckia_b2.admin.bucket_admin import READ, WRITE  # noqa: PLC0415  # only this command needs them

        capabilities = dict.fromkeys((*(READ if read_only else WRITE), *more))
        with native(host) as b2:
            key = b2.create_key(
                name,
                list(capabilities),
                name_prefix=None if all_buckets else (b2.prefix if prefix is None else prefix) or None,
                seconds=None if lasting is None else int(lasting.total_seconds()),
                all_buckets=all_buckets,
            )
            secret = key.secret.reveal() if key.secret else ""
            facts = (("application_key_id", key.id), ("application_key", secret))
            host.facts(_record(key) | {"application_key": secret}, facts, disclose=True)
            host.note(f"It is for {_format_scope(key)}. Store the key now: it is not shown again.")


def _add_delete(keys: click.Group) -> None:
    @keys.command("delete")
    @click.argument("key_id")
    @yes_option
    @click.pass_obj
    def delete_command(host: CommandHost, key_id: str, yes: bool) -> int | None:
        """Revoke the key with the id KEY_ID, as shown by `keys list`. Programs that use it stop working."""
        with native(host) as b2:
            if not host.confirm(f"The key {key_id} will stop working. Go on?", yes=yes):
                host.note("Nothing was revoked.")
                return 1
            b2.delete_key(key_id)
            host.result({"type": "key_revoked", "id": key_id}, f"The key {key_id} is revoked.")
        return None


def _cells(key: ApplicationKey) -> Sequence[Cell]:
    return key.id, key.name, _format_scope(key), ",".join(key.capabilities)


def _format_scope(key: ApplicationKey) -> str:
    if not key.buckets:
        return "all buckets"
    names = f", names that begin with {key.name_prefix!r}" if key.name_prefix else ""
    return f"{', '.join(key.buckets)}{names}"


def _record(key: ApplicationKey) -> dict[str, Any]:
    expires = None if key.expires_ns is None else time_from_ns(key.expires_ns)
    return {
        "type": "key",
        "id": key.id,
        "name": key.name,
        "capabilities": list(key.capabilities),
        "buckets": list(key.buckets),
        "name_prefix": key.name_prefix,
        "expires": None if expires is None else expires.isoformat().replace("+00:00", "Z"),
    }
