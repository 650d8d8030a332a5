"""Pull zones: host names, an origin, a cache (PROVIDERS 1.7, 1.8)."""

from __future__ import annotations

import secrets
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from .content import Content

SYSTEM_DOMAIN: Final = "b-cdn.net"

_TYPES: Final[dict[str, type]] = {
    "OriginUrl": str,
    "StorageZoneId": int,
    "ZoneSecurityEnabled": bool,
    "ZoneSecurityIncludeHashRemoteIP": bool,
    "IgnoreQueryStrings": bool,
    "CacheControlMaxAgeOverride": int,
    "Enabled": bool,
}
"""What can be set, by the name that the core API has for it."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A response that the CDN keeps."""

    path: str
    content: Content
    content_type: str
    tags: frozenset[str]


@dataclass(slots=True)
class PullZone:
    """A pull zone."""

    id: int
    name: str
    kind: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    hostnames: dict[str, int] = field(default_factory=dict)
    """Host names, lower case, with the number of each."""
    security_key: str = field(default_factory=lambda: str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)))
    cache: dict[tuple[str, str], Cached] = field(default_factory=dict)
    """By path and query."""
    tags: dict[str, str] = field(default_factory=dict)
    """Path prefix to the `CDN-Tag` that files below it are sent with: an edge rule's work."""
    served: Counter[str] = field(default_factory=Counter)
    """`requests`, `hits`, `bytes`, `bytes_cached`, and responses by their status."""

    def __post_init__(self) -> None:
        self.settings = {
            "OriginUrl": None,
            "StorageZoneId": -1,
            "ZoneSecurityEnabled": False,
            "ZoneSecurityIncludeHashRemoteIP": False,
            "IgnoreQueryStrings": True,
            "CacheControlMaxAgeOverride": -1,
            "Enabled": True,
        } | self.settings

    def change(self, given: dict[str, Any]) -> None:
        """Set what is given and known; the rest is passed over. Names in any case. Raises TypeError."""
        names = {name.lower(): name for name in _TYPES}
        for key, value in given.items():
            name = names.get(key.lower())
            if name is None or value is None:
                continue
            if not isinstance(value, _TYPES[name]):
                raise TypeError(name)
            self.settings[name] = value

    def forget(self, prefix: str, *, exact: bool) -> None:
        """Drop what is cached of a path, with any query, or of all paths that begin so."""
        self.cache = {
            key: cached
            for key, cached in self.cache.items()
            if not (cached.path == prefix if exact else cached.path.startswith(prefix))
        }

    def forget_tag(self, tag: str) -> None:
        """Drop what was sent with this `CDN-Tag`."""
        self.cache = {key: cached for key, cached in self.cache.items() if tag not in cached.tags}

    def model(self) -> dict[str, Any]:
        """Return the pull zone as the core API shows it."""
        return {
            "Id": self.id,
            "Name": self.name,
            "Type": self.kind,
            "Hostnames": [
                {
                    "Id": number,
                    "Value": name,
                    "ForceSSL": False,
                    "IsSystemHostname": name.endswith(f".{SYSTEM_DOMAIN}"),
                    "HasCertificate": name.endswith(f".{SYSTEM_DOMAIN}"),
                }
                for name, number in self.hostnames.items()
            ],
            "ZoneSecurityKey": self.security_key,
            "MonthlyBandwidthUsed": self.served["bytes"],
            "MonthlyCharges": 0.0,
            "CnameDomain": SYSTEM_DOMAIN,
            "EdgeRules": [],
            "AllowedReferrers": [],
            "BlockedReferrers": [],
            "BlockedIps": [],
            **self.settings,
        }
