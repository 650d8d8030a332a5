"""Addresses in settings: where a service is reached."""

from __future__ import annotations

from urllib.parse import urlsplit


def check_address(name: str, address: str | None, *, example: str = "https://host or http://host:port") -> None:
    """See whether the setting `name` is an address by HTTP or HTTPS, perhaps with a path; `None` is as good as none.

    For `__post_init__` of a settings class.

    Raises:
        ValueError: It is not, or has a user, a query or a fragment. Does not show it: there may be a password in it.
    """
    if address is None:
        return
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{name} must be like {example}")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{name} is an address only: without user, query and fragment")
