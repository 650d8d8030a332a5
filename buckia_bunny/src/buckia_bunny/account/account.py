"""`BunnyAccount`: what an account's API key allows: zones, pull zones, purges, statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from buckia_bunny.account.api import AccountApi
from buckia_bunny.account.models import Period, PullZone, Statistics, StorageZone
from buckia_bunny.errors import PROVIDER, unexpected_response
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.errors import NotFound

T = TypeVar("T")


class BunnyAccount:
    """One account, by its API key. From many threads at once.

    Every method may raise `Unauthenticated`, `PermissionDenied`, `Throttled`, `Transient`, and `NotFound` where what it
    names is not there.
    """

    def __init__(self, api: AccountApi) -> None:
        self._api = api

    def storage_zones(self) -> list[StorageZone]:
        """Return the storage zones."""
        doing = "listing storage zones"
        return [_read(StorageZone.of, each, doing) for each in self._api.entries("/storagezone", doing=doing)]

    def storage_zone(self, name: str) -> StorageZone:
        """Return the storage zone of that name."""
        for zone in self.storage_zones():
            if zone.name == name:
                return zone
        raise NotFound(f"the account has no storage zone {name!r}", provider=PROVIDER)

    def pull_zones(self) -> list[PullZone]:
        """Return the pull zones."""
        doing = "listing pull zones"
        return [_read(PullZone.of, each, doing) for each in self._api.entries("/pullzone", doing=doing)]

    def pull_zone(self, name: str) -> PullZone:
        """Return the pull zone of that name or number."""
        if name.isdecimal():
            doing = f"looking for pull zone {name}"
            return _read(PullZone.of, self._told_of_pull_zone(int(name), doing), doing)
        for zone in self.pull_zones():
            if zone.name == name:
                return zone
        raise NotFound(f"the account has no pull zone {name!r}", provider=PROVIDER)

    def create_pull_zone(self, name: str, storage_zone: int) -> PullZone:
        """Make a pull zone in front of a storage zone, and return it.

        Raises:
            AdapterError: The name is taken, or is none.
        """
        doing = f"making pull zone {name!r}"
        body = {"Name": name, "StorageZoneId": storage_zone, "OriginType": 2}
        return _read(PullZone.of, self._api.post("/pullzone", body, doing=doing, once=True), doing)

    def link_pull_zone(self, pull_zone: int, storage_zone: int) -> PullZone:
        """Put a pull zone in front of a storage zone, and return it."""
        doing = f"linking pull zone {pull_zone}"
        body = {"StorageZoneId": storage_zone, "OriginType": 2}
        return _read(PullZone.of, self._api.post(f"/pullzone/{pull_zone}", body, doing=doing), doing)

    def purge_url(self, url: str) -> None:
        """Purge one address, or with `*` at its end all that begin so."""
        self._api.post("/purge", doing=purging(url), url=url)

    def purge_zone(self, pull_zone: int) -> None:
        """Purge all of a pull zone."""
        self._api.post(f"/pullzone/{pull_zone}/purgeCache", doing=f"purging pull zone {pull_zone}")

    def statistics(self, pull_zone: int | None = None, period: Period | None = None) -> Statistics:
        """Return what a pull zone served, or all of them."""
        doing = "reading statistics"
        return _read(Statistics.of, self._told_of_statistics(pull_zone, period or Period(), doing), doing)

    def _told_of_pull_zone(self, number: int, doing: str) -> object:
        return self._api.get(f"/pullzone/{number}", doing=doing)

    def _told_of_statistics(self, pull_zone: int | None, period: Period, doing: str) -> object:
        asked: dict[str, str | int] = {}
        if pull_zone is not None:
            asked["pullZone"] = pull_zone
        if period.begin is not None:
            asked["dateFrom"] = period.begin.isoformat()
        if period.end is not None:
            asked["dateTo"] = period.end.isoformat()
        return self._api.get("/statistics", doing=doing, **asked)


def purging(url: str) -> str:
    """Return what a purge is called in errors: without the parameters, among which a token may be."""
    return f"purging {url.partition('?')[0]}"


def _read(read: Callable[[JsonObject], T], answer: object, doing: str) -> T:
    if not isinstance(answer, dict):
        raise unexpected_response(doing)
    try:
        return read(answer)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise unexpected_response(doing) from error
