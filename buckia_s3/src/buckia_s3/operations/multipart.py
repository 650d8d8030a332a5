"""Uploads in parts: several parts at once, whole or not at all."""

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
from buckia_s3.objects.etags import is_md5, unquoted
from buckia_s3.objects.metadata import parse_version_id
from buckia_s3.operations.conditional_writes import ConditionalWriteSupport
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.object_spec import ObjectSpec
from buckia_s3.operations.part_checksums import PartChecksums
from buckia_s3.operations.tagging import put_object_tags
from buckia_s3.operations.verify_upload import UploadVerifier

_MIB = 1 << 20
_MAX_BUFFERED = 128 * _MIB
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_ETAG = re.compile(rb"<ETag>([^<]*)</ETag>")

SendPart = Callable[[str, int], str]
"""Sends one part, given the upload's id and the part's number; returns its ETag without quotes."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """Uploads in parts to one bucket. Parts that were sent are thrown away on the server if anything fails."""

    client: S3Client
    object_head: ObjectHead
    conditions: ConditionalWriteSupport
    part_pool: PartPool
    verifier: UploadVerifier

    def upload(self, reader: BinaryIO, size: int | None, part_size: int, target: ObjectSpec) -> RemoteObject:
        """Upload what a reader has left.

        Args:
            reader: The bytes.
            size: How many there are; `None` if nobody knows. Parts then grow with their number.
            part_size: Bytes of a part at least.
            target: What they are to become.
        """
        self.object_head.check_precondition(target.key, target.expect)
        check = DigestVerifier(target.info.digests)
        sizes = _growing_part_sizes(part_size) if size is None else repeat(part_size_for(size, part_size))
        sent = _Count()
        checksums = PartChecksums(target.checksum, md5=target.content_md5)

        def parts() -> Iterator[SendPart]:
            for number, data in enumerate(split_parts(reader, sizes)):
                if number == MAX_PARTS:
                    words = f"it is larger than {MAX_PARTS} parts can be; set a larger part_size"
                    raise NotSupported(f"{target.key!r}: {words}", provider=self.client.provider, key=target.key)
                check.update(data)
                checksums.update(data)
                sent.bytes += len(data)
                yield partial(self._send_part, target, BytesBody(data), checksums)
            check.verify(provider=self.client.provider, key=target.key)

        ahead = max(1, _MAX_BUFFERED // part_size_for(size or 0, part_size))
        fingerprint, version = self.upload_parts(parts(), ahead, target, checksums)
        return self.head_after_complete(target.remote_object(sent.bytes, fingerprint or "", version, ()))

    def head_after_complete(self, written: RemoteObject) -> RemoteObject:
        """Return an object that was put together as listings tell it: its ETag, some servers tell only now."""
        found = self.object_head.head(written.key)
        if found.fingerprint == written.fingerprint:
            return found._replace(digests=merge(written.digests, found.digests))
        told = merge(found.digests, found.claimed)
        ours = found.size == written.size and compare(told, written.digests) is not Comparison.DIFFERENT
        return found if ours or not written.fingerprint else written

    def upload_parts(
        self, parts: Iterable[SendPart], ahead: int, target: ObjectSpec, checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        """Send the parts and put them together; return the object's fingerprint and version, as far as they are told.

        Raises:
            PreconditionFailed: The object is not as the target expects it. Nothing was written.
        """
        upload_id = self.create(target, checksums)
        try:
            numbered = (partial(part, upload_id, number) for number, part in enumerate(parts, 1))
            etags = list(self.part_pool.run(numbered, ahead=ahead))
            return self.complete(target, upload_id, etags, checksums)
        except BaseException:
            with suppress(AdapterError):
                self.abort(target.key, upload_id)
            raise

    def create(self, target: ObjectSpec, checksums: PartChecksums) -> str:
        """Begin an upload and return its id."""
        headers = target.headers() | checksums.create_headers()
        answer = self.client.send(Request("POST", target.full_key, (("uploads", ""),), headers, key=target.key))
        found = _UPLOAD_ID.search(answer.body)
        if found is None:
            words = f"{target.key!r}: writing: the server began no upload"
            raise Transient(words, provider=self.client.provider, key=target.key)
        return html.unescape(found[1].decode("utf-8", "replace"))

    def abort(self, key: str, upload_id: str) -> None:
        """Throw away the parts of an upload."""
        self.client.send(Request("DELETE", self.object_head.full_key(key), (("uploadId", upload_id),), key=key))

    def _send_part(
        self, target: ObjectSpec, body: BytesBody, checksums: PartChecksums, upload_id: str, number: int
    ) -> str:
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        headers = checksums.part_headers(number, body)
        answer = self.client.send(Request("PUT", target.full_key, query, headers, body, key=target.key))
        etag = self.part_etag(answer.headers.get("ETag"), target.key)
        self.verifier.check_part(answer.headers, etag, body, target.key)
        return etag

    def part_etag(self, etag: str | None, key: str) -> str:
        """Return the ETag of a part, without its quotes, of which the object is put together.

        Raises:
            Transient: The server told none.
        """
        etag = unquoted(etag)
        if not etag:
            words = f"{key!r}: writing: the server did not tell the ETag of a part"
            raise Transient(words, provider=self.client.provider, key=key)
        return etag

    def complete(
        self, target: ObjectSpec, upload_id: str, etags: list[str], checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        """Put the parts together; return what `assemble` does."""
        fingerprint, version = self._complete(target, upload_id, etags, checksums)
        put_object_tags(self.client, target, version)
        return fingerprint, version

    def _complete(
        self, target: ObjectSpec, upload_id: str, etags: list[str], checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        condition = target.condition or self.conditions.completion_headers(target.expect, target.key)
        if not condition:
            self.object_head.check_precondition(target.key, target.expect)
        headers = {"Content-Type": "application/xml", **condition, **checksums.complete_headers()}
        request = Request(
            "POST",
            target.full_key,
            (("uploadId", upload_id),),
            headers,
            BytesBody(_completion_xml(etags, checksums)),
            key=target.key,
        )
        try:
            answer = self.client.send(request)
        except Transient:
            # The answer was lost, perhaps not the object: it is too large to be sent again for nothing.
            landed = expected_etag(etags)
            found = self.object_head.head(target.key) if landed else None
            if found is None or found.fingerprint != landed:
                raise
            return found.fingerprint, found.version
        code = error_code(answer.body)
        if code:
            # The server may find out that it can't only after it has begun to answer with success.
            raise from_code(code, "", 500, provider=self.client.provider, key=target.key, action="writing")
        etag = _ETAG.search(answer.body)
        told = unquoted(html.unescape(etag[1].decode("utf-8", "replace"))) if etag else ""
        return told or None, parse_version_id(answer.headers.get("x-amz-version-id"))


@dataclass(slots=True)
class _Count:
    bytes: int = 0


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
    """Return the ETag that S3 makes of those of the parts; `None` where they are no MD5s."""
    if not all(map(is_md5, etags)):
        return None
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"
