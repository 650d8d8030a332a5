"""From settings to the account of their API key."""

from __future__ import annotations

from buckia_bunny.account.account import Account
from buckia_bunny.account.api import Api
from buckia_bunny.http import Http
from buckia_bunny.settings import BunnySettings, ClientKind
from buckia_core.errors import MissingCredentials


def account_of(settings: BunnySettings, http: Http) -> Account:
    """Return the account of the settings.

    Raises:
        MissingCredentials: They have no `api_key`.
    """
    if settings.api_key is None:
        raise MissingCredentials(
            "this needs the account's API key: set api_key, or the environment variable BUNNY_API_KEY"
        )
    api = Api(http, settings.api_url, settings.api_key)
    if settings.client is ClientKind.DIRECT:
        return Account(api)
    from buckia_bunny.account.bunnycdn_account import PackageAccount  # noqa: PLC0415  # imports requests

    return PackageAccount(api)
