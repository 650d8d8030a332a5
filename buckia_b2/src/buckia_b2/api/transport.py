"""Transport: sends the requests of b2sdk's raw API over `requests`, each once, without following redirects.

b2sdk's own transport retries a request up to twenty times, for minutes, sends the content on to the host that a
redirect names, replaces the token with an entry of ~/.netrc, and sets the locale of the process for each response.
"""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from buckia_b2.errors import B2ResponseError, BodyTooLong
from buckia_b2.settings import B2Settings
from buckia_core.adapters.service.requests_session import prepare_session, proxies_for
from buckia_core.adapters.service.responses import read_body
from buckia_core.adapters.transfers import retry
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.http.tls import trust_bundle

T = TypeVar("T")

RETRY_POLICY = RetryPolicy(max_attempts=5, time_limit=math.inf, initial_wait=0.2, max_wait=10.0)
"""Five attempts with short waits: B2 answers 503 where another of its servers would take the request at once."""

MAX_JSON_BYTES = 16 << 20
"""Largest JSON response that is read. A page of 1,000 files fits, whatever their names."""

_MAX_ERROR_BYTES = 1 << 16
_CONNECTIONS = 64
_SUCCESS = (200, 206)

# Calls that copy or assemble many gigabytes before the server sends any byte of the response.
_SLOW = ("/b2_copy_file", "/b2_copy_part", "/b2_finish_large_file")
_SLOW_SECONDS = 1200.0


def retry_request(request: Callable[[], T]) -> T:
    """Retry one request of a call that makes many; the wrapper `Retry` retries whole calls.

    A server that asks for a wait of more than ten seconds is left to that wrapper.
    """
    return retry.retry_call(request, RETRY_POLICY)


class Transport:
    """Sends requests over a pool of kept connections. Thread-safe.

    Redirects are errors: following one would hand the content to another host.

    `B2RawHTTPApi` of b2sdk calls the `post_…` methods; the number of attempts that it passes is ignored.
    """

    def __init__(self, settings: B2Settings, count: Callable[[], None]) -> None:
        self._count = count
        self._connect = settings.connect_timeout
        self._read = settings.read_timeout
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "buckia"
        prepare_session(self._session, _Pool(settings))

    def request(self, method: str, url: str, headers: Mapping[str, str], data: Any = None) -> Any:
        """Send one request and return its response, with the body unread. The caller closes it.

        Raises:
            B2ResponseError: The status is not a success.
            requests.RequestException: There is no response.
        """
        self._count()
        read = max(self._read, _SLOW_SECONDS) if urlsplit(url).path.endswith(_SLOW) else self._read
        response = self._session.request(
            method,
            url,
            headers=dict(headers),
            data=data,
            timeout=(self._connect, read),
            stream=True,
            allow_redirects=False,
            proxies=proxies_for(url),
        )
        if response.status_code not in _SUCCESS:
            with closing(response):
                body = read_body(response.raw, _MAX_ERROR_BYTES)
                secrets = (headers.get("Authorization", ""),)
                raise B2ResponseError.from_response(response.status_code, response.headers, body, secrets)
        return response

    def post_json_return_json(self, url: str, headers: Mapping[str, str], params: Any, **_tries: Any) -> Any:
        """Send an API call as JSON and return the JSON of the response."""
        data = json.dumps(params).encode()
        return self._read_json("POST", url, {**headers, "Content-Type": "application/json"}, data)

    def post_content_return_json(self, url: str, headers: Mapping[str, str], data: Any, **_tries: Any) -> Any:
        """Send the bytes of a file or a part and return the JSON of the response."""
        return self._read_json("POST", url, headers, data)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _read_json(self, method: str, url: str, headers: Mapping[str, str], data: Any) -> Any:
        """Raise as `request`; ValueError or RecursionError for invalid JSON; BodyTooLong."""
        with closing(self.request(method, url, headers, data)) as response:
            body = read_body(response.raw, MAX_JSON_BYTES)
        if len(body) > MAX_JSON_BYTES:
            raise BodyTooLong(f"the response of {urlsplit(url).hostname} is longer than {MAX_JSON_BYTES >> 20} MiB")
        return json.loads(body)


class _Pool(HTTPAdapter):  # type: ignore[misc, unused-ignore]  # with or without types of requests
    """Connection pool: trusts `ca_bundle` in addition to the authorities of the system."""

    def __init__(self, settings: B2Settings) -> None:
        self._trusted = ssl.create_default_context()
        if settings.ca_bundle is not None:
            trust_bundle(self._trusted, settings.ca_bundle)
        super().__init__(pool_connections=8, pool_maxsize=_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **options)
