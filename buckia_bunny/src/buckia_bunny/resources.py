"""What the account's API tells of zones, read into data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from buckia_core.config.secrets import Secret

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StorageZone:
    """A storage zone.

    Attributes:
        id: Its number.
        name: Its name.
        region: Code of its main region, in lower case.
        replicas: Codes of the regions that it is copied to.
        host: Its storage host.
        password: What reads and writes; `None` if the key may not see it.
        size: Bytes that it holds.
        files: Files that it holds.
        pull_zones: Names of the pull zones in front of it.
        s3: It was made for the S3 interface.
    """

    id: int
    name: str
    region: str
    replicas: tuple[str, ...]
    host: str
    password: Secret | None
    size: int
    files: int
    pull_zones: tuple[str, ...]
    s3: bool

    @classmethod
    def of(cls, told: Told) -> Self:
        """Read one of an answer."""
        password = told.get("Password")
        return cls(
            id=int(told["Id"]),
            name=str(told["Name"]),
            region=str(told.get("Region") or "").lower(),
            replicas=tuple(str(each).lower() for each in told.get("ReplicationRegions") or ()),
            host=str(told.get("StorageHostname") or ""),
            password=Secret(str(password)) if password else None,
            size=int(told.get("StorageUsed") or 0),
            files=int(told.get("FilesStored") or 0),
            pull_zones=tuple(str(each["Name"]) for each in told.get("PullZones") or ()),
            s3=told.get("StorageZoneType") == 1,
        )


@dataclass(frozen=True, slots=True)
class PullZone:
    """A pull zone.

    Attributes:
        id: Its number.
        name: Its name.
        hosts: Its host names; one's own come before that of the service.
        storage_zone: Number of the storage zone that it is in front of; `None` if it has another origin.
        origin: Address of its origin, where it has another one.
        signed: Only signed addresses are served.
        key: The key that addresses are signed with; `None` if the API key may not see it.
    """

    id: int
    name: str
    hosts: tuple[str, ...]
    storage_zone: int | None
    origin: str
    signed: bool
    key: Secret | None

    @classmethod
    def of(cls, told: Told) -> Self:
        """Read one of an answer."""
        hosts = sorted(told.get("Hostnames") or (), key=lambda each: bool(each.get("IsSystemHostname")))
        linked, key = told.get("StorageZoneId"), told.get("ZoneSecurityKey")
        return cls(
            id=int(told["Id"]),
            name=str(told["Name"]),
            hosts=tuple(str(each["Value"]) for each in hosts),
            storage_zone=int(linked) if linked is not None and int(linked) > 0 else None,
            origin=str(told.get("OriginUrl") or ""),
            signed=bool(told.get("ZoneSecurityEnabled")),
            key=Secret(str(key)) if key else None,
        )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the pull zones of an account, or one of them, served.

    Attributes:
        requests: Requests.
        bytes: Bytes that were sent to visitors.
        origin_bytes: Bytes that came from the origin.
        cache_hit_rate: Share of the requests that the cache answered, in per cent.
    """

    requests: int
    bytes: int
    origin_bytes: int
    cache_hit_rate: float

    @classmethod
    def of(cls, told: Told) -> Self:
        """Read them of an answer."""
        return cls(
            requests=int(told["TotalRequestsServed"]),
            bytes=int(told["TotalBandwidthUsed"]),
            origin_bytes=int(told.get("TotalOriginTraffic") or 0),
            cache_hit_rate=float(told.get("CacheHitRate") or 0.0),
        )


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when statistics are asked for; the service's last thirty days if nothing is said."""

    begin: datetime | None = None
    end: datetime | None = None
