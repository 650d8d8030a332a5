"""Buckets of an account: lists, creates and deletes them."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.errors import AlreadyExists, NotFound, PermissionDenied, PreconditionFailed, Transient
from buckia_s3.administration import operations
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import BufferedResponse, Request, S3Client
from buckia_s3.http.endpoint import DEFAULT_REGION, Endpoint, EndpointResolver, resolve_endpoint


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
    """Buckets of an account. `create` and `remove` work on the bucket of the settings."""

    def __init__(self, client: S3Client, settings: S3Settings) -> None:
        self._client = client
        self._settings = settings

    @property
    def name(self) -> str:
        """Name of the bucket in the settings."""
        return self._settings.bucket_name

    def list(self) -> Iterator[Bucket]:
        """Yield the buckets that the credentials may list, in the server's order.

        Raises:
            AdapterError: A request failed.
        """
        service = self._service_client()
        token: str | None = None
        while True:
            params = {"ContinuationToken": token} if token else {}
            response = self._send_with_retry(
                service, operations.build_request("ListBuckets", params, action="listing the buckets")
            )
            try:
                page = operations.parse_output("ListBuckets", response.body)
            except ValueError as error:
                raise Transient(f"listing the buckets: {error}", provider=service.provider) from error
            for each in page.get("Buckets", ()):
                yield Bucket(each["Name"], each.get("CreationDate"), each.get("BucketRegion"))
            token = page.get("ContinuationToken")
            if not token:
                return

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
        name = self._settings.bucket_name
        action = f"creating the bucket {name!r}"
        # Some servers, and AWS in us-east-1, accept a second creation and reset the ACL.
        exists = self._exists()
        if exists:
            raise AlreadyExists(f"{action}: it already exists", provider=self._client.provider)
        site = self._client.resolver
        if region is not None and site.endpoint.aws:
            site.set_region(region)
        location = region or (site.endpoint.region if site.endpoint.aws else DEFAULT_REGION)
        params: dict[str, Any] = {"ACL": acl} if acl else {}
        if object_lock:
            params["ObjectLockEnabledForBucket"] = True
        if location != DEFAULT_REGION:
            params["CreateBucketConfiguration"] = {"LocationConstraint": location}
        request = operations.build_request("CreateBucket", params, action=action)
        retried = _RetriedRequest(self._bucket_client(), request)
        try:
            retry_call(retried.send, self._settings.retry_config.policy)
        except AlreadyExists as error:
            # The bucket did not exist before, and an attempt whose response was lost may have created it.
            if exists is None or not retried.may_have_succeeded or not self._is_own_bucket(error):
                raise

    def remove(self) -> None:
        """Delete the bucket of the settings if it is empty.

        Raises:
            PreconditionFailed: The bucket is not empty.
            NotFound: The bucket does not exist.
            AdapterError: The request failed.
        """
        name = self._settings.bucket_name
        action = f"removing the bucket {name!r}"
        # Checked here too, because a simple server may delete a bucket with objects.
        request = operations.build_request("ListObjectsV2", {"MaxKeys": 1}, action=action)
        page = operations.parse_output("ListObjectsV2", self._send_with_retry(self._client, request).body)
        if page.get("Contents"):
            raise PreconditionFailed(
                f"{action}: it is not empty, {page['Contents'][0]['Key']!r} is in it. Delete its objects first.",
                provider=self._client.provider,
            )
        request = operations.build_request("DeleteBucket", {}, action=action)
        retried = _RetriedRequest(self._bucket_client(), request)
        try:
            retry_call(retried.send, self._settings.retry_config.policy)
        except NotFound:
            if not retried.may_have_succeeded:
                raise

    def _send_with_retry(self, client: S3Client, request: Request) -> BufferedResponse:
        return retry_call(lambda: client.send(request), self._settings.retry_config.policy)

    def _exists(self) -> bool | None:
        """Return whether the bucket exists; `None` if the credentials may not see it."""
        try:
            retry_call(self._client.find_region, self._settings.retry_config.policy)
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

    def _service_client(self) -> S3Client:
        """Return a client for the service endpoint, with the same connections."""
        service = copy.copy(self._client)
        service.resolver = _FixedEndpoint(
            _service_endpoint(self._endpoint_without_acceleration(), self._settings.bucket_name)
        )
        return service

    def _bucket_client(self) -> S3Client:
        """Return a client without transfer acceleration, whose hosts cannot create or delete buckets."""
        if not self._settings.use_accelerate_endpoint:
            return self._client
        plain = copy.copy(self._client)
        plain.resolver = _FixedEndpoint(self._endpoint_without_acceleration())
        return plain

    def _endpoint_without_acceleration(self) -> Endpoint:
        endpoint = self._client.resolver.endpoint
        if not self._settings.use_accelerate_endpoint:
            return endpoint
        return resolve_endpoint(replace(self._settings, use_accelerate_endpoint=False), endpoint.region)


class _RetriedRequest:
    """A request that remembers failed attempts.

    Attributes:
        may_have_succeeded: An earlier attempt got no response or a server error, so the server may have executed it.
    """

    def __init__(self, client: S3Client, request: Request) -> None:
        self._client = client
        self._request = request
        self.may_have_succeeded = False

    def send(self) -> BufferedResponse:
        try:
            return self._client.send(self._request)
        except Transient:
            self.may_have_succeeded = True
            raise


class _FixedEndpoint(EndpointResolver):
    """Endpoint resolver with a fixed endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._fixed = endpoint

    @property
    def endpoint(self) -> Endpoint:
        return self._fixed

    def set_region(self, region: str) -> bool:  # noqa: ARG002  # it is fixed
        return False


def _service_endpoint(endpoint: Endpoint, bucket: str) -> Endpoint:
    """Return the endpoint of the service for that of a bucket."""
    if endpoint.virtual:
        return replace(endpoint, host=endpoint.host.removeprefix(f"{bucket}."), virtual=False)
    return replace(endpoint, base=endpoint.base.removesuffix(f"/{quote(bucket, safe='-_.~')}"))
