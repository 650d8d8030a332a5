"""The parts that a server already has of an upload that is not finished."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from buckia_core.errors import AdapterError, Transient
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.etags import unquoted

_PART = re.compile(rb"<Part>(.*?)</Part>", re.DOTALL)
_NUMBER = re.compile(rb"<PartNumber>\s*(\d{1,5})\s*</PartNumber>")
_ETAG = re.compile(rb"<ETag>([^<]*)</ETag>")
_SIZE = re.compile(rb"<Size>\s*(\d{1,19})\s*</Size>")
_NEXT = re.compile(rb"<NextPartNumberMarker>\s*(\d{1,5})\s*</NextPartNumberMarker>")
_TRUNCATED = re.compile(rb"<IsTruncated>\s*true\s*</IsTruncated>")
# moto calls it a response.
_END = re.compile(rb"</ListParts(Result|Response)>")

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part: its ETag without quotes, and its bytes."""

    etag: str
    size: int


def is_no_such_upload(error: AdapterError) -> bool:
    """Tell whether an error says that the server knows no such upload: it was finished, aborted, or has expired."""
    return error.status == _NOT_FOUND and error.key is not None


def list_parts(client: S3Client, full_key: str, key: str, upload_id: str) -> dict[int, UploadedPart] | None:
    """Return the parts of an upload by number; `None` if there is no such upload.

    Raises:
        AdapterError: They can't be listed.
    """
    found: dict[int, UploadedPart] = {}
    marker = 0
    while True:
        query = (("part-number-marker", str(marker)), ("uploadId", upload_id)) if marker else (("uploadId", upload_id),)
        try:
            body = client.send(Request("GET", full_key, query, key=key, action="listing parts")).body
        except AdapterError as error:
            if is_no_such_upload(error):
                return None
            raise
        if not _END.search(body):
            words = f"{key!r}: listing parts: the server did not finish its answer"
            raise Transient(words, provider=client.provider, key=key)
        found.update(map(_parse_part, _PART.findall(body)))
        after = _NEXT.search(body)
        if not _TRUNCATED.search(body) or after is None or int(after[1]) <= marker:
            return found
        marker = int(after[1])


def _parse_part(element: bytes) -> tuple[int, UploadedPart]:
    number, etag, size = _NUMBER.search(element), _ETAG.search(element), _SIZE.search(element)
    told = html.unescape(etag[1].decode("utf-8", "replace")) if etag else ""
    return int(number[1]) if number else 0, UploadedPart(unquoted(told), int(size[1]) if size else -1)
