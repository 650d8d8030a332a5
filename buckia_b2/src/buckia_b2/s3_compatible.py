"""`B2S3Sync`: adapter for a bucket of Backblaze B2 through its S3 API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from buckia_b2.api.session import B2Session
from buckia_b2.errors import PROVIDER
from buckia_b2.object_options import check_options, ensure_lifecycle
from buckia_b2.settings import B2Settings, Encryption
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.adapters.contract.object_options import ObjectOptions
from buckia_s3.config.fields import ConditionalWrites
from buckia_s3.config.settings import S3Settings
from buckia_s3.http import endpoint
from buckia_s3.objects.encryption import ServerSideEncryption
from buckia_s3.objects.object_lock import LockMode
from buckia_s3.sync import S3Sync

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin

_PLACEHOLDER_ENDPOINT = "https://s3.backblazeb2.com"
"""Endpoint in the settings until the real one is known. It identifies buckets and does not exist."""

_ENCRYPTION = {Encryption.B2: ServerSideEncryption.S3, Encryption.CUSTOMER: ServerSideEncryption.CUSTOMER}


class B2S3Sync(S3Sync):
    """Adapter for a bucket of Backblaze B2 through its S3 API, without the features of S3 that B2 lacks.

    - There are no conditional writes (B2 answers 501), object tags or object ACLs. Preconditions are checked just
      before a write, but not verified afterwards as with the native API.
    - B2 always keeps versions, so a delete hides the object.
    - Without `region` and `endpoint_url`, the first request asks the native API for the endpoint.
    """

    provider_id = PROVIDER

    def __init__(self, settings: B2Settings) -> None:
        self._b2 = settings
        s3 = s3_settings(settings)
        discover = settings.endpoint_url is None and settings.region is None
        super().__init__(s3, resolver=_DiscoveredEndpoint(s3, lambda: self._b2_session) if discover else None)

    @property
    def capabilities(self) -> Capabilities:
        """See `S3Sync`."""
        return replace(super().capabilities, conditional_write=False, versions=True)

    def probe(self) -> Capabilities:
        """Return `capabilities`; nothing needs to be probed."""
        return self.capabilities

    def with_options(self, options: ObjectOptions) -> Self:
        """See `WithOptions`. B2 has no keys of a KMS."""
        check_options(options)
        return super().with_options(options)

    def ensure_lifecycle(self, *, abort_multipart_days: int | None, noncurrent_days: int | None) -> bool:
        """See `Lifecycle`. Uses the native API, which has the rules that are B2's own."""
        return ensure_lifecycle(self.native, abort_multipart_days, noncurrent_days)

    @cached_property
    def native(self) -> BucketAdmin:
        """Administration of the bucket, by B2's native API."""
        from buckia_b2.admin.bucket_admin import BucketAdmin  # noqa: PLC0415  # not needed by a sync
        from buckia_b2.api.bucket import Bucket  # noqa: PLC0415  # as above
        from buckia_b2.api.file_options import FileOptions  # noqa: PLC0415  # as above

        prefix = normalize_prefix(self._b2.prefix)
        return BucketAdmin(Bucket(self._b2_session, self._b2.bucket_name, prefix, FileOptions(self._b2)))

    def close(self) -> None:
        """Close the connections and stop the threads."""
        session = self.__dict__.get("_b2_session")
        if session is not None:
            session.close()
        super().close()

    @cached_property
    def _b2_session(self) -> B2Session:
        return B2Session(self._b2, normalize_prefix(self._b2.prefix), self._counter)


def s3_settings(settings: B2Settings) -> S3Settings:
    """Convert the settings of B2 into settings of S3."""
    endpoint_url = settings.endpoint_url
    if endpoint_url is None:
        endpoint_url = (
            _PLACEHOLDER_ENDPOINT if settings.region is None else f"https://s3.{settings.region}.backblazeb2.com"
        )
    encryption = settings.server_side_encryption
    lock = settings.object_lock_mode
    return S3Settings(
        bucket_name=settings.bucket_name,
        prefix=settings.prefix,
        public_url_base=settings.public_base,
        endpoint_url=endpoint_url,
        region=settings.region or _region_from_endpoint(endpoint_url),
        access_key_id=settings.application_key_id,
        secret_access_key=settings.application_key,
        server_side_encryption=None if encryption is None else _ENCRYPTION[encryption],
        sse_customer_key_base64=settings.sse_customer_key_base64,
        object_lock_mode=None if lock is None else LockMode(lock.upper()),
        object_lock_retain=settings.object_lock_retain,
        object_lock_until=settings.object_lock_until,
        object_lock_legal_hold=settings.object_lock_legal_hold,
        objects=settings.objects,
        multipart_threshold=settings.multipart_threshold,
        part_size=settings.part_size,
        ca_bundle=settings.ca_bundle,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        conditional_writes=ConditionalWrites.OFF,
        disable_tagging=True,
    )


class _DiscoveredEndpoint(endpoint.EndpointResolver):
    """Endpoint that comes from the authorization of the native API."""

    def __init__(self, settings: S3Settings, session: Callable[[], B2Session]) -> None:
        super().__init__(settings, lambda: None)
        self._b2_session = session

    @property
    def endpoint(self) -> endpoint.Endpoint:
        """Current endpoint. The first access costs a request."""
        if self._endpoint is None:
            endpoint_url = self._b2_session().authorization().s3_url
            found = replace(self._settings, endpoint_url=endpoint_url)
            self._endpoint = endpoint.resolve_endpoint(
                found, _region_from_endpoint(endpoint_url) or endpoint.DEFAULT_REGION
            )
        return self._endpoint


def _region_from_endpoint(endpoint_url: str) -> str | None:
    """Return the region of an endpoint such as `s3.us-west-004.backblazeb2.com`."""
    labels = (urlsplit(endpoint_url).hostname or "").split(".")
    return labels[1] if len(labels) == 4 and labels[0] == "s3" else None
