"""Uploads: in one request, and large ones in parts.

size                                by                                   condition
----------------------------------------------------------------------------------------------------------
up to 256 KiB                       one request, from memory             in the request
up to `multipart_threshold`         one request, sent as it is read      in the request
more                                parts, eight at once                 in the completion, or just before it
"""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.contract.base import Source
from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.adapters.contract.types import IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.transfers.sources import DigestVerifier, PrependedReader, read_exactly
from buckia_core.errors import AdapterError, NotFound, PreconditionFailed, Transient
from buckia_core.planning.digest import Comparison, Digest, compare, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.body import AnyBody, BytesBody, FileRangeBody, VerifyingBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.checksums import checksum
from buckia_s3.objects.etags import hides_content, md5_from_etag, unquoted
from buckia_s3.objects.metadata import parse_version_id
from buckia_s3.objects.object_lock import CONTENT_MD5, content_md5
from buckia_s3.operations.conditional_writes import ConditionalWriteSupport
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.multipart import Multipart
from buckia_s3.operations.object_spec import ObjectSpec, build_object_spec
from buckia_s3.operations.resume_upload import ResumableUploader
from buckia_s3.operations.verify_upload import UploadVerifier

_MAX_ATTEMPTS = 3

IN_MEMORY_BYTES = 256 << 10
"""Files up to this size, in bytes, are read before they are sent."""


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads to one bucket."""

    settings: S3Settings
    client: S3Client
    object_head: ObjectHead
    conditions: ConditionalWriteSupport
    multipart: Multipart
    resumable: ResumableUploader
    verifier: UploadVerifier

    def upload(
        self, source: Source | MultipartSource, key: str, expect: Precondition | None, info: UploadInfo
    ) -> RemoteObject:
        """See `BaseSync.upload_file`; of a file in parts, `ResumableUpload.upload_parts`."""
        whole = self.object_head.full_key(key)
        target = build_object_spec(self.settings, key, whole, expect, info, provider=self.client.provider)
        try:
            match source:
                case bytes():
                    return self._upload_bytes(source, target)
                case Path():
                    return self._upload_path(source, target)
                case MultipartSource():
                    return self.resumable.upload(source, target)
                case _:
                    return self._upload_reader(source, target)
        except NotFound as error:
            # An object that is gone is not as expected; servers say either.
            if isinstance(expect, IfUnchanged) and error.key is not None:
                raise self.object_head.precondition_failed(key) from error
            raise
        except Transient as error:
            if error.status is not None and expect is not None and self._lost_race(source, target):
                raise self.object_head.precondition_failed(key) from error
            raise

    def _lost_race(self, source: Source | MultipartSource, target: ObjectSpec) -> bool:
        """Tell whether somebody else's write was first; Ceph then fails, instead of saying that the condition does."""
        try:
            self.object_head.check_precondition(target.key, target.expect)
        except PreconditionFailed:
            ours = target.info.digests
            if isinstance(source, bytes):
                ours = merge(ours, (Digest("md5", hashlib.md5(source, usedforsecurity=False).hexdigest()),))
            found = self.object_head.head(target.key)
            return compare(merge(found.digests, found.claimed), ours) is Comparison.DIFFERENT
        return False

    def _upload_bytes(self, data: bytes, target: ObjectSpec) -> RemoteObject:
        if len(data) > self.settings.multipart_threshold:
            return self.multipart.upload(io.BytesIO(data), len(data), self.settings.part_size, target)
        check = DigestVerifier(target.info.digests)
        check.update(data)
        check.verify(provider=self.client.provider, key=target.key)
        # What was just compared need not be computed once more.
        known = next((each.value for each in target.info.digests if each.algorithm == "sha256"), None)
        return self._upload_single(BytesBody(data, known), target)

    def _upload_path(self, path: Path, target: ObjectSpec) -> RemoteObject:
        size = path.stat().st_size
        if size <= IN_MEMORY_BYTES:
            return self._upload_bytes(path.read_bytes(), target)
        if size <= self.settings.multipart_threshold:
            file = FileRangeBody(path, 0, size)
            return self._upload_single(
                VerifyingBody(file, target.info.digests, provider=self.client.provider, key=target.key), target
            )
        with path.open("rb", buffering=0) as reader:
            return self.multipart.upload(reader, size, self.settings.part_size, target)

    def _upload_reader(self, reader: BinaryIO, target: ObjectSpec) -> RemoteObject:
        most = self.settings.multipart_threshold
        left = _remaining_bytes(reader)
        if left is None or left <= most:
            head = read_exactly(reader, most + 1)
            if len(head) <= most:
                return self._upload_bytes(head, target)
            reader = PrependedReader(head, reader)
        return self.multipart.upload(reader, left, self.settings.part_size, target)

    def _upload_single(self, body: AnyBody, target: ObjectSpec) -> RemoteObject:
        """Upload in one request; once more, if something else arrived than was sent.

        Raises:
            IntegrityError: Something else arrived each time. It was removed.
        """
        for _ in range(_MAX_ATTEMPTS):
            written, is_whole = self._put_object(body, target)
            if is_whole:
                return written
            target = replace(target, expect=IfUnchanged(written))
        with suppress(AdapterError):
            self.object_head.check_precondition(target.key, target.expect)
            self.client.send(Request("DELETE", target.full_key, key=target.key))
        error = self.verifier.corrupted(target.key)
        error.retryable = False
        raise error

    def _put_object(self, body: AnyBody, target: ObjectSpec) -> tuple[RemoteObject, bool]:
        """Send an object; return it as the server tells it, and whether it has the bytes that were sent."""
        condition = self.conditions.headers(target.expect, target.key)
        if not condition:
            self.object_head.check_precondition(target.key, target.expect)
        headers = target.headers() | condition
        if target.checksum is not None:
            headers[target.checksum.header] = checksum(target.checksum, body.iter_chunks())
        if target.content_md5:
            headers[CONTENT_MD5] = content_md5(body.iter_chunks())
        told = self.client.send(Request("PUT", target.full_key, (), headers, body, key=target.key)).headers
        etag = unquoted(told.get("ETag"))
        if not etag:
            return self.object_head.head(target.key), True
        is_whole = self.verifier.is_intact(told, etag, body, headers, target.key, target.full_key)
        trusted = self.settings.etag_is_md5_effective and self.verifier.conditions.etags_are_md5 is not False
        digests = md5_from_etag(etag) if trusted and not hides_content(told) else ()
        return target.remote_object(body.size, etag, parse_version_id(told.get("x-amz-version-id")), digests), is_whole


def _remaining_bytes(reader: BinaryIO) -> int | None:
    """Return how many bytes a reader has left; `None` if it can't tell."""
    if not reader.seekable():
        return None
    here = reader.tell()
    end = reader.seek(0, io.SEEK_END)
    reader.seek(here)
    return max(end - here, 0)
