"""What requests send: bytes, or a stretch of a file that is read when it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from buckia_core.adapters.transfers.sources import SEND_CHUNK, DigestVerifier, iter_file_range
from buckia_core.planning.digest import Digests


@dataclass(frozen=True, slots=True)
class BytesBody:
    """Bytes in memory. `known` is their SHA-256, hexadecimal, if somebody has computed it already."""

    data: bytes | memoryview = field(default=b"", repr=False)
    known_sha256: str | None = None

    @property
    def size(self) -> int:
        """Bytes that will be sent."""
        return len(self.data)

    def sha256(self) -> str:
        """Return the hex digest of what will be sent."""
        return self.known_sha256 or hashlib.sha256(self.data).hexdigest()

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield what is to be sent, from its start, in pieces small enough to see progress in."""
        view = memoryview(self.data)
        for start in range(0, len(view), SEND_CHUNK):
            yield view[start : start + SEND_CHUNK]


@dataclass(frozen=True, slots=True)
class FileRangeBody:
    """A stretch of a file: `size` bytes from `start`."""

    path: Path
    start: int
    size: int

    def sha256(self) -> str:
        """Return the hex digest of what will be sent.

        Raises:
            OSError: The file can't be read.
            IntegrityError: It is shorter than it was.
        """
        return self.digest("sha256")

    def digest(self, algorithm: str) -> str:
        """Return a hex digest of what will be sent. Raises as `sha256` does."""
        digest = hashlib.new(algorithm, usedforsecurity=False)
        for block in self.iter_chunks():
            digest.update(block)
        return digest.hexdigest()

    def iter_chunks(self) -> Iterator[bytes]:
        """Yield what is to be sent, from its start. Raises as `sha256` does."""
        return iter_file_range(self.path, self.start, self.size)


@dataclass(frozen=True, slots=True)
class PrehashedBody:
    """Another body, whose SHA-256 is known. It is for the server to find out that it is something else."""

    body: FileRangeBody
    known_sha256: str

    @property
    def size(self) -> int:
        """Bytes that will be sent."""
        return self.body.size

    def sha256(self) -> str:
        """Return the hex digest of what should be sent."""
        return self.known_sha256

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield what is to be sent. Raises as the other body does."""
        return self.body.iter_chunks()


class VerifyingBody:
    """Another body, whose last bytes are sent only if all of them are what their digests say.

    See `DigestVerifier.verify_stream`.
    """

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
        """Return the hex digest of what will be sent: the one that was given, or else computed."""
        given = [digest.value for digest in self._digests if digest.algorithm == "sha256"]
        return given[0] if given else self._body.sha256()

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield what is to be sent. Raises `IntegrityError` before the last piece if it is something else."""
        check = DigestVerifier(self._digests)
        return check.verify_stream(self._body.iter_chunks(), provider=self._provider, key=self._key)


class ProgressBody:
    """Another body, which tells how many bytes it is about to send."""

    def __init__(self, body: VerifyingBody | PrehashedBody, on_bytes_sent: Callable[[int], object]) -> None:
        self._body = body
        self._on_bytes_sent = on_bytes_sent

    @property
    def size(self) -> int:
        """Bytes that will be sent."""
        return self._body.size

    def sha256(self) -> str:
        """Return the hex digest of what will be sent."""
        return self._body.sha256()

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield what is to be sent. Raises as the other body does."""
        for block in self._body.iter_chunks():
            self._on_bytes_sent(len(block))
            yield block


AnyBody = BytesBody | FileRangeBody | PrehashedBody | VerifyingBody | ProgressBody
