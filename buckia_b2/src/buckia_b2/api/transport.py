"""How b2sdk's raw API sends its requests here: each once, to the address that is named and no other.

b2sdk's own transport tries a request up to twenty times, for minutes, follows redirects with the token and the
content, and sets the locale of the process with each answer.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from buckia_b2.errors import B2ResponseError, TooLong
from buckia_b2.settings import B2Settings
from buckia_core.adapters.service.connection import system_proxy, trust_bundle

LONGEST = 16 << 20
"""Bytes of an answer in JSON that are read. A page of 1,000 files is below it, whatever they are called."""

_LONGEST_REFUSAL = 1 << 16
_CONNECTIONS = 64
_SUCCESS = (200, 206)

# What the server does while nobody hears of it: it copies and puts together many gigabytes.
_SLOW = ("/b2_copy_file", "/b2_copy_part", "/b2_finish_large_file")
_SLOW_SECONDS = 1200.0


class Transport:
    """Requests over connections that are kept open. From many threads at once.

    No redirect is followed: it would take the token and the content along to a host of somebody else's choice.

    The methods with names of b2sdk's are what its `B2RawHTTPApi` calls; how often it would have them
    tried is not heeded.
    """

    def __init__(self, settings: B2Settings, count: Callable[[], None]) -> None:
        self._count = count
        self._connect = settings.connect_timeout
        self._read = settings.read_timeout
        self._session = requests.Session()
        # Otherwise an entry of ~/.netrc would take the place of the token, and NO_PROXY be read in another way.
        self._session.trust_env = False
        self._session.auth = _no_netrc_auth
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        self._session.headers.update({"User-Agent": "buckia", "Accept-Encoding": "identity"})
        pool = _Pool(settings)
        self._session.mount("https://", pool)
        self._session.mount("http://", pool)

    def request(self, method: str, url: str, headers: Mapping[str, str], data: Any = None) -> Any:
        """Return the response to one request, of which the head is read. The caller closes it.

        Raises:
            Refusal: It is no success.
            requests.RequestException: There was none.
        """
        self._count()
        read = max(self._read, _SLOW_SECONDS) if urlsplit(url).path.endswith(_SLOW) else self._read
        answer = self._session.request(
            method,
            url,
            headers=dict(headers),
            data=data,
            timeout=(self._connect, read),
            stream=True,
            allow_redirects=False,
            proxies=_proxies(url),
        )
        if answer.status_code not in _SUCCESS:
            with closing(answer):
                body = _body(answer, _LONGEST_REFUSAL)
                raise B2ResponseError.of(answer.status_code, answer.headers, body, (headers.get("Authorization", ""),))
        return answer

    def post_json_return_json(self, url: str, headers: Mapping[str, str], params: Any, **_tries: Any) -> Any:
        """Send a call with its parameters."""
        data = json.dumps(params).encode()
        return self._read_json("POST", url, {**headers, "Content-Type": "application/json"}, data)

    def post_content_return_json(self, url: str, headers: Mapping[str, str], data: Any, **_tries: Any) -> Any:
        """Send the bytes of a file or a part."""
        return self._read_json("POST", url, headers, data)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _read_json(self, method: str, url: str, headers: Mapping[str, str], data: Any) -> Any:
        """Raises what `request` does; ValueError or RecursionError of what is no JSON; TooLong."""
        with closing(self.request(method, url, headers, data)) as answer:
            body = _body(answer, LONGEST)
        if len(body) > LONGEST:
            raise TooLong(f"the answer of {urlsplit(url).hostname} is longer than {LONGEST >> 20} MiB")
        return json.loads(body)


class _Pool(HTTPAdapter):  # type: ignore[misc, unused-ignore]  # with or without types of requests
    """As many connections as there are threads, which trust the `ca_bundle` besides the system's authorities."""

    def __init__(self, settings: B2Settings) -> None:
        self._trusted = ssl.create_default_context()
        if settings.ca_bundle is not None:
            trust_bundle(self._trusted, settings.ca_bundle)
        super().__init__(pool_connections=8, pool_maxsize=_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **options)


def _proxies(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    proxy = system_proxy(parts.scheme, parts.hostname or "", port)
    return {} if proxy is None else {parts.scheme: proxy}


def _body(answer: Any, most: int) -> bytes:
    """Return the body of a response as it was sent, of which `most` bytes and one more are read at most."""
    body = b""
    # The read that brings nothing notices that the connection broke off.
    while len(body) <= most and (block := answer.raw.read(most + 1 - len(body), decode_content=False)):
        body += block
    return body


def _no_netrc_auth(request: Any) -> Any:
    return request
