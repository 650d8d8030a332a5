"""Shared parts of the commands: settings and account of the selected bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_bunny.account.account import BunnyAccount
    from buckia_bunny.settings import BunnySettings
    from buckia_core.adapters.commands.host import CommandHost


@contextmanager
def zone_settings(host: CommandHost) -> Iterator[tuple[BunnySettings, BunnyAccount | None]]:
    """Open the settings of the selected bucket, and the account if they have its key.

    Raises:
        ConfigError: The bucket has another provider, or its settings are invalid.
    """
    from buckia_bunny.factory import open_bucket_account  # noqa: PLC0415  # when a command runs

    with open_bucket_account(host.one_bucket("bunny")) as opened:
        yield opened


@contextmanager
def zone_account(host: CommandHost) -> Iterator[tuple[BunnySettings, BunnyAccount]]:
    """Open the settings and the account of the selected bucket.

    Raises:
        ConfigError: As `zone_settings`, or there is no API key.
    """
    with zone_settings(host) as (settings, account):
        if account is None:
            from buckia_bunny.errors import missing_api_key  # noqa: PLC0415  # imports the HTTP client

            raise missing_api_key()
        yield settings, account


def require_pull_zone(settings: BunnySettings) -> str:
    """Return the name or number of the configured pull zone.

    Raises:
        ConfigError: None is configured.
    """
    if settings.pull_zone is None:
        raise ConfigError("the bucket has no pull zone: set pull_zone to the name of the one in front of it")
    return settings.pull_zone
