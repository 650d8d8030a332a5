"""Addresses that a service tells: where a client may send credentials and content because an answer says so."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit


def check_service_address(address: object, *, configured: str, domains: Sequence[str] = ()) -> str:
    """Return an address that a service told, without a slash at its end, if requests may go there.

    It may be at the host of the configured address, in one of the service's own `domains`, or, where the configured
    address is outside of these, in the domain that the configured host is in. A client that came by HTTPS stays with
    it. An address has no user and no fragment.

    Args:
        address: What the service told.
        configured: The address in the settings by which the service was reached.
        domains: The service's own domains, in lower case.

    Raises:
        ValueError: Requests may not go there. The message names the host at most.
    """
    if not isinstance(address, str) or not address.isascii() or not address.isprintable() or " " in address:
        raise ValueError("it is not an address")
    try:
        told, own = urlsplit(address), urlsplit(configured)
        host, own_host = (told.hostname or "").rstrip("."), (own.hostname or "").rstrip(".")
        _ = told.port
    except ValueError:
        raise ValueError("it is not an address") from None
    if told.scheme not in ("http", "https") or not host or told.username is not None or told.fragment:
        raise ValueError("it is not an address by HTTP or HTTPS, or has a user or a fragment")
    if "\\" in address:
        raise ValueError("it has a backslash, which clients read in different ways")
    if own.scheme == "https" and told.scheme != "https":
        raise ValueError(f"{host} would be reached without TLS")
    allowed = [*domains, *_parent_domain(own_host, domains)]
    if host != own_host and not any(host == domain or host.endswith(f".{domain}") for domain in allowed):
        raise ValueError(f"{host} is not a host of the service at {own_host}")
    return address.rstrip("/")


def _parent_domain(host: str, domains: Sequence[str]) -> Sequence[str]:
    """Return the domain that a host outside of the service's own domains is in; none of an address of numbers."""
    if any(host == domain or host.endswith(f".{domain}") for domain in domains):
        return ()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        _, _, parent = host.partition(".")
        return (parent,) if "." in parent else ()
    return ()
