"""Object specs: key, headers and precondition of an object to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.planning.digest import Digests, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.body import AnyBody
from buckia_s3.objects.attributes import attribute_headers, attributes_for
from buckia_s3.objects.checksums import ChecksumAlgorithm, checksum, content_md5_header
from buckia_s3.objects.metadata import META_PREFIX, choose_content_type, encode_metadata
from buckia_s3.objects.object_lock import object_lock_headers


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """ObjectSpec: an object to write.

    Attributes:
        key: Key without prefix.
        full_key: Key with prefix.
        content_type: MIME type.
        metadata: Metadata as sent, names without `x-amz-meta-`.
        extra_headers: Other headers, such as storage class, tags and `Cache-Control`.
        expect: Precondition.
        info: What the caller of the upload knows about the content.
        checksum: Send a checksum of this kind.
        content_md5: Send `Content-MD5`.
        condition: Condition headers of the completion, in place of those of `ServerProbe`.
    """

    key: str
    full_key: str
    content_type: str
    metadata: Mapping[str, str]
    extra_headers: Mapping[str, str]
    expect: Precondition | None
    info: UploadInfo
    checksum: ChecksumAlgorithm | None = None
    content_md5: bool = False
    condition: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """Return the request headers that set content type, metadata and attributes."""
        headers = {"Content-Type": self.content_type}
        headers |= {f"{META_PREFIX}{name}": value for name, value in self.metadata.items()}
        return headers | dict(self.extra_headers)

    def body_headers(self, body: AnyBody) -> dict[str, str]:
        """Return the headers with the checksums of a body, for an upload in one request."""
        headers = content_md5_header(body.iter_chunks()) if self.content_md5 else {}
        if self.checksum is not None:
            headers[self.checksum.header] = checksum(self.checksum, body.iter_chunks())
        return headers

    def remote_object(self, size: int, fingerprint: str, version: str | None, digests: Digests) -> RemoteObject:
        """Return the written object. `digests` are those that the server reports."""
        return RemoteObject(
            self.key,
            size,
            fingerprint,
            mtime_ns=self.info.mtime_ns,
            digests=merge(self.info.digests, digests),
            version=version,
            content_type=self.content_type,
            metadata={name.lower(): value for name, value in self.info.metadata.items()},
        )


def build_object_spec(
    settings: S3Settings, key: str, full_key: str, expect: Precondition | None, info: UploadInfo, *, provider: str
) -> ObjectSpec:
    """Build a spec from `info`, the settings, and the rules for the key. `info` takes precedence.

    Raises:
        NotSupported: S3 can't store the metadata, or so many tags.
    """
    attributes = attributes_for(
        key, objects=settings.objects, storage_class=settings.storage_class, acl=settings.acl, tags=settings.tags
    )
    if attributes.content_type or attributes.metadata:
        info = replace(
            info,
            content_type=info.content_type or attributes.content_type,
            metadata={**attributes.metadata, **info.metadata},
        )
    if info.attributes is not None:
        attributes = replace(info.attributes, content_type=None, metadata={}).merged_onto(attributes)
    given = attribute_headers(attributes, tagging=not settings.disable_tagging, provider=provider, key=key)
    locks = lock_headers(settings)
    metadata = encode_metadata(info, provider=provider, key=key)
    kind = choose_content_type(info, key, settings.client_options.default_content_type)
    md5 = settings.content_md5 or bool(locks)
    return ObjectSpec(key, full_key, kind, metadata, given | locks, expect, info, settings.checksum_algorithm, md5)


def lock_headers(settings: S3Settings) -> dict[str, str]:
    """Return the headers that lock a new object, by the settings."""
    mode, days, hold = settings.object_lock_mode, settings.object_lock_retain, settings.object_lock_legal_hold
    if not mode and not hold:
        return {}
    return object_lock_headers(mode, days, datetime.now(UTC), hold=hold, until=settings.object_lock_until)
