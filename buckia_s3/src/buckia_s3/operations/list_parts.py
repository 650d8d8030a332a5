"""ListParts: the uploaded parts of a multipart upload."""

from __future__ import annotations

import re
from dataclasses import dataclass

from buckia_core.errors import AdapterError, Transient
from buckia_s3.http.client import Request, S3Client
from buckia_s3.xml.reader import parse_etag

_PART = re.compile(rb"<Part>(.*?)</Part>", re.DOTALL)
_NUMBER = re.compile(rb"<PartNumber>\s*(\d{1,5})\s*</PartNumber>")
_SIZE = re.compile(rb"<Size>\s*(\d{1,19})\s*</Size>")
_NEXT = re.compile(rb"<NextPartNumberMarker>\s*(\d{1,5})\s*</NextPartNumberMarker>")
_TRUNCATED = re.compile(rb"<IsTruncated>\s*true\s*</IsTruncated>")
# moto calls the element `ListPartsResponse`.
_END = re.compile(rb"</ListParts(Result|Response)>")

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """UploadedPart: unquoted ETag, and size in bytes."""

    etag: str
    size: int


def is_no_such_upload(error: AdapterError) -> bool:
    """Tell whether an error means that the upload does not exist: it was completed, aborted, or has expired."""
    return error.status == _NOT_FOUND and error.key is not None


def list_parts(client: S3Client, full_key: str, key: str, upload_id: str) -> dict[int, UploadedPart] | None:
    """Return the parts of an upload by number; `None` if there is no such upload.

    Raises:
        AdapterError: The parts can't be listed.
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
            message = f"{key!r}: listing parts: the server's response is incomplete"
            raise Transient(message, provider=client.provider, key=key)
        found.update(map(_parse_part, _PART.findall(body)))
        after = _NEXT.search(body)
        if not _TRUNCATED.search(body) or after is None or int(after[1]) <= marker:
            return found
        marker = int(after[1])


def _parse_part(element: bytes) -> tuple[int, UploadedPart]:
    number, size = _NUMBER.search(element), _SIZE.search(element)
    part = UploadedPart(parse_etag(element) or "", int(size[1]) if size else -1)
    return int(number[1]) if number else 0, part
