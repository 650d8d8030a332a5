"""The buckets of an account: listed, made, removed."""

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
        name: Its name.
        created: When it was made; `None` if the server does not tell.
        region: Where it is; `None` if the server does not tell.
    """

    name: str
    created: datetime.datetime | None
    region: str | None


class Buckets:
    """The buckets of an account, among them the one that the settings name."""

    def __init__(self, client: S3Client, settings: S3Settings) -> None:
        self._client = client
        self._settings = settings

    @property
    def name(self) -> str:
        """The bucket that the settings name."""
        return self._settings.bucket_name

    def list(self) -> Iterator[Bucket]:
        """Yield the buckets that the credentials may list, in the server's order.

        Raises:
            AdapterError: They could not be listed.
        """
        service = self._of_service()
        token: str | None = None
        while True:
            asked = {"ContinuationToken": token} if token else {}
            response = self._sent(service, operations.request("ListBuckets", asked, doing="listing the buckets"))
            try:
                told = operations.output("ListBuckets", response.body)
            except ValueError as error:
                raise Transient(f"listing the buckets: {error}", provider=service.provider) from error
            for each in told.get("Buckets", ()):
                yield Bucket(each["Name"], each.get("CreationDate"), each.get("BucketRegion"))
            token = told.get("ContinuationToken")
            if not token:
                return

    def create(self, *, region: str | None = None, object_lock: bool = False, acl: str | None = None) -> None:
        """Make the bucket that the settings name.

        Args:
            region: Where. Without it, AWS is asked for the region of the settings, others for their default.
            object_lock: Objects can be locked. Versioning is on then, for good.
            acl: A canned access control list, such as `private`.

        Raises:
            AlreadyExists: There is a bucket of that name, perhaps somebody else's.
            PermissionDenied: The credentials do not allow it.
            AdapterError: The server refuses.
        """
        name = self._settings.bucket_name
        doing = f"creating the bucket {name!r}"
        # Some servers, AWS in its oldest region among them, take a second creation for a new set of grants.
        there = self._is_there()
        if there:
            raise AlreadyExists(f"{doing}: it is there already", provider=self._client.provider)
        site = self._client.resolver
        if region is not None and site.endpoint.aws:
            site.set_region(region)
        place = region or (site.endpoint.region if site.endpoint.aws else DEFAULT_REGION)
        params: dict[str, Any] = {"ACL": acl} if acl else {}
        if object_lock:
            params["ObjectLockEnabledForBucket"] = True
        if place != DEFAULT_REGION:
            params["CreateBucketConfiguration"] = {"LocationConstraint": place}
        request = operations.request("CreateBucket", params, doing=doing)
        unanswered = _IdempotentRequest(self._of_bucket(), request)
        try:
            retry_call(unanswered.send, self._settings.retry_config.policy)
        except AlreadyExists as error:
            # It was surely not there before, and the answer to a request may have been lost.
            if there is None or not unanswered.before or not self._is_ours(error):
                raise

    def remove(self) -> None:
        """Remove the bucket that the settings name.

        Raises:
            PreconditionFailed: There is something in it. Nothing was removed.
            NotFound: It does not exist.
            AdapterError: The server refuses.
        """
        name = self._settings.bucket_name
        doing = f"removing the bucket {name!r}"
        # Asked here as well, because a server of a few lines may not look before it removes.
        listed = operations.output("ListObjectsV2", self._sent(self._client, _first_object(doing)).body)
        if listed.get("Contents"):
            raise PreconditionFailed(
                f"{doing}: it is not empty, {listed['Contents'][0]['Key']!r} is in it. Delete what is in it first.",
                provider=self._client.provider,
            )
        request = operations.request("DeleteBucket", {}, doing=doing)
        unanswered = _IdempotentRequest(self._of_bucket(), request)
        try:
            retry_call(unanswered.send, self._settings.retry_config.policy)
        except NotFound:
            if not unanswered.before:
                raise

    def _sent(self, client: S3Client, request: Request) -> BufferedResponse:
        return retry_call(lambda: client.send(request), self._settings.retry_config.policy)

    def _is_there(self) -> bool | None:
        """Tell whether the bucket is there, `None` if that can't be seen."""
        try:
            retry_call(self._client.find_region, self._settings.retry_config.policy)
        except NotFound:
            return False
        except PermissionDenied:  # who may make buckets need not be allowed to look at them
            return None
        return True

    def _is_ours(self, error: AlreadyExists) -> bool:
        if error.code == "BucketAlreadyOwnedByYou":
            return True
        try:
            return any(each.name == self.name for each in self.list())
        except PermissionDenied:
            return False

    def _of_service(self) -> S3Client:
        """Return the same client, with the same connections, one level above the bucket."""
        service = copy.copy(self._client)
        service.resolver = _Fixed(_without_bucket(self._unaccelerated(), self._settings.bucket_name))
        return service

    def _of_bucket(self) -> S3Client:
        """Return a client that can make and remove the bucket: the hosts of transfer acceleration can't."""
        if not self._settings.use_accelerate_endpoint:
            return self._client
        plain = copy.copy(self._client)
        plain.resolver = _Fixed(self._unaccelerated())
        return plain

    def _unaccelerated(self) -> Endpoint:
        endpoint = self._client.resolver.endpoint
        if not self._settings.use_accelerate_endpoint:
            return endpoint
        return resolve_endpoint(replace(self._settings, use_accelerate_endpoint=False), endpoint.region)


class _IdempotentRequest:
    """A request that is sent until there is an answer.

    Attributes:
        before: An earlier attempt was not answered, or with a fault of the server; it may have been carried out.
    """

    def __init__(self, client: S3Client, request: Request) -> None:
        self._client = client
        self._request = request
        self.before = False

    def send(self) -> BufferedResponse:
        try:
            return self._client.send(self._request)
        except Transient:
            self.before = True
            raise


class _Fixed(EndpointResolver):
    """An address that does not change."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._fixed = endpoint

    @property
    def endpoint(self) -> Endpoint:
        return self._fixed

    def move(self, region: str) -> bool:  # noqa: ARG002  # it never does
        return False


def _without_bucket(endpoint: Endpoint, bucket: str) -> Endpoint:
    """Return the address that is above a bucket's."""
    if endpoint.virtual:
        return replace(endpoint, host=endpoint.host.removeprefix(f"{bucket}."), virtual=False)
    return replace(endpoint, base=endpoint.base.removesuffix(f"/{quote(bucket, safe='-_.~')}"))


def _first_object(doing: str) -> Request:
    return operations.request("ListObjectsV2", {"MaxKeys": 1}, doing=doing)
