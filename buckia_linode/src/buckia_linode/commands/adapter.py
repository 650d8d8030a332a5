"""What the commands share: the adapter and the region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_linode.sync import LinodeSync

region = click.option("--region", metavar="ID", help="Region, such as us-ord; by default that of the bucket.")


@contextmanager
def linode_adapter(host: CommandHost) -> Iterator[LinodeSync]:
    """Yield the adapter of the selected bucket, and close it afterwards.

    Raises:
        ConfigError: The bucket belongs to another provider.
    """
    from buckia_linode.sync import LinodeSync  # noqa: PLC0415  # the adapter is imported when a command runs

    with host.adapter("linode") as adapter:
        assert isinstance(adapter, LinodeSync)
        yield adapter


def resolve_region(adapter: LinodeSync, region: str | None) -> str:
    """Return the region of the option, or that of the bucket."""
    return region or adapter.region
