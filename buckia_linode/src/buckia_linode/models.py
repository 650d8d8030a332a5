"""What the API tells of an account: endpoints, buckets, keys, access, quotas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from buckia_core.config.secrets.references import Secret
from buckia_linode.endpoint_types import EndpointType

Answer = Mapping[str, Any]

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
    def of(cls, answer: Answer) -> Self:
        """Read one of an answer."""
        return cls(text(answer, "region"), _host(answer), _type_of(answer))

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
    def of(cls, answer: Answer) -> Self:
        """Read one of an answer."""
        name, hostname = text(answer, "label"), text_or_none(answer, "hostname") or ""
        return cls(
            name=name,
            region=text_or_none(answer, "region") or text(answer, "cluster"),
            endpoint=_host(answer) or hostname.removeprefix(f"{name}.") or None,
            type=_type_of(answer),
            hostname=hostname,
            created=text_or_none(answer, "created") or "",
            objects=number_or_none(answer, "objects"),
            size=number_or_none(answer, "size"),
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
        region = text_or_none(answer, "region") or text(answer, "cluster")
        return cls(text(answer, "bucket_name"), region, _PERMISSIONS[answer["permissions"]])

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
            id=number(answer, "id"),
            label=text_or_none(answer, "label") or "",
            access_key=text(answer, "access_key"),
            limited=_truth(answer, "limited"),
            grants=tuple(Grant.of(each) for each in answer.get("bucket_access") or ()),
            regions=tuple(text(each, "id") for each in answer.get("regions") or ()),
            secret=Secret(text(answer, "secret_key")) if new else None,
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
        return cls(text(answer, "acl"), None if answer.get("cors_enabled") is None else _truth(answer, "cors_enabled"))


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
            id=text(answer, "quota_id"),
            name=text_or_none(answer, "quota_name") or "",
            endpoint=text_or_none(answer, "s3_endpoint") or "",
            metric=text_or_none(answer, "resource_metric") or "",
            limit=number(answer, "quota_limit"),
            used=used,
        )


def _type_of(answer: Answer) -> EndpointType | None:
    return _TYPES.get(text_or_none(answer, "endpoint_type") or "")


def text(answer: Answer, name: str) -> str:
    """Return a text of an answer. Raises KeyError or TypeError where there is none."""
    value = answer[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def text_or_none(answer: Answer, name: str) -> str | None:
    """Return a text of an answer; `None` where there is none. Raises TypeError of anything else."""
    return None if answer.get(name) is None else text(answer, name)


def number(answer: Answer, name: str) -> int:
    """Return a whole number of an answer, from 0. Raises KeyError or ValueError where there is none."""
    value = answer[name]
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(name)
    return value


def number_or_none(answer: Answer, name: str) -> int | None:
    """Return a whole number of an answer; `None` where there is none. Raises ValueError of anything else."""
    return None if answer.get(name) is None else number(answer, name)


def _truth(answer: Answer, name: str) -> bool:
    value = answer[name]
    if type(value) is not bool:
        raise TypeError(name)
    return value


def _host(answer: Answer) -> str | None:
    """Return the host of an endpoint; `None` where there is none yet."""
    host = text_or_none(answer, "s3_endpoint")
    if host and not _HOST.fullmatch(host):
        raise ValueError(host)
    return host or None
