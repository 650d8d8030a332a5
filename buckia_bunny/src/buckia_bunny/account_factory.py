"""Account factory: opens the account of an API key."""

from __future__ import annotations

from buckia_bunny.account.account import BunnyAccount
from buckia_bunny.account.api import AccountApi
from buckia_bunny.errors import missing_api_key
from buckia_bunny.http import HttpClient
from buckia_bunny.settings import BunnySettings, ClientKind


def open_account(settings: BunnySettings, http: HttpClient) -> BunnyAccount:
    """Open the account of the settings.

    Raises:
        MissingCredentials: The settings have no `api_key`.
    """
    if settings.api_key is None:
        raise missing_api_key()
    api = AccountApi(http, settings.api_url, settings.api_key)
    if settings.client is ClientKind.DIRECT:
        return BunnyAccount(api)
    from buckia_bunny.account.bunnycdn_account import BunnyCdnAccount  # noqa: PLC0415  # imports requests

    return BunnyCdnAccount(api)
