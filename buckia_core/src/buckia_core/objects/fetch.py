"""Fetch of https URLs that others gave: public addresses only, checked before each connection, with a size limit.

A URL may name a service of the local network, such as a metadata service. So before each request, also after a
redirect, all addresses of the host are checked, and the connection is made to an address that was checked: an answer of
DNS that changes in between has no effect. Proxies are not used, since they would resolve names themselves.

The requests are made with `http.client`: `buckia_core.http` resolves the names of its hosts itself, and keeps
connections open by origin, so that one to an address that was not checked could be used again.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from buckia_core.adapters.transfers.hashing import new_hash
from buckia_core.config.secrets.redaction import redact
from buckia_core.errors import AdapterError, BuckiaError, IntegrityError, Transient

MAX_REDIRECTS = 5
CHUNK_SIZE = 1 << 18

_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SAFE = "/%:@!$&'()*+,;=~-._?"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchRefused(BuckiaError):
    """A URL is not fetched: it is not https, its host has no public address, or its content is too large."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched.

    Attributes:
        url: The URL after redirects, with its signature masked.
        size: Bytes.
        sha256: Hexadecimal digest.
        content_type: Type as the server says; `None` if it does not.
    """

    url: str
    size: int
    sha256: str
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches https URLs.

    Attributes:
        max_bytes: Largest content.
        timeout: Seconds without progress after which a connection is given up.
        max_seconds: Seconds after which a fetch is given up, also if it makes progress.
    """

    max_bytes: int
    timeout: float = 30.0
    max_seconds: float = 3600.0

    def fetch(self, url: str, target: BinaryIO) -> Fetched:
        """Write the content of a URL to a file, and hash it on the way.

        Raises:
            FetchRefused: See the class.
            Transient: The host can't be reached, or the connection was lost.
            AdapterError: The server answers with an error.
        """
        deadline = time.monotonic() + self.max_seconds
        for _ in range(MAX_REDIRECTS + 1):
            with self._open(url) as response:
                if response.status in _REDIRECTS and (location := response.getheader("Location")):
                    url = urljoin(url, location)
                    continue
                return self._receive(url, response, target, deadline)
        raise FetchRefused(f"{redact(url)}: more than {MAX_REDIRECTS} redirects")

    def _receive(self, url: str, response: http.client.HTTPResponse, target: BinaryIO, deadline: float) -> Fetched:
        shown = redact(url)
        if response.status != http.HTTPStatus.OK:
            temporary = response.status >= 500 or response.status == http.HTTPStatus.TOO_MANY_REQUESTS
            kind = Transient if temporary else AdapterError
            raise kind(f"{shown}: the server answers with status {response.status}", status=response.status)
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise FetchRefused(f"{shown}: the server sends compressed content, though it was not asked for")
        too_large = FetchRefused(f"{shown}: the content is larger than {self.max_bytes} bytes")
        announced = response.getheader("Content-Length", "")
        if announced.isdecimal() and int(announced) > self.max_bytes:
            raise too_large
        running, size = new_hash("sha256"), 0
        with _network_errors(shown):
            while chunk := response.read(CHUNK_SIZE):
                size += len(chunk)
                if size > self.max_bytes:
                    raise too_large
                if time.monotonic() > deadline:
                    raise Transient(f"{shown}: it took longer than {self.max_seconds:g} seconds")
                running.update(chunk)
                target.write(chunk)
        if announced.isdecimal() and size != int(announced):
            raise IntegrityError(f"{shown}: {size} bytes came where there should be {announced}")
        kind_of_content = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        return Fetched(shown, size, running.hexdigest(), kind_of_content or None)

    @contextmanager
    def _open(self, url: str) -> Iterator[http.client.HTTPResponse]:
        parts, host, port = _check(url)
        shown = redact(url)
        with _network_errors(shown):
            connection = http.client.HTTPSConnection(host, port, timeout=self.timeout)
            connection.sock = self._connect(shown, host, port)
        with closing(connection):
            with _network_errors(shown):
                path = quote(parts.path or "/", safe=_SAFE) + (
                    f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
                )
                connection.request("GET", path, headers={"Accept-Encoding": "identity", "User-Agent": "buckia"})
                response = connection.getresponse()
            # The response has the connection, if that ends with it.
            with closing(response):
                yield response

    def _connect(self, shown: str, host: str, port: int) -> ssl.SSLSocket:
        problem: OSError = OSError("no address")
        for address in resolve(shown, host, port):
            try:
                plain = socket.create_connection((str(address), port), timeout=self.timeout)
            except OSError as error:
                problem = error
                continue
            try:
                return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            except BaseException:
                plain.close()
                raise
        raise problem


def resolve(shown: str, host: str, port: int) -> list[Address]:
    """Return the addresses of a host.

    Raises:
        FetchRefused: One of them is not public.
        OSError: The name can't be resolved.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found))
    for address in addresses:
        if not is_public(address):
            raise FetchRefused(f"{shown}: the address {address} is not public")
    return addresses


def is_public(address: Address) -> bool:
    """Tell whether an address is on the public internet, and, for IPv6, the IPv4 address in it, too."""
    if address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback:
        inner = _embedded(address)
        return bool(inner) and all(is_public(each) for each in inner)
    return address.is_global and all(is_public(each) for each in _embedded(address))


def _embedded(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _check(url: str) -> tuple[SplitResult, str, int]:
    """Return the parts of a URL, its host and its port.

    Raises:
        FetchRefused: It is no https URL with a host, or it has a user.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
        host = host.encode("idna").decode() if host and not host.isascii() else host
    except (ValueError, UnicodeError):
        raise FetchRefused("it is not a valid URL") from None
    if parts.scheme != "https":
        raise FetchRefused(f"{redact(url)}: only https:// is fetched")
    if not host or parts.username is not None or parts.password is not None:
        raise FetchRefused("a URL to fetch has a host, and neither user nor password")
    return parts, host, port


@contextmanager
def _network_errors(shown: str) -> Iterator[None]:
    try:
        yield
    except http.client.InvalidURL:
        raise FetchRefused(f"{shown}: it is not a valid URL") from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Transient(f"{shown}: {error or type(error).__name__}") from error
