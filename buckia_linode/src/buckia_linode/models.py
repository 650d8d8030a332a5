"""What the API tells of an account: endpoints, buckets, keys, access, quotas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.config.secrets.references import Secret
from buckia_linode.endpoint_types import EndpointType

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_PERMISSIONS = {"read_write": True, "read_only": False}
_TYPES = {str(each): each for each in EndpointType}


class BucketAcl(StrEnum):
    """The canned access control lists of buckets and objects that can be set."""

    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    AUTHENTICATED_READ = "authenticated-read"
    PUBLIC_READ_WRITE = "public-read-write"


@dataclass(frozen=True, slots=True)
class LinodeEndpoint:
    """A service that an account can use.

    Attributes:
        region: Id of the region, such as `us-ord`.
        host: Host name; `None` until the first bucket is made there.
        type: Its type; `None` for one that is newer than this package.
    """

    region: str
    host: str | None
    type: EndpointType | None

    @classmethod
    def of(cls, response: JsonObject) -> Self:
        """Read one of an answer."""
        return cls(fields.string(response, "region"), _host(response), _type_of(response))

    @property
    def url(self) -> str | None:
        """Its address."""
        return f"https://{self.host}" if self.host else None


@dataclass(frozen=True, slots=True)
class LinodeBucket:
    """A bucket.

    Attributes:
        name: Its name.
        region: Id of the region.
        endpoint: Host name of the endpoint.
        type: Type of the endpoint, where it is known.
        hostname: Host name of the bucket itself.
        created: When it was made, as the API writes it, in UTC.
        objects: Number of objects; lags behind. `None` if it is not told.
        size: Bytes of all objects together; lags behind. `None` if it is not told.
    """

    name: str
    region: str
    endpoint: str | None
    type: EndpointType | None
    hostname: str
    created: str
    objects: int | None
    size: int | None

    @classmethod
    def of(cls, response: JsonObject) -> Self:
        """Read one of an answer."""
        name, hostname = fields.string(response, "label"), fields.string_or_none(response, "hostname") or ""
        return cls(
            name=name,
            region=fields.string_or_none(response, "region") or fields.string(response, "cluster"),
            endpoint=_host(response) or hostname.removeprefix(f"{name}.") or None,
            type=_type_of(response),
            hostname=hostname,
            created=fields.string_or_none(response, "created") or "",
            objects=fields.number_or_none(response, "objects"),
            size=fields.number_or_none(response, "size"),
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What a limited key may do with one bucket.

    Attributes:
        bucket: The bucket's name.
        region: Id of the bucket's region.
        write: It may write and delete; else it may only read.
    """

    bucket: str
    region: str
    write: bool

    @classmethod
    def of(cls, response: JsonObject) -> Self:
        """Read one of an answer."""
        region = fields.string_or_none(response, "region") or fields.string(response, "cluster")
        return cls(fields.string(response, "bucket_name"), region, _PERMISSIONS[response["permissions"]])

    def asked(self) -> dict[str, str]:
        """Return it as the API wants it."""
        permissions = "read_write" if self.write else "read_only"
        return {"region": self.region, "bucket_name": self.bucket, "permissions": permissions}


@dataclass(frozen=True, slots=True)
class Key:
    """An access key.

    Attributes:
        id: Its number.
        label: Its name for people.
        access_key: What requests name.
        limited: It can do only what `grants` say; else everything in all buckets of its regions.
        grants: What it may do with which buckets.
        regions: Ids of the regions that it is good for.
        secret: Its secret, of a key that was just made; the API tells it this once.
    """

    id: int
    label: str
    access_key: str
    limited: bool
    grants: tuple[Grant, ...]
    regions: tuple[str, ...]
    secret: Secret | None = None

    @classmethod
    def of(cls, response: JsonObject, *, new: bool = False) -> Self:
        """Read one of an answer; of any but a new one, the secret is a placeholder."""
        return cls(
            id=fields.number(response, "id"),
            label=fields.string_or_none(response, "label") or "",
            access_key=fields.string(response, "access_key"),
            limited=fields.boolean(response, "limited"),
            grants=tuple(Grant.of(each) for each in response.get("bucket_access") or ()),
            regions=tuple(fields.string(each, "id") for each in response.get("regions") or ()),
            secret=Secret(fields.string(response, "secret_key")) if new else None,
        )


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what with a bucket.

    Attributes:
        acl: The canned list, `custom` where it is none of them.
        cors: Every origin may read; `None` where the endpoint has no CORS.
    """

    acl: str
    cors: bool | None

    @classmethod
    def of(cls, response: JsonObject) -> Self:
        """Read one of an answer."""
        return cls(
            fields.string(response, "acl"),
            None if response.get("cors_enabled") is None else fields.boolean(response, "cors_enabled"),
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit of the account at one endpoint.

    Attributes:
        id: Its id.
        name: Its name for people.
        endpoint: Host name of the endpoint.
        metric: What is counted: `byte`, `bucket`, `object`.
        limit: How much there may be.
        used: How much there is; `None` where the API does not count it.
    """

    id: str
    name: str
    endpoint: str
    metric: str
    limit: int
    used: int | None

    @classmethod
    def of(cls, response: JsonObject, used: int | None) -> Self:
        """Read one of an answer."""
        return cls(
            id=fields.string(response, "quota_id"),
            name=fields.string_or_none(response, "quota_name") or "",
            endpoint=fields.string_or_none(response, "s3_endpoint") or "",
            metric=fields.string_or_none(response, "resource_metric") or "",
            limit=fields.number(response, "quota_limit"),
            used=used,
        )


def _type_of(response: JsonObject) -> EndpointType | None:
    return _TYPES.get(fields.string_or_none(response, "endpoint_type") or "")


def _host(response: JsonObject) -> str | None:
    """Return the host of an endpoint; `None` where there is none yet."""
    host = fields.string_or_none(response, "s3_endpoint")
    if host and not _HOST.fullmatch(host):
        raise ValueError(host)
    return host or None
