"""Account API of bunny.net: JSON requests and paged lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from buckia_bunny.errors import ACCOUNT_ADVICE, error_from_response, unexpected_response
from buckia_bunny.http import HttpClient, HttpRequest, retry_request
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import NotFound
from buckia_core.http.blocking import run_blocking

_PAGE_SIZE = 1000
_MAX_BODY_BYTES = 64 << 20
"""Largest response: a thousand zones with their configuration."""


class AccountApi:
    """Requests with one API key. Thread-safe."""

    def __init__(self, http: HttpClient, url: str, key: Secret) -> None:
        self.url = url.rstrip("/")
        self.http = http
        self.key = key

    def get(self, path: str, *, action: str, **query: str | int) -> object:
        """Send a GET request and return the JSON. Error messages begin with `action`, such as `listing storage zones`.

        Raises:
            AdapterError: The request failed.
        """
        return retry_request(lambda: self.send("GET", path, query, None, action))

    def entries(self, path: str, *, action: str) -> Iterator[JsonObject]:
        """Yield all entries of a paged list. Raises the same errors as `get`."""
        page, previous = 1, None
        while True:
            response = self.get(path, action=action, page=page, perPage=_PAGE_SIZE)
            if not isinstance(response, dict) or not isinstance(response.get("HasMoreItems"), bool):
                raise unexpected_response(action)
            items, more = response.get("Items"), response["HasMoreItems"]
            # An empty or repeated page that claims there are more would loop forever.
            if not isinstance(items, list) or (more and (not items or items == previous)):
                raise unexpected_response(action)
            yield from items
            if not more:
                return
            page, previous = page + 1, items

    def post(
        self, path: str, body: JsonObject | None = None, *, action: str, retry: bool = True, **query: str
    ) -> object:
        """Send a POST request and return the JSON. Pass `retry=False` if it is not idempotent."""
        if not retry:
            return self.send("POST", path, query, body, action)
        return retry_request(lambda: self.send("POST", path, query, body, action))

    def delete(self, path: str, *, action: str, body: JsonObject | None = None, **query: str) -> None:
        """Send a DELETE request. Something that is missing is no error. Raises the same errors as `get`."""
        try:
            retry_request(lambda: self.send("DELETE", path, query, body, action))
        except NotFound:
            return

    def send(
        self, method: str, path: str, query: Mapping[str, str | int], body: JsonObject | None, action: str
    ) -> object:
        """Send one request and return the JSON. Raises the same errors as `get`, which retries."""
        url = f"{self.url}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        headers = {"AccessKey": self.key.reveal(), "Accept": "application/json", "User-Agent": "buckia"}
        if method == "POST" or body is not None:
            headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode() if body is not None else b""
        request = HttpRequest.to_url(method, url, headers, action)
        response = run_blocking(self.http.send(request, data, max_bytes=_MAX_BODY_BYTES))
        if not 200 <= response.status < 300:
            raise error_from_response(
                response.status, action=action, advice=ACCOUNT_ADVICE, headers=response.headers, body=response.body
            )
        return parse_json(response.body, action)


def parse_json(body: bytes, action: str) -> object:
    """Parse a JSON body; `None` for an empty one. Raises AdapterError for invalid JSON."""
    try:
        return json.loads(body) if body.strip() else None
    except (RecursionError, ValueError) as error:
        raise unexpected_response(action) from error
