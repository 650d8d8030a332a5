"""Models: storage zones, pull zones and statistics of the account API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.config.secrets.secret import Secret

_HOST = re.compile(r"[A-Za-z0-9*_]([A-Za-z0-9_.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class StorageZone:
    """Storage zone.

    Attributes:
        id: Numeric id.
        name: Name.
        region: Code of the main region, in lower case.
        replicas: Codes of the replication regions.
        host: Storage host.
        password: Password for reading and writing; `None` if the key may not see it.
        read_only_password: Password for reading; likewise.
        size: Stored bytes; `None` if the API does not report it.
        files: Stored files; `None` if the API does not report it.
        pull_zones: Names of the linked pull zones.
        s3: Whether the zone was created for the S3 API.
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
    read_only_password: Secret | None = None

    @classmethod
    def from_response(cls, response: JsonObject) -> Self:
        """Parse the JSON of a response."""
        password, read_only = response.get("Password"), response.get("ReadOnlyPassword")
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
            read_only_password=Secret(fields.string(response, "ReadOnlyPassword")) if read_only else None,
        )


@dataclass(frozen=True, slots=True)
class PullZone:
    """Pull zone.

    Attributes:
        id: Numeric id.
        name: Name.
        hosts: Host names; custom ones come before that of the service.
        storage_zone: Id of the storage zone that is its origin; `None` for another origin.
        origin: URL of another origin.
        signed: Whether only signed URLs are served.
        key: Signing key for URLs; `None` if the API key may not see it.
    """

    id: int
    name: str
    hosts: tuple[str, ...]
    storage_zone: int | None
    origin: str
    signed: bool
    key: Secret | None

    @classmethod
    def from_response(cls, response: JsonObject) -> Self:
        """Parse the JSON of a response."""
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
    """Statistics of one pull zone, or of all pull zones of an account.

    Attributes:
        requests: Number of requests.
        bytes: Bytes sent to visitors.
        origin_bytes: Bytes read from the origin.
        cache_hit_rate: Percentage of requests answered by the cache.
    """

    requests: int
    bytes: int
    origin_bytes: int
    cache_hit_rate: float

    @classmethod
    def from_response(cls, response: JsonObject) -> Self:
        """Parse the JSON of a response."""
        return cls(
            requests=fields.number(response, "TotalRequestsServed"),
            bytes=fields.number(response, "TotalBandwidthUsed"),
            origin_bytes=fields.number(response, "TotalOriginTraffic"),
            cache_hit_rate=float(response["CacheHitRate"]),
        )


@dataclass(frozen=True, slots=True)
class Period:
    """Period of statistics; the service defaults to the last thirty days."""

    begin: datetime | None = None
    end: datetime | None = None


def _host(response: JsonObject) -> str:
    value = fields.string(response, "Value")
    if not _HOST.fullmatch(value):
        raise ValueError(value)
    return value
