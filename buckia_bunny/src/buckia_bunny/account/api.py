"""The account's API: requests in JSON, whole lists, errors of Buckia."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from buckia_bunny.errors import ACCOUNT_ADVICE, error_from_status, unexpected_response
from buckia_bunny.http import HttpClient, HttpRequest
from buckia_bunny.retry import repeated
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.config.secrets.references import Secret

_PAGE = 1000
_LONGEST = 64 << 20
"""Bytes of an answer that are read: a thousand zones, with all that is configured for each."""


class AccountApi:
    """Requests with one API key, from many threads at once."""

    def __init__(self, http: HttpClient, url: str, key: Secret) -> None:
        self.url = url.rstrip("/")
        self._http = http
        self._key = key

    @property
    def http(self) -> HttpClient:
        """What sends the requests."""
        return self._http

    @property
    def key(self) -> Secret:
        """The account's API key."""
        return self._key

    def get(self, path: str, *, doing: str, **query: str | int) -> object:
        """Return what is there. `doing` says what for, for errors.

        Raises:
            AdapterError: It can't be had.
        """
        return repeated(lambda: self._send("GET", path, query, None, doing))

    def entries(self, path: str, *, doing: str) -> Iterator[JsonObject]:
        """Yield all entries of a list, page by page. Errors are those of `get`."""
        page, before = 1, None
        while True:
            answer = self.get(path, doing=doing, page=page, perPage=_PAGE)
            if not isinstance(answer, dict) or not isinstance(answer.get("HasMoreItems"), bool):
                raise unexpected_response(doing)
            items, more = answer.get("Items"), answer["HasMoreItems"]
            # A list without an end is one that has an empty page, or the same one again, and more after it.
            if not isinstance(items, list) or (more and (not items or items == before)):
                raise unexpected_response(doing)
            yield from items
            if not more:
                return
            page, before = page + 1, items

    def post(
        self, path: str, body: JsonObject | None = None, *, doing: str, once: bool = False, **query: str
    ) -> object:
        """Change something, and return the answer; `once` is for what a second request would do a second time."""
        if once:
            return self._send("POST", path, query, body, doing)
        return repeated(lambda: self._send("POST", path, query, body, doing))

    def _send(
        self, method: str, path: str, query: Mapping[str, str | int], body: JsonObject | None, doing: str
    ) -> object:
        url = f"{self.url}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        headers = {"AccessKey": self._key.reveal(), "Accept": "application/json", "User-Agent": "buckia"}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode() if body is not None else (b"" if method == "POST" else None)
        request = HttpRequest(method, url, headers, doing)
        answer = self._http.call(request, data, longest=_LONGEST)
        if not 200 <= answer.status < 300:
            said = request.without_secrets(answer.body)
            raise error_from_status(
                answer.status, doing=doing, advice=ACCOUNT_ADVICE, headers=answer.headers, body=said
            )
        return parsed(answer.body, doing)


def parsed(body: bytes, doing: str) -> object:
    """Return what the body of an answer says; `None` of an empty one. Raises AdapterError of what is no JSON."""
    try:
        return json.loads(body) if body.strip() else None
    except (RecursionError, ValueError) as error:
        raise unexpected_response(doing) from error
