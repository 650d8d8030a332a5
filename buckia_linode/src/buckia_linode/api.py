"""Linode's API v4: signed requests, whole lists, errors of Buckia.

Of the SDK its client is used, which signs in and tells errors. Its objects are not: they take the id of a region that
ends in a number, such as `de-fra-2`, for that of a cluster, and give up where a list changes while it is read.
"""

from __future__ import annotations

import http.client
import io
import itertools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3
from linode_api4 import LinodeClient
from requests.adapters import HTTPAdapter

from buckia_core.adapters.service.connection import system_proxy
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.errors import AdapterError, MissingCredentials
from buckia_linode.errors import Redirected, TooLong, translate_error
from buckia_linode.settings import LinodeSettings
from buckia_s3.http.connection_pool import tls_context

PAGE = 500
"""Entries that a page of a list has at most."""

LONGEST = 16 << 20
"""Bytes of an answer that are read."""

ROOT = "/object-storage"

_TOKEN = re.compile(r"[\x21-\x7e]+")


class LinodeApi:
    """Requests to the API with one token; from one thread at a time."""

    def __init__(self, settings: LinodeSettings, token: str, provider: str, counter: RequestCounter) -> None:
        """Make it; `counter` counts each request before it is sent.

        Raises:
            MissingCredentials: The token is none that can be sent.
        """
        if not _TOKEN.fullmatch(token):
            # Not shown. What the client would raise shows it.
            raise MissingCredentials("the token has a character that no token has: check it for spaces and line breaks")
        self.counter = counter
        self._provider = provider
        self._backoff = settings.retry_config.policy
        self._host = urlsplit(settings.api_url).netloc
        self._client = LinodeClient(token, base_url=settings.api_url.rstrip("/"), user_agent="buckia", retry=False)
        # Otherwise an entry of ~/.netrc would take the place of the token, and NO_PROXY be read in another way.
        self._client.session.trust_env = False
        self._client.session.auth = _as_it_is
        trusted = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        self._client.session.verify = trusted or True
        self._client.session.headers["Accept-Encoding"] = "identity"
        transport = _Transport(settings)
        self._client.session.mount("https://", transport)
        self._client.session.mount("http://", transport)

    def get(self, path: str, *, doing: str, **query: str | int) -> JsonObject:
        """Return what is there. `path` begins after `/object-storage`; `doing` is for errors.

        Raises:
            AdapterError: It can't be had.
        """
        asked = f"{ROOT}{path}?{urlencode(query)}" if query else f"{ROOT}{path}"
        return self._repeating(lambda: self._client.get(asked), doing)

    def entries(self, path: str, *, doing: str) -> Iterator[JsonObject]:
        """Yield all entries of a list, page by page. Errors are those of `get`."""
        for page in itertools.count(1):
            answer = self.get(path, doing=doing, page=page, page_size=PAGE)
            entries, pages = answer.get("data"), answer.get("pages")
            if not isinstance(entries, list) or type(pages) is not int:
                raise self._unknown(doing)
            # A list without an end is one that has an empty page, and more after it.
            if not all(isinstance(each, dict) for each in entries) or (page < pages and not entries):
                raise self._unknown(doing)
            yield from entries
            if page >= pages:
                return

    def post(self, path: str, body: JsonObject, *, doing: str) -> JsonObject:
        """Make something, and return it. What is `None` in the body is left out. Errors are those of `get`.

        Sent once: the secret of a key whose answer got lost can't be had again, and nobody would know of the key.
        """
        return self._calling(lambda: self._client.post(f"{ROOT}{path}", data=_given(body)), doing)

    def put(self, path: str, body: JsonObject, *, doing: str) -> JsonObject:
        """Change something, and return it. What is `None` in the body is left out. Errors are those of `get`."""
        return self._repeating(lambda: self._client.put(f"{ROOT}{path}", data=_given(body)), doing)

    def delete(self, path: str, *, doing: str) -> None:
        """Remove something. Errors are those of `get`."""
        self._repeating(lambda: self._client.delete(f"{ROOT}{path}"), doing)

    def close(self) -> None:
        """Close the connections."""
        self._client.session.close()

    def _repeating(self, call: Callable[[], Any], doing: str) -> JsonObject:
        return retry_call(lambda: self._calling(call, doing), self._backoff)

    def _calling(self, call: Callable[[], Any], doing: str) -> JsonObject:
        self.counter.add()
        try:
            answer = call()
        except MemoryError:
            raise
        except Exception as error:
            raise translate_error(error, provider=self._provider, doing=doing, host=self._host) from error
        if not isinstance(answer, dict):
            raise self._unknown(doing)
        return answer

    def _unknown(self, doing: str) -> AdapterError:
        return AdapterError(f"{doing}: {self._host} answered in a form that is not known", provider=self._provider)


class _Transport(HTTPAdapter):  # type: ignore[misc, unused-ignore]  # with or without types of requests
    """Gives up on what makes no progress, and trusts the `ca_bundle` besides the system's authorities."""

    def __init__(self, settings: LinodeSettings) -> None:
        self._timeout = (settings.connect_timeout, settings.read_timeout)
        self._trusted = tls_context(verify=True, ca_bundle=settings.ca_bundle)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **options)

    def send(
        self,
        request: Any,
        stream: bool = False,  # noqa: ARG002  # it always is
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,  # noqa: ARG002  # those of the environment
    ) -> Any:
        """Send a request. Its answer is read up to a bound, as it is sent, and is no redirect.

        Raises:
            Redirected, TooLong: It is another one.
            requests.RequestException: There is none.
        """
        response = super().send(request, True, timeout or self._timeout, verify, cert, _proxies(request.url))
        with closing(response):
            if 300 <= response.status_code < 400:
                raise Redirected
            body = _body(response)
        # The client would read it without a bound, and unpack it.
        response.raw = io.BytesIO(body)
        return response


def _proxies(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    proxy = system_proxy(parts.scheme, parts.hostname or "", port)
    return {} if proxy is None else {parts.scheme: proxy}


def _body(response: Any) -> bytes:
    body = b""
    try:
        # The read that brings nothing notices that the connection broke off.
        while len(body) <= LONGEST and (block := response.raw.read(LONGEST + 1 - len(body), decode_content=False)):
            body += block
    except (urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
        raise requests.exceptions.ConnectionError(error) from error
    if len(body) > LONGEST:
        raise TooLong
    return body


def _as_it_is(request: Any) -> Any:
    return request


def path_of(*parts: str | int) -> str:
    """Return the path of these parts, each of which may have any character."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def _given(body: JsonObject) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
