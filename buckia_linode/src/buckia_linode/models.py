"""Models of the API: endpoints, buckets, keys, grants, access, quotas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.config.secrets.secret import Secret
from buckia_linode.endpoint_types import EndpointType

MIN_URL_SECONDS, MAX_URL_SECONDS = 360, 86_400
"""Range of the lifetime of URLs that the API signs."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_PERMISSIONS = {"read_write": True, "read_only": False}
_TYPES = {str(each): each for each in EndpointType}


class BucketAcl(StrEnum):
    """Canned ACLs of buckets and objects."""

    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    AUTHENTICATED_READ = "authenticated-read"
    PUBLIC_READ_WRITE = "public-read-write"


@dataclass(frozen=True, slots=True)
class LinodeEndpoint:
    """An endpoint that the account can use.

    Attributes:
        region: Region id, such as `us-ord`.
        host: Host name; `None` until the account's first bucket there.
        type: Endpoint type; `None` if this package does not know it.
    """

    region: str
    host: str | None
    type: EndpointType | None

    @classmethod
    def from_response(cls, response: JsonObject) -> Self:
        """Parse a response."""
        return cls(fields.string(response, "region"), _host(response), _endpoint_type(response))

    @property
    def url(self) -> str | None:
        """URL; `None` without a host name."""
        return f"https://{self.host}" if self.host else None


@dataclass(frozen=True, slots=True)
class LinodeBucket:
    """A bucket.

    Attributes:
        name: Bucket name.
        region: Region id.
        endpoint: Host name of the endpoint.
        type: Endpoint type, if known.
        hostname: Host name of the bucket.
        created: Creation time in UTC, as the API formats it.
        objects: Number of objects, updated with a delay; `None` if the API does not report it.
        size: Total bytes, updated with a delay; `None` if the API does not report it.
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
    def from_response(cls, response: JsonObject) -> Self:
        """Parse a response."""
        name, hostname = fields.string(response, "label"), fields.string_or_none(response, "hostname") or ""
        return cls(
            name=name,
            region=fields.string_or_none(response, "region") or fields.string(response, "cluster"),
            endpoint=_host(response) or hostname.removeprefix(f"{name}.") or None,
            type=_endpoint_type(response),
            hostname=hostname,
            created=fields.string_or_none(response, "created") or "",
            objects=fields.number_or_none(response, "objects"),
            size=fields.number_or_none(response, "size"),
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission of a limited key for one bucket.

    Attributes:
        bucket: Bucket name.
        region: Region id of the bucket.
        write: Whether the key may write and delete; otherwise it may only read.
    """

    bucket: str
    region: str
    write: bool

    @classmethod
    def from_response(cls, response: JsonObject) -> Self:
        """Parse a response."""
        region = fields.string_or_none(response, "region") or fields.string(response, "cluster")
        return cls(fields.string(response, "bucket_name"), region, _PERMISSIONS[response["permissions"]])

    def to_request(self) -> dict[str, str]:
        """Return the grant as the API expects it."""
        permissions = "read_write" if self.write else "read_only"
        return {"region": self.region, "bucket_name": self.bucket, "permissions": permissions}


@dataclass(frozen=True, slots=True)
class Key:
    """An access key.

    Attributes:
        id: Numeric id.
        label: Display name.
        access_key: Access key id.
        limited: Whether only `grants` apply; otherwise the key has full access to all buckets in its regions.
        grants: Permissions for single buckets.
        regions: Region ids.
        secret: Secret access key of a new key; the API does not return it again.
    """

    id: int
    label: str
    access_key: str
    limited: bool
    grants: tuple[Grant, ...]
    regions: tuple[str, ...]
    secret: Secret | None = None

    @classmethod
    def from_response(cls, response: JsonObject, *, new: bool = False) -> Self:
        """Parse a response. Only that of a `new` key has the secret; others have a placeholder."""
        return cls(
            id=fields.number(response, "id"),
            label=fields.string_or_none(response, "label") or "",
            access_key=fields.string(response, "access_key"),
            limited=fields.boolean(response, "limited"),
            grants=tuple(Grant.from_response(each) for each in response.get("bucket_access") or ()),
            regions=tuple(fields.string(each, "id") for each in response.get("regions") or ()),
            secret=Secret(fields.string(response, "secret_key")) if new else None,
        )


@dataclass(frozen=True, slots=True)
class Access:
    """ACL and CORS setting of a bucket.

    Attributes:
        acl: Canned ACL; `custom` if it matches none.
        cors: Whether all origins may read; `None` if the endpoint does not support CORS.
    """

    acl: str
    cors: bool | None

    @classmethod
    def from_response(cls, response: JsonObject) -> Self:
        """Parse a response."""
        return cls(
            fields.string(response, "acl"),
            None if response.get("cors_enabled") is None else fields.boolean(response, "cors_enabled"),
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """Quota of the account at one endpoint.

    Attributes:
        id: Quota id.
        name: Display name.
        endpoint: Host name of the endpoint.
        metric: Unit: `byte`, `bucket` or `object`.
        limit: Maximum.
        used: Present usage; `None` if the API does not report it.
    """

    id: str
    name: str
    endpoint: str
    metric: str
    limit: int
    used: int | None

    @classmethod
    def from_response(cls, response: JsonObject, used: int | None) -> Self:
        """Parse a response."""
        return cls(
            id=fields.string(response, "quota_id"),
            name=fields.string_or_none(response, "quota_name") or "",
            endpoint=fields.string_or_none(response, "s3_endpoint") or "",
            metric=fields.string_or_none(response, "resource_metric") or "",
            limit=fields.number(response, "quota_limit"),
            used=used,
        )


def _endpoint_type(response: JsonObject) -> EndpointType | None:
    return _TYPES.get(fields.string_or_none(response, "endpoint_type") or "")


def _host(response: JsonObject) -> str | None:
    """Return the host name of an endpoint; `None` if it has none yet."""
    host = fields.string_or_none(response, "s3_endpoint")
    if host and not _HOST.fullmatch(host):
        raise ValueError(host)
    return host or None
