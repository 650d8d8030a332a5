"""Uploads in parts that go on where an earlier one ended.

    the server has of a part            what is done
    ------------------------------------------------------------------
    nothing                             it is sent
    its bytes: the ETag is their MD5    nothing
    anything else                       it is sent again

Where ETags are no MD5s, as with keys of KMS or of the customer, all parts are sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.contract.types import IfUnchanged, satisfies, stat_or_none
from buckia_core.adapters.transfers.sources import part_size_for
from buckia_core.adapters.transfers.upload_session import UploadSession, is_resumable, resume_session, spec_digest
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
    """Uploads files in parts, and leaves the parts on the server where a later attempt can use them."""

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

    def abandon(self, key: str, text: str) -> None:
        """See `ResumableUpload.abort_upload`."""
        begun = UploadSession.from_json(text)
        if begun is not None:
            self._abort(key, begun)

    def upload(self, source: MultipartSource, target: ObjectSpec) -> RemoteObject:
        """See `ResumableUpload.upload_parts`."""
        checksums = PartChecksums(target.checksum, md5=target.content_md5)
        becoming = self._spec_digest(target)
        begun = resume_session(source, becoming, lambda other: self._abort(target.key, other))
        there: dict[int, UploadedPart] | None = {}
        if begun is not None:
            there = self._uploaded_parts(target, begun)
            if there is None:
                landed = self._find_completed(source, target)
                if landed is not None:
                    return landed
                begun = None
        self.object_head.check_precondition(target.key, target.expect)
        if begun is None:
            begun = UploadSession(self.multipart.create(target, checksums), source.layout.part_size, becoming)
            source.checkpoint.write(begun.to_json())
        try:
            if target.checksum is not None and target.checksum.covers_full_object:
                for block in FileRangeBody(source.path, 0, source.size).iter_chunks():
                    checksums.update(block)
            etags = list(self.multipart.part_pool.run(self._part_tasks(source, target, begun, there or {}, checksums)))
            fingerprint, version = self.multipart.complete(target, begun.upload_id, etags, checksums)
        except BaseException as error:
            if not is_resumable(error):
                with suppress(AdapterError):
                    self._abort(target.key, begun)
                    source.checkpoint.clear()
            raise
        return self.multipart.head_after_complete(target.remote_object(source.size, fingerprint or "", version, ()))

    def _abort(self, key: str, session: UploadSession) -> None:
        try:
            self.multipart.abort(key, session.upload_id)
        except AdapterError as error:
            if not is_no_such_upload(error):
                raise

    def _uploaded_parts(self, target: ObjectSpec, session: UploadSession) -> dict[int, UploadedPart] | None:
        try:
            return list_parts(self.client, target.full_key, target.key, session.upload_id)
        except (NotSupported, PermissionDenied):
            # Without a list everything is sent again, over what is there.
            return {}

    def _find_completed(self, source: MultipartSource, target: ObjectSpec) -> RemoteObject | None:
        """Return the object, if an upload that the server does not know any more has become it."""
        found = stat_or_none(self.object_head.head, target.key)
        if found is None or (isinstance(target.expect, IfUnchanged) and satisfies(target.expect, found)):
            return None
        same = compare(merge(found.digests, found.claimed), target.info.digests) is Comparison.SAME
        return found if same and found.size == source.size and found.mtime_ns == target.info.mtime_ns else None

    def _spec_digest(self, target: ObjectSpec) -> str:
        """Return a digest of what the beginning of an upload decides about the object."""
        settings = self.settings
        encryption = [
            settings.server_side_encryption,
            settings.sse_kms_key_id,
            settings.sse_bucket_key_enabled,
            customer_key_md5(settings.sse_customer_key_base64),
        ]
        # The content decides the MD5, and parts that were sent without it are of use too.
        headers = {name: value for name, value in target.headers().items() if name != f"{META_PREFIX}{MD5_CHECKSUM}"}
        return spec_digest(sorted(headers.items()), target.checksum, encryption)

    def _part_tasks(
        self,
        source: MultipartSource,
        target: ObjectSpec,
        session: UploadSession,
        uploaded: dict[int, UploadedPart],
        checksums: PartChecksums,
    ) -> Iterator[Callable[[], str]]:
        for number in range(1, len(source.digests) + 1):
            yield partial(self._ensure_part, source, target, session.upload_id, number, uploaded.get(number), checksums)

    def _ensure_part(
        self,
        source: MultipartSource,
        target: ObjectSpec,
        upload_id: str,
        number: int,
        uploaded: UploadedPart | None,
        checksums: PartChecksums,
    ) -> str:
        """See to it that the server has a part; return the ETag."""
        start, size = source.part_range(number)
        body = FileRangeBody(source.path, start, size)
        headers = checksums.part_headers(number, body)
        if uploaded is not None and uploaded.size == size and uploaded.etag == body.digest("md5"):
            return uploaded.etag
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        told = Digest(_DIGEST, source.digests[number - 1])
        checked: PrehashedBody | VerifyingBody = PrehashedBody(body, told.value)
        if not self.multipart.conditions.compares_content:
            checked = VerifyingBody(body, (told,), provider=self.client.provider, key=target.key)
        sent = ProgressBody(checked, source.on_bytes_sent)
        try:
            answer = self.client.send(Request("PUT", target.full_key, query, headers, sent, key=target.key))
        except IntegrityError as error:
            # Damage on the way passes. A file that has been written to has to be looked at first.
            if error.retryable and body.sha256() != told.value:
                words, provider = str(error), self.client.provider
                raise IntegrityError(words, provider=provider, key=target.key, retryable=False) from error
            raise
        etag = self.multipart.part_etag(answer.headers.get("ETag"), target.key)
        self.multipart.verifier.check_part(answer.headers, etag, body, target.key)
        return etag
