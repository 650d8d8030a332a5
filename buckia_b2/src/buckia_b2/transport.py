"""How b2sdk's raw API sends its requests here: each is made once, since repeating is the affair of others.

b2sdk's own transport tries a request up to twenty times, for minutes, and sets the locale of the process with each
answer.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from buckia_b2.errors import Refusal
from buckia_b2.settings import B2Settings

_CONNECTIONS = 64
_SUCCESS = (200, 206)

# What the server does while nobody hears of it: it copies and puts together many gigabytes.
_SLOW = ("/b2_copy_file", "/b2_copy_part", "/b2_finish_large_file")
_SLOW_SECONDS = 1200.0


class Transport:
    """Requests over connections that are kept open. From many threads at once.

    The methods with names of b2sdk's are what its `B2RawHTTPApi` calls; how often it would have them
    tried is not heeded.
    """

    def __init__(self, settings: B2Settings, count: Callable[[], None]) -> None:
        self._count = count
        self._connect = settings.connect_timeout
        self._read = settings.read_timeout
        self._session = requests.Session()
        # Otherwise an entry of ~/.netrc would take the place of the token.
        self._session.auth = _as_it_is
        self._session.headers.update({"User-Agent": "buckia", "Accept-Encoding": "identity"})
        pool = _Pool(settings)
        self._session.mount("https://", pool)
        self._session.mount("http://", pool)

    def request(
        self, method: str, url: str, headers: Mapping[str, str], data: Any = None, *, stream: bool = False
    ) -> Any:
        """Return the response to one request.

        Raises:
            Refusal: It is no success.
            requests.RequestException: There was none.
        """
        self._count()
        read = max(self._read, _SLOW_SECONDS) if urlsplit(url).path.endswith(_SLOW) else self._read
        answer = self._session.request(
            method, url, headers=dict(headers), data=data, timeout=(self._connect, read), stream=stream
        )
        if answer.status_code not in _SUCCESS:
            with closing(answer):
                raise Refusal.of(answer)
        return answer

    def post_json_return_json(self, url: str, headers: Mapping[str, str], params: Any, **_tries: Any) -> Any:
        """Send a call with its parameters."""
        data = json.dumps(params).encode()
        return self.request("POST", url, {**headers, "Content-Type": "application/json"}, data).json()

    def post_content_return_json(self, url: str, headers: Mapping[str, str], data: Any, **_tries: Any) -> Any:
        """Send the bytes of a file or a part."""
        return self.request("POST", url, headers, data).json()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class _Pool(HTTPAdapter):  # type: ignore[misc, unused-ignore]  # with or without types of requests
    """As many connections as there are threads, which trust the `ca_bundle` besides the system's authorities."""

    def __init__(self, settings: B2Settings) -> None:
        self._trusted = ssl.create_default_context()
        if settings.ca_bundle is not None:
            self._trusted.load_verify_locations(settings.ca_bundle)
        super().__init__(pool_connections=8, pool_maxsize=_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **options)


def _as_it_is(request: Any) -> Any:
    return request
