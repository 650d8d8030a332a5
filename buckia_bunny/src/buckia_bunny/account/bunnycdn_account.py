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
Buckia loads a private copy of its module, and replaces `requests` there with its own HTTP client.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from BunnyCDN.Storage import Storage
from requests.exceptions import HTTPError

from buckia_bunny.account.account import BunnyAccount, purge_action
from buckia_bunny.account.api import parse_json
from buckia_bunny.account.models import Period
from buckia_bunny.errors import ACCOUNT_ADVICE, error_from_response, unexpected_response
from buckia_bunny.http import HttpClient, HttpRequest, retry_request
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
        cdn = _load_package(RequestsShim(self._api.http, action)).CDN(self._api.key.reveal())
        cdn.base_url = f"{self._api.url}/"
        response = call(cdn)
        if not isinstance(response, dict):
            raise unexpected_response(action)
        # The package reports errors in this form, which no response of the service has.
        if response.keys() >= {"status", "HTTP", "msg"} and str(response["status"]).lower() != "success":
            failure = response["msg"]
            raise failure.error if isinstance(failure, RequestFailed) else unexpected_response(action)
        return response


class RequestFailed(HTTPError):
    """Exception of a failed request, which the package returns inside its result.

    Attributes:
        error: Error of Buckia.
    """

    def __init__(self, error: AdapterError) -> None:
        super().__init__(str(error))
        self.error = error


class BunnyCdnResponse:
    """Response of `requests`, as far as the package uses it."""

    def __init__(self, status: int, body: bytes, action: str, error: AdapterError | None = None) -> None:
        self.status_code = status
        self._body = body
        self._action = action
        self._error = error

    def raise_for_status(self) -> None:
        """Raise `RequestFailed` for an error."""
        if self._error is not None:
            raise RequestFailed(self._error)

    def json(self) -> object:
        """Parse the body. Raises AdapterError for invalid JSON."""
        return parse_json(self._body, self._action)


class RequestsShim:
    """Functions of `requests` that the package calls, sent by Buckia's HTTP client. Errors become responses."""

    def __init__(self, http: HttpClient, action: str) -> None:
        self._http = http
        self._action = action

    def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> BunnyCdnResponse:
        """Send a GET request."""
        return self._send("GET", url, params, headers or {}, None)

    def post(
        self,
        url: str,
        data: str | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> BunnyCdnResponse:
        """Send a POST request."""
        return self._send("POST", url, params, headers or {}, _encode_body(data, json))

    def _send(
        self, method: str, url: str, params: Mapping[str, Any] | None, headers: Mapping[str, str], body: bytes | None
    ) -> BunnyCdnResponse:
        query = {name: value for name, value in (params or {}).items() if value is not None}
        address = f"{url}?{urlencode(query, quote_via=quote)}" if query else url
        request = HttpRequest(method, address, {**headers, "User-Agent": "buckia"}, self._action)
        try:
            response = self._http.request(request, body)
        except AdapterError as error:
            return BunnyCdnResponse(0, b"", self._action, error)
        if 200 <= response.status < 300:
            return BunnyCdnResponse(response.status, response.body, self._action)
        detail = response.body
        failure = error_from_response(
            response.status, action=self._action, advice=ACCOUNT_ADVICE, headers=response.headers, body=detail
        )
        return BunnyCdnResponse(response.status, b"", self._action, failure)


def _encode_body(data: str | None, value: object) -> bytes:
    return json.dumps(value).encode() if value is not None else (data or "").encode()


def _load_package(requests: RequestsShim) -> Any:
    """Load a private copy of the package's module `CDN` that uses `requests` of the caller."""
    spec = importlib.util.find_spec("BunnyCDN.CDN")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("bunnycdnpython has no module CDN", name="BunnyCDN.CDN")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__dict__["requests"] = requests
    return module
