"""Checksums of a multipart upload: one for each part, and for CRCs one of the full object."""

from __future__ import annotations

from buckia_s3.http.body import AnyBody
from buckia_s3.objects.checksums import ChecksumAlgorithm, checksum, content_md5_header, encode_checksum, new_checksum


class PartChecksums:
    """PartChecksums: checksum headers of the requests of one upload; none without `algorithm` and `md5`."""

    def __init__(self, algorithm: ChecksumAlgorithm | None, *, md5: bool = False) -> None:
        self._algorithm = algorithm
        self._md5 = md5
        self._parts: dict[int, str] = {}
        self._full_object = new_checksum(algorithm) if algorithm is not None and algorithm.covers_full_object else None

    def create_headers(self) -> dict[str, str]:
        """Return the headers of CreateMultipartUpload."""
        if self._algorithm is None:
            return {}
        return {"x-amz-checksum-algorithm": self._algorithm.value, "x-amz-checksum-type": self._type}

    def update(self, data: bytes | memoryview) -> None:
        """Update the checksum of the full object. Call it for all content, in order."""
        if self._full_object is not None:
            self._full_object.update(data)

    def part_headers(self, number: int, body: AnyBody) -> dict[str, str]:
        """Return the headers of a part, and keep its checksum for the completion. Thread-safe."""
        headers = content_md5_header(body.iter_chunks()) if self._md5 else {}
        if self._algorithm is None:
            return headers
        self._parts[number] = checksum(self._algorithm, body.iter_chunks())
        return headers | {self._algorithm.header: self._parts[number]}

    def element(self, number: int) -> str:
        """Return the XML element with the checksum of a part, for CompleteMultipartUpload."""
        if self._algorithm is None:
            return ""
        return f"<{self._algorithm.element}>{self._parts[number]}</{self._algorithm.element}>"

    def complete_headers(self) -> dict[str, str]:
        """Return the headers of CompleteMultipartUpload."""
        if self._algorithm is None or self._full_object is None:
            return {}
        return {self._algorithm.header: encode_checksum(self._full_object), "x-amz-checksum-type": self._type}

    @property
    def _type(self) -> str:
        return "COMPOSITE" if self._full_object is None else "FULL_OBJECT"
