"""What the API tells of an account: endpoints, buckets, keys, access, quotas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from buckia_core.config.secrets import Secret
from buckia_linode.endpoint_types import EndpointType

Answer = Mapping[str, Any]

_TYPES = {str(each): each for each in EndpointType}


class BucketAcl(StrEnum):
    """The canned access control lists of buckets and objects that can be set."""

    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    AUTHENTICATED_READ = "authenticated-read"
    PUBLIC_READ_WRITE = "public-read-write"


@dataclass(frozen=True, slots=True)
class Endpoint:
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
    def of(cls, answer: Answer) -> Self:
        """Read one of an answer."""
        return cls(str(answer["region"]), answer.get("s3_endpoint"), _type_of(answer))

    @property
    def url(self) -> str | None:
        """Its address."""
        return f"https://{self.host}" if self.host else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket.

    Attributes:
        name: Its name.
        region: Id of the region.
        endpoint: Host name of the endpoint.
        type: Type of the endpoint, where it is known.
        hostname: Host name of the bucket itself.
        created: When it was made, as the API writes it, in UTC.
        objects: Number of objects; lags behind.
        size: Bytes of all objects together; lags behind.
    """

    name: str
    region: str
    endpoint: str | None
    type: EndpointType | None
    hostname: str
    created: str
    objects: int
    size: int

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Read one of an answer."""
        name, hostname = str(answer["label"]), str(answer.get("hostname") or "")
        return cls(
            name=name,
            region=str(answer.get("region") or answer.get("cluster") or ""),
            endpoint=answer.get("s3_endpoint") or hostname.removeprefix(f"{name}.") or None,
            type=_type_of(answer),
            hostname=hostname,
            created=str(answer.get("created") or ""),
            objects=int(answer.get("objects") or 0),
            size=int(answer.get("size") or 0),
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
    def of(cls, answer: Answer) -> Self:
        """Read one of an answer."""
        region = str(answer.get("region") or answer.get("cluster") or "")
        return cls(str(answer["bucket_name"]), region, answer.get("permissions") == "read_write")

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
    def of(cls, answer: Answer, *, new: bool = False) -> Self:
        """Read one of an answer; of any but a new one, the secret is a placeholder."""
        return cls(
            id=int(answer["id"]),
            label=str(answer.get("label") or ""),
            access_key=str(answer["access_key"]),
            limited=bool(answer.get("limited")),
            grants=tuple(Grant.of(each) for each in answer.get("bucket_access") or ()),
            regions=tuple(str(each["id"]) for each in answer.get("regions") or ()),
            secret=Secret(str(answer["secret_key"])) if new else None,
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
    def of(cls, answer: Answer) -> Self:
        """Read one of an answer."""
        return cls(str(answer.get("acl") or ""), answer.get("cors_enabled"))


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
    def of(cls, answer: Answer, used: int | None) -> Self:
        """Read one of an answer."""
        return cls(
            id=str(answer["quota_id"]),
            name=str(answer.get("quota_name") or ""),
            endpoint=str(answer.get("s3_endpoint") or ""),
            metric=str(answer.get("resource_metric") or ""),
            limit=int(answer.get("quota_limit") or 0),
            used=used,
        )


def _type_of(answer: Answer) -> EndpointType | None:
    return _TYPES.get(answer.get("endpoint_type") or "")
