"""Shared parts of the commands: the bucket administrator and common options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from buckia_core.config.parsers import parse_duration

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin
    from buckia_core.adapters.commands.host import CommandHost

yes = click.option("--yes", is_flag=True, help="Do not ask.")


@contextmanager
def native(host: CommandHost) -> Iterator[BucketAdmin]:
    """Open the administrator of the selected bucket and close its adapter afterwards.

    Raises:
        ConfigError: The bucket has another provider.
    """
    from buckia_b2.admin.bucket_admin import HasBucketAdmin  # noqa: PLC0415  # when a command runs

    with host.adapter("b2") as adapter:
        assert isinstance(adapter, HasBucketAdmin)
        yield adapter.native


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Parse a duration: `45m`, `12h`, `30d`, `2w`."""
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", ctx, param) from error
