"""The account's API: requests in JSON, whole lists, errors of Buckia."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from buckia_bunny.errors import ACCOUNT_ADVICE, not_understood, of_status
from buckia_bunny.http import Http, Request
from buckia_bunny.repeating import repeated
from buckia_bunny.resources import Told
from buckia_core.config.secrets import Secret

_PAGE = 1000


class Api:
    """Requests with one API key, from many threads at once."""

    def __init__(self, http: Http, url: str, key: Secret) -> None:
        self.url = url.rstrip("/")
        self._http = http
        self._key = key

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

    def entries(self, path: str, *, doing: str) -> Iterator[Told]:
        """Yield all entries of a list, page by page. Errors are those of `get`."""
        page, more = 1, True
        while more:
            answer = self.get(path, doing=doing, page=page, perPage=_PAGE)
            if not isinstance(answer, dict) or not isinstance(answer.get("Items"), list):
                raise not_understood(doing)
            yield from answer["Items"]
            page, more = page + 1, bool(answer.get("HasMoreItems"))

    def post(self, path: str, body: Told | None = None, *, doing: str, once: bool = False, **query: str) -> object:
        """Change something, and return the answer; `once` is for what a second request would do a second time."""
        if once:
            return self._send("POST", path, query, body, doing)
        return repeated(lambda: self._send("POST", path, query, body, doing))

    def _send(self, method: str, path: str, query: Mapping[str, str | int], body: Told | None, doing: str) -> object:
        url = f"{self.url}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        headers = {"AccessKey": self._key.reveal(), "Accept": "application/json", "User-Agent": "buckia"}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode() if body is not None else (b"" if method == "POST" else None)
        answer = self._http.call(Request(method, url, headers, doing), data)
        if not 200 <= answer.status < 300:
            raise of_status(answer.status, doing=doing, advice=ACCOUNT_ADVICE, headers=answer.headers, body=answer.body)
        try:
            return json.loads(answer.body) if answer.body.strip() else None
        except ValueError as error:
            raise not_understood(doing) from error
