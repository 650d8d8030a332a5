"""What the commands share: the adapter, and a parameter with a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from buckia_core.config.parsers import parse_duration
from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.sync import S3Sync


@contextmanager
def s3_adapter(host: CommandHost) -> Iterator[S3Sync]:
    """Yield the adapter of the selected bucket, of any provider that speaks S3, and close it afterwards.

    Raises:
        ConfigError: The provider of the bucket does not speak S3.
    """
    from buckia_s3.sync import S3Sync  # noqa: PLC0415  # the adapter is imported when a command runs

    with host.adapter() as adapter:
        if not isinstance(adapter, S3Sync):
            config = host.one_bucket()
            message = f"bucket {config.name!r} is of provider {config.provider!r}, which does not speak S3"
            raise ConfigError(f"{message}: name another one with --bucket")
        yield adapter


def retain_until(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
    """Parse an end: `2030-03-31 09:30`, in local time unless it has a time zone, or `30d` from now."""
    try:
        try:
            return datetime.now(UTC) + parse_duration(value)
        except ValueError:
            return datetime.fromisoformat(value.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{value!r} is not a time, such as 2030-03-31, '2030-03-31 09:30' or 30d (from now)."
        raise click.BadParameter(message, ctx, param) from error
