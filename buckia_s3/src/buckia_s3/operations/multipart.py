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
from buckia_s3.objects.metadata import version_of
from buckia_s3.operations.conditional_writes import ConditionalWriteSupport
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.object_spec import ObjectSpec
from buckia_s3.operations.part_checksums import PartChecksums
from buckia_s3.operations.tagging import put_object_tags
from buckia_s3.operations.verify_upload import ArrivalCheck

_MIB = 1 << 20
_AHEAD_BYTES = 128 * _MIB
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_ETAG = re.compile(rb"<ETag>([^<]*)</ETag>")

Part = Callable[[str, int], str]
"""Sends one part, given the upload's id and the part's number; returns its ETag without quotes."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """Uploads in parts to one bucket. Parts that were sent are thrown away on the server if anything fails."""

    client: S3Client
    looker: ObjectHead
    conditions: ConditionalWriteSupport
    pieces: PartPool
    arrival: ArrivalCheck

    def upload(self, reader: BinaryIO, size: int | None, part_size: int, target: ObjectSpec) -> RemoteObject:
        """Upload what a reader has left.

        Args:
            reader: The bytes.
            size: How many there are; `None` if nobody knows. Parts then grow with their number.
            part_size: Bytes of a part at least.
            target: What they are to become.
        """
        self.looker.check(target.key, target.expect)
        check = DigestVerifier(target.info.digests)
        sizes = _growing(part_size) if size is None else repeat(part_size_for(size, part_size))
        sent = _Count()
        checksums = PartChecksums(target.checksum, md5=target.content_md5)

        def parts() -> Iterator[Part]:
            for number, data in enumerate(split_parts(reader, sizes)):
                if number == MAX_PARTS:
                    words = f"it is larger than {MAX_PARTS} parts can be; set a larger part_size"
                    raise NotSupported(f"{target.key!r}: {words}", provider=self.client.provider, key=target.key)
                check.update(data)
                checksums.take(data)
                sent.bytes += len(data)
                yield partial(self._send, target, BytesBody(data), checksums)
            check.verify(provider=self.client.provider, key=target.key)

        ahead = max(1, _AHEAD_BYTES // part_size_for(size or 0, part_size))
        fingerprint, version = self.assemble(parts(), ahead, target, checksums)
        return self.seen(target.written(sent.bytes, fingerprint or "", version, ()))

    def seen(self, written: RemoteObject) -> RemoteObject:
        """Return an object that was put together as listings tell it: its ETag, some servers tell only now."""
        found = self.looker.head(written.key)
        if found.fingerprint == written.fingerprint:
            return found._replace(digests=merge(written.digests, found.digests))
        told = merge(found.digests, found.claimed)
        ours = found.size == written.size and compare(told, written.digests) is not Comparison.DIFFERENT
        return found if ours or not written.fingerprint else written

    def assemble(
        self, parts: Iterable[Part], ahead: int, target: ObjectSpec, checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        """Send the parts and put them together; return the object's fingerprint and version, as far as they are told.

        Raises:
            PreconditionFailed: The object is not as the target expects it. Nothing was written.
        """
        upload_id = self.begin(target, checksums)
        try:
            numbered = (partial(part, upload_id, number) for number, part in enumerate(parts, 1))
            etags = list(self.pieces.run(numbered, ahead=ahead))
            return self.complete(target, upload_id, etags, checksums)
        except BaseException:
            with suppress(AdapterError):
                self.abort(target.key, upload_id)
            raise

    def begin(self, target: ObjectSpec, checksums: PartChecksums) -> str:
        """Begin an upload and return its id."""
        headers = target.headers() | checksums.beginning()
        answer = self.client.send(Request("POST", target.whole, (("uploads", ""),), headers, about=target.key))
        found = _UPLOAD_ID.search(answer.body)
        if found is None:
            words = f"{target.key!r}: writing: the server began no upload"
            raise Transient(words, provider=self.client.provider, key=target.key)
        return html.unescape(found[1].decode("utf-8", "replace"))

    def abort(self, key: str, upload_id: str) -> None:
        """Throw away the parts of an upload."""
        self.client.send(Request("DELETE", self.looker.whole(key), (("uploadId", upload_id),), about=key))

    def _send(self, target: ObjectSpec, body: BytesBody, checksums: PartChecksums, upload_id: str, number: int) -> str:
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        headers = checksums.of_part(number, body)
        answer = self.client.send(Request("PUT", target.whole, query, headers, body, about=target.key))
        etag = self.part_etag(answer.headers.get("ETag"), target.key)
        self.arrival.check_part(answer.headers, etag, body, target.key)
        return etag

    def part_etag(self, told: str | None, key: str) -> str:
        """Return the ETag of a part, without its quotes, of which the object is put together.

        Raises:
            Transient: The server told none.
        """
        etag = unquoted(told)
        if not etag:
            words = f"{key!r}: writing: the server did not tell the ETag of a part"
            raise Transient(words, provider=self.client.provider, key=key)
        return etag

    def complete(
        self, target: ObjectSpec, upload_id: str, etags: list[str], checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        """Put the parts together; return what `assemble` does."""
        fingerprint, version = self._completed(target, upload_id, etags, checksums)
        put_object_tags(self.client, target, version)
        return fingerprint, version

    def _completed(
        self, target: ObjectSpec, upload_id: str, etags: list[str], checksums: PartChecksums
    ) -> tuple[str | None, str | None]:
        condition = target.condition or self.conditions.completion_headers(target.expect, target.key)
        if not condition:
            self.looker.check(target.key, target.expect)
        headers = {"Content-Type": "application/xml", **condition, **checksums.ending()}
        request = Request(
            "POST",
            target.whole,
            (("uploadId", upload_id),),
            headers,
            BytesBody(_completion(etags, checksums)),
            about=target.key,
        )
        try:
            answer = self.client.send(request)
        except Transient:
            # The answer was lost, perhaps not the object: it is too large to be sent again for nothing.
            landed = expected_etag(etags)
            found = self.looker.head(target.key) if landed else None
            if found is None or found.fingerprint != landed:
                raise
            return found.fingerprint, found.version
        code = error_code(answer.body)
        if code:
            # The server may find out that it can't only after it has begun to answer with success.
            raise from_code(code, "", 500, provider=self.client.provider, key=target.key, doing="writing")
        etag = _ETAG.search(answer.body)
        told = unquoted(html.unescape(etag[1].decode("utf-8", "replace"))) if etag else ""
        return told or None, version_of(answer.headers.get("x-amz-version-id"))


@dataclass(slots=True)
class _Count:
    bytes: int = 0


def _growing(size: int) -> Iterator[int]:
    for number in count():
        yield size * (1 + number // 1000)


def _completion(etags: list[str], checksums: PartChecksums) -> bytes:
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
