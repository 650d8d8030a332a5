"""What the account's API tells of zones, read into data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.config.secrets.references import Secret

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
        size: Bytes that it holds; `None` if the API does not report it.
        files: Files that it holds; `None` if the API does not report it.
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
    def of(cls, response: JsonObject) -> Self:
        """Read one of an answer."""
        password = response.get("Password")
        return cls(
            id=fields.number(response, "Id"),
            name=fields.string(response, "Name"),
            region=fields.string(response, "Region").lower(),
            replicas=tuple(str(each).lower() for each in response.get("ReplicationRegions") or ()),
            host=fields.string(response, "StorageHostname"),
            password=Secret(fields.string(response, "Password")) if password else None,
            size=fields.number_or_none(response, "StorageUsed"),
            files=fields.number_or_none(response, "FilesStored"),
            pull_zones=tuple(fields.string(each, "Name") for each in response.get("PullZones") or ()),
            s3=response.get("StorageZoneType") == 1,
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
    def of(cls, response: JsonObject) -> Self:
        """Read one of an answer."""
        hosts = sorted(response.get("Hostnames") or (), key=lambda each: bool(each.get("IsSystemHostname")))
        linked, key = response.get("StorageZoneId"), response.get("ZoneSecurityKey")
        return cls(
            id=fields.number(response, "Id"),
            name=fields.string(response, "Name"),
            hosts=tuple(_host(each) for each in hosts),
            storage_zone=linked if isinstance(linked, int) and linked > 0 else None,
            origin=str(response.get("OriginUrl") or ""),
            signed=fields.boolean(response, "ZoneSecurityEnabled"),
            key=Secret(fields.string(response, "ZoneSecurityKey")) if key else None,
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
    def of(cls, response: JsonObject) -> Self:
        """Read them of an answer."""
        return cls(
            requests=fields.number(response, "TotalRequestsServed"),
            bytes=fields.number(response, "TotalBandwidthUsed"),
            origin_bytes=fields.number(response, "TotalOriginTraffic"),
            cache_hit_rate=float(response["CacheHitRate"]),
        )


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when statistics are asked for; the service's last thirty days if nothing is said."""

    begin: datetime | None = None
    end: datetime | None = None


def _host(response: JsonObject) -> str:
    value = fields.string(response, "Value")
    if not _HOST.fullmatch(value):
        raise ValueError(value)
    return value
