"""Signed addresses of a pull zone: tokens that end, and that hold for one file or for a directory.

Two kinds, by what the service calls them. The key of both is the pull zone's token authentication key.

| kind | token | can be bound to |
|---|---|---|
| basic | MD5 of key, path, expiry, address | a path, a visitor's address |
| advanced | HMAC-SHA256 of path, expiry, address, parameters | also directories, countries, a speed |

The path is signed as it reads without percent-encoding, and so are the parameters.
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
"""A time in milliseconds, taken for one in seconds, is far behind this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrictions:
    """What a signed address holds for, besides its time."""

    directory: str | None = None
    """Path that begins and ends with `/`: the token opens every file below it, instead of the one."""
    ip: str | None = None
    """Only from this address; from the same /64 network where it is an IPv6 address. The pull zone has to check
    addresses ("Token IP validation")."""
    countries: Sequence[str] = ()
    """Only from these: ISO 3166-1, two letters."""
    blocked_countries: Sequence[str] = ()
    """Not from these."""
    kilobytes_per_second: int | None = None
    """No faster than this."""
    ignore_parameters: bool = False
    """Parameters of the address may change and more be added. Countries and a speed are such parameters, so that
    they cannot be restricted then."""

    def __post_init__(self) -> None:
        if self.directory is not None and not (self.directory.startswith("/") and self.directory.endswith("/")):
            raise ValueError(f"a directory's path begins and ends with a slash, not {self.directory!r}")
        for country in [*self.countries, *self.blocked_countries]:
            if _COUNTRY.fullmatch(country) is None:
                raise ValueError(f"{country!r} is no country: give the two letters of ISO 3166-1, such as DE")
        if self.kilobytes_per_second is not None and self.kilobytes_per_second < 1:
            raise ValueError("kilobytes_per_second must be at least 1")
        if self.ignore_parameters and (self.countries or self.blocked_countries or self.kilobytes_per_second):
            raise ValueError("countries and speed are parameters: they cannot be restricted and ignored")


def sign_basic(url: str, key: str, *, expires: int, ip: str | None = None) -> str:
    """Return `url` with a basic token, which the service calls outdated: its parameters are not signed.

    Args:
        url: Address of a file, percent-encoded as it is asked for.
        key: The pull zone's token authentication key.
        expires: When it ends, in seconds since 1970.
        ip: Only from this address; the pull zone has to check addresses.

    Raises:
        ValueError: The address has a token already or no path, the time is none in seconds, the key is empty.
    """
    parts, _ = _checked(url, key, expires)
    bound_to = "" if ip is None else str(_address(ip))
    digest = hashlib.md5(f"{key}{unquote(parts.path)}{expires}{bound_to}".encode(), usedforsecurity=False).digest()
    query = f"token={_text(digest)}&expires={expires}" + (f"&{parts.query}" if parts.query else "")
    return urlunsplit(parts._replace(query=query))


def sign_advanced(
    url: str, key: str, *, expires: int, restrictions: Restrictions | None = None, in_path: bool = False
) -> str:
    """Return `url` with an advanced token.

    Args:
        url: Address of a file, percent-encoded as it is asked for. Its parameters are signed.
        key: The pull zone's token authentication key.
        expires: When it ends, in seconds since 1970.
        restrictions: What it holds for, besides.
        in_path: Put the token before the path, so that addresses relative to this one carry it too, as those in
            video playlists do.

    Raises:
        ValueError: The address has a token already, no path, a parameter twice, or is not below the directory;
            the time is none in seconds; the IP address is none; the key is empty.
    """
    parts, given = _checked(url, key, expires)
    wanted = restrictions or Restrictions()
    path = unquote(parts.path)
    if wanted.directory is not None and not path.startswith(wanted.directory):
        raise ValueError(f"{path} is not below {wanted.directory}: the token would not open it")
    signed = dict(sorted(_parameters(given, wanted).items()))
    packed = b"" if wanted.ip is None else _packed(wanted.ip)
    message = b"".join(
        [
            (wanted.directory or path).encode(),
            str(expires).encode(),
            packed,
            "&".join(f"{name}={value}" for name, value in signed.items()).encode(),
        ]
    )
    digest = _text(hmac.digest(key.encode(), message, "sha256"))
    token = f"HS256-{'1-' if packed else ''}{digest}"
    shown = given | signed if wanted.ignore_parameters else signed
    pairs = "".join(f"&{quote(name, safe='')}={quote(value, safe='')}" for name, value in shown.items())
    if in_path:
        return urlunsplit(parts._replace(path=f"/bcdn_token={token}{pairs}&expires={expires}{parts.path}", query=""))
    return urlunsplit(parts._replace(query=f"token={token}{pairs}&expires={expires}"))


def _checked(url: str, key: str, expires: int) -> tuple[SplitResult, dict[str, str]]:
    parts = urlsplit(url)
    if not key:
        raise ValueError("the pull zone's token authentication key is empty")
    if not parts.netloc or not parts.path.startswith("/"):
        raise ValueError(f"{url!r} is no address of a file, such as https://zone.b-cdn.net/file")
    if not 0 < expires < _LATEST:
        raise ValueError(f"{expires} is no time in seconds since 1970")
    given: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _RESERVED:
            raise ValueError(f"the address has the parameter {name!r}, which is one of a token")
        if name in given:
            raise ValueError(f"the address has the parameter {name!r} twice, which cannot be signed")
        given[name] = value
    return parts, given


def _parameters(given: dict[str, str], wanted: Restrictions) -> dict[str, str]:
    parameters = {"token_ignore_params": "true"} if wanted.ignore_parameters else dict(given)
    if wanted.countries:
        parameters["token_countries"] = ",".join(wanted.countries).upper()
    if wanted.blocked_countries:
        parameters["token_countries_blocked"] = ",".join(wanted.blocked_countries).upper()
    if wanted.kilobytes_per_second is not None:
        parameters["limit"] = str(wanted.kilobytes_per_second)
    if wanted.directory is not None:
        parameters["token_path"] = wanted.directory
    return parameters


def _address(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(ip)
    except ValueError as error:
        raise ValueError(f"{ip!r} is no IP address") from error


def _packed(ip: str) -> bytes:
    packed = _address(ip).packed
    return packed if len(packed) == 4 else packed[:8] + bytes(8)


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
