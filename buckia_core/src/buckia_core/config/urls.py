"""URLs in settings: validation, and warnings about insecure connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit


def check_url(name: str, address: str | None, *, example: str = "https://host or http://host:port") -> None:
    """Check that the setting `name` is an HTTP or HTTPS URL, with or without a path. `None` is valid.

    For `__post_init__` of a settings class.

    Raises:
        ValueError: The URL is invalid, or has a user, query or fragment. The message omits it: it may hold a password.
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


def connection_warnings(addresses: Mapping[str, str | None], unverified: Sequence[str] = ()) -> tuple[str, ...]:
    """Return warnings about insecure connections, one a line, for the property `warnings` of settings.

    Args:
        addresses: URLs that receive credentials, by setting. Loopback addresses are safe.
        unverified: Settings that turn off the check of the server's certificate, as written.
    """
    danger = "anybody on the network path can read and change everything, and use the credentials"
    lines = [f"{name} turns off the check of the server's certificate: {danger}" for name in unverified]
    for name, address in addresses.items():
        parts = urlsplit(address or "")
        if parts.scheme == "http" and parts.hostname and not _is_local(parts.hostname):
            lines.append(
                f"{name} http://{parts.hostname} is not encrypted: {danger}; write https:// if the server has it"
            )
    return tuple(lines)


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    import ipaddress  # noqa: PLC0415  # few addresses are not encrypted

    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
