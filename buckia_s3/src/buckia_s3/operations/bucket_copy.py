"""Server-side copies from other buckets of the same service."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from buckia_core.adapters.contract.types import BucketLocation, Precondition, UploadInfo
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.errors import IntegrityError, NotSupported
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.fields import MAX_PART
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import Request, S3Client
from buckia_s3.http.endpoint import service_identity
from buckia_s3.objects.attributes import TAGGING, attribute_headers, attributes_for
from buckia_s3.objects.copy_headers import copied_headers
from buckia_s3.objects.etags import etag_from_fingerprint
from buckia_s3.operations.copy import Copier, parse_copy_result, stored_digests
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.object_spec import ObjectSpec, build_object_spec, lock_headers
from buckia_s3.operations.server_probe import ServerProbe
from buckia_s3.operations.tagging import set_tags


def bucket_location(settings: S3Settings, prefix: str, provider: str) -> BucketLocation:
    """See `BucketCopy.bucket_location`.

    Raises:
        NotSupported: Objects are encrypted with a key that other buckets do not know, or the bucket is a directory
            bucket.
    """
    if settings.sse_customer_key_base64 is not None or settings.s3_express:
        raise NotSupported("with these settings, other buckets can't copy from this one", provider=provider)
    return BucketLocation(f"s3:{service_identity(settings)}", settings.bucket_name, prefix)


@dataclass(frozen=True, slots=True)
class BucketCopier:
    """BucketCopier: copies objects from other buckets: in one request up to 5 GiB, in parts above.

    Attributes:
        copier: Copies within the bucket of the copies.
    """

    copier: Copier
    settings: S3Settings
    client: S3Client
    object_head: ObjectHead
    server_probe: ServerProbe

    def copy(
        self,
        location: BucketLocation,
        source: RemoteObject,
        key: str,
        attributes: ObjectAttributes | None,
        expect: Precondition | None,
    ) -> RemoteObject:
        """See `BucketCopy.copy_from`."""
        provider, full_key = self.client.provider, self.object_head.full_key(key)
        in_parts = source.size > MAX_PART
        if in_parts and attributes is None:
            message = f"{key!r}: it is too large for a copy that takes over the attributes of its source"
            raise NotSupported(message, provider=provider, key=key)
        self.object_head.check_precondition(key, expect)
        named = {"x-amz-copy-source": quote(f"{location.bucket}/{location.prefix}{source.key}", safe="/-_.~")}
        etag = etag_from_fingerprint(source.fingerprint)
        if etag is not None:
            named["x-amz-copy-source-if-match"] = etag
        if in_parts and attributes is not None:
            return self.copier.copy_parts(source, named, self._spec(source, key, full_key, attributes, expect))
        headers = self._attribute_headers(source, key, full_key, attributes) | named
        headers |= self.server_probe.completion_headers(expect, key)
        response = self.client.send(Request("PUT", full_key, (), headers, key=source.key, action="copying"))
        parse_copy_result(response.body, source.key, provider)
        if TAGGING in headers and not self.client.resolver.endpoint.aws:
            # Ceph 16 silently drops the tags of a copy.
            set_tags(self.client, key, full_key, dict(parse_qsl(headers[TAGGING], keep_blank_values=True)))
        copied = self.object_head.head(key)
        if copied.size != source.size:
            message = f"{key!r}: the copy has {copied.size} bytes where its source has {source.size}"
            raise IntegrityError(message, provider=provider, key=key)
        return copied

    def _attribute_headers(
        self, source: RemoteObject, key: str, full_key: str, attributes: ObjectAttributes | None
    ) -> dict[str, str]:
        if attributes is None:
            settings, provider = self.settings, self.client.provider
            own = attributes_for(
                key, objects=settings.objects, storage_class=settings.storage_class, acl=settings.acl, tags={}
            )
            given = attribute_headers(own, tagging=False, provider=provider, key=key)
            return copied_headers({}, given, encryption_set=False) | lock_headers(settings)
        spec = self._spec(source, key, full_key, attributes, None)
        headers = spec.headers() | {"x-amz-metadata-directive": "REPLACE"}
        if TAGGING in headers:
            headers["x-amz-tagging-directive"] = "REPLACE"
        return headers

    def _spec(
        self,
        source: RemoteObject,
        key: str,
        full_key: str,
        attributes: ObjectAttributes,
        expect: Precondition | None,
    ) -> ObjectSpec:
        """Return a copy with these attributes, and with the time and the digests of its source."""
        info = UploadInfo(
            source.mtime_ns,
            stored_digests(source),
            attributes.content_type,
            attributes.metadata,
            attributes=attributes,
        )
        return build_object_spec(self.settings, key, full_key, expect, info, provider=self.client.provider)
