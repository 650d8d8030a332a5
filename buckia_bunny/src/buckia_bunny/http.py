"""Requests over kept connections: whole answers, and answers that are read as they come."""

from __future__ import annotations

import ssl
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module, util
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import urllib3

from buckia_bunny.errors import of_exception
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.request_counter import RequestCounter

_CONNECTIONS = 64
"""Kept connections to a host; it takes a hundred from one address."""

_FAILURES = (urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Names of headers are as the server wrote them, or in any case with `get`."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
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


class Http:
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

    def call(self, request: Request, body: bytes | Iterable[bytes] | None = None) -> Answer:
        """Make a request and return the whole answer, whatever its status.

        Raises:
            AdapterError: There is none.
        """
        with self.stream(request, body) as response:
            try:
                data = response.read()
            except _FAILURES as error:
                raise of_exception(error, doing=request.doing, host=request.host, key=request.key) from error
            return Answer(response.status, response.headers, data)

    @contextmanager
    def stream(
        self, request: Request, body: bytes | Iterable[bytes] | None = None
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Make a request and give the answer to be read. Errors while it is read are those of urllib3.

        Raises:
            AdapterError: There is none.
        """
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
            raise of_exception(error, doing=request.doing, host=request.host, key=request.key) from error
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

    def _manager_for(self, request: Request) -> urllib3.PoolManager:
        parts = urlsplit(request.url)
        proxy = urllib.request.getproxies().get(parts.scheme)
        if proxy and urllib.request.proxy_bypass(parts.hostname or ""):
            proxy = None
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
            context.load_verify_locations(self._ca_bundle)
        return context
