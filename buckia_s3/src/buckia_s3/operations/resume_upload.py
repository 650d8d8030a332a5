"""Resumable multipart uploads.

    part on the server                          handling
    ------------------------------------------------------------------
    missing                                     upload it
    its ETag is the MD5 of the content          keep it
    anything else                               upload it again

Where ETags are not MD5s, as with SSE-KMS and SSE-C, all parts are uploaded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.contract.types import IfUnchanged, satisfies, stat_or_none
from buckia_core.adapters.transfers.sources import part_size_for
from buckia_core.adapters.transfers.upload_session import (
    UploadSession,
    abort_unless_resumable,
    resume_session,
    spec_digest,
)
from buckia_core.errors import AdapterError, IntegrityError, NotSupported, PermissionDenied
from buckia_core.planning.digest import Comparison, Digest, compare, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.body import FileRangeBody, PrehashedBody, ProgressBody, VerifyingBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.encryption import customer_key_md5
from buckia_s3.objects.metadata import MD5_CHECKSUM, META_PREFIX
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.list_parts import UploadedPart, is_no_such_upload, list_parts
from buckia_s3.operations.multipart import Multipart
from buckia_s3.operations.object_spec import ObjectSpec
from buckia_s3.operations.part_checksums import PartChecksums

_DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class ResumableUploader:
    """ResumableUploader: uploads files in parts, and keeps the parts on the server if a later attempt can use them."""

    settings: S3Settings
    client: S3Client
    object_head: ObjectHead
    multipart: Multipart

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        if size <= self.settings.multipart_threshold:
            return None
        also = ("md5",) if self.settings.md5chksum else ()
        return PartLayout(part_size_for(size, self.settings.part_size), _DIGEST, also)

    def abort_upload(self, key: str, text: str) -> None:
        """See `ResumableUpload.abort_upload`."""
        session = UploadSession.from_json(text)
        if session is not None:
            self._abort(key, session)

    def upload(self, source: MultipartSource, spec: ObjectSpec) -> RemoteObject:
        """See `ResumableUpload.upload_parts`."""
        checksums = PartChecksums(spec.checksum, md5=spec.content_md5)
        digest = self._spec_digest(spec)
        session = resume_session(source, digest, lambda other: self._abort(spec.key, other))
        uploaded: dict[int, UploadedPart] | None = {}
        if session is not None:
            uploaded = self._uploaded_parts(spec, session)
            if uploaded is None:
                completed = self._find_completed(source, spec)
                if completed is not None:
                    return completed
                session = None
        self.object_head.check_precondition(spec.key, spec.expect)
        if session is None:
            session = UploadSession(self.multipart.create(spec, checksums), source.layout.part_size, digest)
            source.checkpoint.write(session.to_json())
        with abort_unless_resumable(source, partial(self._abort, spec.key, session)):
            if spec.checksum is not None and spec.checksum.covers_full_object:
                for chunk in FileRangeBody(source.path, 0, source.size).iter_chunks():
                    checksums.update(chunk)
            etags = list(
                self.multipart.part_pool.run(self._part_tasks(source, spec, session, uploaded or {}, checksums))
            )
            fingerprint, version = self.multipart.complete(spec, session.upload_id, etags, checksums)
        return self.multipart.head_after_complete(spec.remote_object(source.size, fingerprint or "", version, ()))

    def _abort(self, key: str, session: UploadSession) -> None:
        try:
            self.multipart.abort(key, session.upload_id)
        except AdapterError as error:
            if not is_no_such_upload(error):
                raise

    def _uploaded_parts(self, spec: ObjectSpec, session: UploadSession) -> dict[int, UploadedPart] | None:
        try:
            return list_parts(self.client, spec.full_key, spec.key, session.upload_id)
        except (NotSupported, PermissionDenied):
            # Without the list, all parts are uploaded again.
            return {}

    def _find_completed(self, source: MultipartSource, spec: ObjectSpec) -> RemoteObject | None:
        """Return the object if the upload no longer exists because it was completed, but the response was lost."""
        found = stat_or_none(self.object_head.head, spec.key)
        if found is None or (isinstance(spec.expect, IfUnchanged) and satisfies(spec.expect, found)):
            return None
        same = compare(merge(found.digests, found.claimed), spec.info.digests) is Comparison.SAME
        return found if same and found.size == source.size and found.mtime_ns == spec.info.mtime_ns else None

    def _spec_digest(self, spec: ObjectSpec) -> str:
        """Return a digest of all that CreateMultipartUpload fixes for the object."""
        settings = self.settings
        encryption = [
            settings.server_side_encryption,
            settings.sse_kms_key_id,
            settings.sse_bucket_key_enabled,
            customer_key_md5(settings.sse_customer_key_base64),
        ]
        # The MD5 depends on the content, and parts uploaded without it can be used too.
        headers = {name: value for name, value in spec.headers().items() if name != f"{META_PREFIX}{MD5_CHECKSUM}"}
        return spec_digest(sorted(headers.items()), spec.checksum, encryption)

    def _part_tasks(
        self,
        source: MultipartSource,
        spec: ObjectSpec,
        session: UploadSession,
        uploaded: dict[int, UploadedPart],
        checksums: PartChecksums,
    ) -> Iterator[Callable[[], str]]:
        for number in range(1, len(source.digests) + 1):
            yield partial(self._ensure_part, source, spec, session.upload_id, number, uploaded.get(number), checksums)

    def _ensure_part(
        self,
        source: MultipartSource,
        spec: ObjectSpec,
        upload_id: str,
        number: int,
        uploaded: UploadedPart | None,
        checksums: PartChecksums,
    ) -> str:
        """Upload a part unless the server has it; return its unquoted ETag."""
        start, size = source.part_range(number)
        body = FileRangeBody(source.path, start, size)
        headers = checksums.part_headers(number, body)
        if uploaded is not None and uploaded.size == size and uploaded.etag == body.digest("md5"):
            return uploaded.etag
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        expected = Digest(_DIGEST, source.digests[number - 1])
        checked: PrehashedBody | VerifyingBody = PrehashedBody(body, expected.value)
        if not self.multipart.server_probe.compares_content:
            checked = VerifyingBody(body, (expected,), provider=self.client.provider, key=spec.key)
        sent = ProgressBody(checked, source.on_bytes_sent)
        try:
            response = self.client.send(Request("PUT", spec.full_key, query, headers, sent, key=spec.key))
        except IntegrityError as error:
            # Corruption in transit is retryable; a file that has changed is not.
            if error.retryable and body.sha256() != expected.value:
                message, provider = str(error), self.client.provider
                raise IntegrityError(message, provider=provider, key=spec.key, retryable=False) from error
            raise
        etag = self.multipart.part_etag(response.headers.get("ETag"), spec.key)
        self.multipart.verifier.check_part(response.headers, etag, body, spec.key)
        return etag
