"""`B2S3Sync`: a bucket of Backblaze B2, by its S3 API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from buckia_b2.api.session import B2Session
from buckia_b2.errors import PROVIDER
from buckia_b2.settings import B2Settings, Encryption
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_s3.config.settings import ConditionalWrites, S3Settings
from buckia_s3.http import endpoint
from buckia_s3.objects.encryption import ServerSideEncryption
from buckia_s3.objects.object_lock import LockMode
from buckia_s3.sync import S3Sync

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin

_UNKNOWN_YET = "https://s3.backblazeb2.com"
"""Stands for the endpoint until it is asked for: it tells buckets apart, and does not exist."""

_ENCRYPTION = {Encryption.B2: ServerSideEncryption.S3, Encryption.CUSTOMER: ServerSideEncryption.CUSTOMER}


class B2S3Sync(S3Sync):
    """A bucket of Backblaze B2, by its S3 API: S3, less what B2 does not have of it.

    - There are no conditional writes (B2 answers 501), no tags and no access control lists of objects. What is there is
      looked at just before a write, and not after it, as the native API allows.
    - A bucket of B2 always keeps versions, so a delete hides.
    - Without `region` and `endpoint_url`, the first request of all asks B2's own API for the endpoint.
    """

    provider_id = PROVIDER

    def __init__(self, settings: B2Settings) -> None:
        self._b2 = settings
        given = s3_settings(settings)
        searched = settings.endpoint_url is None and settings.region is None
        super().__init__(given, resolver=_Site(given, lambda: self._account) if searched else None)

    @property
    def capabilities(self) -> Capabilities:
        """See `S3Sync`."""
        return replace(super().capabilities, conditional_write=False, versions=True)

    def probe(self) -> Capabilities:
        """Return what is known: there is nothing that the server would have to tell."""
        return self.capabilities

    @cached_property
    def native(self) -> BucketAdmin:
        """What B2's own API does with the bucket, and with application keys."""
        from buckia_b2.admin.bucket_admin import BucketAdmin  # noqa: PLC0415  # a sync does not need it
        from buckia_b2.api.bucket import Bucket  # noqa: PLC0415  # as above
        from buckia_b2.api.file_options import FileOptions  # noqa: PLC0415  # as above

        prefix = normalize_prefix(self._b2.prefix)
        return BucketAdmin(Bucket(self._account, self._b2.bucket_name, prefix, FileOptions(self._b2)))

    def public_url(self, key: str) -> str:
        """See `PublicUrl`; with `domain` or `public_url_base`, an address of B2's own kind."""
        wanted = self._b2
        base = wanted.public_url_base
        if base is None and wanted.domain is not None:
            base = f"https://{wanted.domain}/file/{wanted.bucket_name}"
        if base is None:
            return super().public_url(key)
        return f"{base.rstrip('/')}/{quote(self._object_head.full_key(key), safe='/')}"

    def close(self) -> None:
        """Give back connections and end the threads."""
        made = self.__dict__.get("_account")
        if made is not None:
            made.close()
        super().close()

    @cached_property
    def _account(self) -> B2Session:
        return B2Session(self._b2, normalize_prefix(self._b2.prefix), self._counter)


def s3_settings(settings: B2Settings) -> S3Settings:
    """Return the settings of a bucket of B2 as one of S3."""
    address = settings.endpoint_url
    if address is None:
        address = _UNKNOWN_YET if settings.region is None else f"https://s3.{settings.region}.backblazeb2.com"
    encryption = settings.server_side_encryption
    lock = settings.object_lock_mode
    return S3Settings(
        bucket_name=settings.bucket_name,
        prefix=settings.prefix,
        endpoint_url=address,
        region=settings.region or _region_in(address),
        access_key_id=settings.application_key_id,
        secret_access_key=settings.application_key,
        server_side_encryption=None if encryption is None else _ENCRYPTION[encryption],
        sse_customer_key_base64=settings.sse_customer_key_base64,
        object_lock_mode=None if lock is None else LockMode(lock.upper()),
        object_lock_retain=settings.object_lock_retain,
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


class _Site(endpoint.EndpointResolver):
    """The address of a bucket whose endpoint B2's own API has to tell."""

    def __init__(self, settings: S3Settings, account: Callable[[], B2Session]) -> None:
        super().__init__(settings, lambda: None)
        self._account = account

    @property
    def endpoint(self) -> endpoint.Endpoint:
        """The address to use now; the first time, at the cost of a request."""
        if self._endpoint is None:
            address = self._account().authorization().s3_url
            found = replace(self._settings, endpoint_url=address)
            self._endpoint = endpoint.resolve_endpoint(found, _region_in(address) or endpoint.DEFAULT_REGION)
        return self._endpoint


def _region_in(address: str) -> str | None:
    """Return the region that an endpoint of B2's names: `s3.us-west-004.backblazeb2.com`."""
    labels = (urlsplit(address).hostname or "").split(".")
    return labels[1] if len(labels) == 4 and labels[0] == "s3" else None
