"""Factory: opens the adapter of the API that the settings choose."""

from __future__ import annotations

from buckia_b2.settings import ApiKind, B2Settings
from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import AdapterBroken


def open_b2(settings: B2Settings) -> BaseSync:
    """Open the adapter of a bucket, for the API in the settings. Costs no request.

    Raises:
        AdapterBroken: The settings choose the S3 API, and buckia-s3 is not installed.
    """
    if settings.api is ApiKind.NATIVE:
        from buckia_b2.sync import B2Sync  # noqa: PLC0415  # imports the SDK, which the S3 API does not need

        return B2Sync(settings)
    try:
        from buckia_b2.s3_compatible import B2S3Sync  # noqa: PLC0415  # needs an optional package
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "buckia_s3":
            raise
        message = "`api: s3` needs the package buckia-s3, which is not installed"
        raise AdapterBroken(f'{message}: pip install "buckia[b2,s3]", or leave out `api`') from error
    return B2S3Sync(settings)
