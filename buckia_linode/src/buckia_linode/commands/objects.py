"""`buckia linode acl` and `url`: ACLs and signed URLs of objects in the configured bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_linode.commands.adapter import linode_adapter
from buckia_linode.models import MAX_URL_SECONDS, MIN_URL_SECONDS, BucketAcl

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost

_SECONDS = click.IntRange(MIN_URL_SECONDS, MAX_URL_SECONDS)
_METHOD = click.Choice(["GET", "PUT", "DELETE"])


def register_commands(linode: click.Group) -> None:
    """Add the commands to the group `linode`."""
    _add_acl(linode)
    _add_url(linode)


def _add_acl(linode: click.Group) -> None:
    @linode.group("acl")
    def acl_group() -> None:
        """Show or set the ACL of an object."""

    @acl_group.command("get")
    @click.argument("key")
    @click.pass_obj
    def get_command(host: CommandHost, key: str) -> None:
        """Show the ACL of the object KEY."""
        with linode_adapter(host) as adapter:
            acl = adapter.managed.object_acl(key)
            host.result({"type": "object_acl", "key": key, "acl": acl}, acl)

    @acl_group.command("set")
    @click.argument("key")
    @click.argument("acl", type=click.Choice([each.value for each in BucketAcl]))
    @click.pass_obj
    def set_command(host: CommandHost, key: str, acl: str) -> None:
        """Set the ACL of the object KEY."""
        with linode_adapter(host) as adapter:
            adapter.managed.set_object_acl(key, BucketAcl(acl))
            host.result({"type": "object_acl", "key": key, "acl": acl}, f"{key}: {acl}")


def _add_url(linode: click.Group) -> None:
    @linode.command("url")
    @click.argument("key")
    @click.option("--seconds", type=_SECONDS, default=3600, show_default=True, help="Seconds until the URL expires.")
    @click.option("--method", type=_METHOD, default="GET", show_default=True, help="Allowed HTTP method.")
    @click.option("--content-type", metavar="TYPE", help="Content-Type that the PUT must send; required for PUT.")
    @click.pass_obj
    def url_command(host: CommandHost, key: str, seconds: int, method: str, content_type: str | None) -> None:
        """Show a URL, signed by Linode, that gives access to the object KEY for a limited time."""
        if (method == "PUT") != (content_type is not None):
            raise click.UsageError("--content-type goes with --method PUT, and that with it.")
        with linode_adapter(host) as adapter:
            url = adapter.managed.object_url(key, seconds=seconds, method=method, content_type=content_type)
            record = {"type": "url", "key": key, "url": url, "seconds": seconds, "method": method}
            host.disclose(record, url)
