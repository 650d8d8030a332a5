"""`BunnyAccount`: storage zones, pull zones, purges and statistics of an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from buckia_bunny.account.api import AccountApi
from buckia_bunny.account.models import Period, PullZone, Statistics, StorageZone
from buckia_bunny.errors import PROVIDER, unexpected_response
from buckia_core.adapters.service.json_fields import MALFORMED, JsonObject
from buckia_core.errors import NotFound

T = TypeVar("T")


class BunnyAccount:
    """Account of an API key. Thread-safe.

    Every method may raise `Unauthenticated`, `PermissionDenied`, `Throttled` and `Transient`, and `NotFound` for a
    missing zone.
    """

    def __init__(self, api: AccountApi) -> None:
        self._api = api

    def storage_zones(self) -> list[StorageZone]:
        """Return the storage zones."""
        action = "listing storage zones"
        zones = self._api.entries("/storagezone", action=action)
        return [_parse(StorageZone.from_response, each, action) for each in zones]

    def storage_zone(self, name: str) -> StorageZone:
        """Return the storage zone of a name."""
        for zone in self.storage_zones():
            if zone.name == name:
                return zone
        raise NotFound(f"the account has no storage zone {name!r}", provider=PROVIDER)

    def create_storage_zone(self, name: str, region: str) -> StorageZone:
        """Create a storage zone and return it, with its passwords.

        Raises:
            AdapterError: The name is taken or invalid.
        """
        action = f"creating storage zone {name!r}"
        body = {"Name": name, "Region": region.upper(), "ZoneTier": 0}
        return _parse(
            StorageZone.from_response, self._api.post("/storagezone", body, action=action, retry=False), action
        )

    def delete_storage_zone(self, storage_zone: int) -> None:
        """Delete a storage zone with its content; pull zones stay. A missing one is no error."""
        action = f"deleting storage zone {storage_zone}"
        self._api.delete(f"/storagezone/{storage_zone}", action=action, deleteLinkedPullZones="false")

    def reset_password(self, storage_zone: int, *, read_only: bool = False) -> None:
        """Replace a password of a storage zone; the old one stops working."""
        action = f"replacing the password of storage zone {storage_zone}"
        if read_only:
            self._api.post("/storagezone/resetReadOnlyPassword", action=action, id=str(storage_zone))
        else:
            self._api.post(f"/storagezone/{storage_zone}/resetPassword", action=action)

    def pull_zones(self) -> list[PullZone]:
        """Return the pull zones."""
        action = "listing pull zones"
        zones = self._api.entries("/pullzone", action=action)
        return [_parse(PullZone.from_response, each, action) for each in zones]

    def pull_zone(self, name: str) -> PullZone:
        """Return the pull zone of a name or number."""
        if name.isdecimal():
            action = f"reading pull zone {name}"
            return _parse(PullZone.from_response, self._fetch_pull_zone(int(name), action), action)
        for zone in self.pull_zones():
            if zone.name == name:
                return zone
        raise NotFound(f"the account has no pull zone {name!r}", provider=PROVIDER)

    def create_pull_zone(self, name: str, storage_zone: int) -> PullZone:
        """Create a pull zone in front of a storage zone and return it.

        Raises:
            AdapterError: The name is taken or invalid.
        """
        action = f"creating pull zone {name!r}"
        body = {"Name": name, "StorageZoneId": storage_zone, "OriginType": 2}
        return _parse(PullZone.from_response, self._api.post("/pullzone", body, action=action, retry=False), action)

    def link_pull_zone(self, pull_zone: int, storage_zone: int) -> PullZone:
        """Make a storage zone the origin of a pull zone, and return the pull zone."""
        action = f"linking pull zone {pull_zone}"
        body = {"StorageZoneId": storage_zone, "OriginType": 2}
        return _parse(PullZone.from_response, self._api.post(f"/pullzone/{pull_zone}", body, action=action), action)

    def delete_pull_zone(self, pull_zone: int) -> None:
        """Delete a pull zone. A missing one is no error."""
        self._api.delete(f"/pullzone/{pull_zone}", action=f"deleting pull zone {pull_zone}")

    def add_hostname(self, pull_zone: int, hostname: str) -> None:
        """Let a pull zone serve a host name, whose DNS points to it.

        Raises:
            AdapterError: Another pull zone has it.
        """
        self._api.post(f"/pullzone/{pull_zone}/addHostname", {"Hostname": hostname}, action=f"adding {hostname!r}")

    def remove_hostname(self, pull_zone: int, hostname: str) -> None:
        """Let a pull zone no longer serve a host name. A missing pull zone is no error."""
        path, body = f"/pullzone/{pull_zone}/removeHostname", {"Hostname": hostname}
        self._api.delete(path, action=f"removing {hostname!r}", body=body)

    def purge_url(self, url: str) -> None:
        """Purge one URL, or all URLs with a prefix if it ends in `*`."""
        self._api.post("/purge", action=purge_action(url), url=url)

    def purge_zone(self, pull_zone: int) -> None:
        """Purge a whole pull zone."""
        self._api.post(f"/pullzone/{pull_zone}/purgeCache", action=f"purging pull zone {pull_zone}")

    def statistics(self, pull_zone: int | None = None, period: Period | None = None) -> Statistics:
        """Return the statistics of a pull zone, or of all."""
        action = "reading statistics"
        return _parse(Statistics.from_response, self._fetch_statistics(pull_zone, period or Period(), action), action)

    def _fetch_pull_zone(self, number: int, action: str) -> object:
        return self._api.get(f"/pullzone/{number}", action=action)

    def _fetch_statistics(self, pull_zone: int | None, period: Period, action: str) -> object:
        query: dict[str, str | int] = {}
        if pull_zone is not None:
            query["pullZone"] = pull_zone
        if period.begin is not None:
            query["dateFrom"] = period.begin.isoformat()
        if period.end is not None:
            query["dateTo"] = period.end.isoformat()
        return self._api.get("/statistics", action=action, **query)


def purge_action(url: str) -> str:
    """Return the action of a purge for messages, without the query, which may contain a token."""
    return f"purging {url.partition('?')[0]}"


def _parse(parse: Callable[[JsonObject], T], response: object, action: str) -> T:
    if not isinstance(response, dict):
        raise unexpected_response(action)
    try:
        return parse(response)
    except MALFORMED as error:
        raise unexpected_response(action) from error
