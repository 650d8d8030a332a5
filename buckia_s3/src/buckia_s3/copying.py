"""Copies on the server: one request up to 5 GiB, parts beyond that."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from buckia_core.adapters.objects import Precondition, UploadInfo
from buckia_core.errors import NotFound, Transient
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.client import Client, Request
from buckia_s3.conditions import Conditions
from buckia_s3.errors import code_of, from_code
from buckia_s3.looking import Looker
from buckia_s3.multipart import Multipart, Part, part_size_for
from buckia_s3.objects import etag_of, fingerprint_of, metadata_of
from buckia_s3.parallel import THREADS
from buckia_s3.settings import MAX_PART, MIB, S3Settings
from buckia_s3.target import Target

_PART = 512 * MIB
_ETAG = re.compile(rb"<ETag>([^<]*)</ETag>")


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies within one bucket."""

    settings: S3Settings
    client: Client
    looker: Looker
    conditions: Conditions
    multipart: Multipart

    def copy(self, source: RemoteObject, key: str, expect: Precondition | None) -> RemoteObject:
        """See `ServerCopy.copy_file`."""
        whole = self.looker.whole(key)
        # Not every server honours conditions on the source, and a large copy needs its metadata.
        found = self.looker.look(source.key)
        if found.fingerprint != source.fingerprint:
            raise self.looker.not_as_expected(source.key)
        self.looker.check(key, expect)
        if source.key == key:
            return found
        if source.size > MAX_PART:
            return self._in_parts(found, key, whole, expect)
        headers = self._source(source) | self.conditions.completion_headers(expect, key)
        if self.settings.storage_class:
            headers["x-amz-storage-class"] = self.settings.storage_class
        answer = self.client.send(Request("PUT", whole, (), headers, about=source.key, doing="copying"))
        etag = self._etag(answer.body, source.key)
        return found._replace(key=key, fingerprint=fingerprint_of(etag, found.size, 0), modified_ns=0, version=None)

    def _source(self, source: RemoteObject) -> dict[str, str]:
        name = quote(f"{self.settings.bucket_name}/{self.looker.whole(source.key)}", safe="/-_.~")
        headers = {"x-amz-copy-source": name}
        etag = etag_of(source.fingerprint)
        return headers if etag is None else headers | {"x-amz-copy-source-if-match": etag}

    def _etag(self, body: bytes, key: str) -> str:
        """Return the ETag of a copy. A server may find out that it can't copy only after it began to answer."""
        code = code_of(body)
        if code:
            raise from_code(code, "", 500, provider=self.client.provider, key=key, doing="copying")
        etag = _ETAG.search(body)
        if etag is None:
            raise Transient(f"{key!r}: copying: the server did not finish its answer", provider=self.client.provider)
        return html.unescape(etag[1].decode())

    def _in_parts(self, found: RemoteObject, key: str, whole: str, expect: Precondition | None) -> RemoteObject:
        info = UploadInfo(found.mtime_ns, found.digests, found.content_type, found.metadata or {})
        info = replace(info, digests=tuple(digest for digest in info.digests if digest.value != found.fingerprint))
        metadata = metadata_of(info, provider=self.client.provider, key=key)
        kind = found.content_type or "application/octet-stream"
        target = Target(key, whole, kind, metadata, self.settings.storage_class, expect, info)
        size = part_size_for(found.size, _PART)

        def parts() -> Iterator[Part]:
            for start in range(0, found.size, size):
                yield partial(self._send, found, target, start, min(start + size, found.size))

        fingerprint, version = self.multipart.assemble(parts(), THREADS, target)
        return self.multipart.seen(target.written(found.size, fingerprint or "", version, ()))

    def _send(self, source: RemoteObject, target: Target, start: int, end: int, upload_id: str, number: int) -> str:
        headers = self._source(source) | {"x-amz-copy-source-range": f"bytes={start}-{end - 1}"}
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        request = Request("PUT", target.whole, query, headers, about=source.key, doing="copying")
        try:
            answer = self.client.send(request)
        except NotFound as error:
            if error.key is None:
                raise
            raise self.looker.not_as_expected(source.key) from error
        return fingerprint_of(self._etag(answer.body, source.key), end - start, 0)
