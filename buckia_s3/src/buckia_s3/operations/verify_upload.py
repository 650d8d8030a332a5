"""Whether the bytes of an upload arrived, by what the server tells of them.

the server                                                   what is compared
------------------------------------------------------------------------------------------------------
refuses other content than its signed SHA-256                nothing: it did
tells a checksum of the kind that was sent                   the checksum
tells an ETag that is known to be the MD5 of content         the MD5
tells an ETag that looks like an MD5                         the MD5; if it differs, the object is read
tells another ETag, or encrypts so that it is no MD5         nothing can be
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from buckia_core.errors import IntegrityError
from buckia_s3.http.body import AnyBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.etags import etag_from_fingerprint, hides_content, is_md5
from buckia_s3.operations.conditional_writes import ConditionalWriteSupport

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadVerifier:
    """Compares what was sent to one bucket with what the server tells.

    Attributes:
        client: The bucket.
        conditions: Knows whether the server compares by itself.
        etag_is_md5: Whether an ETag that looks like an MD5 is one, as the settings say.
    """

    client: S3Client
    conditions: ConditionalWriteSupport
    etag_is_md5: bool

    def check_part(self, headers: Mapping[str, str], etag: str, body: AnyBody, key: str) -> None:
        """Compare a part with its ETag; only where ETags are known to be MD5s, as parts can't be read.

        Raises:
            IntegrityError: Something else arrived.
        """
        if (
            self._can_compare_md5(headers, etag)
            and self.conditions.etags_are_md5
            and _md5_hex(body.iter_chunks()) != etag
        ):
            raise self.corrupted(key)

    def is_intact(
        self, headers: Mapping[str, str], etag: str, body: AnyBody, sent: Mapping[str, str], key: str, full_key: str
    ) -> bool:
        """Tell whether an object that was written in one request has the bytes that were sent.

        Args:
            headers: Those of the answer, names in lower case.
            etag: What they tell, without quotes.
            body: What was sent.
            sent: The headers it was sent with.
            key: Its key, for errors.
            full_key: The same with the prefix.

        Raises:
            AdapterError: The object had to be read, and can't be.
        """
        for name, value in sent.items():
            if name.startswith("x-amz-checksum-") and headers.get(name, value) != value:
                return False
        if not self._can_compare_md5(headers, etag) or _md5_hex(body.iter_chunks()) == etag:
            return True
        if self.conditions.etags_are_md5:
            return False
        condition = {"If-Match": etag_from_fingerprint(etag) or ""}
        digest = hashlib.sha256()
        with self.client.open(Request("GET", full_key, (), condition, key=key)) as response:
            try:
                for block in self.client.iter_body(response, key, body.size):
                    digest.update(block)
            except IntegrityError:
                return False
        if digest.hexdigest() != body.sha256():
            return False
        host = self.client.resolver.endpoint.authority
        log.warning("%s tells ETags that look like MD5s and are none: set `etag_is_md5: false`", host)
        self.conditions.etags_are_md5 = False
        return True

    def corrupted(self, key: str) -> IntegrityError:
        """Return the error for bytes that arrived as others."""
        words = f"{key!r}: writing: other bytes arrived at {self.client.resolver.endpoint.authority} than were sent"
        return IntegrityError(words, provider=self.client.provider, key=key)

    def _can_compare_md5(self, headers: Mapping[str, str], etag: str) -> bool:
        known = self.conditions.compares_content or self.conditions.etags_are_md5 is False
        return not known and self.etag_is_md5 and is_md5(etag) and not hides_content(headers)


def _md5_hex(blocks: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
