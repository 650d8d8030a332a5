"""Storage zones and regions (PROVIDERS 1.2, 1.7)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from .tree import Tree

STANDARD_REGIONS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "DE": ("Frankfurt", "EU", "DE"),
        "UK": ("London", "EU", "GB"),
        "NY": ("New York", "NA", "US"),
        "LA": ("Los Angeles", "NA", "US"),
        "SG": ("Singapore", "AS", "SG"),
        "SE": ("Stockholm", "EU", "SE"),
        "BR": ("Sao Paulo", "SA", "BR"),
        "JH": ("Johannesburg", "AF", "ZA"),
        "SYD": ("Sydney", "OC", "AU"),
    }
)
"""Regions that a zone can have as its main one: name, continent, country."""

REPLICA_REGIONS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "CZ": ("Prague", "EU", "CZ"),
        "ES": ("Madrid", "EU", "ES"),
        "HK": ("Hong Kong", "AS", "HK"),
        "JP": ("Tokyo", "AS", "JP"),
        "MI": ("Miami", "NA", "US"),
        "WA": ("Seattle", "NA", "US"),
    }
)
"""Regions that the Edge tier replicates to."""


def new_password() -> str:
    """Return a password of the form that zones have."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)) + "-" + secrets.token_hex(4)


@dataclass(slots=True)
class StorageZone:
    """A storage zone and what is in it."""

    id: int
    name: str
    user_id: str
    account_id: str
    region: str
    hostname: str
    """Of the storage host of its main region; it has a port here."""
    modified: float
    replication_regions: list[str] = field(default_factory=list)
    tier: int = 0
    kind: int = 0
    """1 for a zone with the S3 protocol."""
    password: str = field(default_factory=new_password)
    read_only_password: str = field(default_factory=new_password)
    deleted: bool = False
    custom_404: str | None = None
    rewrite_404: bool = False
    tree: Tree = field(default_factory=Tree)
    server_id: int = 24

    def replicate(self) -> None:
        """Finish what replication has yet to do."""
        for file in self.tree.root.held():
            file.replicated = True

    def model(self, pull_zones: list[dict[str, Any]], modified: str) -> dict[str, Any]:
        """Return the zone as the core API shows it."""
        size, files = self.tree.root.usage()
        return {
            "Id": self.id,
            "UserId": self.user_id,
            "Name": self.name,
            "Password": self.password,
            "ReadOnlyPassword": self.read_only_password,
            "DateModified": modified,
            "Deleted": self.deleted,
            "StorageUsed": size,
            "FilesStored": files,
            "Region": self.region,
            "ReplicationRegions": list(self.replication_regions),
            "PullZones": pull_zones,
            "StorageHostname": self.hostname,
            "ZoneTier": self.tier,
            "StorageZoneType": self.kind,
            "Rewrite404To200": self.rewrite_404,
            "Custom404FilePath": self.custom_404,
            "ReplicationChangeInProgress": False,
            "PriceOverride": 0.0,
            "Discount": 0,
        }
