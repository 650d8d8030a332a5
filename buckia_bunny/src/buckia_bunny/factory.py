"""Factory: opens the adapter whose capabilities match the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from buckia_bunny.http import HttpClient
from buckia_bunny.settings import ApiKind, BunnySettings
from buckia_bunny.sync import BunnySync
from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.factory import secret_stores
from buckia_core.adapters.plugins.registry import registry
from buckia_core.config import BucketConfig
from buckia_core.errors import AdapterNotInstalled

if TYPE_CHECKING:
    from buckia_bunny.account.account import BunnyAccount


def open_zone(settings: BunnySettings) -> BaseSync:
    """Open the adapter of a zone. Costs no request.

    Raises:
        AdapterNotInstalled: The settings choose the S3 API, and buckia-s3 is not installed.
    """
    if settings.api is ApiKind.S3:
        try:
            from buckia_bunny.s3_compatible import S3Zone  # noqa: PLC0415  # an extra
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "buckia_s3":
                raise
            raise AdapterNotInstalled('api: s3 needs the adapter for S3: pip install "buckia[bunny,s3]"') from error
        return S3Zone.from_settings(settings)
    return BunnySync(settings)


@contextmanager
def open_bucket_account(config: BucketConfig) -> Iterator[tuple[BunnySettings, BunnyAccount | None]]:
    """Open the account of a bucket, and return it with the settings. It is `None` without an `api_key`.

    Raises:
        ConfigError: The settings are invalid.
    """
    from buckia_bunny.account_factory import open_account  # noqa: PLC0415  # most runs do not need it

    settings = config.adapter_settings(BunnySettings, secret_stores=secret_stores(registry()))
    with closing(HttpClient.from_settings(settings)) as http:
        yield settings, None if settings.api_key is None else open_account(settings, http)
