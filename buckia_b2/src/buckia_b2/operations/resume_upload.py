"""Large files that go on where an earlier attempt ended.

    the server has of a part          what is done
    ----------------------------------------------------
    nothing                           it is sent
    as many bytes of the same SHA-1   nothing
    anything else                     it is sent again

A large file counts from when it was begun. So one that was begun before the newest version that is there now would end
up below it, and is begun anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from buckia_b2.api.body import FileRangeBody
from buckia_b2.api.bucket import Bucket
from buckia_b2.api.upload_url_pool import UploadUrlPool
from buckia_b2.errors import PROVIDER
from buckia_b2.operations.large_files import LargeFiles, Part, digests_of
from buckia_b2.operations.object_spec import ObjectSpec
from buckia_b2.settings import B2Settings
from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.transfers.sources import DigestVerifier, part_size_for
from buckia_core.adapters.transfers.upload_session import UploadSession, is_resumable, resume_session, spec_digest
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.planning.manifest import RemoteObject

_DIGEST = "sha1"


@dataclass(frozen=True, slots=True)
class ResumableUploader:
    """Uploads files in parts, and leaves the parts on the server where a later attempt can use them."""

    settings: B2Settings
    bucket: Bucket
    large: LargeFiles

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        if size <= self.settings.multipart_threshold:
            return None
        return PartLayout(part_size_for(size, self.settings.part_size), _DIGEST)

    def abandon(self, key: str, text: str) -> None:
        """See `ResumableUpload.abort_upload`."""
        begun = UploadSession.from_json(text)
        if begun is not None:
            self.large.cancel(begun.upload_id, key)

    def upload(self, source: MultipartSource, target: ObjectSpec) -> RemoteObject:
        """See `ResumableUpload.upload_parts`; who calls looks after whether another writer came between."""
        begun = resume_session(source, self._becoming(target), lambda other: self._drop(other, target))
        there: dict[int, Part] = {}
        if begun is not None:
            try:
                there = self.large.parts(begun.upload_id, target.key)
            except AdapterError as error:
                if error.status not in (400, 404):
                    raise
                landed = self.large.landed(begun.upload_id, target)
                if landed is not None:
                    return landed
                begun = None
        self.bucket.check(target.key, target.expect)
        if begun is not None and not self._would_be_newest(begun, target):
            self._drop(begun, target)
            begun, there = None, {}
        if begun is None:
            begun = self._begin(source, target)
        urls = self.large.urls(begun.upload_id, target.key)
        try:
            sha1s = list(self.large.pieces.run(self._pieces(source, target, urls, there)))
            return self.large.finish(begun.upload_id, sha1s, target, source.size)
        except BaseException as error:
            if not is_resumable(error):
                self._drop(begun, target)
                source.checkpoint.clear()
            raise

    def _begin(self, source: MultipartSource, target: ObjectSpec) -> UploadSession:
        """Begin a large file whose info tells the SHA-1 of the whole, which takes another reading of it."""
        whole, parts = digests_of(source.path, source.size, source.layout.part_size, DigestVerifier(()))
        if parts != list(source.digests):
            raise IntegrityError(
                f"{target.key!r}: the file changed while it was sent",
                provider=PROVIDER,
                key=target.key,
                retryable=False,
            )
        told = self.large.begin(target.with_sha1(whole))
        began = int(told["uploadTimestamp"])
        begun = UploadSession(told["fileId"], source.layout.part_size, self._becoming(target), began)
        source.checkpoint.write(begun.to_json())
        return begun

    def _would_be_newest(self, begun: UploadSession, target: ObjectSpec) -> bool:
        newest = self.bucket.newest(target.key)
        return newest is None or int(newest["uploadTimestamp"]) < begun.began

    def _drop(self, begun: UploadSession, target: ObjectSpec) -> None:
        with suppress(AdapterError):
            self.large.cancel(begun.upload_id, target.key)

    def _becoming(self, target: ObjectSpec) -> str:
        """Return a digest of what the beginning of a large file decides about the object."""
        return spec_digest(target.content_type, sorted(target.file_info(large=True).items()), self.bucket.marks.fields)

    def _pieces(
        self, source: MultipartSource, target: ObjectSpec, urls: UploadUrlPool, there: dict[int, Part]
    ) -> Iterator[Callable[[], str]]:
        for number in range(1, len(source.digests) + 1):
            yield partial(self._settle, source, target, urls, number, there.get(number))

    def _settle(
        self, source: MultipartSource, target: ObjectSpec, urls: UploadUrlPool, number: int, there: Part | None
    ) -> str:
        """See to it that the server has a part; return its SHA-1."""
        start, size = source.part_range(number)
        sha1 = source.digests[number - 1]
        if there == Part(size, sha1):
            return sha1
        body = FileRangeBody(source.path, start, size, key=target.key, sha1=sha1, passing=source.on_bytes_sent)
        return self.large.send(urls, number, body, target.key)
