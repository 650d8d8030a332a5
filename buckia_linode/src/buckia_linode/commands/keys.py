"""`buckia linode keys`: access keys, limited to single buckets or with full access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.adapters.commands.options import yes_option
from buckia_core.adapters.commands.table import Column
from buckia_linode.commands.adapter import linode_adapter, region, resolve_region
from buckia_linode.models import Grant

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_linode.models import Key


def register_commands(linode: click.Group) -> None:
    """Add the commands to the group `linode`."""

    @linode.group("keys")
    def keys_group() -> None:
        """List, create and revoke access keys."""

    for command in (_add_list, _add_create, _add_delete):
        command(keys_group)


def _add_list(keys: click.Group) -> None:
    @keys.command("list")
    @click.pass_obj
    def list_command(host: CommandHost) -> None:
        """List the access keys: number, access key id, permissions, label. Secrets are not shown."""
        with linode_adapter(host) as adapter:
            columns = (Column("Id", right=True), Column("Access key id"), Column("Label", style="bold"), Column("May"))
            keys = adapter.account.access_keys()
            host.table(
                columns, ((_record(each), (each.id, each.access_key, each.label, _format_scope(each))) for each in keys)
            )


def _add_create(keys: click.Group) -> None:
    @keys.command("create")
    @click.argument("label")
    @click.option("--read-only", metavar="BUCKET", multiple=True, help="Let the key read this bucket. May be repeated.")
    @click.option(
        "--read-write", metavar="BUCKET", multiple=True, help="Let the key change this bucket. May be repeated."
    )
    @click.option("--full-access", is_flag=True, help="Let the key do everything in all buckets of the region.")
    @region
    @click.pass_obj
    def create_command(
        host: CommandHost,
        label: str,
        read_only: tuple[str, ...],
        read_write: tuple[str, ...],
        full_access: bool,
        region: str | None,
    ) -> None:
        """Create an access key named LABEL. Its secret is shown only once."""
        if full_access == bool(read_only or read_write):
            raise click.UsageError("Say what the key may do: --read-only, --read-write, or --full-access alone.")
        if both := sorted({*read_only} & {*read_write}):
            raise click.UsageError(f"Of {', '.join(both)}: either --read-only or --read-write.")
        with linode_adapter(host) as adapter:
            region_id = resolve_region(adapter, region)
            grants = [Grant(name, region_id, write=False) for name in read_only]
            grants += [Grant(name, region_id, write=True) for name in read_write]
            key = adapter.account.create_key(label, grants=grants, regions=[region_id])
            secret = key.secret.reveal() if key.secret else ""
            record = _record(key) | {"secret_access_key": secret}
            facts = (("access_key_id", key.access_key), ("secret_access_key", secret))
            host.facts(record, facts, disclose=True)
            host.note(f"Key {key.id} ({_format_scope(key)}). Keep the secret now: it is not shown again.")


def _add_delete(keys: click.Group) -> None:
    @keys.command("delete")
    @click.argument("number", type=click.IntRange(min=0))
    @yes_option
    @click.pass_obj
    def delete_command(host: CommandHost, number: int, yes: bool) -> int | None:
        """Revoke the key NUMBER, as `keys list` shows it. Clients that use it lose access."""
        with linode_adapter(host) as adapter:
            if not host.confirm(f"Key {number} will stop working. Go on?", yes=yes):
                host.note("Nothing was revoked.")
                return 1
            adapter.account.delete_key(number)
            host.result({"type": "key_revoked", "id": number}, f"Key {number} is revoked.")
        return None


def _format_scope(key: Key) -> str:
    if not key.limited:
        return "everything"
    return ", ".join(f"{'change' if each.write else 'read'} {each.bucket}" for each in key.grants) or "nothing"


def _record(key: Key) -> dict[str, Any]:
    grants = [{"bucket": each.bucket, "region": each.region, "write": each.write} for each in key.grants]
    return {
        "type": "key",
        "id": key.id,
        "label": key.label,
        "access_key_id": key.access_key,
        "limited": key.limited,
        "grants": grants,
        "regions": list(key.regions),
    }
