"""What uploads send: bytes, or a stretch of a file that is read when it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from buckia_b2.errors import PROVIDER
from buckia_core.adapters.transfers.sources import DigestVerifier, iter_file_range
from buckia_core.errors import IntegrityError
from buckia_core.planning.digest import Digest, Digests

AT_END = "hex_digits_at_end"
"""What stands for the SHA-1 that follows the bytes."""


class BytesBody:
    """Bytes in memory."""

    failure: Exception | None = None

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.sha1 = self.digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()

    @property
    def sent_size(self) -> int:
        """Bytes that are sent."""
        return self.size

    def as_sent(self) -> bytes:
        """Return what is handed to the network."""
        return self.data


class FileRangeBody:
    """A stretch of a file: `size` bytes from `start`. It is read anew each time that it is sent.

    With the SHA-1 told beforehand, that goes in front and the server compares. Else it is made as the bytes pass, and
    goes after them. The last bytes are sent only if all are what the digests say, so that nothing else is ever stored.

    Attributes:
        failure: What was wrong with the file when it was last sent; the network hides it.
        digest: The SHA-1 of its bytes; empty until it is known.
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
        passing: Callable[[int], object] | None = None,
    ) -> None:
        self.size = size
        self.sha1 = sha1 or AT_END
        self.digest = sha1 or ""
        self.failure: Exception | None = None
        self._path = path
        self._start = start
        self._told = (Digest("sha1", sha1),) if sha1 else digests
        self._key = key
        self._passing = passing

    @property
    def sent_size(self) -> int:
        """Bytes that are sent."""
        return self.size + (40 if self.sha1 == AT_END else 0)

    def as_sent(self) -> FileRangeBody:
        """Return what is handed to the network."""
        return self

    def __len__(self) -> int:
        return self.sent_size

    def __iter__(self) -> Iterator[bytes]:
        self.failure = None
        try:
            yield from self._blocks()
        except (OSError, IntegrityError) as error:
            self.failure = error
            raise

    def _blocks(self) -> Iterator[bytes]:
        check, sha1 = DigestVerifier(self._told), hashlib.sha1(usedforsecurity=False)

        blocks = iter_file_range(self._path, self._start, self.size)
        for block in check.verify_stream(blocks, provider=PROVIDER, key=self._key):
            if self._passing is not None:
                self._passing(len(block))
            if self.sha1 == AT_END:
                sha1.update(block)
            yield block
        if self.sha1 == AT_END:
            self.digest = sha1.hexdigest()
            yield self.digest.encode()


Body = BytesBody | FileRangeBody
