"""`client: bunnycdnpython`: sends requests of the account through that package, where it is safe.

    feature                                   used    reason, or how
    ----------------------------------------------------------------------------------------------------------------
    Storage: address and headers of a zone    yes     `base_url` and `headers`, for Buckia's own requests
    Storage: PutFile, DownloadFile            no      whole files in memory, no digest, no timeout, writes in place
    Storage: DeleteFile                       no      reports a failed delete as done
    Storage: GetStoragedObjectsList           no      returns names only, and fails on some paths
    CDN: purges, statistics, one pull zone    yes     with `base_url` of the current API; responses are checked
    CDN: lists, CreatePullZone                no      return names only; sends a form instead of JSON

The package calls functions of `requests` without a timeout, follows redirects with the API key, and uses ~/.netrc. So
Buckia loads a private copy of its module, and replaces `requests` there with its own account API.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from BunnyCDN.Storage import Storage

from buckia_bunny.account.account import BunnyAccount, purge_action
from buckia_bunny.account.api import AccountApi
from buckia_bunny.account.models import Period
from buckia_bunny.errors import unexpected_response
from buckia_bunny.http import retry_request
from buckia_bunny.storage.endpoint import ZoneUrl
from buckia_core.errors import AdapterError


def bunnycdn_zone_url(address: str, zone: str, key: str) -> ZoneUrl:
    """Build the URL and headers of a zone with those of the package."""
    package = Storage(key, zone)
    host = "https://storage.bunnycdn.com"
    url = package.base_url if address == host else package.base_url.replace(host, address, 1)
    return ZoneUrl(url, {**package.headers, "Accept": "application/json"})


class BunnyCdnAccount(BunnyAccount):
    """Account that calls the package, except where the package has faults."""

    def purge_url(self, url: str) -> None:
        """See `BunnyAccount`."""
        self._call(purge_action(url), lambda cdn: cdn.PurgeUrlCache(url))

    def purge_zone(self, pull_zone: int) -> None:
        """See `BunnyAccount`."""
        self._call(f"purging pull zone {pull_zone}", lambda cdn: cdn.PurgePullZoneCache(pull_zone))

    def _fetch_pull_zone(self, number: int, action: str) -> object:
        return self._call(action, lambda cdn: cdn.GetPullZone(number))

    def _fetch_statistics(self, pull_zone: int | None, period: Period, action: str) -> object:
        begin = period.begin.isoformat() if period.begin else None
        end = period.end.isoformat() if period.end else None
        return self._call(action, lambda cdn: cdn.Stats(dateFrom=begin, dateTo=end, pullZone=pull_zone))

    def _call(self, action: str, call: Callable[[Any], Any]) -> object:
        return retry_request(lambda: self._call_once(action, call))

    def _call_once(self, action: str, call: Callable[[Any], Any]) -> object:
        shim = RequestsShim(self._api, action)
        cdn = _load_package(shim).CDN(self._api.key.reveal())
        cdn.base_url = "/"
        response = call(cdn)
        # The package returns errors as results, without their cause.
        if shim.error is not None:
            raise shim.error
        if not isinstance(response, dict):
            raise unexpected_response(action)
        return response


class RequestsShim:
    """Functions of `requests` that the package calls, sent by the account API, which has the headers.

    Attributes:
        error: Exception of the last request. `raise_for_status` raises it, because the package expects a response.
    """

    def __init__(self, api: AccountApi, action: str) -> None:
        self.error: Exception | None = None
        self._api = api
        self._action = action

    def get(self, url: str, params: Mapping[str, Any] | None = None, **_headers: object) -> BunnyCdnResponse:
        """Send a GET request."""
        return self._send("GET", url, params)

    def post(self, url: str, params: Mapping[str, Any] | None = None, **_headers: object) -> BunnyCdnResponse:
        """Send a POST request."""
        return self._send("POST", url, params)

    def _send(self, method: str, path: str, params: Mapping[str, Any] | None) -> BunnyCdnResponse:
        query = {name: value for name, value in (params or {}).items() if value is not None}
        value: object = None
        try:
            value = self._api.send(method, path, query, None, self._action)
        except (AdapterError, MemoryError) as error:
            self.error = error
        return BunnyCdnResponse(value, self.error)


@dataclass(frozen=True, slots=True)
class BunnyCdnResponse:
    """Response of `requests`, as far as the package uses it."""

    value: object
    error: Exception | None
    status_code: int = 0

    def raise_for_status(self) -> None:
        """Raise the exception of the request."""
        if self.error is not None:
            raise self.error

    def json(self) -> object:
        """Return the JSON of the response."""
        return self.value


def _load_package(requests: RequestsShim) -> Any:
    """Load a private copy of the package's module `CDN` that uses `requests` of the caller."""
    spec = importlib.util.find_spec("BunnyCDN.CDN")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("bunnycdnpython has no module CDN", name="BunnyCDN.CDN")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__dict__["requests"] = requests
    return module
