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
from buckia_s3.objects.metadata import version_of
from buckia_s3.objects.object_lock import CONTENT_MD5, content_md5
from buckia_s3.operations.conditional_writes import ConditionalWriteSupport
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.multipart import Multipart
from buckia_s3.operations.object_spec import ObjectSpec, build_object_spec
from buckia_s3.operations.resume_upload import ResumableUploader
from buckia_s3.operations.verify_upload import ArrivalCheck

_ATTEMPTS = 3

SMALL = 256 << 10
"""Files up to this size, in bytes, are read before they are sent."""


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads to one bucket."""

    settings: S3Settings
    client: S3Client
    looker: ObjectHead
    conditions: ConditionalWriteSupport
    multipart: Multipart
    resumer: ResumableUploader
    arrival: ArrivalCheck

    def upload(
        self, source: Source | MultipartSource, key: str, expect: Precondition | None, info: UploadInfo
    ) -> RemoteObject:
        """See `BaseSync.upload_file`; of a file in parts, `ResumableUpload.upload_parts`."""
        whole = self.looker.whole(key)
        target = build_object_spec(self.settings, key, whole, expect, info, provider=self.client.provider)
        try:
            match source:
                case bytes():
                    return self._bytes(source, target)
                case Path():
                    return self._path(source, target)
                case MultipartSource():
                    return self.resumer.upload(source, target)
                case _:
                    return self._reader(source, target)
        except NotFound as error:
            # An object that is gone is not as expected; servers say either.
            if isinstance(expect, IfUnchanged) and error.key is not None:
                raise self.looker.not_as_expected(key) from error
            raise
        except Transient as error:
            if error.status is not None and expect is not None and self._beaten(source, target):
                raise self.looker.not_as_expected(key) from error
            raise

    def _beaten(self, source: Source | MultipartSource, target: ObjectSpec) -> bool:
        """Tell whether somebody else's write was first; Ceph then fails, instead of saying that the condition does."""
        try:
            self.looker.check(target.key, target.expect)
        except PreconditionFailed:
            ours = target.info.digests
            if isinstance(source, bytes):
                ours = merge(ours, (Digest("md5", hashlib.md5(source, usedforsecurity=False).hexdigest()),))
            found = self.looker.head(target.key)
            return compare(merge(found.digests, found.claimed), ours) is Comparison.DIFFERENT
        return False

    def _bytes(self, data: bytes, target: ObjectSpec) -> RemoteObject:
        if len(data) > self.settings.multipart_threshold:
            return self.multipart.upload(io.BytesIO(data), len(data), self.settings.part_size, target)
        check = DigestVerifier(target.info.digests)
        check.update(data)
        check.verify(provider=self.client.provider, key=target.key)
        # What was just compared need not be computed once more.
        known = next((each.value for each in target.info.digests if each.algorithm == "sha256"), None)
        return self._single(BytesBody(data, known), target)

    def _path(self, path: Path, target: ObjectSpec) -> RemoteObject:
        size = path.stat().st_size
        if size <= SMALL:
            return self._bytes(path.read_bytes(), target)
        if size <= self.settings.multipart_threshold:
            file = FileRangeBody(path, 0, size)
            return self._single(
                VerifyingBody(file, target.info.digests, provider=self.client.provider, key=target.key), target
            )
        with path.open("rb", buffering=0) as reader:
            return self.multipart.upload(reader, size, self.settings.part_size, target)

    def _reader(self, reader: BinaryIO, target: ObjectSpec) -> RemoteObject:
        most = self.settings.multipart_threshold
        left = _left(reader)
        if left is None or left <= most:
            head = read_exactly(reader, most + 1)
            if len(head) <= most:
                return self._bytes(head, target)
            reader = PrependedReader(head, reader)
        return self.multipart.upload(reader, left, self.settings.part_size, target)

    def _single(self, body: AnyBody, target: ObjectSpec) -> RemoteObject:
        """Upload in one request; once more, if something else arrived than was sent.

        Raises:
            IntegrityError: Something else arrived each time. It was removed.
        """
        for _ in range(_ATTEMPTS):
            written, is_whole = self._send(body, target)
            if is_whole:
                return written
            target = replace(target, expect=IfUnchanged(written))
        with suppress(AdapterError):
            self.looker.check(target.key, target.expect)
            self.client.send(Request("DELETE", target.whole, about=target.key))
        error = self.arrival.damaged(target.key)
        error.retryable = False
        raise error

    def _send(self, body: AnyBody, target: ObjectSpec) -> tuple[RemoteObject, bool]:
        """Send an object; return it as the server tells it, and whether it has the bytes that were sent."""
        condition = self.conditions.headers(target.expect, target.key)
        if not condition:
            self.looker.check(target.key, target.expect)
        headers = target.headers() | condition
        if target.checksum is not None:
            headers[target.checksum.header] = checksum(target.checksum, body.blocks())
        if target.content_md5:
            headers[CONTENT_MD5] = content_md5(body.blocks())
        told = self.client.send(Request("PUT", target.whole, (), headers, body, about=target.key)).headers
        etag = unquoted(told.get("ETag"))
        if not etag:
            return self.looker.head(target.key), True
        is_whole = self.arrival.is_whole(told, etag, body, headers, target.key, target.whole)
        trusted = self.settings.tells_md5 and self.arrival.conditions.etags_are_md5 is not False
        digests = md5_from_etag(etag) if trusted and not hides_content(told) else ()
        return target.written(body.size, etag, version_of(told.get("x-amz-version-id")), digests), is_whole


def _left(reader: BinaryIO) -> int | None:
    """Return how many bytes a reader has left; `None` if it can't tell."""
    if not reader.seekable():
        return None
    here = reader.tell()
    end = reader.seek(0, io.SEEK_END)
    reader.seek(here)
    return max(end - here, 0)
