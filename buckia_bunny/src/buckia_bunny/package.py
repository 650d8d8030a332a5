"""`client: bunnycdnpython`: that package, where it can be used without its faults reaching anybody.

    what                                      used    why, or how
    ----------------------------------------------------------------------------------------------------------------
    Storage: address and headers of a zone    yes     `base_url` and `headers`, for Buckia's own requests
    Storage: PutFile, DownloadFile            no      whole files in memory, no digest, no timeout, writes in place
    Storage: DeleteFile                       no      a refused delete counts as done
    Storage: GetStoragedObjectsList           no      tells names only, and breaks on some paths
    CDN: purges, statistics, one pull zone    yes     with `base_url` of the current API, its answers checked, and
                                                      a limit on the time
    CDN: lists, CreatePullZone                no      tell names only; sends a form where JSON is wanted

A call of the package can't be ended from outside: one that takes too long is left alone in a thread that ends with the
process, and counts as failed. So only calls are made that do no harm when they are carried out late, or twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import requests
from BunnyCDN.CDN import CDN
from BunnyCDN.Storage import Storage

from buckia_bunny.account import Account
from buckia_bunny.api import Api
from buckia_bunny.errors import ACCOUNT_ADVICE, PROVIDER, not_understood, of_status
from buckia_bunny.repeating import repeated
from buckia_bunny.resources import Period
from buckia_bunny.site import Place
from buckia_core.errors import Transient


def place_of(address: str, zone: str, key: str) -> Place:
    """Return the place of a zone: the headers are the package's, and so is the address where it knows it."""
    its = Storage(key, zone)
    host = "https://storage.bunnycdn.com"
    url = its.base_url if address == host else its.base_url.replace(host, address, 1)
    return Place(url, {**its.headers, "Accept": "application/json"})


class PackageAccount(Account):
    """An account whose calls go through the package, as far as it makes them well."""

    def __init__(self, api: Api, *, seconds: float) -> None:
        super().__init__(api)
        self._cdn = CDN(api.key.reveal())
        self._cdn.base_url = f"{api.url}/"
        self._seconds = seconds

    def purge_url(self, url: str) -> None:
        """See `Account`."""
        self._call(f"purging {url}", lambda: self._cdn.PurgeUrlCache(url))

    def purge_zone(self, pull_zone: int) -> None:
        """See `Account`."""
        self._call(f"purging pull zone {pull_zone}", lambda: self._cdn.PurgePullZoneCache(pull_zone))

    def _told_of_pull_zone(self, number: int, doing: str) -> object:
        return self._call(doing, lambda: self._cdn.GetPullZone(number))

    def _told_of_statistics(self, pull_zone: int | None, period: Period, doing: str) -> object:
        begin = period.begin.isoformat() if period.begin else None
        end = period.end.isoformat() if period.end else None
        return self._call(doing, lambda: self._cdn.Stats(dateFrom=begin, dateTo=end, pullZone=pull_zone))

    def _call(self, doing: str, call: Callable[[], Any]) -> object:
        return repeated(lambda: self._checked(doing, call))

    def _checked(self, doing: str, call: Callable[[], Any]) -> object:
        answer = self._in_time(doing, call)
        if not isinstance(answer, dict):
            raise not_understood(doing)
        # Its own answers have this form, and none of the service's has.
        if answer.keys() >= {"status", "HTTP", "msg"} and str(answer["status"]).lower() != "success":
            raise of_status(int(answer["HTTP"]), doing=doing, advice=ACCOUNT_ADVICE)
        return answer

    def _in_time(self, doing: str, call: Callable[[], Any]) -> object:
        ended: SimpleQueue[tuple[object, Exception | None]] = SimpleQueue()

        def run() -> None:
            try:
                ended.put((call(), None))
            except Exception as error:  # noqa: BLE001  # handed to the thread that waits
                ended.put((None, error))

        threading.Thread(target=run, name="buckia-bunny-package", daemon=True).start()
        try:
            answer, error = ended.get(timeout=self._seconds)
        except Empty:
            raise Transient(f"{doing}: no answer in time", provider=PROVIDER) from None
        if isinstance(error, (requests.RequestException, UnboundLocalError)):
            # Where there is no answer at all, the package asks for its status and finds that there is none.
            raise Transient(f"{doing}: no connection, or no whole answer", provider=PROVIDER) from error
        if error is not None:
            raise not_understood(doing) from error
        return answer
