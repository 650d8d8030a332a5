"""Tokens of signed URLs, checked as documented (PROVIDERS 1.8)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, unquote

_IN_PATH: Final = "/bcdn_token="
_ADVANCED: Final = "HS256-"
_WITH_IP: Final = "1-"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a URL asks for: the path without a token in it, as text, and all parameters."""

    path: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, raw_path: str, query: Mapping[str, str]) -> Self:
        """Read a URL; its token is in the query, or is the first part of its path."""
        if not raw_path.startswith(_IN_PATH):
            return cls(unquote(raw_path), query)
        inside, _, rest = raw_path.removeprefix("/").partition("/")
        given = dict(parse_qsl(inside, keep_blank_values=True))
        given["token"] = given.pop("bcdn_token")
        return cls(unquote(f"/{rest}"), {**query, **given})


def why_not(asked: Asked, key: str, *, now: float, ip: str, country: str, ip_needed: bool) -> str | None:
    """Return why a token does not open what is asked for, or None where it does.

    `ip_needed` is the pull zone's setting: then a token without the visitor's address is wrong. The path is signed
    without percent-encoding, as the official signers do in most languages.
    """
    token, expires = asked.parameters.get("token", ""), asked.parameters.get("expires", "")
    if not token or not expires.isdecimal():
        return "there is no token"
    if int(expires) < now:
        return "the token has expired"
    if not token.startswith(_ADVANCED):
        digest = hashlib.md5(f"{key}{asked.path}{expires}{ip if ip_needed else ''}".encode(), usedforsecurity=False)
        return None if token == _text(digest.digest()) else "the token is wrong"
    parameters = _signed_parameters(asked.parameters)
    allowed_path = parameters.get("token_path", "")
    if not asked.path.startswith(allowed_path):
        return "the token is for another path"
    with_ip = token.removeprefix(_ADVANCED).startswith(_WITH_IP)
    if ip_needed and not with_ip:
        return "the token is for no address"
    if token != _advanced(key, allowed_path or asked.path, expires, ip if with_ip else "", parameters):
        return "the token is wrong"
    if (allowed := parameters.get("token_countries")) and country not in allowed.split(","):
        return "the token is not for this country"
    if country in parameters.get("token_countries_blocked", "").split(","):
        return "the token is not for this country"
    return None


def _signed_parameters(given: Mapping[str, str]) -> dict[str, str]:
    kept = {"token_ignore_params", "token_path"} if given.get("token_ignore_params") == "true" else set(given)
    return {name: given[name] for name in sorted(kept - {"token", "expires"}) if name in given}


def _advanced(key: str, path: str, expires: str, ip: str, parameters: Mapping[str, str]) -> str:
    signed = "&".join(f"{name}={value}" for name, value in parameters.items())
    message = b"".join([path.encode(), expires.encode(), _packed(ip) if ip else b"", signed.encode()])
    return f"{_ADVANCED}{_WITH_IP if ip else ''}{_text(hmac.digest(key.encode(), message, 'sha256'))}"


def _packed(ip: str) -> bytes:
    packed = ipaddress.ip_address(ip).packed
    return packed if len(packed) == 4 else packed[:8] + bytes(8)


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
