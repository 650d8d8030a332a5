"""Where a storage zone is and with which headers it is asked: from the settings, or from the account's API, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from buckia_bunny.errors import PROVIDER
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.contract.identity import endpoint_identity
from buckia_core.adapters.service.redirects import check_service_address
from buckia_core.config.secrets.references import Secret
from buckia_core.errors import AdapterError, MissingCredentials

_DOMAINS = ("bunnycdn.com", "bunny.net")


@dataclass(frozen=True, slots=True)
class ZoneUrl:
    """A zone's address, with a slash at its end, and the headers that every request has."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ZoneLookup:
    """What the account's API tells of a zone: its host, and its password if the key may see it."""

    host: str
    key: Secret | None


class BuildZoneUrl(Protocol):
    """Makes a place of a zone's address and its key."""

    def __call__(self, address: str, zone: str, key: str) -> ZoneUrl:
        """Return the place of the zone at an address that has no slash at its end."""


def default_zone_url(address: str, zone: str, key: str) -> ZoneUrl:
    """Return the place of a zone."""
    return ZoneUrl(f"{address}/{zone}/", {"AccessKey": key, "User-Agent": "buckia"})


class ZoneEndpoint:
    """The place of the configured zone. What the settings do not tell, the API is asked for when it is first needed."""

    def __init__(
        self, settings: BunnySettings, ask: Callable[[], ZoneLookup], signing: BuildZoneUrl = default_zone_url
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._signing = signing
        self._lock = threading.Lock()
        self._place: ZoneUrl | None = None

    @property
    def identity(self) -> str:
        """The zone's name and, if it is not the service itself, its address: names of zones are unique there."""
        settings = self._settings
        return f"{endpoint_identity(settings.endpoint_url)}/{settings.zone}" if settings.endpoint_url else settings.zone

    @property
    def earlier_identity(self) -> str:
        """The same with the address as it is spelt."""
        settings = self._settings
        return f"{settings.endpoint_url.rstrip('/')}/{settings.zone}" if settings.endpoint_url else settings.zone

    def place(self) -> ZoneUrl:
        """Return the place.

        Raises:
            MissingCredentials: The API does not tell the zone's password.
            AdapterError: The API could not be asked, or has no such zone.
        """
        with self._lock:
            if self._place is None:
                self._place = self._look()
            return self._place

    def _look(self) -> ZoneUrl:
        address, key = self._settings.address, self._settings.zone_key
        if address is None or key is None:
            found = self._ask()
            scheme = self._settings.api_url.partition(":")[0]
            address, key = address or self._checked(f"{scheme}://{found.host}"), key or found.key
        if key is None:
            raise MissingCredentials(
                f"the API does not tell the password of the storage zone {self._settings.zone!r}: give storage_api_key"
            )
        return self._signing(address, self._settings.zone, key.reveal())

    def _checked(self, address: str) -> str:
        """Return the address that the API told, if it is one of the service's."""
        wanted = self._settings
        try:
            return check_service_address(address, configured=wanted.api_url, domains=(wanted.domain.lower(), *_DOMAINS))
        except ValueError as error:
            words = f"the API tells a storage host that is none of the service's: {error}"
            raise AdapterError(words, provider=PROVIDER) from error
