"""Proxies: which one the environment or the system has for a server, and how requests go through it.

An entry of `NO_PROXY` is one of these, as curl and Go take them; entries stand between commas or spaces:

    entry                                covers
    -----------------------------------------------------------------------------------------
    *                                    all servers
    example.com, .example.com            the domain and all below it; also written *.example.com
    192.0.2.1, 2001:db8::1, [::1]        the address
    192.0.2.0/24, 2001:db8::/32          the network; names are not looked up for it
    any but a network, followed by :80   the same, at that port only
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from buckia_core.http.origin import Origin, bracketed

_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*):(?P<port>\d{1,5})")


def parse_no_proxy(text: str) -> tuple[str, ...]:
    """Split the value of `NO_PROXY` into its entries, in lower case."""
    return tuple(entry for entry in re.split(r"[,\s]+", text.lower()) if entry)


def no_proxy_of_environment() -> tuple[str, ...]:
    """Return the entries of the variable `no_proxy`, or of `NO_PROXY` if that is not set."""
    return parse_no_proxy(os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "")


def bypasses_proxy(entries: Iterable[str], host: str, port: int) -> bool:
    """Tell whether an entry covers a server. Malformed entries cover none."""
    name = host.lower().strip("[]").partition("%")[0].rstrip(".")
    return any(_covers(entry.lower(), name, port) for entry in entries)


def system_proxy(scheme: str, host: str, port: int) -> str | None:
    """Return the URL of the proxy to a server, from the environment or else the settings of macOS or Windows."""
    if sys.platform not in ("darwin", "win32") and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    import urllib.request  # noqa: PLC0415  # slow to import, and few users have a proxy

    environment = urllib.request.getproxies_environment()
    if environment:
        found = environment.get(scheme)
        return found if found and not bypasses_proxy(no_proxy_of_environment(), host, port) else None
    found = urllib.request.getproxies().get(scheme)
    return found if found and not urllib.request.proxy_bypass(host) else None


@dataclass(frozen=True, slots=True)
class Proxy:
    """Proxy: its address, and the header with its credentials. `repr` does not show them."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def authority(self) -> str:
        """Host and port, without credentials."""
        return f"{bracketed(self.host)}:{self.port}"


def parse_proxy(url: str) -> Proxy:
    """Return the proxy of a URL such as `http://user:password@host:port`. The scheme may be missing.

    Raises:
        ValueError: The port is invalid.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    headers = {}
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    return Proxy(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), headers)


def proxy_for(origin: Origin) -> Proxy | None:
    """Return the proxy to a server, as `system_proxy` finds it.

    Raises:
        ValueError: Its port is invalid.
    """
    url = system_proxy(origin.scheme, origin.host, origin.port)
    return parse_proxy(url) if url else None


class Route(NamedTuple):
    """Route: how to reach an origin.

    Attributes:
        origin: The server.
        proxy: The proxy on the way, if any.
    """

    origin: Origin
    proxy: Proxy | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.origin.host, self.origin.port)

    @property
    def tunnel(self) -> tuple[str, Mapping[str, str]] | None:
        """Target and headers of the CONNECT request to the proxy; `None` if there is none."""
        if self.proxy is None or self.origin.scheme != "https":
            return None
        return f"{bracketed(self.origin.host)}:{self.origin.port}", self.proxy.headers

    @property
    def target_prefix(self) -> str:
        """What a request target begins with: the server's URL where the proxy takes whole URLs, else nothing."""
        return f"http://{self.origin.authority}" if self.proxy and self.origin.scheme == "http" else ""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers to add to each request."""
        return self.proxy.headers if self.proxy and self.origin.scheme == "http" else {}

    def __str__(self) -> str:
        """Host and port of the server, and those of the proxy, for messages."""
        authority = self.origin.authority
        return f"{authority} through the proxy {self.proxy.authority}" if self.proxy else authority


def unreached_proxy(authority: str) -> str:
    """Return the message that the proxy to a server can't be reached, with its host and port, without credentials."""
    host, _, port = authority.rpartition(":") if _WITH_PORT.fullmatch(authority) else (authority, "", "443")
    found = system_proxy("https", host, int(port)) or system_proxy("http", host, int(port)) or ""
    named = found.rpartition("@")[2].rpartition("://")[2].partition("/")[0]
    return f"the proxy {named} can't be reached" if named else "the proxy can't be reached"


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    with_port = _WITH_PORT.fullmatch(entry)
    if with_port is not None:
        if int(with_port["port"]) != port:
            return False
        entry = with_port["host"]
    entry = entry.strip("[]")
    address = _address(host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    domain = entry.removeprefix("*").removeprefix(".").rstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address
