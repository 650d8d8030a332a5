"""Buckets of an account: lists, creates and deletes them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from buckia_core.errors import AlreadyExists, NotFound, PermissionDenied, PreconditionFailed, Transient
from buckia_s3.administration.bucket_client import BucketClient
from buckia_s3.http.endpoint import DEFAULT_REGION, EndpointResolver


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of the account.

    Attributes:
        name: Bucket name.
        created: Creation time; `None` if the server does not report it.
        region: Region; `None` if the server does not report it.
    """

    name: str
    created: datetime.datetime | None
    region: str | None


class Buckets:
    """Buckets of an account. `create` and `remove` work on the bucket of the settings.

    Attributes:
        name: Name of the bucket in the settings.
    """

    def __init__(self, client: BucketClient, resolver: EndpointResolver, name: str) -> None:
        self.name = name
        self._client = client
        self._resolver = resolver

    def list(self) -> Iterator[Bucket]:
        """Yield the buckets that the credentials may list, in the server's order.

        Raises:
            AdapterError: A request failed.
        """
        params: dict[str, str] = {}
        while True:
            page = self._client.call("ListBuckets", params, action="listing the buckets")
            for each in page.get("Buckets", ()):
                yield Bucket(each["Name"], each.get("CreationDate"), each.get("BucketRegion"))
            if not page.get("ContinuationToken"):
                return
            params = {"ContinuationToken": page["ContinuationToken"]}

    def create(self, *, region: str | None = None, object_lock: bool = False, acl: str | None = None) -> None:
        """Create the bucket of the settings.

        Args:
            region: Region; by default that of the settings at AWS, and the server's default elsewhere.
            object_lock: Enable Object Lock, which enables versioning permanently.
            acl: Canned ACL, such as `private`.

        Raises:
            AlreadyExists: A bucket of that name exists, possibly in another account.
            PermissionDenied: The credentials do not allow it.
            AdapterError: The request failed.
        """
        action = f"creating the bucket {self.name!r}"
        # Some servers, and AWS in us-east-1, accept a second creation and reset the ACL.
        exists = self._exists()
        if exists:
            raise AlreadyExists(f"{action}: it already exists", provider=self._client.provider)
        aws = self._resolver.endpoint.aws
        if region is not None and aws:
            self._resolver.set_region(region)
        location = region or (self._resolver.endpoint.region if aws else DEFAULT_REGION)
        params: dict[str, Any] = {"ACL": acl} if acl else {}
        if object_lock:
            params["ObjectLockEnabledForBucket"] = True
        if location != DEFAULT_REGION:
            params["CreateBucketConfiguration"] = {"LocationConstraint": location}
        failed: list[Transient] = []
        try:
            self._client.call("CreateBucket", params, action=action, on_transient=failed.append)
        except AlreadyExists as error:
            # The bucket did not exist before, and an attempt whose response was lost may have created it.
            if exists is None or not failed or not self._is_own_bucket(error):
                raise

    def remove(self) -> None:
        """Delete the bucket of the settings if it is empty.

        Raises:
            PreconditionFailed: The bucket is not empty.
            NotFound: The bucket does not exist.
            AdapterError: The request failed.
        """
        action = f"removing the bucket {self.name!r}"
        # Checked here too, because a simple server may delete a bucket with objects.
        page = self._client.call("ListObjectsV2", {"MaxKeys": 1}, action=action)
        if page.get("Contents"):
            raise PreconditionFailed(
                f"{action}: it is not empty, {page['Contents'][0]['Key']!r} is in it. Delete its objects first.",
                provider=self._client.provider,
            )
        failed: list[Transient] = []
        try:
            self._client.call("DeleteBucket", action=action, on_transient=failed.append)
        except NotFound:
            if not failed:
                raise

    def _exists(self) -> bool | None:
        """Return whether the bucket exists; `None` if the credentials may not see it."""
        try:
            self._client.call("HeadBucket", action="finding the bucket")
        except NotFound:
            return False
        except PermissionDenied:  # credentials may create buckets without permission for HEAD
            return None
        return True

    def _is_own_bucket(self, error: AlreadyExists) -> bool:
        if error.code == "BucketAlreadyOwnedByYou":
            return True
        try:
            return any(each.name == self.name for each in self.list())
        except PermissionDenied:
            return False
