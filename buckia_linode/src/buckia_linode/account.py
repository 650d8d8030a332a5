"""`LinodeAccount`: the account of a token: buckets, access keys, ACLs, signed URLs, quotas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.json_fields import JsonObject
from buckia_linode.api import LinodeApi, build_path
from buckia_linode.endpoint_types import EndpointType
from buckia_linode.errors import unexpected_response
from buckia_linode.models import (
    MAX_URL_SECONDS,
    MIN_URL_SECONDS,
    Access,
    BucketAcl,
    Grant,
    Key,
    LinodeBucket,
    LinodeEndpoint,
    Quota,
)

_METHODS_WITHOUT_CONTENT_TYPE = ("GET", "DELETE")
"""Methods whose URLs are signed without a content type."""


class LinodeAccount:
    """The account that a token belongs to. Not thread-safe.

    Regions are ids such as `us-ord`. Every method may raise `Unauthenticated`, `PermissionDenied`, `Throttled`,
    `Transient`, and `NotFound` if the named resource does not exist.
    """

    def __init__(self, api: LinodeApi) -> None:
        self._api = api

    def endpoints(self) -> list[LinodeEndpoint]:
        """Return the endpoints that the account can use."""
        with self._parsing("listing endpoints") as action:
            return [LinodeEndpoint.from_response(each) for each in self._api.entries("/endpoints", action=action)]

    def buckets(self, region: str | None = None) -> list[LinodeBucket]:
        """Return the account's buckets, of one region or of all."""
        path = build_path("buckets", *([region] if region else []))
        with self._parsing("listing buckets") as action:
            return [LinodeBucket.from_response(each) for each in self._api.entries(path, action=action)]

    def bucket(self, region: str, name: str) -> LinodeBucket:
        """Return one bucket."""
        with self._parsing(f"reading bucket {name!r} in region {region!r}") as action:
            return LinodeBucket.from_response(self._api.get(build_path("buckets", region, name), action=action))

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
        """Create a bucket, and return it. A bucket of that name in the account is returned unchanged.

        Args:
            region: Region id.
            name: Bucket name, unique in the region among all accounts.
            acl: Canned ACL.
            cors: Allow all origins to read; endpoint types E0 and E1 only.
            type: Endpoint type; by default the account's default in the region.
            endpoint: Host name of the endpoint, if the region has several of the type.

        Raises:
            AdapterError: The name is taken or invalid.
        """
        body = {
            "label": name,
            "region": region,
            "acl": acl,
            "cors_enabled": cors or None,
            "endpoint_type": type,
            "s3_endpoint": endpoint,
        }
        with self._parsing(f"creating bucket {name!r}") as action:
            return LinodeBucket.from_response(self._api.post("/buckets", body, action=action))

    def delete_bucket(self, region: str, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            AdapterError: The bucket is not empty.
        """
        self._api.delete(build_path("buckets", region, name), action=f"removing bucket {name!r}")

    def access(self, region: str, bucket: str) -> Access:
        """Return the ACL and CORS setting of a bucket."""
        path = build_path("buckets", region, bucket, "access")
        with self._parsing(f"reading the access of bucket {bucket!r}") as action:
            return Access.from_response(self._api.get(path, action=action))

    def set_access(self, region: str, bucket: str, *, acl: BucketAcl | None = None, cors: bool | None = None) -> None:
        """Change the ACL and CORS setting of a bucket; `None` keeps the present value."""
        path = build_path("buckets", region, bucket, "access")
        body = {"acl": acl, "cors_enabled": cors}
        self._api.put(path, body, action=f"changing the access of bucket {bucket!r}")

    def access_keys(self) -> list[Key]:
        """Return the access keys, without their secrets."""
        with self._parsing("listing keys") as action:
            return [Key.from_response(each) for each in self._api.entries("/keys", action=action)]

    def create_key(self, label: str, *, grants: Sequence[Grant] = (), regions: Sequence[str] = ()) -> Key:
        """Create an access key, and return it with its secret. The secret cannot be read again.

        Args:
            label: Display name.
            grants: Permissions; without any the key has full access to all buckets in `regions`.
            regions: Ids of the key's regions, in addition to those of the grants.
        """
        body: JsonObject = {
            "label": label,
            "regions": sorted({*regions, *(grant.region for grant in grants)}) or None,
            "bucket_access": [grant.to_request() for grant in grants] or None,
        }
        with self._parsing(f"creating key {label!r}") as action:
            return Key.from_response(self._api.post("/keys", body, action=action), new=True)

    def delete_key(self, key: int) -> None:
        """Revoke an access key by its id."""
        self._api.delete(build_path("keys", key), action=f"revoking key {key}")

    def object_acl(self, region: str, bucket: str, key: str) -> str:
        """Return the canned ACL of an object; `custom` if it matches none."""
        path = build_path("buckets", region, bucket, "object-acl")
        with self._parsing(f"{key!r}: reading its ACL") as action:
            return fields.string(self._api.get(path, action=action, name=key), "acl")

    def set_object_acl(self, region: str, bucket: str, key: str, acl: BucketAcl) -> None:
        """Set the ACL of an object."""
        path = build_path("buckets", region, bucket, "object-acl")
        self._api.put(path, {"name": key, "acl": acl}, action=f"{key!r}: changing its ACL")

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
        """Return a URL, signed by Linode, that allows one method on an object for a limited time.

        Raises:
            ValueError: `seconds` is out of range, or the method requires a content type. The request to the URL must
                send the same one.
        """
        if not MIN_URL_SECONDS <= seconds <= MAX_URL_SECONDS:
            raise ValueError(f"Linode signs URLs for {MIN_URL_SECONDS} to {MAX_URL_SECONDS} seconds, not for {seconds}")
        if method not in _METHODS_WITHOUT_CONTENT_TYPE and content_type is None:
            raise ValueError(f"a URL for {method} is signed for one content type: give content_type")
        body = {"method": method, "name": key, "expires_in": seconds, "content_type": content_type}
        path = build_path("buckets", region, bucket, "object-url")
        with self._parsing(f"{key!r}: signing a URL") as action:
            return fields.string(self._api.post(path, body, action=action), "url")

    def quotas(self) -> list[Quota]:
        """Return the quotas of the account with their usage."""
        with self._parsing("listing quotas") as action:
            return [self._add_usage(each) for each in list(self._api.entries("/quotas", action=action))]

    def transfer(self) -> int:
        """Return the bytes sent from all buckets in the current month."""
        with self._parsing("reading the transfer") as action:
            return fields.number(self._api.get("/transfer", action=action), "used")

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _add_usage(self, quota: JsonObject) -> Quota:
        if not quota.get("has_usage", True):
            return Quota.from_response(quota, None)
        path = build_path("quotas", fields.string(quota, "quota_id"), "usage")
        usage = self._api.get(path, action="reading the usage of a quota")
        return Quota.from_response(quota, fields.number_or_none(usage, "usage"))

    @contextmanager
    def _parsing(self, action: str) -> Iterator[str]:
        """Turn errors in the response's form into an `AdapterError`. Yields the action."""
        try:
            yield action
        except fields.MALFORMED as error:
            raise unexpected_response(action) from error
