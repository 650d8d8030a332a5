"""What the account's API tells of zones, read into data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from buckia_core.config.secrets.references import Secret

Told = Mapping[str, Any]

_HOST = re.compile(r"[A-Za-z0-9*_]([A-Za-z0-9_.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")


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
        size: Bytes that it holds; `None` if it is not told.
        files: Files that it holds; `None` if it is not told.
        pull_zones: Names of the pull zones in front of it.
        s3: It was made for the S3 interface.
    """

    id: int
    name: str
    region: str
    replicas: tuple[str, ...]
    host: str
    password: Secret | None
    size: int | None
    files: int | None
    pull_zones: tuple[str, ...]
    s3: bool

    @classmethod
    def of(cls, told: Told) -> Self:
        """Read one of an answer."""
        password = told.get("Password")
        return cls(
            id=_number(told, "Id"),
            name=_text(told, "Name"),
            region=_text(told, "Region").lower(),
            replicas=tuple(str(each).lower() for each in told.get("ReplicationRegions") or ()),
            host=_text(told, "StorageHostname"),
            password=Secret(_text(told, "Password")) if password else None,
            size=_number_or_none(told, "StorageUsed"),
            files=_number_or_none(told, "FilesStored"),
            pull_zones=tuple(_text(each, "Name") for each in told.get("PullZones") or ()),
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
            id=_number(told, "Id"),
            name=_text(told, "Name"),
            hosts=tuple(_host(each) for each in hosts),
            storage_zone=linked if isinstance(linked, int) and linked > 0 else None,
            origin=str(told.get("OriginUrl") or ""),
            signed=_truth(told, "ZoneSecurityEnabled"),
            key=Secret(_text(told, "ZoneSecurityKey")) if key else None,
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
            requests=_number(told, "TotalRequestsServed"),
            bytes=_number(told, "TotalBandwidthUsed"),
            origin_bytes=_number(told, "TotalOriginTraffic"),
            cache_hit_rate=float(told["CacheHitRate"]),
        )


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when statistics are asked for; the service's last thirty days if nothing is said."""

    begin: datetime | None = None
    end: datetime | None = None


def _text(told: Told, name: str) -> str:
    value = told[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _number(told: Told, name: str) -> int:
    value = told[name]
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(name)
    return value


def _number_or_none(told: Told, name: str) -> int | None:
    return None if told.get(name) is None else _number(told, name)


def _truth(told: Told, name: str) -> bool:
    value = told[name]
    if type(value) is not bool:
        raise TypeError(name)
    return value


def _host(told: Told) -> str:
    value = _text(told, "Value")
    if not _HOST.fullmatch(value):
        raise ValueError(value)
    return value
