"""Uploads.

    size                           request                       SHA-1
    -----------------------------------------------------------------------------------------------
    up to `multipart_threshold`    one request                   in the header, or appended to the body
    more                           large file: eight parts       with each part; of the whole file in the file info,
                                   in parallel                   except for readers

Preconditions are checked just before an upload, and verified afterwards by `write_conflicts`.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from buckia_b2.api.body import SHA1_AT_END, Body, BytesBody, FileRangeBody
from buckia_b2.api.bucket import Bucket
from buckia_b2.api.transport import retry_request_async
from buckia_b2.api.upload_url_pool import UploadUrlPool
from buckia_b2.errors import PROVIDER, parsing_response
from buckia_b2.files.file_info import MTIME, computed_sha1, from_file
from buckia_b2.operations.large_files import LargeFiles
from buckia_b2.operations.object_spec import ObjectSpec, build_object_spec
from buckia_b2.operations.resume_upload import ResumableUploader
from buckia_b2.operations.write_conflicts import WriteConflictDetector
from buckia_b2.settings import B2Settings
from buckia_core.adapters.contract.base import Source
from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.adapters.contract.types import IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.transfers.sources import PrependedReader, part_size_for, read_exactly, verify_bytes
from buckia_core.errors import AdapterError, IntegrityError, PermissionDenied, PreconditionFailed, Transient
from buckia_core.http.blocking import in_thread
from buckia_core.planning.digest import Comparison, Digest, Digests, compare, merge
from buckia_core.planning.manifest import RemoteObject

SMALL_FILE = 256 << 10
"""Files of up to this many bytes are read into memory, so that the verified bytes are the ones that are sent."""


@dataclass(frozen=True, slots=True)
class Uploader:
    """Writes objects of one bucket."""

    settings: B2Settings
    bucket: Bucket
    url_pool: UploadUrlPool
    large: LargeFiles
    resumer: ResumableUploader
    conflicts: WriteConflictDetector

    async def upload(
        self, source: Source | MultipartSource, key: str, expect: Precondition | None, info: UploadInfo | None
    ) -> RemoteObject:
        """See `BaseSync.upload_file`; for a file in parts, `ResumableUpload.upload_parts`.

        On an event loop, `source` is bytes: the others are read with blocking calls.
        """
        spec = build_object_spec(self.bucket, self.settings.objects, key, expect, info)
        if isinstance(source, MultipartSource):
            written = self.resumer.upload(source, spec)
            try:
                return await self.conflicts.verify(written, expect)
            except (PreconditionFailed, PermissionDenied):
                source.checkpoint.clear()
                raise
        earlier = await self.conflicts.verify_pending(key, expect, spec.info.digests)
        if earlier is not None:
            return earlier
        await self.bucket.check_precondition(key, expect)
        match source:
            case bytes():
                written = await self._upload_bytes(source, spec)
            case Path():
                written = await self._upload_path(source, spec)
            case _:
                written = await self._upload_reader(source, spec)
        return await self.conflicts.verify(written, expect)

    async def _upload_bytes(self, data: bytes, spec: ObjectSpec) -> RemoteObject:
        if len(data) > self.settings.multipart_threshold:
            return await self._upload_large(data, spec)
        verify_bytes(data, spec.info, provider=PROVIDER, key=spec.key)
        return await self._upload_single(BytesBody(data), spec)

    async def _upload_large(self, data: bytes, spec: ObjectSpec) -> RemoteObject:
        return await in_thread(partial(self.large.upload_reader, io.BytesIO(data), self.settings.part_size, spec))

    async def _upload_path(self, path: Path, spec: ObjectSpec) -> RemoteObject:
        size = path.stat().st_size
        if size <= SMALL_FILE:
            return await self._upload_bytes(path.read_bytes(), spec)
        if size <= self.settings.multipart_threshold:
            return await self._upload_single(
                FileRangeBody(path, 0, size, key=spec.key, digests=spec.info.digests), spec
            )
        return self.large.upload_file(path, size, part_size_for(size, self.settings.part_size), spec)

    async def _upload_reader(self, reader: BinaryIO, spec: ObjectSpec) -> RemoteObject:
        threshold = self.settings.multipart_threshold
        head = read_exactly(reader, threshold + 1)
        if len(head) <= threshold:
            return await self._upload_bytes(head, spec)
        return self.large.upload_reader(PrependedReader(head, reader), self.settings.part_size, spec)

    async def _upload_single(self, body: Body, spec: ObjectSpec) -> RemoteObject:
        if body.sha1 != SHA1_AT_END:
            spec = spec.with_sha1(body.sha1)
        info, raw = dict(spec.file_info()), self.bucket.session.raw
        file_options = self.bucket.file_options.for_file()

        async def post(url: str, token: str, sent: object) -> object:
            return await raw.upload_file(
                url, token, spec.full_key, body.sent_size, spec.content_type, body.sha1, info, sent, **file_options
            )

        try:
            file = await self.url_pool.send(body, post, key=spec.key, action="writing")
        except Transient as error:
            completed = await self._find_completed(body, spec) if error.status is None else None
            if completed is None:
                raise
            return completed
        with parsing_response("writing", spec.key):
            written = from_file(spec.key, file)
            same_name = file["fileName"] == spec.full_key
        if not same_name or written.size != body.size or computed_sha1(written) not in (None, body.digest):
            await self._remove_written(written, spec)
            message = f"{spec.key!r}: B2 reports another name, size or SHA-1 than was sent"
            raise IntegrityError(message, provider=PROVIDER, key=spec.key)
        return written

    async def _remove_written(self, written: RemoteObject, spec: ObjectSpec) -> None:
        """Remove a version with wrong bytes, as far as the application key allows it."""
        with suppress(AdapterError):
            call, action = self.bucket.session.call_async, "removing a damaged upload"
            await call("delete_file_version", written.fingerprint, spec.full_key, action=action, key=spec.key)

    async def _find_completed(self, body: Body, spec: ObjectSpec) -> RemoteObject | None:
        """Find the file that an upload without a response created; `None` if unknown or unconditional."""
        if spec.expect is None:
            return None
        known: Digests = (Digest("sha1", body.digest),)
        try:
            newest = await retry_request_async(lambda: self.bucket.newest(spec.key))
        except AdapterError:
            return None
        if newest is None or newest["action"] == "hide":
            return None
        with parsing_response("writing", spec.key):
            found = from_file(spec.key, newest)
        if isinstance(spec.expect, IfUnchanged) and found.fingerprint == spec.expect.seen.fingerprint:
            return None
        same_content = compare(found.digests, merge(known, spec.info.digests)) is Comparison.SAME
        same_time = (newest.get("fileInfo") or {}).get(MTIME) == spec.file_info().get(MTIME)
        return found if same_content and same_time and found.size == body.size else None
