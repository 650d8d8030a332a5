"""Zone endpoint: URL and headers of a storage zone, from the settings or from the account API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from buckia_bunny.errors import PROVIDER
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.contract.identity import endpoint_identity
from buckia_core.adapters.service.redirects import check_service_address
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, MissingCredentials
from buckia_core.http.blocking import in_thread
from buckia_core.http.origin import Origin, split_url

_DOMAINS = ("bunnycdn.com", "bunny.net")


@dataclass(frozen=True, slots=True)
class ZoneUrl:
    """URL of a zone, with a trailing slash, and the headers of every request.

    Attributes:
        origin: Its server.
        base: Its path.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    origin: Origin = field(init=False)
    base: str = field(init=False)

    def __post_init__(self) -> None:
        origin, base = split_url(self.url)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "base", base)


@dataclass(frozen=True, slots=True)
class ZoneLookup:
    """Host of a zone from the account API, and its password if the key may see it."""

    host: str
    key: Secret | None


class BuildZoneUrl(Protocol):
    """Builds the URL of a zone from the storage host and the key."""

    def __call__(self, address: str, zone: str, key: str) -> ZoneUrl:
        """Build the URL of a zone; `address` has no trailing slash."""


def default_zone_url(address: str, zone: str, key: str) -> ZoneUrl:
    """Build the URL of a zone with Buckia's own headers."""
    return ZoneUrl(f"{address}/{zone}/", {"AccessKey": key, "User-Agent": "buckia"})


class ZoneEndpoint:
    """Endpoint of the configured zone. The account API provides what the settings lack, on first use."""

    def __init__(
        self, settings: BunnySettings, lookup: Callable[[], ZoneLookup], build_url: BuildZoneUrl = default_zone_url
    ) -> None:
        self._settings = settings
        self._lookup = lookup
        self._build_url = build_url
        self._lock = threading.Lock()
        self._zone_url: ZoneUrl | None = None

    @property
    def identity(self) -> str:
        """Name of the zone, and a custom endpoint. Zone names are unique within the service."""
        settings = self._settings
        return f"{endpoint_identity(settings.endpoint_url)}/{settings.zone}" if settings.endpoint_url else settings.zone

    @property
    def earlier_identity(self) -> str:
        """Identity of earlier versions: the endpoint as it is spelled in the settings."""
        settings = self._settings
        return f"{settings.endpoint_url.rstrip('/')}/{settings.zone}" if settings.endpoint_url else settings.zone

    def zone_url(self) -> ZoneUrl:
        """Return the URL of the zone. The first call may cost a request.

        Raises:
            MissingCredentials: The account API does not return the password of the zone.
            AdapterError: The request failed, or there is no such zone.
        """
        with self._lock:
            if self._zone_url is None:
                self._zone_url = self._resolve()
            return self._zone_url

    async def zone_url_async(self) -> ZoneUrl:
        """Return the URL of the zone, without blocking an event loop. Raises the same errors as `zone_url`."""
        known = self._zone_url
        return await in_thread(self.zone_url) if known is None else known

    def _resolve(self) -> ZoneUrl:
        address, key = self._settings.address, self._settings.zone_key
        if address is None or key is None:
            found = self._lookup()
            scheme = self._settings.api_url.partition(":")[0]
            address, key = address or self._check_host(f"{scheme}://{found.host}"), key or found.key
        if key is None:
            message = f"the API does not return the password of the zone {self._settings.zone!r}: give storage_api_key"
            raise MissingCredentials(message)
        return self._build_url(address, self._settings.zone, key.reveal())

    def _check_host(self, address: str) -> str:
        """Check that a host from the API belongs to the service, and return it."""
        settings = self._settings
        try:
            return check_service_address(
                address, configured=settings.api_url, domains=(settings.domain.lower(), *_DOMAINS)
            )
        except ValueError as error:
            message = f"the API returns a storage host that does not belong to the service: {error}"
            raise AdapterError(message, provider=PROVIDER) from error
