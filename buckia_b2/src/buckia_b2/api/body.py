"""Upload bodies: bytes in memory, or a byte range of a file that is read while it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from buckia_b2.errors import PROVIDER
from buckia_core.adapters.transfers.sources import DigestVerifier, iter_file_range
from buckia_core.planning.digest import Digest, Digests

SHA1_AT_END = "hex_digits_at_end"
"""Header value that announces the SHA-1 at the end of the body."""


class BytesBody:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.sha1 = self.digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()

    @property
    def sent_size(self) -> int:
        """Bytes on the wire."""
        return self.size

    def content(self) -> bytes:
        """Return what is sent."""
        return self.data


class FileRangeBody:
    """Byte range of a file: `size` bytes from `start`, read again for each attempt.

    A known SHA-1 goes into the header and the server verifies it. Otherwise it is computed while sending and appended.
    The last chunk is withheld until the digests are verified, so that the server never stores other bytes.

    Attributes:
        digest: SHA-1 of the bytes; empty until it is computed.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        size: int,
        *,
        key: str,
        sha1: str | None = None,
        digests: Digests = (),
        on_bytes_sent: Callable[[int], object] | None = None,
    ) -> None:
        self.size = size
        self.sha1 = sha1 or SHA1_AT_END
        self.digest = sha1 or ""
        self._path = path
        self._start = start
        self._digests = (Digest("sha1", sha1),) if sha1 else digests
        self._key = key
        self._on_bytes_sent = on_bytes_sent

    @property
    def sent_size(self) -> int:
        """Bytes on the wire."""
        return self.size + (40 if self.sha1 == SHA1_AT_END else 0)

    def content(self) -> FileRangeBody:
        """Return what is sent, in chunks."""
        return self

    def __len__(self) -> int:
        return self.sent_size

    def __iter__(self) -> Iterator[bytes]:
        check, sha1 = DigestVerifier(self._digests), hashlib.sha1(usedforsecurity=False)

        chunks = iter_file_range(self._path, self._start, self.size)
        for chunk in check.verify_stream(chunks, provider=PROVIDER, key=self._key):
            if self._on_bytes_sent is not None:
                self._on_bytes_sent(len(chunk))
            if self.sha1 == SHA1_AT_END:
                sha1.update(chunk)
            yield chunk
        if self.sha1 == SHA1_AT_END:
            self.digest = sha1.hexdigest()
            yield self.digest.encode()


Body = BytesBody | FileRangeBody
