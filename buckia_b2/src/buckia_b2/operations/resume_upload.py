"""Resumable uploads: continue a large file that an earlier attempt left unfinished.

    state of a part on the server   action
    --------------------------------------
    missing                         upload
    same size and SHA-1             keep
    anything else                   upload again

B2 dates a large file by its start. One that was started before the current version would end up below it, so it is
started anew.
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
from buckia_b2.operations.large_files import LargeFiles, Part, sha1_in_parts
from buckia_b2.operations.object_spec import ObjectSpec
from buckia_b2.settings import B2Settings
from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.transfers.sources import DigestVerifier, part_size_for
from buckia_core.adapters.transfers.upload_session import (
    UploadSession,
    abort_unless_resumable,
    resume_session,
    spec_digest,
)
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject

_DIGEST = "sha1"


@dataclass(frozen=True, slots=True)
class ResumableUploader:
    """Uploads files in parts, and keeps the parts for a later attempt where it can use them."""

    settings: B2Settings
    bucket: Bucket
    large: LargeFiles

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        if size <= self.settings.multipart_threshold:
            return None
        return PartLayout(part_size_for(size, self.settings.part_size), _DIGEST)

    def abort(self, key: str, text: str) -> None:
        """See `ResumableUpload.abort_upload`."""
        upload_session = UploadSession.from_json(text)
        if upload_session is not None:
            self.large.cancel(upload_session.upload_id, key)

    def upload(self, source: MultipartSource, spec: ObjectSpec) -> RemoteObject:
        """See `ResumableUpload.upload_parts`. The caller verifies write conflicts."""
        upload_session = resume_session(source, self._spec_digest(spec), lambda other: self._cancel(other, spec))
        uploaded: dict[int, Part] = {}
        if upload_session is not None:
            try:
                uploaded = self.large.parts(upload_session.upload_id, spec.key)
            except AdapterError as error:
                if error.status not in (400, 404):
                    raise
                completed = self.large.find_completed(upload_session.upload_id, spec)
                if completed is not None:
                    return completed
                upload_session = None
        run_blocking(self.bucket.check_precondition(spec.key, spec.expect))
        if upload_session is not None and not self._would_be_newest(upload_session, spec):
            self._cancel(upload_session, spec)
            upload_session, uploaded = None, {}
        if upload_session is None:
            upload_session = self._start(source, spec)
        url_pool = self.large.part_url_pool(upload_session.upload_id, spec.key)
        with abort_unless_resumable(source, partial(self.large.cancel, upload_session.upload_id, spec.key)):
            sha1s = list(self.large.part_pool.run(self._part_uploads(source, spec, url_pool, uploaded)))
            return self.large.finish(upload_session.upload_id, sha1s, spec, source.size)

    def _start(self, source: MultipartSource, spec: ObjectSpec) -> UploadSession:
        """Start a large file. Reads the whole file for the SHA-1 in its file info."""
        file_sha1, parts = sha1_in_parts(source.path, source.size, source.layout.part_size, DigestVerifier(()))
        if parts != list(source.digests):
            raise IntegrityError(
                f"{spec.key!r}: the file changed during the upload",
                provider=PROVIDER,
                key=spec.key,
                retryable=False,
            )
        file = self.large.start(spec.with_sha1(file_sha1))
        started = int(file["uploadTimestamp"])
        upload_session = UploadSession(file["fileId"], source.layout.part_size, self._spec_digest(spec), started)
        source.checkpoint.write(upload_session.to_json())
        return upload_session

    def _would_be_newest(self, upload_session: UploadSession, spec: ObjectSpec) -> bool:
        newest = run_blocking(self.bucket.newest(spec.key))
        return newest is None or int(newest["uploadTimestamp"]) < upload_session.began

    def _cancel(self, upload_session: UploadSession, spec: ObjectSpec) -> None:
        with suppress(AdapterError):
            self.large.cancel(upload_session.upload_id, spec.key)

    def _spec_digest(self, spec: ObjectSpec) -> str:
        """Return a digest of the properties that are fixed when the large file starts."""
        return spec_digest(
            spec.content_type, sorted(spec.file_info(large=True).items()), self.bucket.file_options.fingerprint
        )

    def _part_uploads(
        self, source: MultipartSource, spec: ObjectSpec, url_pool: UploadUrlPool, uploaded: dict[int, Part]
    ) -> Iterator[Callable[[], str]]:
        for number in range(1, len(source.digests) + 1):
            yield partial(self._ensure_part, source, spec, url_pool, number, uploaded.get(number))

    def _ensure_part(
        self, source: MultipartSource, spec: ObjectSpec, url_pool: UploadUrlPool, number: int, uploaded: Part | None
    ) -> str:
        """Upload a part unless the server has it, and return its SHA-1."""
        start, size = source.part_range(number)
        sha1 = source.digests[number - 1]
        if uploaded == Part(size, sha1):
            return sha1
        body = FileRangeBody(source.path, start, size, key=spec.key, sha1=sha1, on_bytes_sent=source.on_bytes_sent)
        return self.large.send(url_pool, number, body, spec.key)
