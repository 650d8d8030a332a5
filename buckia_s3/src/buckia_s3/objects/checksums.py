"""Checksums that S3 verifies and stores with an object.

    algorithm               module      checksum of a multipart object
    ----------------------------------------------------------------------------------------
    CRC32                   zlib        of the full object
    CRC32C, CRC64NVME       awscrt      of the full object
    SHA1, SHA256            hashlib     of the checksums of its parts; downloads can't verify it

The package `awscrt`, of the extra `crt`, provides the algorithms that Python lacks.
"""

from __future__ import annotations

import hashlib
import importlib
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol, Self, TypeVar

from buckia_core.errors import IntegrityError

B = TypeVar("B", bound="bytes | memoryview")

_PREFIX = "x-amz-checksum-"


class ChecksumAlgorithm(StrEnum):
    """Checksum algorithm, as S3 names it."""

    CRC32 = "CRC32"
    CRC32C = "CRC32C"
    CRC64NVME = "CRC64NVME"
    SHA1 = "SHA1"
    SHA256 = "SHA256"

    @property
    def header(self) -> str:
        """Name of the header with the checksum."""
        return f"{_PREFIX}{self.value.lower()}"

    @property
    def element(self) -> str:
        """Name of the XML element with the checksum."""
        return f"Checksum{self.value}"

    @property
    def covers_full_object(self) -> bool:
        """Whether a multipart object has a checksum of its full content."""
        return self.value.startswith("CRC")


class ChecksumState(Protocol):
    """Running checksum, with the interface of `hashlib`."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add data."""

    def digest(self) -> bytes:
        """Return the checksum."""


class _Crc:
    def __init__(self, step: Callable[[bytes | memoryview, int], int], size: int) -> None:
        self._step = step
        self._size = size
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def parse_algorithm(value: object) -> ChecksumAlgorithm:
    """Parse the name of an algorithm, in any case.

    Raises:
        ValueError: The name is unknown, or the algorithm needs a package that is not installed.
    """
    try:
        algorithm = ChecksumAlgorithm(str(value).upper())
    except ValueError:
        raise ValueError(f"one of {', '.join(ChecksumAlgorithm)}") from None
    try:
        new_checksum(algorithm)
    except ImportError:
        others = "CRC32, SHA1 or SHA256"
        raise ValueError(f"{others}: {algorithm} needs awscrt: pip install 'buckia-s3[crt]'") from None
    return algorithm


def new_checksum(algorithm: ChecksumAlgorithm) -> ChecksumState:
    """Return a new running checksum.

    Raises:
        ImportError: The algorithm needs `awscrt`, which is not installed.
    """
    match algorithm:
        case ChecksumAlgorithm.SHA1:
            return hashlib.sha1(usedforsecurity=False)
        case ChecksumAlgorithm.SHA256:
            return hashlib.sha256()
        case ChecksumAlgorithm.CRC32:
            return _Crc(zlib.crc32, 4)
    checksums: Any = importlib.import_module("awscrt.checksums")

    if algorithm is ChecksumAlgorithm.CRC32C:
        return _Crc(checksums.crc32c, 4)
    return _Crc(checksums.crc64nvme, 8)


def checksum(algorithm: ChecksumAlgorithm, chunks: Iterable[bytes | memoryview]) -> str:
    """Return the checksum of all chunks, in base64."""
    state = new_checksum(algorithm)
    for chunk in chunks:
        state.update(chunk)
    return encode_checksum(state)


def encode_checksum(state: ChecksumState) -> str:
    """Encode a checksum in base64, as in headers."""
    return b64encode(state.digest()).decode()


class ChecksumCheck:
    """Compares the bytes of a full object with the checksum that the server reports."""

    def __init__(self, algorithm: ChecksumAlgorithm, reported: str, *, provider: str, key: str) -> None:
        self._algorithm = algorithm
        self._reported = reported
        self._provider = provider
        self._key = key
        self._state = new_checksum(algorithm)

    @classmethod
    def of_response(
        cls, headers: Mapping[str, str], algorithm: ChecksumAlgorithm, *, provider: str, key: str
    ) -> Self | None:
        """Return the check of a response; `None` if its headers have no checksum of the full object."""
        reported = full_object_checksum(headers, algorithm)
        return None if reported is None else cls(algorithm, reported, provider=provider, key=key)

    def update(self, data: bytes | memoryview) -> None:
        """Add bytes."""
        self._state.update(data)

    def verify(self) -> None:
        """Compare the checksums, after the last bytes.

        Raises:
            IntegrityError: They differ.
        """
        if encode_checksum(self._state) != self._reported:
            message = f"{self._key!r}: what came has another {self._algorithm} than the object"
            raise IntegrityError(message, provider=self._provider, key=self._key)


def verify_chunks(
    chunks: Iterable[B], headers: Mapping[str, str], algorithm: ChecksumAlgorithm, *, provider: str, key: str
) -> Iterator[B]:
    """Yield the chunks of a full object; withhold the last one until the checksum in `headers` is verified.

    Verifies nothing if `headers` has no checksum of the full object.

    Raises:
        IntegrityError: The checksum differs.
    """
    check = ChecksumCheck.of_response(headers, algorithm, provider=provider, key=key)
    if check is None:
        yield from chunks
        return
    held: B | None = None
    for chunk in chunks:
        if held is not None:
            yield held
        check.update(chunk)
        held = chunk
    check.verify()
    if held is not None:
        yield held


def full_object_checksum(headers: Mapping[str, str], algorithm: ChecksumAlgorithm) -> str | None:
    """Return the checksum of the full object from response headers; `None` if there is none."""
    reported = headers.get(algorithm.header)
    # A checksum of checksums ends in `-` and the number of parts.
    if reported is None or "-" in reported or headers.get(f"{_PREFIX}type", "FULL_OBJECT") == "COMPOSITE":
        return None
    return reported


def content_md5_header(chunks: Iterable[bytes | memoryview]) -> dict[str, str]:
    """Return the header `Content-MD5`; AWS requires it for bodies in XML, and for uploads with object lock headers."""
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return {"Content-MD5": encode_checksum(digest)}
