"""Requests over kept connections: whole answers, and answers that are read as they come."""

from __future__ import annotations

import http.client
import re
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module, util
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import urllib3

from buckia_bunny.errors import PROVIDER, error_from_exception, too_long
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.service.connection import system_proxy, trust_bundle
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.errors import AdapterError, MissingCredentials

_CONNECTIONS = 64
"""Kept connections to a host; it takes a hundred from one address."""

LONGEST = 1 << 20
"""Bytes of an answer that are read where nothing long is expected."""

LONGEST_LIST = 256 << 20
"""Bytes of an answer with a list. The service sends all entries of a directory in one."""

SHORTEST_SECRET = 8
"""Characters of a key that is looked for in answers. Shorter ones are in words that mean something else."""

_FAILURES = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
_BLOCK = 1 << 20
_HEADER = re.compile(r"[\x20-\x7e]*")
_SECRETS = ("AccessKey", "Authorization")


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. Names of headers are as the server wrote them, or in any case with `get`."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is asked for. The headers carry a key: they are not shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    doing: str = ""
    key: str | None = None

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.url).netloc

    def without_secrets(self, body: bytes) -> bytes:
        """Return a body without the keys of the request, which a server may repeat."""
        for name in _SECRETS:
            secret = self.headers.get(name, "")
            if len(secret) >= SHORTEST_SECRET:
                body = body.replace(secret.encode(), b"***")
        return body


class HttpClient:
    """Makes requests, from many threads at once. Nothing is repeated, and no redirection is followed.

    Proxies are those of the environment. A server that makes no progress is given up on.
    """

    def __init__(self, *, connect_timeout: float, read_timeout: float, ca_bundle: Path | None) -> None:
        self.counter = RequestCounter()
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._ca_bundle = ca_bundle
        self._lock = threading.Lock()
        self._managers: dict[tuple[str, str | None], urllib3.PoolManager] = {}

    @classmethod
    def of(cls, settings: BunnySettings) -> Self:
        """Return one with the timeouts and the authorities of the settings."""
        return cls(
            connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout, ca_bundle=settings.ca_bundle
        )

    def call(
        self, request: HttpRequest, body: bytes | Iterable[bytes] | None = None, *, longest: int = LONGEST
    ) -> Response:
        """Make a request and return the whole answer, whatever its status. It is not unpacked.

        Raises:
            AdapterError: There is none, or a longer one.
        """
        with self.stream(request, body) as response:
            data = read_body(response, request, longest)
            if len(data) > longest:
                raise too_long(request.doing, longest, request.key)
            return Response(response.status, response.headers, data)

    @contextmanager
    def stream(
        self, request: HttpRequest, body: bytes | Iterable[bytes] | None = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Make a request and give the answer to be read. Errors while it is read are those of urllib3.

        Raises:
            MissingCredentials: The key is none that can be sent.
            AdapterError: There is none.
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
            raise error_from_exception(error, doing=request.doing, host=request.host, key=request.key) from error
        try:
            yield response
        finally:
            # A connection whose answer was not read to its end can't be used again.
            if not response.closed:
                response.close()
            response.release_conn()

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()

    def _manager_for(self, request: HttpRequest) -> urllib3.PoolManager:
        parts = urlsplit(request.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        proxy = system_proxy(parts.scheme, parts.hostname or "", port)
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
        none = paths.cafile is None and paths.capath is None and not context.cert_store_stats()["x509_ca"]
        if none and util.find_spec("certifi"):
            # Pythons of python.org on macOS bring no authorities along; certifi, where it is installed, does.
            context.load_verify_locations(import_module("certifi").where())
        if self._ca_bundle is not None:
            trust_bundle(context, self._ca_bundle)
        return context


def read_body(response: urllib3.BaseHTTPResponse, request: HttpRequest, longest: int) -> bytes:
    """Return the body of an answer, of which `longest` bytes and one more are read at most.

    Raises:
        AdapterError: The connection failed.
    """
    blocks, size = [], 0
    try:
        while size <= longest and (block := response.read(min(_BLOCK, longest + 1 - size), decode_content=False)):
            blocks.append(block)
            size += len(block)
    except _FAILURES as error:
        raise error_from_exception(error, doing=request.doing, host=request.host, key=request.key) from error
    return b"".join(blocks)


def _check_headers(request: HttpRequest) -> None:
    """Raise before the client does, which would show the value."""
    for name, text in request.headers.items():
        if _HEADER.fullmatch(text):
            continue
        if name in _SECRETS:
            raise MissingCredentials(f"the key for {request.host} has a character that no key has: check it")
        words = f"{request.doing}: the header {name} can't have the value {text!r}"
        raise AdapterError(words, provider=PROVIDER, key=request.key)
