"""Server-side copies: one request up to 5 GiB, multipart above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote
from xml.etree.ElementTree import ParseError

from buckia_core.adapters.contract.types import IfAbsent, Precondition, UploadInfo
from buckia_core.adapters.transfers.part_pool import THREADS
from buckia_core.adapters.transfers.sources import part_size_for
from buckia_core.errors import AdapterError, BucketNotFound, NotFound, NotSupported, Transient
from buckia_core.planning.digest import Digests, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.fields import MAX_PART, MIB
from buckia_s3.config.parsers import CopyIfNotExists
from buckia_s3.config.settings import S3Settings
from buckia_s3.errors import error_code, from_code
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.attributes import TAGGING, attribute_headers, attributes_for, encode_tags
from buckia_s3.objects.copy_headers import content_headers, copied_headers, parse_tagging
from buckia_s3.objects.etags import etag_from_fingerprint
from buckia_s3.objects.metadata import encode_metadata
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.multipart import Multipart, SendPart
from buckia_s3.operations.object_spec import ObjectSpec, lock_headers
from buckia_s3.operations.part_checksums import PartChecksums
from buckia_s3.operations.server_probe import ServerProbe
from buckia_s3.xml.reader import parse_etag

_PART_SIZE = 512 * MIB


@dataclass(frozen=True, slots=True)
class Copier:
    """Copier: copies objects within one bucket, on the server."""

    settings: S3Settings
    client: S3Client
    object_head: ObjectHead
    server_probe: ServerProbe
    multipart: Multipart
    version: str | None = None
    """Version id of the source; `None` is the latest version."""

    def copy(self, source: RemoteObject, key: str, expect: Precondition | None) -> RemoteObject:
        """See `ServerCopy.copy_file`."""
        self.object_head.full_key(key)
        # Not every server supports conditions on the source, and the headers to send again are known only from a HEAD.
        found, headers = self.object_head.head_with_headers(source.key)
        if found.fingerprint != source.fingerprint:
            raise self.object_head.precondition_failed(source.key)
        self.object_head.check_precondition(key, expect)
        return found if source.key == key else self._copy(found, headers, key, expect)

    def copy_version(
        self, version: str, found: RemoteObject, headers: Mapping[str, str], expect: Precondition | None
    ) -> RemoteObject:
        """Copy an old version onto its own key, given its HEAD response. See `Versioned.restore_version`."""
        self.object_head.check_precondition(found.key, expect)
        return replace(self, version=version)._copy(found, headers, found.key, expect)  # noqa: SLF001  # its own class

    def _copy(
        self, found: RemoteObject, source_headers: Mapping[str, str], key: str, expect: Precondition | None
    ) -> RemoteObject:
        """Copy an object whose HEAD response is given, onto a key whose precondition has been checked."""
        condition = self.settings.copy_if_not_exists if isinstance(expect, IfAbsent) else None
        if found.size > MAX_PART or (condition is not None and condition.header is None):
            return self._multipart_copy(found, source_headers, key, expect)
        headers = self._source_headers(found) | self._object_headers(source_headers, key)
        if condition is not None and condition.header is not None:
            name, value = condition.header
            headers[name] = value
        else:
            headers |= self.server_probe.completion_headers(expect, key)
        if self.settings.checksum_algorithm is not None:
            headers["x-amz-checksum-algorithm"] = self.settings.checksum_algorithm.value
        full_key = self.object_head.full_key(key)
        try:
            response = self.client.send(Request("PUT", full_key, (), headers, key=found.key, action="copying"))
        except AdapterError as error:
            if condition is not None and error.status == condition.status:
                raise self.object_head.precondition_failed(key) from error
            raise
        etag = parse_copy_result(response.body, found.key, self.client.provider)
        if not etag:
            return self.object_head.head(key)
        return found._replace(key=key, fingerprint=etag, modified_ns=0, version=None)

    def _object_headers(self, source_headers: Mapping[str, str], key: str) -> dict[str, str]:
        """Return the headers of the new object, by those of the source and the settings."""
        settings = self.settings
        attributes = attributes_for(
            key, objects=settings.objects, storage_class=settings.storage_class, acl=settings.acl, tags={}
        )
        own = attribute_headers(attributes, tagging=False, provider=self.client.provider, key=key)
        encrypted = settings.server_side_encryption is not None
        return copied_headers(source_headers, own, encryption_set=encrypted) | lock_headers(settings)

    def _source_headers(self, source: RemoteObject) -> dict[str, str]:
        name = quote(f"{self.settings.bucket_name}/{self.object_head.full_key(source.key)}", safe="/-_.~")
        if self.version is not None:
            return {"x-amz-copy-source": f"{name}?versionId={quote(self.version, safe='')}"}
        headers = {"x-amz-copy-source": name}
        etag = etag_from_fingerprint(source.fingerprint)
        return headers if etag is None else headers | {"x-amz-copy-source-if-match": etag}

    def _multipart_copy(
        self, found: RemoteObject, source_headers: Mapping[str, str], key: str, expect: Precondition | None
    ) -> RemoteObject:
        info = UploadInfo(found.mtime_ns, found.digests, found.content_type, found.metadata or {})
        metadata = encode_metadata(replace(info, digests=stored_digests(found)), provider=self.client.provider, key=key)
        kind = found.content_type or "application/octet-stream"
        extra_headers = content_headers(source_headers) | self._object_headers(source_headers, key)
        extra_headers |= self._tagging_header(found)
        condition = {}
        if isinstance(expect, IfAbsent) and self.settings.copy_if_not_exists == CopyIfNotExists():
            condition["If-None-Match"] = "*"
        full_key = self.object_head.full_key(key)
        spec = ObjectSpec(key, full_key, kind, metadata, extra_headers, expect, info, condition=condition)
        return self.copy_parts(found, self._source_headers(found), spec)

    def copy_parts(self, source: RemoteObject, source_headers: Mapping[str, str], spec: ObjectSpec) -> RemoteObject:
        """Copy an object in parts.

        Args:
            source: The object, which may be in another bucket.
            source_headers: Headers that name it, and its version.
            spec: The new object.
        """
        size = part_size_for(source.size, _PART_SIZE)

        def parts() -> Iterator[SendPart]:
            for start in range(0, max(source.size, 1), size):
                yield partial(self._copy_part, source, source_headers, spec, start, min(start + size, source.size))

        fingerprint, version = self.multipart.upload_parts(parts(), THREADS, spec, PartChecksums(None))
        return self.multipart.head_after_complete(spec.remote_object(source.size, fingerprint or "", version, ()))

    def _tagging_header(self, source: RemoteObject) -> dict[str, str]:
        """Read the tags of the source; return them as the header that sets them."""
        if self.settings.disable_tagging:
            return {}
        query = (("tagging", ""),) if self.version is None else (("tagging", ""), ("versionId", self.version))
        request = Request("GET", self.object_head.full_key(source.key), query, key=source.key, action="reading tags")
        try:
            tags = parse_tagging(self.client.send(request).body)
        except (NotFound, NotSupported):
            # Some servers respond so for an object without tags.
            return {}
        except (ParseError, LookupError, ValueError) as error:
            message = "reading tags: the server's response is incomplete"
            raise Transient(f"{source.key!r}: {message}", provider=self.client.provider, key=source.key) from error
        return {TAGGING: encode_tags(tags)} if tags else {}

    def _copy_part(
        self,
        source: RemoteObject,
        source_headers: Mapping[str, str],
        spec: ObjectSpec,
        start: int,
        end: int,
        upload_id: str,
        number: int,
    ) -> str:
        headers = dict(source_headers)
        if end - start < source.size:
            headers["x-amz-copy-source-range"] = f"bytes={start}-{end - 1}"
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        request = Request("PUT", spec.full_key, query, headers, key=source.key, action="copying")
        try:
            response = self.client.send(request)
        except BucketNotFound:
            raise
        except NotFound as error:
            raise self.object_head.precondition_failed(source.key) from error
        return self.multipart.part_etag(parse_copy_result(response.body, source.key, self.client.provider), source.key)


def stored_digests(source: RemoteObject) -> Digests:
    """Return the digests that the metadata of an object has, besides those that are its ETag."""
    return tuple(each for each in merge(source.claimed, source.digests) if each.value != source.fingerprint)


def parse_copy_result(body: bytes, key: str, provider: str) -> str:
    """Return the ETag from the response to a copy. S3 may report an error in the body of a response with status 200."""
    code = error_code(body)
    if code:
        raise from_code(code, "", 500, provider=provider, key=key, action="copying")
    etag = parse_etag(body)
    if etag is None:
        raise Transient(f"{key!r}: copying: the server's response is incomplete", provider=provider)
    return etag
