"""Signed URLs of a pull zone: tokens that expire, for a file or a directory.

The service has two kinds. Both use the pull zone's token authentication key.

| kind | token | can be restricted to |
|---|---|---|
| basic | MD5 of key, path, expiry, address | a path, a visitor's IP address |
| advanced | HMAC-SHA256 of path, expiry, address, parameters | also directories, countries, a speed |

Path and parameters are signed without percent-encoding.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_RESERVED: Final = frozenset(
    {"bcdn_token", "expires", "limit", "token", "token_countries", "token_countries_blocked", "token_ignore_params"}
    | {"token_path"}
)
_LATEST: Final = 1 << 36
"""Latest expiry in seconds. Rejects times in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrictions:
    """Restrictions of a signed URL besides its expiry."""

    directory: str | None = None
    """Path that begins and ends with `/`: the token opens every file below it."""
    ip: str | None = None
    """IP address of the visitor; for IPv6, its /64 network. The pull zone must have "Token IP validation"."""
    countries: Sequence[str] = ()
    """Allowed countries: ISO 3166-1, two letters."""
    blocked_countries: Sequence[str] = ()
    """Blocked countries."""
    kilobytes_per_second: int | None = None
    """Speed limit."""
    ignore_parameters: bool = False
    """Leave URL parameters unsigned. Countries and speed are such parameters, so they can't be combined with this."""

    def __post_init__(self) -> None:
        if self.directory is not None and not (self.directory.startswith("/") and self.directory.endswith("/")):
            raise ValueError(f"a directory's path begins and ends with a slash, not {self.directory!r}")
        for country in [*self.countries, *self.blocked_countries]:
            if _COUNTRY.fullmatch(country) is None:
                raise ValueError(f"{country!r} is not a country: give the two letters of ISO 3166-1, such as DE")
        if self.kilobytes_per_second is not None and self.kilobytes_per_second < 1:
            raise ValueError("kilobytes_per_second must be at least 1")
        if self.ignore_parameters and (self.countries or self.blocked_countries or self.kilobytes_per_second):
            raise ValueError("countries and speed are parameters: they cannot be restricted and ignored")


def sign_basic(url: str, key: str, *, expires: int, ip: str | None = None) -> str:
    """Return `url` with a basic token, which the service calls outdated. Its parameters are not signed.

    Args:
        url: URL of a file, percent-encoded.
        key: The pull zone's token authentication key.
        expires: Expiry in seconds since 1970.
        ip: IP address of the visitor; the pull zone must have "Token IP validation".

    Raises:
        ValueError: The URL has a token or no path, the expiry is not in seconds, or the key is empty.
    """
    parts, _ = _parse_url(url, key, expires)
    ip_text = "" if ip is None else str(_parse_ip(ip))
    digest = hashlib.md5(f"{key}{unquote(parts.path)}{expires}{ip_text}".encode(), usedforsecurity=False).digest()
    signed_query = f"token={_base64(digest)}&expires={expires}" + (f"&{parts.query}" if parts.query else "")
    return urlunsplit(parts._replace(query=signed_query))


def sign_advanced(
    url: str, key: str, *, expires: int, restrictions: Restrictions | None = None, in_path: bool = False
) -> str:
    """Return `url` with an advanced token.

    Args:
        url: URL of a file, percent-encoded. Its parameters are signed.
        key: The pull zone's token authentication key.
        expires: Expiry in seconds since 1970.
        restrictions: Further restrictions.
        in_path: Put the token before the path, so that relative URLs carry it too, as in video playlists.

    Raises:
        ValueError: The URL has a token, no path, a repeated parameter, or is not below the directory; the expiry is not
            in seconds; the IP address is invalid; or the key is empty.
    """
    parts, query = _parse_url(url, key, expires)
    limits = restrictions or Restrictions()
    path = unquote(parts.path)
    if limits.directory is not None and not path.startswith(limits.directory):
        raise ValueError(f"{path} is not below {limits.directory}: the token would not open it")
    signed = dict(sorted(_parameters(query, limits).items()))
    packed = b"" if limits.ip is None else _pack_ip(limits.ip)
    message = b"".join(
        [
            (limits.directory or path).encode(),
            str(expires).encode(),
            packed,
            "&".join(f"{name}={value}" for name, value in signed.items()).encode(),
        ]
    )
    digest = _base64(hmac.digest(key.encode(), message, "sha256"))
    token = f"HS256-{'1-' if packed else ''}{digest}"
    sent = query | signed if limits.ignore_parameters else signed
    pairs = "".join(f"&{quote(name, safe='')}={quote(value, safe='')}" for name, value in sent.items())
    if in_path:
        return urlunsplit(parts._replace(path=f"/bcdn_token={token}{pairs}&expires={expires}{parts.path}", query=""))
    return urlunsplit(parts._replace(query=f"token={token}{pairs}&expires={expires}"))


def _parse_url(url: str, key: str, expires: int) -> tuple[SplitResult, dict[str, str]]:
    parts = urlsplit(url)
    if not key:
        raise ValueError("the pull zone's token authentication key is empty")
    if not parts.netloc or not parts.path.startswith("/"):
        raise ValueError(f"{url!r} is not the URL of a file, such as https://zone.b-cdn.net/file")
    if not 0 < expires < _LATEST:
        raise ValueError(f"{expires} is not a time in seconds since 1970")
    query: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _RESERVED:
            raise ValueError(f"the URL has the parameter {name!r}, which is reserved for tokens")
        if name in query:
            raise ValueError(f"the URL has the parameter {name!r} twice, which cannot be signed")
        query[name] = value
    return parts, query


def _parameters(query: dict[str, str], limits: Restrictions) -> dict[str, str]:
    parameters = {"token_ignore_params": "true"} if limits.ignore_parameters else dict(query)
    if limits.countries:
        parameters["token_countries"] = ",".join(limits.countries).upper()
    if limits.blocked_countries:
        parameters["token_countries_blocked"] = ",".join(limits.blocked_countries).upper()
    if limits.kilobytes_per_second is not None:
        parameters["limit"] = str(limits.kilobytes_per_second)
    if limits.directory is not None:
        parameters["token_path"] = limits.directory
    return parameters


def _parse_ip(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(ip)
    except ValueError as error:
        raise ValueError(f"{ip!r} is not an IP address") from error


def _pack_ip(ip: str) -> bytes:
    packed = _parse_ip(ip).packed
    return packed if len(packed) == 4 else packed[:8] + bytes(8)


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
