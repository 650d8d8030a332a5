"""`LinodeAccount`: what a token of Linode's allows: buckets, limited keys, access, addresses, usage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_core.errors import AdapterError
from buckia_linode.api import LinodeApi, path_of
from buckia_linode.endpoint_types import EndpointType
from buckia_linode.models import (
    Access,
    BucketAcl,
    Grant,
    Key,
    LinodeBucket,
    LinodeEndpoint,
    Quota,
)

SHORTEST_URL, LONGEST_URL = 360, 86_400
"""For how many seconds the API signs addresses."""

_READING = ("GET", "DELETE")
"""Methods whose addresses are signed without a content type."""

T = TypeVar("T")


class LinodeAccount:
    """One account, by its token. From one thread at a time.

    Regions are ids such as `us-ord`. Every method may raise `Unauthenticated`, `PermissionDenied`, `Throttled`,
    `Transient`, and `NotFound` where what it names is not there.
    """

    def __init__(self, api: LinodeApi, provider: str) -> None:
        self._api = api
        self._provider = provider

    @property
    def requests(self) -> int:
        """Requests so far, those to the bucket among them."""
        return self._api.counter.total

    def endpoints(self) -> list[LinodeEndpoint]:
        """Return the endpoints that the account can use."""
        doing = "listing endpoints"
        return [self._read(LinodeEndpoint.of, each, doing) for each in self._api.entries("/endpoints", doing=doing)]

    def buckets(self, region: str | None = None) -> list[LinodeBucket]:
        """Return the account's buckets, of one region or of all."""
        doing, path = "listing buckets", path_of("buckets", *([region] if region else []))
        return [self._read(LinodeBucket.of, each, doing) for each in self._api.entries(path, doing=doing)]

    def bucket(self, region: str, name: str) -> LinodeBucket:
        """Return one bucket."""
        doing = f"looking for bucket {name!r} in region {region!r}"
        return self._read(LinodeBucket.of, self._api.get(path_of("buckets", region, name), doing=doing), doing)

    def create_bucket(
        self,
        region: str,
        name: str,
        *,
        acl: BucketAcl = BucketAcl.PRIVATE,
        cors: bool = False,
        type: EndpointType | None = None,
        endpoint: str | None = None,
    ) -> LinodeBucket:
        """Make a bucket, and return it; one of that name that the account has is returned as it is.

        Args:
            region: Where.
            name: Unique in the region, among all accounts.
            acl: Who may do what.
            cors: Whether every origin may read; of endpoints of type E0 and E1.
            type: Type of the endpoint; the account's default in the region otherwise.
            endpoint: Host name of the endpoint, where the region has several of the type.

        Raises:
            AdapterError: The name is taken, or is none.
        """
        body = {
            "label": name,
            "region": region,
            "acl": acl,
            "cors_enabled": cors or None,
            "endpoint_type": type,
            "s3_endpoint": endpoint,
        }
        doing = f"making bucket {name!r}"
        return self._read(LinodeBucket.of, self._api.post("/buckets", body, doing=doing), doing)

    def delete_bucket(self, region: str, name: str) -> None:
        """Remove a bucket, which must be empty.

        Raises:
            AdapterError: It is not empty.
        """
        self._api.delete(path_of("buckets", region, name), doing=f"removing bucket {name!r}")

    def access(self, region: str, bucket: str) -> Access:
        """Return who may do what with a bucket."""
        doing = f"reading the access of bucket {bucket!r}"
        return self._read(Access.of, self._api.get(path_of("buckets", region, bucket, "access"), doing=doing), doing)

    def set_access(self, region: str, bucket: str, *, acl: BucketAcl | None = None, cors: bool | None = None) -> None:
        """Change who may do what with a bucket; what is `None` stays."""
        doing = f"changing the access of bucket {bucket!r}"
        self._api.put(path_of("buckets", region, bucket, "access"), {"acl": acl, "cors_enabled": cors}, doing=doing)

    def access_keys(self) -> list[Key]:
        """Return the access keys, without their secrets."""
        doing = "listing keys"
        return [self._read(Key.of, each, doing) for each in self._api.entries("/keys", doing=doing)]

    def create_key(self, label: str, *, grants: Sequence[Grant] = (), regions: Sequence[str] = ()) -> Key:
        """Make an access key, and return it with its secret, which is told this once.

        Args:
            label: Its name for people.
            grants: What it may do; without any it may do everything in all buckets of `regions`.
            regions: Ids of the regions that it is good for, besides those of the grants.
        """
        body: JsonObject = {
            "label": label,
            "regions": sorted({*regions, *(grant.region for grant in grants)}) or None,
            "bucket_access": [grant.asked() for grant in grants] or None,
        }
        doing = f"making key {label!r}"
        return self._read(
            lambda response: Key.of(response, new=True), self._api.post("/keys", body, doing=doing), doing
        )

    def delete_key(self, key: int) -> None:
        """Revoke an access key, by its number."""
        self._api.delete(path_of("keys", key), doing=f"revoking key {key}")

    def object_acl(self, region: str, bucket: str, key: str) -> str:
        """Return the canned access control list of an object, `custom` where it is none of them."""
        doing = f"{key!r}: reading its ACL"
        path = path_of("buckets", region, bucket, "object-acl")
        return self._read(
            lambda response: fields.string(response, "acl"), self._api.get(path, doing=doing, name=key), doing
        )

    def set_object_acl(self, region: str, bucket: str, key: str, acl: BucketAcl) -> None:
        """Change the access control list of an object."""
        path = path_of("buckets", region, bucket, "object-acl")
        self._api.put(path, {"name": key, "acl": acl}, doing=f"{key!r}: changing its ACL")

    def object_url(
        self,
        region: str,
        bucket: str,
        key: str,
        *,
        seconds: int,
        method: str = "GET",
        content_type: str | None = None,
    ) -> str:
        """Return an address that allows one method on an object for some time, signed by Linode.

        Raises:
            ValueError: Not for so long; or the method needs a content type, which whoever uses the address must send.
        """
        if not SHORTEST_URL <= seconds <= LONGEST_URL:
            raise ValueError(f"Linode signs addresses for {SHORTEST_URL} to {LONGEST_URL} seconds, not for {seconds}")
        if method not in _READING and content_type is None:
            raise ValueError(f"an address for {method} is signed for one content type: say which")
        body = {"method": method, "name": key, "expires_in": seconds, "content_type": content_type}
        path, doing = path_of("buckets", region, bucket, "object-url"), f"{key!r}: signing an address"
        return self._read(
            lambda response: fields.string(response, "url"), self._api.post(path, body, doing=doing), doing
        )

    def quotas(self) -> list[Quota]:
        """Return the limits of the account, and how much of each is used."""
        doing = "listing quotas"
        return [self._read(self._quota, each, doing) for each in list(self._api.entries("/quotas", doing=doing))]

    def transfer(self) -> int:
        """Return how many bytes went out of all buckets since the month began."""
        doing = "reading the transfer"
        return self._read(
            lambda response: fields.number(response, "used"), self._api.get("/transfer", doing=doing), doing
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _quota(self, response: JsonObject) -> Quota:
        if not response.get("has_usage", True):
            return Quota.of(response, None)
        usage = self._api.get(
            path_of("quotas", fields.string(response, "quota_id"), "usage"), doing="reading the use of a quota"
        )
        return Quota.of(response, fields.number_or_none(usage, "usage"))

    def _read(self, read: Callable[[JsonObject], T], response: JsonObject, doing: str) -> T:
        try:
            return read(response)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            words = f"{doing}: the API answered in a form that is not known"
            raise AdapterError(words, provider=self._provider) from error
