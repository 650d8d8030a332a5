"""`buckia b2 keys`: application keys, above all those that may do little."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from buckia_b2.commands.adapter import duration, native, yes

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import ApplicationKey
    from buckia_core.adapters.commands.host import CommandHost

READ = ("listBuckets", "listFiles", "readFiles", "readBuckets")
WRITE = (*READ, "writeFiles", "deleteFiles", "shareFiles")
"""What a sync needs, and what signs addresses."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = timedelta(days=1000)


def register_commands(b2: click.Group) -> None:
    """Add the commands to the group `b2`."""

    @b2.group("keys")
    def keys_group() -> None:
        """List, make and revoke application keys."""

    for command in (_add_list, _add_create, _add_delete):
        command(keys_group)


def _add_list(keys: click.Group) -> None:
    @keys.command("list")
    @click.pass_obj
    def list_command(host: CommandHost) -> None:
        """List the application keys: id, name, where, what. The keys themselves are not shown."""
        none = True
        with native(host) as b2:
            for each in b2.application_keys():
                none = False
                host.result(_record(each), f"{each.id}  {each.name}  {_where(each)}  {','.join(each.capabilities)}")
        if none:
            host.note("The account has no application keys besides its master key.")


def _add_create(keys: click.Group) -> None:
    @keys.command("create")
    @click.argument("name")
    @click.option("--read-only", is_flag=True, help="It may list and read, and nothing else.")
    @click.option(
        "--capability", "more", multiple=True, help="What else it may do, such as writeKeys. May be repeated."
    )
    @click.option("--prefix", help="Only names that begin so; else those of the bucket's setting `prefix`.")
    @click.option("--all-buckets", is_flag=True, help="For all buckets of the account; else for this one.")
    @click.option("--lasting", metavar="AGE", callback=duration, help="It ends by itself, such as after 12h or 90d.")
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
        """Make an application key NAME for this bucket. The key is shown this once, and can't be had again.

        Without options it may do what a sync of this bucket needs.
        """
        if lasting is not None and not timedelta(0) < lasting <= _LONGEST:
            raise click.UsageError(f"A key lasts for up to {_LONGEST.days} days.")
        if all_buckets and prefix:
            raise click.UsageError("A key for all buckets has no --prefix.")
        capabilities = dict.fromkeys((*(READ if read_only else WRITE), *more))
        with native(host) as b2:
            made = b2.create_key(
                name,
                list(capabilities),
                name_prefix=None if all_buckets else (b2.prefix if prefix is None else prefix) or None,
                seconds=None if lasting is None else int(lasting.total_seconds()),
                all_buckets=all_buckets,
            )
            secret = made.secret.reveal() if made.secret else ""
            host.disclose(
                _record(made) | {"application_key": secret},
                f"application_key_id  {made.id}",
                f"application_key     {secret}",
            )
            host.note(f"It is for {_where(made)}. Keep the key now: it is not shown again.")


def _add_delete(keys: click.Group) -> None:
    @keys.command("delete")
    @click.argument("key_id")
    @yes
    @click.pass_obj
    def delete_command(host: CommandHost, key_id: str, yes: bool) -> int | None:
        """Revoke the key with the id KEY_ID, as `keys list` shows it. Whatever uses it stops to work."""
        with native(host) as b2:
            if not host.confirm(f"The key {key_id} will stop to work. Go on?", yes=yes):
                host.note("Nothing was revoked.")
                return 1
            b2.delete_key(key_id)
            host.result({"type": "key_revoked", "id": key_id}, f"The key {key_id} is revoked.")
        return None


def _where(key: ApplicationKey) -> str:
    if not key.buckets:
        return "all buckets"
    names = f", names that begin with {key.name_prefix!r}" if key.name_prefix else ""
    return f"{', '.join(key.buckets)}{names}"


def _record(key: ApplicationKey) -> dict[str, Any]:
    expires = None if key.expires_ns is None else _EPOCH + timedelta(microseconds=key.expires_ns // 1000)
    return {
        "type": "key",
        "id": key.id,
        "name": key.name,
        "capabilities": list(key.capabilities),
        "buckets": list(key.buckets),
        "name_prefix": key.name_prefix,
        "expires": None if expires is None else expires.isoformat().replace("+00:00", "Z"),
    }
