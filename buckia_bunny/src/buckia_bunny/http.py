"""HTTP client: sends requests over pooled connections, with complete or streamed responses."""

from __future__ import annotations

import http.client
import math
import re
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module, util
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import unquote, urlsplit

import urllib3

from buckia_bunny.errors import PROVIDER, response_too_long, translate_error
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.service.requests_session import proxies_for
from buckia_core.adapters.service.responses import read_body as read_raw_body
from buckia_core.adapters.transfers import retry
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.errors import AdapterError, MissingCredentials
from buckia_core.http.tls import trust_bundle

T = TypeVar("T")

RETRY_POLICY = RetryPolicy(max_attempts=6, time_limit=math.inf, initial_wait=0.2, max_wait=20.0)
"""Retries of one request of a call that makes many, such as one directory of a listing of a thousand."""

_CONNECTIONS = 64
"""Pooled connections per host; the service accepts a hundred per address."""

MAX_BODY_BYTES = 1 << 20
"""Largest body of an ordinary response."""

MAX_LIST_BYTES = 256 << 20
"""Largest body of a listing. The service sends all entries of a directory in one response."""

_FAILURES = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
_HEADER = re.compile(r"[\x20-\x7e]*")
_SECRETS = ("AccessKey", "Authorization")


@dataclass(frozen=True, slots=True)
class Response:
    """HTTP response with its complete body. `headers.get` ignores case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """HTTP request. The headers contain a key, so `repr` omits them."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    action: str = ""
    key: str | None = None

    @property
    def host(self) -> str:
        """Host and port of the URL."""
        return urlsplit(self.url).netloc


class HttpClient:
    """HTTP client with connection pools. Thread-safe. Does not retry, and does not follow redirects.

    Proxies come from the environment. Requests without progress time out.
    """

    def __init__(self, *, connect_timeout: float, read_timeout: float, ca_bundle: Path | None) -> None:
        self.counter = RequestCounter()
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._ca_bundle = ca_bundle
        self._lock = threading.Lock()
        self._managers: dict[tuple[str, str | None], urllib3.PoolManager] = {}

    @classmethod
    def from_settings(cls, settings: BunnySettings) -> Self:
        """Create a client with the timeouts and certificate authorities of the settings."""
        return cls(
            connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout, ca_bundle=settings.ca_bundle
        )

    def request(
        self, request: HttpRequest, body: bytes | Iterable[bytes] | None = None, *, max_bytes: int = MAX_BODY_BYTES
    ) -> Response:
        """Send a request and return the complete response, whatever its status. The body is not decompressed.

        Raises:
            AdapterError: There is no response, or a longer one.
        """
        with self.stream(request, body) as response:
            data = read_body(response, request, max_bytes)
            if len(data) > max_bytes:
                raise response_too_long(request.action, max_bytes, request.key)
            return Response(response.status, response.headers, data)

    @contextmanager
    def stream(
        self, request: HttpRequest, body: bytes | Iterable[bytes] | None = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Send a request and open the response. Reading it raises exceptions of urllib3.

        Raises:
            MissingCredentials: The key can't be sent in a header.
            AdapterError: There is no response.
        """
        _check_headers(request)
        self.counter.add()
        manager = self._manager_for(request)
        try:
            response = manager.request(
                request.method,
                request.url,
                body=body,
                headers=request.headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except _FAILURES as error:
            raise translate_error(error, action=request.action, host=request.host, key=request.key) from error
        try:
            yield response
        finally:
            # A connection with an unread rest can't be reused.
            if not response.closed:
                response.close()
            response.release_conn()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()

    def _manager_for(self, request: HttpRequest) -> urllib3.PoolManager:
        parts = urlsplit(request.url)
        proxy = proxies_for(request.url).get(parts.scheme)
        with self._lock:
            found = self._managers.get((parts.scheme, proxy))
            if found is None:
                found = self._managers[parts.scheme, proxy] = self._new_manager(parts.scheme, proxy)
            return found

    def _new_manager(self, scheme: str, proxy: str | None) -> urllib3.PoolManager:
        options: dict[str, Any] = {"num_pools": 4, "maxsize": _CONNECTIONS}
        if scheme == "https":
            options["ssl_context"] = self._trusted()
        if not proxy:
            return urllib3.PoolManager(**options)
        address = proxy if "://" in proxy else f"http://{proxy}"
        parts = urlsplit(address)
        if parts.username is None:
            return urllib3.ProxyManager(address, **options)
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return urllib3.ProxyManager(address, proxy_headers=urllib3.make_headers(proxy_basic_auth=user), **options)

    def _trusted(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        paths = ssl.get_default_verify_paths()
        has_none = paths.cafile is None and paths.capath is None and not context.cert_store_stats()["x509_ca"]
        if has_none and util.find_spec("certifi"):
            # Python from python.org has no authorities on macOS; certifi provides them if it is installed.
            context.load_verify_locations(import_module("certifi").where())
        if self._ca_bundle is not None:
            trust_bundle(context, self._ca_bundle)
        return context


def retry_request(request: Callable[[], T]) -> T:
    """Retry one request of a call that makes many; the wrapper `Retry` retries whole calls.

    A server that asks for a wait of more than twenty seconds is left to that wrapper.
    """
    return retry.retry_call(request, RETRY_POLICY)


def read_body(response: urllib3.BaseHTTPResponse, request: HttpRequest, max_bytes: int) -> bytes:
    """Read a body without decoding it, up to `max_bytes` and one more.

    Raises:
        AdapterError: The connection failed.
    """
    try:
        return read_raw_body(response, max_bytes)
    except _FAILURES as error:
        raise translate_error(error, action=request.action, host=request.host, key=request.key) from error


def _check_headers(request: HttpRequest) -> None:
    """Check the header values first, since urllib3 would show an invalid one in its error."""
    for name, text in request.headers.items():
        if _HEADER.fullmatch(text):
            continue
        if name in _SECRETS:
            raise MissingCredentials(f"the key for {request.host} has an invalid character: check it")
        message = f"{request.action}: the header {name} can't have the value {text!r}"
        raise AdapterError(message, provider=PROVIDER, key=request.key)
