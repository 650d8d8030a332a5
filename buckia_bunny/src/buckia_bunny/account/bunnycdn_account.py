"""`client: bunnycdnpython`: that package, where it can be used without its faults reaching anybody.

    what                                      used    why, or how
    ----------------------------------------------------------------------------------------------------------------
    Storage: address and headers of a zone    yes     `base_url` and `headers`, for Buckia's own requests
    Storage: PutFile, DownloadFile            no      whole files in memory, no digest, no timeout, writes in place
    Storage: DeleteFile                       no      a refused delete counts as done
    Storage: GetStoragedObjectsList           no      tells names only, and breaks on some paths
    CDN: purges, statistics, one pull zone    yes     with `base_url` of the current API, and its answers checked
    CDN: lists, CreatePullZone                no      tell names only; sends a form where JSON is wanted

The package sends requests by the functions of `requests`: without a limit on the time, to wherever a redirect leads,
with the API key, and with what ~/.netrc has for the host. So its module is loaded once more for Buckia alone, with
something in the place of `requests` that sends them as all others are sent.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from BunnyCDN.Storage import Storage
from requests.exceptions import HTTPError

from buckia_bunny.account.account import BunnyAccount, purging
from buckia_bunny.account.api import AccountApi, parsed
from buckia_bunny.account.models import Period
from buckia_bunny.errors import ACCOUNT_ADVICE, error_from_status, unexpected_response
from buckia_bunny.http import HttpClient, HttpRequest
from buckia_bunny.retry import repeated
from buckia_bunny.storage.endpoint import ZoneUrl
from buckia_core.errors import AdapterError


def bunnycdn_zone_url(address: str, zone: str, key: str) -> ZoneUrl:
    """Return the place of a zone: the headers are the package's, and so is the address where it knows it."""
    its = Storage(key, zone)
    host = "https://storage.bunnycdn.com"
    url = its.base_url if address == host else its.base_url.replace(host, address, 1)
    return ZoneUrl(url, {**its.headers, "Accept": "application/json"})


class BunnyCdnAccount(BunnyAccount):
    """An account whose calls go through the package, as far as it makes them well."""

    def __init__(self, api: AccountApi) -> None:
        super().__init__(api)
        self._wanted = api

    def purge_url(self, url: str) -> None:
        """See `BunnyAccount`."""
        self._call(purging(url), lambda cdn: cdn.PurgeUrlCache(url))

    def purge_zone(self, pull_zone: int) -> None:
        """See `BunnyAccount`."""
        self._call(f"purging pull zone {pull_zone}", lambda cdn: cdn.PurgePullZoneCache(pull_zone))

    def _told_of_pull_zone(self, number: int, doing: str) -> object:
        return self._call(doing, lambda cdn: cdn.GetPullZone(number))

    def _told_of_statistics(self, pull_zone: int | None, period: Period, doing: str) -> object:
        begin = period.begin.isoformat() if period.begin else None
        end = period.end.isoformat() if period.end else None
        return self._call(doing, lambda cdn: cdn.Stats(dateFrom=begin, dateTo=end, pullZone=pull_zone))

    def _call(self, doing: str, call: Callable[[Any], Any]) -> object:
        return repeated(lambda: self._checked(doing, call))

    def _checked(self, doing: str, call: Callable[[Any], Any]) -> object:
        cdn = _package_with(Requests(self._wanted.http, doing)).CDN(self._wanted.key.reveal())
        cdn.base_url = f"{self._wanted.url}/"
        answer = call(cdn)
        if not isinstance(answer, dict):
            raise unexpected_response(doing)
        # Its own answers have this form, and none of the service's has.
        if answer.keys() >= {"status", "HTTP", "msg"} and str(answer["status"]).lower() != "success":
            failure = answer["msg"]
            raise failure.error if isinstance(failure, Failure) else unexpected_response(doing)
        return answer


class Failure(HTTPError):
    """What the package is told of a request that failed, and hands on without a look.

    Attributes:
        error: Why it failed.
    """

    def __init__(self, error: AdapterError) -> None:
        super().__init__(str(error))
        self.error = error


class BunnyCdnResponse:
    """A response of `requests`, as far as the package looks at it."""

    def __init__(self, status: int, body: bytes, doing: str, error: AdapterError | None = None) -> None:
        self.status_code = status
        self._body = body
        self._doing = doing
        self._error = error

    def raise_for_status(self) -> None:
        """Raise `Failure` where it is no success."""
        if self._error is not None:
            raise Failure(self._error)

    def json(self) -> object:
        """Return what it says. Raises AdapterError of what is no JSON."""
        return parsed(self._body, self._doing)


class Requests:
    """The functions of `requests` that the package calls, by Buckia's own client. It would hide what they raise."""

    def __init__(self, http: HttpClient, doing: str) -> None:
        self._http = http
        self._doing = doing

    def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> BunnyCdnResponse:
        """Ask for something."""
        return self._send("GET", url, params, headers or {}, None)

    def post(
        self,
        url: str,
        data: str | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> BunnyCdnResponse:
        """Change something."""
        return self._send("POST", url, params, headers or {}, _encoded(data, json))

    def _send(
        self, method: str, url: str, params: Mapping[str, Any] | None, headers: Mapping[str, str], body: bytes | None
    ) -> BunnyCdnResponse:
        given = {name: value for name, value in (params or {}).items() if value is not None}
        address = f"{url}?{urlencode(given, quote_via=quote)}" if given else url
        request = HttpRequest(method, address, {**headers, "User-Agent": "buckia"}, self._doing)
        try:
            answer = self._http.call(request, body)
        except AdapterError as error:
            return BunnyCdnResponse(0, b"", self._doing, error)
        if 200 <= answer.status < 300:
            return BunnyCdnResponse(answer.status, answer.body, self._doing)
        said = request.without_secrets(answer.body)
        refusal = error_from_status(
            answer.status, doing=self._doing, advice=ACCOUNT_ADVICE, headers=answer.headers, body=said
        )
        return BunnyCdnResponse(answer.status, b"", self._doing, refusal)


def _encoded(data: str | None, value: object) -> bytes:
    return json.dumps(value).encode() if value is not None else (data or "").encode()


def _package_with(requests: Requests) -> Any:
    """Return the package's module `CDN`, loaded for this call, with something else in the place of `requests`."""
    spec = importlib.util.find_spec("BunnyCDN.CDN")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("bunnycdnpython has no module CDN", name="BunnyCDN.CDN")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__dict__["requests"] = requests
    return module
