"""Uploads.

    size                           by                            SHA-1
    ----------------------------------------------------------------------------------------------------
    up to `multipart_threshold`    one request                   in front of the bytes, or after them
    more                           a large file: parts, eight    with each part; of the whole in the file info, but for
                                   at once                       readers, whose bytes nobody knows beforehand

What is there is looked at just before; see `settling` for what is looked at after.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from buckia_b2.api.body import AT_END, Body, BytesBody, FileRangeBody
from buckia_b2.api.bucket import Bucket
from buckia_b2.api.retry import repeated
from buckia_b2.api.upload_url_pool import UploadUrlPool
from buckia_b2.errors import PROVIDER, understanding
from buckia_b2.files.file_info import MTIME, from_file, sha1_of
from buckia_b2.operations.large_files import LargeFiles
from buckia_b2.operations.object_spec import ObjectSpec, build_object_spec
from buckia_b2.operations.resume_upload import ResumableUploader
from buckia_b2.operations.write_conflicts import WriteConflictDetector
from buckia_b2.settings import B2Settings
from buckia_core.adapters.contract.base import Source
from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.adapters.contract.types import IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.transfers.sources import DigestVerifier, PrependedReader, part_size_for, read_exactly
from buckia_core.errors import AdapterError, IntegrityError, PermissionDenied, PreconditionFailed, Transient
from buckia_core.planning.digest import Comparison, Digest, Digests, compare, merge
from buckia_core.planning.manifest import RemoteObject

SMALL = 256 << 10
"""Files of so many bytes are read at once, so that what is sent is what was checked."""


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads to one bucket."""

    settings: B2Settings
    bucket: Bucket
    urls: UploadUrlPool
    large: LargeFiles
    resumer: ResumableUploader
    settler: WriteConflictDetector

    def upload(
        self, source: Source | MultipartSource, key: str, expect: Precondition | None, info: UploadInfo | None
    ) -> RemoteObject:
        """See `BaseSync.upload_file`; of a file in parts, `ResumableUpload.upload_parts`."""
        target = build_object_spec(self.bucket, self.settings.objects, key, expect, info)
        if isinstance(source, MultipartSource):
            written = self.resumer.upload(source, target)
            try:
                return self.settler.settle(written, expect)
            except (PreconditionFailed, PermissionDenied):
                source.checkpoint.clear()
                raise
        earlier = self.settler.settle_earlier(key, expect, target.info.digests)
        if earlier is not None:
            return earlier
        self.bucket.check(key, expect)
        match source:
            case bytes():
                written = self._bytes(source, target)
            case Path():
                written = self._path(source, target)
            case _:
                written = self._reader(source, target)
        return self.settler.settle(written, expect)

    def _bytes(self, data: bytes, target: ObjectSpec) -> RemoteObject:
        if len(data) > self.settings.multipart_threshold:
            return self._reader(io.BytesIO(data), target)
        check = DigestVerifier(target.info.digests)
        check.update(data)
        check.verify(provider=PROVIDER, key=target.key)
        return self._single(BytesBody(data), target)

    def _path(self, path: Path, target: ObjectSpec) -> RemoteObject:
        size = path.stat().st_size
        if size <= SMALL:
            return self._bytes(path.read_bytes(), target)
        if size <= self.settings.multipart_threshold:
            return self._single(FileRangeBody(path, 0, size, key=target.key, digests=target.info.digests), target)
        return self.large.upload_file(path, size, part_size_for(size, self.settings.part_size), target)

    def _reader(self, reader: BinaryIO, target: ObjectSpec) -> RemoteObject:
        most = self.settings.multipart_threshold
        head = read_exactly(reader, most + 1)
        if len(head) <= most:
            return self._bytes(head, target)
        return self.large.upload_reader(PrependedReader(head, reader), self.settings.part_size, target)

    def _single(self, body: Body, target: ObjectSpec) -> RemoteObject:
        if body.sha1 != AT_END:
            target = target.with_sha1(body.sha1)
        info, raw = dict(target.file_info()), self.bucket.account.raw
        marks = self.bucket.marks.of_file()

        def post(url: str, token: str, sent: object) -> object:
            return raw.upload_file(
                url, token, target.whole, body.sent_size, target.content_type, body.sha1, info, sent, **marks
            )

        try:
            told = self.urls.send(body, post, key=target.key, doing="writing")
        except Transient as error:
            landed = self._landed(body, target) if error.status is None else None
            if landed is None:
                raise
            return landed
        with understanding("writing", target.key):
            written = from_file(target.key, told)
            same_name = told["fileName"] == target.whole
        if not same_name or written.size != body.size or sha1_of(written) not in (None, body.digest):
            self._take_back(written, target)
            words = f"{target.key!r}: what B2 says that it stored is not what was sent"
            raise IntegrityError(words, provider=PROVIDER, key=target.key)
        return written

    def _take_back(self, written: RemoteObject, target: ObjectSpec) -> None:
        """Remove a version that has other bytes than were sent, as far as the application key allows it."""
        with suppress(AdapterError):
            self.bucket.account.call(
                "delete_file_version", written.fingerprint, target.whole, doing="taking it back", key=target.key
            )

    def _landed(self, body: Body, target: ObjectSpec) -> RemoteObject | None:
        """Return what became of an upload that got no answer, if that can be told and matters."""
        if target.expect is None:
            return None
        known: Digests = (Digest("sha1", body.digest),)
        try:
            newest = repeated(lambda: self.bucket.newest(target.key))
        except AdapterError:
            return None
        if newest is None or newest["action"] == "hide":
            return None
        with understanding("writing", target.key):
            found = from_file(target.key, newest)
        if isinstance(target.expect, IfUnchanged) and found.fingerprint == target.expect.seen.fingerprint:
            return None
        mine = compare(found.digests, merge(known, target.info.digests)) is Comparison.SAME
        same_time = (newest.get("fileInfo") or {}).get(MTIME) == target.file_info().get(MTIME)
        return found if mine and same_time and found.size == body.size else None
