"""Multipart uploads: parts in parallel, completed or aborted."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count, repeat
from typing import BinaryIO

from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.sources import MAX_PARTS, DigestVerifier, part_size_for, split_parts
from buckia_core.errors import AdapterError, NotSupported, Transient
from buckia_core.planning.digest import Comparison, compare, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.errors import error_code, from_code
from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.etags import is_md5, unquote_etag
from buckia_s3.objects.metadata import parse_version_id
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.object_spec import ObjectSpec
from buckia_s3.operations.part_checksums import PartChecksums
from buckia_s3.operations.server_probe import ServerProbe
from buckia_s3.operations.tagging import put_object_tags
from buckia_s3.operations.verify_upload import UploadVerifier
from buckia_s3.xml.reader import parse_etag

_MIB = 1 << 20
_MAX_BUFFERED = 128 * _MIB
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")


SendPart = Callable[[str, int], str]
"""Sends one part, given upload id and part number; returns its unquoted ETag."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """Multipart: multipart uploads to one bucket. A failed upload is aborted, which deletes its parts."""

    client: S3Client
    object_head: ObjectHead
    server_probe: ServerProbe
    part_pool: PartPool
    verifier: UploadVerifier

    def upload(self, reader: BinaryIO, size: int | None, part_size: int, spec: ObjectSpec) -> RemoteObject:
        """Upload the remaining bytes of a reader.

        Args:
            reader: The content.
            size: Bytes to upload; `None` if unknown. Parts then grow with their number.
            part_size: Smallest size of a part, in bytes.
            spec: The object to write.
        """
        self.object_head.check_precondition(spec.key, spec.expect)
        check = DigestVerifier(spec.info.digests)
        sizes = _growing_part_sizes(part_size) if size is None else repeat(part_size_for(size, part_size))
        sent = 0
        checksums = PartChecksums(spec.checksum, md5=spec.content_md5)

        def parts() -> Iterator[SendPart]:
            nonlocal sent
            for number, data in enumerate(split_parts(reader, sizes)):
                if number == MAX_PARTS:
                    message = f"it is larger than {MAX_PARTS} parts can be; set a larger part_size"
                    raise NotSupported(f"{spec.key!r}: {message}", provider=self.client.provider, key=spec.key)
                check.update(data)
                checksums.update(data)
                sent += len(data)
                yield partial(self._send_part, spec, BytesBody(data), checksums)
            check.verify(provider=self.client.provider, key=spec.key)

        ahead = max(1, _MAX_BUFFERED // part_size_for(size or 0, part_size))
        fingerprint, version = self.upload_parts(parts(), ahead, spec, checksums)
        return self.head_after_complete(spec.remote_object(sent, fingerprint or "", version, ()))

    def head_after_complete(self, written: RemoteObject) -> RemoteObject:
        """HEAD a completed object: some servers report its ETag only now, and the result equals that of listings."""
        found = self.object_head.head(written.key)
        if found.fingerprint == written.fingerprint:
            return found._replace(digests=merge(written.digests, found.digests))
        reported = merge(found.digests, found.claimed)
        is_ours = found.size == written.size and compare(reported, written.digests) is not Comparison.DIFFERENT
        return found if is_ours or not written.fingerprint else written

    def upload_parts(
        self, parts: Iterable[SendPart], ahead: int, spec: ObjectSpec, checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        """Upload all parts and complete; return fingerprint and version, each `None` if the server does not report it.

        Raises:
            PreconditionFailed: The object does not meet the precondition of the spec. Nothing was written.
        """
        upload_id = self.create(spec, checksums)
        try:
            numbered = (partial(part, upload_id, number) for number, part in enumerate(parts, 1))
            etags = list(self.part_pool.run(numbered, ahead=ahead))
            return self.complete(spec, upload_id, etags, checksums)
        except BaseException:
            with suppress(AdapterError):
                self.abort(spec.key, upload_id)
            raise

    def create(self, spec: ObjectSpec, checksums: PartChecksums) -> str:
        """Create a multipart upload; return its id."""
        headers = spec.headers() | checksums.create_headers()
        response = self.client.send(Request("POST", spec.full_key, (("uploads", ""),), headers, key=spec.key))
        found = _UPLOAD_ID.search(response.body)
        if found is None:
            message = f"{spec.key!r}: writing: the server created no upload"
            raise Transient(message, provider=self.client.provider, key=spec.key)
        return html.unescape(found[1].decode("utf-8", "replace"))

    def abort(self, key: str, upload_id: str) -> None:
        """Abort an upload, which deletes its parts."""
        self.client.send(Request("DELETE", self.object_head.full_key(key), (("uploadId", upload_id),), key=key))

    def _send_part(
        self, spec: ObjectSpec, body: BytesBody, checksums: PartChecksums, upload_id: str, number: int
    ) -> str:
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        headers = checksums.part_headers(number, body)
        response = self.client.send(Request("PUT", spec.full_key, query, headers, body, key=spec.key))
        etag = self.part_etag(response.headers.get("ETag"), spec.key)
        self.verifier.check_part(response.headers, etag, body, spec.key)
        return etag

    def part_etag(self, etag: str | None, key: str) -> str:
        """Return the unquoted ETag of a part.

        Raises:
            Transient: The response has no ETag.
        """
        etag = unquote_etag(etag)
        if not etag:
            message = f"{key!r}: writing: the server returned no ETag for a part"
            raise Transient(message, provider=self.client.provider, key=key)
        return etag

    def complete(
        self, spec: ObjectSpec, upload_id: str, etags: list[str], checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        """Complete the upload; return what `upload_parts` returns."""
        fingerprint, version = self._complete(spec, upload_id, etags, checksums)
        put_object_tags(self.client, spec, version)
        return fingerprint, version

    def _complete(
        self, spec: ObjectSpec, upload_id: str, etags: list[str], checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        condition = spec.condition or self.server_probe.completion_headers(spec.expect, spec.key)
        if not condition:
            self.object_head.check_precondition(spec.key, spec.expect)
        headers = {"Content-Type": "application/xml", **condition, **checksums.complete_headers()}
        request = Request(
            "POST",
            spec.full_key,
            (("uploadId", upload_id),),
            headers,
            BytesBody(_completion_xml(etags, checksums)),
            key=spec.key,
        )
        try:
            response = self.client.send(request)
        except Transient:
            # Only the response may be lost. If the object exists, it need not be uploaded again.
            expected = expected_etag(etags)
            found = self.object_head.head(spec.key) if expected else None
            if found is None or found.fingerprint != expected:
                raise
            return found.fingerprint, found.version
        code = error_code(response.body)
        if code:
            # S3 may report an error in the body of a response with status 200.
            raise from_code(code, "", 500, provider=self.client.provider, key=spec.key, action="writing")
        return parse_etag(response.body) or None, parse_version_id(response.headers.get("x-amz-version-id"))


def _growing_part_sizes(size: int) -> Iterator[int]:
    for number in count():
        yield size * (1 + number // 1000)


def _completion_xml(etags: list[str], checksums: PartChecksums) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{html.escape(etag)}&quot;</ETag>"
        f"{checksums.element(number)}</Part>"
        for number, etag in enumerate(etags, 1)
    )
    return (
        f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{parts}</CompleteMultipartUpload>'
    ).encode()


def expected_etag(etags: list[str]) -> str | None:
    """Return the ETag that S3 computes from those of the parts; `None` if they are not MD5s."""
    if not all(map(is_md5, etags)):
        return None
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"
