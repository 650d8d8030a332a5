"""Request bodies: bytes, or a byte range of a file that is read while it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from buckia_core.adapters.transfers.sources import SEND_CHUNK, DigestVerifier, iter_file_range
from buckia_core.planning.digest import Digests


@dataclass(frozen=True, slots=True)
class BytesBody:
    """BytesBody: bytes in memory. `known_sha256` is their hex SHA-256 if it has been computed already."""

    data: bytes | memoryview = field(default=b"", repr=False)
    known_sha256: str | None = None

    @property
    def size(self) -> int:
        """Bytes that will be sent."""
        return len(self.data)

    def sha256(self) -> str:
        """Return the hex SHA-256 of the body."""
        return self.known_sha256 or hashlib.sha256(self.data).hexdigest()

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield the body in chunks small enough to show progress."""
        view = memoryview(self.data)
        for start in range(0, len(view), SEND_CHUNK):
            yield view[start : start + SEND_CHUNK]


class FileRangeBody(NamedTuple):
    """FileRangeBody: a byte range of a file, `size` bytes from `start`."""

    path: Path
    start: int
    size: int

    def sha256(self) -> str:
        """Return the hex SHA-256 of the body.

        Raises:
            OSError: The file can't be read.
            IntegrityError: The file has become shorter.
        """
        return self.digest("sha256")

    def digest(self, algorithm: str) -> str:
        """Return a hex digest of the body. Raises the same errors as `sha256`."""
        digest = hashlib.new(algorithm, usedforsecurity=False)
        for chunk in self.iter_chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def iter_chunks(self) -> Iterator[bytes]:
        """Yield the body in chunks. Raises the same errors as `sha256`."""
        return iter_file_range(self.path, self.start, self.size)


class PrehashedBody(NamedTuple):
    """PrehashedBody: a body whose SHA-256 is known. The server has to verify it."""

    body: FileRangeBody
    known_sha256: str

    @property
    def size(self) -> int:
        """Bytes that will be sent."""
        return self.body.size

    def sha256(self) -> str:
        """Return the known hex SHA-256."""
        return self.known_sha256

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield the body in chunks. Raises the same errors as the wrapped body."""
        return self.body.iter_chunks()


class VerifyingBody:
    """VerifyingBody: withholds the last chunk of a body until its digests are verified. See `DigestVerifier`."""

    def __init__(self, body: FileRangeBody, digests: Digests, *, provider: str, key: str) -> None:
        self._body = body
        self._digests = digests
        self._provider = provider
        self._key = key

    @property
    def size(self) -> int:
        """Bytes that will be sent."""
        return self._body.size

    def sha256(self) -> str:
        """Return the given hex SHA-256, or compute it."""
        given = [digest.value for digest in self._digests if digest.algorithm == "sha256"]
        return given[0] if given else self._body.sha256()

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield the body in chunks. Raises `IntegrityError` before the last one if a digest differs."""
        check = DigestVerifier(self._digests)
        return check.verify_stream(self._body.iter_chunks(), provider=self._provider, key=self._key)


class ProgressBody:
    """ProgressBody: reports the size of each chunk of a body before it is sent."""

    def __init__(self, body: VerifyingBody | PrehashedBody, on_bytes_sent: Callable[[int], object]) -> None:
        self._body = body
        self._on_bytes_sent = on_bytes_sent

    @property
    def size(self) -> int:
        """Bytes that will be sent."""
        return self._body.size

    def sha256(self) -> str:
        """Return the hex SHA-256 of the body."""
        return self._body.sha256()

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield the body in chunks. Raises the same errors as the wrapped body."""
        for chunk in self._body.iter_chunks():
            self._on_bytes_sent(len(chunk))
            yield chunk


AnyBody = BytesBody | FileRangeBody | PrehashedBody | VerifyingBody | ProgressBody
