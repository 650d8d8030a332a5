"""Connections to a service: the proxy of the environment or the system, and the setting `ca_bundle`.

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

import ipaddress
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from buckia_core.errors import InvalidSetting

if TYPE_CHECKING:
    import ssl

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


def proxies_for(url: str) -> dict[str, str]:
    """Return the proxy to the server of a URL in the form that requests takes: by scheme; empty without one."""
    parts = urlsplit(url)
    found = system_proxy(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    return {parts.scheme: found} if found else {}


def prepare_session(session: Any, transport: Any) -> None:
    """Let a session of requests send by one transport, without what it would take from the environment by itself.

    Otherwise requests replaces the token with an entry of ~/.netrc, and reads `NO_PROXY` differently from Buckia.
    """
    session.trust_env = False
    session.auth = _no_netrc_auth
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.headers["Accept-Encoding"] = "identity"
    session.mount("https://", transport)
    session.mount("http://", transport)


def unreached_proxy(authority: str) -> str:
    """Return the message that the proxy to a server can't be reached, with its host and port, without credentials."""
    host, _, port = authority.rpartition(":") if _WITH_PORT.fullmatch(authority) else (authority, "", "443")
    found = system_proxy("https", host, int(port)) or system_proxy("http", host, int(port)) or ""
    named = found.rpartition("@")[2].rpartition("://")[2].partition("/")[0]
    return f"the proxy {named} can't be reached" if named else "the proxy can't be reached"


def trust_bundle(context: ssl.SSLContext, ca_bundle: Path) -> None:
    """Add the certificate authorities in a file, the setting `ca_bundle`, to those that a context trusts.

    Raises:
        InvalidSetting: The file does not exist or holds no certificate.
        OSError: The file can't be read.
    """
    import ssl  # noqa: PLC0415  # settings import this module too, and need no TLS

    try:
        context.load_verify_locations(ca_bundle)
    except ssl.SSLError as error:
        raise InvalidSetting(f"setting 'ca_bundle': {ca_bundle} holds no certificate in PEM") from error
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidSetting(f"setting 'ca_bundle': {ca_bundle} can't be read: {error.strerror}") from error
    except OSError as error:
        error.filename = str(ca_bundle)
        raise


def _no_netrc_auth(request: Any) -> Any:
    return request


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
