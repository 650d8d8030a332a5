"""The adapter that a command works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.sync import S3Sync


@contextmanager
def s3_adapter(host: CommandHost) -> Iterator[S3Sync]:
    """Give the adapter of the bucket that was asked for, and close it afterwards. Any provider that speaks S3 is good.

    Raises:
        ConfigError: The bucket is of a provider that does not.
    """
    from buckia_s3.sync import S3Sync  # noqa: PLC0415  # the adapter is imported when a command runs

    with host.adapter() as adapter:
        if not isinstance(adapter, S3Sync):
            config = host.one_bucket()
            words = f"bucket {config.name!r} is of provider {config.provider!r}, which does not speak S3"
            raise ConfigError(f"{words}: name another one with --bucket")
        yield adapter
