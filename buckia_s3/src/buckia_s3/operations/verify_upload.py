"""Verification of uploads: compares the content that was sent with what the server reports.

server                                                       comparison
------------------------------------------------------------------------------------------------------
verifies the signed SHA-256 itself                           none needed
returns a checksum of the kind that was sent                 the checksum
returns an ETag that is known to be the MD5                  the MD5
returns an ETag that looks like an MD5                       the MD5; if it differs, the object is downloaded
returns another ETag, or encrypts with SSE-KMS or SSE-C      none possible
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import IntegrityError
from buckia_s3.http.body import AnyBody, BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.checksums import content_md5_header
from buckia_s3.objects.etags import etag_from_fingerprint, etag_is_not_md5, is_md5
from buckia_s3.operations.server_probe import ServerProbe

log = redacted_logger(__name__)


@dataclass(frozen=True, slots=True)
class UploadVerifier:
    """UploadVerifier: checks that content arrived unchanged.

    Attributes:
        client: The bucket.
        server_probe: Knows whether the server verifies content itself.
        etag_is_md5: Whether an ETag that looks like an MD5 is one, by the settings.
    """

    client: S3Client
    server_probe: ServerProbe
    etag_is_md5: bool

    def check_part(self, headers: Mapping[str, str], etag: str, body: AnyBody, key: str) -> None:
        """Compare a part with its ETag, if ETags are known to be MD5s: parts can't be downloaded.

        Raises:
            IntegrityError: The part was corrupted in transit.
        """
        if self._can_compare_md5(headers, etag) and self.server_probe.etags_are_md5 and not _is_md5_of(etag, body):
            raise self.corrupted(key)

    async def is_intact(
        self, headers: Mapping[str, str], etag: str, body: AnyBody, sent: Mapping[str, str], key: str, full_key: str
    ) -> bool:
        """Tell whether an object that was written in one request has the content that was sent.

        Args:
            headers: Response headers, names in lower case.
            etag: Unquoted ETag of the response.
            body: Request body.
            sent: Request headers with checksums of the body.
            key: Key for errors.
            full_key: Key with prefix.

        Raises:
            AdapterError: The object had to be downloaded, and that failed.
        """
        for name, value in sent.items():
            if name.startswith("x-amz-checksum-") and headers.get(name, value) != value:
                return False
        if not self._can_compare_md5(headers, etag) or _is_md5_of(etag, body):
            return True
        if self.server_probe.etags_are_md5:
            return False
        condition = {"If-Match": etag_from_fingerprint(etag) or ""}
        digest = hashlib.sha256()
        count = 0
        async with self.client.open(Request("GET", full_key, (), condition, key=key)) as response:
            while count <= body.size and (chunk := await self.client.read_chunk(response, key)):
                digest.update(chunk)
                count += len(chunk)
        if digest.hexdigest() != body.sha256():
            return False
        log.warning("%s returns ETags that look like MD5s but are not: set `etag_is_md5: false`", self.client.host)
        self.server_probe.etags_are_md5 = False
        return True

    def corrupted(self, key: str) -> IntegrityError:
        """Return the error for content that was corrupted in transit."""
        message = f"{key!r}: writing: other bytes arrived at {self.client.host} than were sent"
        return IntegrityError(message, provider=self.client.provider, key=key)

    def _can_compare_md5(self, headers: Mapping[str, str], etag: str) -> bool:
        known = self.server_probe.compares_content or self.server_probe.etags_are_md5 is False
        return not known and self.etag_is_md5 and is_md5(etag) and not etag_is_not_md5(headers)


def _is_md5_of(etag: str, body: AnyBody) -> bool:
    if isinstance(body, BytesBody):
        return hashlib.md5(body.data, usedforsecurity=False).hexdigest() == etag.lower()
    return content_md5_header(body.iter_chunks())["Content-MD5"] == b64encode(bytes.fromhex(etag)).decode()
