"""`LinodeApi`: authenticated requests to Linode's API v4, with pagination, retries and errors of Buckia.

Uses only the client of the SDK, not its objects: they mistake a region id that ends in a number, such as `de-fra-2`,
for the id of a cluster, and fail if a list changes while they read it.
"""

from __future__ import annotations

import http.client
import io
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3
from linode_api4 import LinodeClient
from requests.adapters import HTTPAdapter

from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.adapters.service.requests_session import prepare_session, proxies_for
from buckia_core.adapters.service.responses import read_body
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.errors import MissingCredentials
from buckia_core.http.tls import tls_context
from buckia_linode.errors import Redirected, ResponseTooLong, translate_error, unexpected_response
from buckia_linode.settings import LinodeSettings

PAGE_SIZE = 500
"""Maximum number of entries in a page of a list."""

MAX_RESPONSE_BYTES = 16 << 20
"""Maximum size of a response in bytes."""

ROOT = "/object-storage"

_TOKEN = re.compile(r"[\x21-\x7e]+")


class LinodeApi:
    """Sends requests to the API with one token. Not thread-safe."""

    def __init__(self, settings: LinodeSettings, token: str, counter: RequestCounter) -> None:
        """Create the client. `counter` counts each request before it is sent.

        Raises:
            MissingCredentials: The token has characters that cannot be sent.
        """
        if not _TOKEN.fullmatch(token):
            # The error of the client would show the token.
            raise MissingCredentials("the token has a character that no token has: check it for spaces and line breaks")
        self._counter = counter
        self._retry_policy = settings.retry_config.policy
        self._host = urlsplit(settings.api_url).netloc
        self._client = LinodeClient(token, base_url=settings.api_url.rstrip("/"), user_agent="buckia", retry=False)
        prepare_session(self._client.session, _ApiTransport(settings))

    def get(self, path: str, *, action: str, **query: str | int) -> JsonObject:
        """Send a GET request. `path` begins after `/object-storage`; `action` describes the request in errors.

        Raises:
            AdapterError: The request failed.
        """
        url = f"{ROOT}{path}?{urlencode(query)}" if query else f"{ROOT}{path}"
        return self._call_with_retry(lambda: self._client.get(url), action)

    def entries(self, path: str, *, action: str) -> Iterator[JsonObject]:
        """Yield all entries of a list, page by page. Raises the same errors as `get`."""
        for page in itertools.count(1):
            response = self.get(path, action=action, page=page, page_size=PAGE_SIZE)
            entries, pages = response.get("data"), response.get("pages")
            if not isinstance(entries, list) or type(pages) is not int:
                raise unexpected_response(action)
            # An empty page before the last one could go on forever.
            if not all(isinstance(each, dict) for each in entries) or (page < pages and not entries):
                raise unexpected_response(action)
            yield from entries
            if page >= pages:
                return

    def post(self, path: str, body: JsonObject, *, action: str) -> JsonObject:
        """Send a POST request without the `None` values of `body`. Raises the same errors as `get`.

        The request is not retried: if the response with the secret of a new key is lost, the key exists, and its
        secret cannot be read again.
        """
        return self._call(lambda: self._client.post(f"{ROOT}{path}", data=_without_none(body)), action)

    def put(self, path: str, body: JsonObject, *, action: str) -> JsonObject:
        """Send a PUT request without the `None` values of `body`. Raises the same errors as `get`."""
        return self._call_with_retry(lambda: self._client.put(f"{ROOT}{path}", data=_without_none(body)), action)

    def delete(self, path: str, *, action: str) -> None:
        """Send a DELETE request. Raises the same errors as `get`."""
        self._call_with_retry(lambda: self._client.delete(f"{ROOT}{path}"), action)

    def close(self) -> None:
        """Close the connections."""
        self._client.session.close()

    def _call_with_retry(self, call: Callable[[], Any], action: str) -> JsonObject:
        return retry_call(lambda: self._call(call, action), self._retry_policy)

    def _call(self, call: Callable[[], Any], action: str) -> JsonObject:
        self._counter.add()
        try:
            response = call()
        except MemoryError:
            raise
        except Exception as error:
            raise translate_error(error, action=action, host=self._host) from error
        if not isinstance(response, dict):
            raise unexpected_response(action)
        return response


class _ApiTransport(HTTPAdapter):  # type: ignore[misc, unused-ignore]  # with or without types of requests
    """HTTP adapter with timeouts, a size limit, no redirects, and the `ca_bundle` beside the system's authorities."""

    def __init__(self, settings: LinodeSettings) -> None:
        self._timeout = (settings.connect_timeout, settings.read_timeout)
        self._trusted = tls_context(verify=True, ca_bundle=settings.ca_bundle)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **options)

    def send(
        self,
        request: Any,
        stream: bool = False,  # noqa: ARG002  # always streams
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,  # noqa: ARG002  # uses those of the environment
    ) -> Any:
        """Send a request, and read the response up to `MAX_RESPONSE_BYTES`.

        Raises:
            Redirected: The response is a redirect.
            ResponseTooLong: The response exceeds the limit.
            requests.RequestException: There is no complete response.
        """
        response = super().send(request, True, timeout or self._timeout, verify, cert, proxies_for(request.url))
        with closing(response):
            if 300 <= response.status_code < 400:
                raise Redirected
            body = _read_body(response)
        # The client itself would read without a limit, and decompress.
        response.raw = io.BytesIO(body)
        return response


def _read_body(response: Any) -> bytes:
    try:
        body = read_body(response.raw, MAX_RESPONSE_BYTES)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
        raise requests.exceptions.ConnectionError(error) from error
    if len(body) > MAX_RESPONSE_BYTES:
        raise ResponseTooLong
    return body


def build_path(*segments: str | int) -> str:
    """Return the URL path of segments, percent-encoded."""
    return "".join(f"/{quote(str(segment), safe='')}" for segment in segments)


def _without_none(body: JsonObject) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
