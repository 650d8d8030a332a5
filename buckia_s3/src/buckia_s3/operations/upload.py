"""Uploads: one request, or multipart for large content.

size                                request                              condition
----------------------------------------------------------------------------------------------------------
up to 256 KiB                       one request, from memory             in the request
up to `multipart_threshold`         one request, sent as it is read      in the request
more                                multipart, eight parts in parallel   in the completion, or a HEAD just before it
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
from buckia_core.adapters.transfers.sources import PrependedReader, read_exactly, verify_bytes
from buckia_core.errors import AdapterError, BucketNotFound, NotFound, PreconditionFailed, Transient
from buckia_core.http.blocking import in_thread, run_blocking
from buckia_core.planning.digest import Comparison, Digest, compare, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.body import AnyBody, BytesBody, FileRangeBody, VerifyingBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.etags import etag_is_not_md5, md5_from_etag, unquote_etag
from buckia_s3.objects.metadata import parse_version_id
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.multipart import Multipart
from buckia_s3.operations.object_spec import ObjectSpec, build_object_spec
from buckia_s3.operations.resume_upload import ResumableUploader
from buckia_s3.operations.server_probe import ServerProbe
from buckia_s3.operations.verify_upload import UploadVerifier

_MAX_ATTEMPTS = 3

IN_MEMORY_BYTES = 256 << 10
"""Files up to this size, in bytes, are read into memory before they are sent."""


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploader: uploads to one bucket."""

    settings: S3Settings
    client: S3Client
    object_head: ObjectHead
    server_probe: ServerProbe
    multipart: Multipart
    resumable: ResumableUploader
    verifier: UploadVerifier

    def upload(
        self, source: Source | MultipartSource, key: str, expect: Precondition | None, info: UploadInfo
    ) -> RemoteObject:
        """See `BaseSync.upload_file`; of a file in parts, `ResumableUpload.upload_parts`."""
        full_key = self.object_head.full_key(key)
        spec = build_object_spec(self.settings, key, full_key, expect, info, provider=self.client.provider)
        return run_blocking(self._upload(source, spec))

    async def upload_async(
        self, source: bytes, key: str, expect: Precondition | None, info: UploadInfo
    ) -> RemoteObject:
        """See `Coroutines.upload_file_async`."""
        full_key = self.object_head.full_key(key)
        spec = build_object_spec(self.settings, key, full_key, expect, info, provider=self.client.provider)
        return await self._upload(source, spec)

    async def _upload(self, source: Source | MultipartSource, spec: ObjectSpec) -> RemoteObject:
        key, expect = spec.key, spec.expect
        try:
            match source:
                case bytes():
                    return await self._upload_bytes(source, spec)
                case Path():
                    return await self._upload_path(source, spec)
                case MultipartSource():
                    return self.resumable.upload(source, spec)
                case _:
                    return await self._upload_reader(source, spec)
        except BucketNotFound:
            raise
        except NotFound as error:
            # Of a missing object, some servers respond 404 where others respond 412.
            if isinstance(expect, IfUnchanged):
                raise self.object_head.precondition_failed(key) from error
            raise
        except Transient as error:
            if error.status is not None and expect is not None and await self._lost_race(source, spec):
                raise self.object_head.precondition_failed(key) from error
            raise

    async def _lost_race(self, source: Source | MultipartSource, spec: ObjectSpec) -> bool:
        """Tell whether another writer was faster: Ceph then responds with a server error instead of 412."""
        try:
            await self.object_head.check_precondition_async(spec.key, spec.expect)
        except PreconditionFailed:
            sent_digests = spec.info.digests
            if isinstance(source, bytes):
                sent_digests = merge(
                    sent_digests, (Digest("md5", hashlib.md5(source, usedforsecurity=False).hexdigest()),)
                )
            found = await self.object_head.head_async(spec.key)
            return compare(merge(found.digests, found.claimed), sent_digests) is Comparison.DIFFERENT
        return False

    async def _upload_bytes(self, data: bytes, spec: ObjectSpec) -> RemoteObject:
        if len(data) > self.settings.multipart_threshold:
            reader, size = io.BytesIO(data), self.settings.part_size
            return await in_thread(lambda: self.multipart.upload(reader, len(data), size, spec))
        verify_bytes(data, spec.info, provider=self.client.provider, key=spec.key)
        # The digest is verified, so it need not be computed again for the signature.
        known = next((each.value for each in spec.info.digests if each.algorithm == "sha256"), None)
        return await self._upload_single(BytesBody(data, known), spec)

    async def _upload_path(self, path: Path, spec: ObjectSpec) -> RemoteObject:
        size = path.stat().st_size
        if size <= IN_MEMORY_BYTES:
            return await self._upload_bytes(path.read_bytes(), spec)
        if size <= self.settings.multipart_threshold:
            file = FileRangeBody(path, 0, size)
            return await self._upload_single(
                VerifyingBody(file, spec.info.digests, provider=self.client.provider, key=spec.key), spec
            )
        with path.open("rb", buffering=0) as reader:
            return self.multipart.upload(reader, size, self.settings.part_size, spec)

    async def _upload_reader(self, reader: BinaryIO, spec: ObjectSpec) -> RemoteObject:
        most = self.settings.multipart_threshold
        left = _remaining_bytes(reader)
        if left is None or left <= most:
            head = read_exactly(reader, most + 1)
            if len(head) <= most:
                return await self._upload_bytes(head, spec)
            reader = PrependedReader(head, reader)
        return self.multipart.upload(reader, left, self.settings.part_size, spec)

    async def _upload_single(self, body: AnyBody, spec: ObjectSpec) -> RemoteObject:
        """Upload in one request; retry if the content was corrupted in transit.

        Raises:
            IntegrityError: The content was corrupted each time. The object was deleted.
        """
        for _ in range(_MAX_ATTEMPTS):
            written, is_intact = await self._put_object(body, spec)
            if is_intact:
                return written
            spec = replace(spec, expect=IfUnchanged(written))
        with suppress(AdapterError):
            await self.object_head.check_precondition_async(spec.key, spec.expect)
            await self.client.send_async(Request("DELETE", spec.full_key, key=spec.key))
        error = self.verifier.corrupted(spec.key)
        error.retryable = False
        raise error

    async def _put_object(self, body: AnyBody, spec: ObjectSpec) -> tuple[RemoteObject, bool]:
        """Send a PUT; return the written object, and whether its content is that which was sent."""
        condition = await self.server_probe.condition_headers_async(spec.expect, spec.key)
        if not condition:
            await self.object_head.check_precondition_async(spec.key, spec.expect)
        checks = spec.body_headers(body)
        headers = {**spec.headers(), **checks, **condition}
        request = Request("PUT", spec.full_key, (), headers, body, key=spec.key)
        # Lookups in a dict are faster than in headers whose names are in any case.
        reported = dict((await self.client.send_async(request)).headers)
        etag = unquote_etag(reported.get("etag"))
        if not etag:
            return await self.object_head.head_async(spec.key), True
        is_intact = await self.verifier.is_intact(reported, etag, body, checks, spec.key, spec.full_key)
        trusted = self.settings.etag_is_md5_effective and self.verifier.server_probe.etags_are_md5 is not False
        digests = md5_from_etag(etag) if trusted and not etag_is_not_md5(reported) else ()
        return spec.remote_object(
            body.size, etag, parse_version_id(reported.get("x-amz-version-id")), digests
        ), is_intact


def _remaining_bytes(reader: BinaryIO) -> int | None:
    """Return the remaining bytes of a reader; `None` if it is not seekable."""
    if not reader.seekable():
        return None
    position = reader.tell()
    end = reader.seek(0, io.SEEK_END)
    reader.seek(position)
    return max(end - position, 0)
