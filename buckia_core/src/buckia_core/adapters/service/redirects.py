"""Redirects: checks a URL from a service's response before credentials or content are sent to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit


def check_service_address(address: object, *, configured: str, domains: Sequence[str] = ()) -> str:
    """Return a URL from a response, without a trailing slash, if requests may be sent to it.

    Its host is the configured one, is in one of the service's own `domains`, or, if the configured host is in none of
    these, is in the parent domain of the configured host. HTTPS is not downgraded. The URL has no user and no fragment.

    Args:
        address: The URL in the response.
        configured: The URL in the settings.
        domains: The service's own domains, in lower case.

    Raises:
        ValueError: Requests must not be sent to it. The message names no more than the host.
    """
    if not isinstance(address, str) or not address.isascii() or not address.isprintable() or " " in address:
        raise ValueError("it is not an address")
    try:
        target, own = urlsplit(address), urlsplit(configured)
        host, own_host = (target.hostname or "").rstrip("."), (own.hostname or "").rstrip(".")
        _ = target.port
    except ValueError:
        raise ValueError("it is not an address") from None
    if target.scheme not in ("http", "https") or not host or target.username is not None or target.fragment:
        raise ValueError("it is not an address by HTTP or HTTPS, or has a user or a fragment")
    if "\\" in address:
        raise ValueError("it has a backslash, which clients read in different ways")
    if own.scheme == "https" and target.scheme != "https":
        raise ValueError(f"{host} would be reached without TLS")
    allowed = [*domains, *_parent_domain(own_host, domains)]
    if host != own_host and not any(host == domain or host.endswith(f".{domain}") for domain in allowed):
        raise ValueError(f"{host} is not a host of the service at {own_host}")
    return address.rstrip("/")


def _parent_domain(host: str, domains: Sequence[str]) -> Sequence[str]:
    """Return the parent domain of a host outside the service's own domains; none for an IP address."""
    if any(host == domain or host.endswith(f".{domain}") for domain in domains):
        return ()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        _, _, parent = host.partition(".")
        return (parent,) if "." in parent else ()
    return ()
