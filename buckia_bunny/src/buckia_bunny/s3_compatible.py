"""`S3Zone`: adapter for a storage zone through its S3 API."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from buckia_bunny.errors import PROVIDER
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.contract.base import Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.config.secrets.secret import Secret
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.fields import AddressingStyle, ConditionalWrites
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.checksums import ChecksumAlgorithm
from buckia_s3.sync import S3Sync


class S3Zone(S3Sync):
    """Adapter for a storage zone through its S3 API, which is a preview.

    The service keeps no modification time, digests or metadata, so they are not sent; it verifies a SHA-256 of uploads.
    Each object is deleted with its own request, and preconditions are checked just before a write.
    """

    provider_id = PROVIDER

    @classmethod
    def from_settings(cls, settings: BunnySettings) -> Self:
        """Open the adapter of a zone. Costs no request."""
        return cls(s3_settings(settings))

    @property
    def capabilities(self) -> Capabilities:
        """See `S3Sync`."""
        return replace(
            super().capabilities,
            mtime=False,
            metadata=False,
            with_options=False,
            lifecycle=False,
            requests_per_second=500,
        )

    def probe(self) -> Capabilities:
        """Return `capabilities`; nothing needs to be probed."""
        return self.capabilities

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return super().upload_file(source, key, expect=expect, info=_without_metadata(info))

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""
        return super().upload_parts(source, key, expect=expect, info=_without_metadata(info))


def s3_settings(settings: BunnySettings) -> S3Settings:
    """Convert the settings of a zone into settings of S3."""
    return S3Settings(
        bucket_name=settings.zone,
        prefix=settings.prefix,
        public_url_base=settings.public_url_base or settings.pull_zone_url,
        region=settings.region or "de",
        endpoint_url=settings.address,
        access_key_id=Secret(settings.zone, is_public=True),
        secret_access_key=settings.zone_key,
        addressing_style=AddressingStyle.PATH,
        conditional_writes=ConditionalWrites.OFF,
        disable_bulk_delete=True,
        disable_tagging=True,
        checksum_algorithm=ChecksumAlgorithm.SHA256,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        ca_bundle=settings.ca_bundle,
    )


def _without_metadata(info: UploadInfo | None) -> UploadInfo:
    """Return the part of an upload's info that the service keeps."""
    return UploadInfo(content_type=info.content_type if info else None)
