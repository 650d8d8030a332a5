"""Sources of uploads: open them, read them in chunks or parts, and verify their digests."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.contract.base import Source
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.errors import IntegrityError
from buckia_core.planning.digest import Digests

READ_CHUNK = 1 << 20
"""Bytes per `read` of a source."""

SEND_CHUNK = 1 << 18
"""Bytes per write to a socket; small enough to show progress."""

MAX_PARTS = 10_000
"""The most parts that one multipart upload can have, at all providers that have them."""

_MIB = 1 << 20


@contextmanager
def open_source(source: Source) -> Iterator[BinaryIO]:
    """Open a source for reading. Closes a path at the end; leaves a reader open.

    Raises:
        OSError: The path can't be opened.
    """
    if isinstance(source, Path):
        with source.open("rb") as reader:
            yield reader
    elif isinstance(source, bytes):
        yield io.BytesIO(source)
    else:
        yield source


def iter_chunks(reader: BinaryIO, size: int = READ_CHUNK) -> Iterator[bytes]:
    """Yield the rest of a reader in non-empty chunks of at most `size` bytes."""
    while chunk := reader.read(size):
        yield chunk


def iter_file_range(path: Path, start: int, size: int) -> Iterator[bytes]:
    """Yield `size` bytes of a file from the offset `start`, in chunks of `SEND_CHUNK`.

    Raises:
        OSError: The file can't be read.
        IntegrityError: The file has been truncated. Not `retryable`: it must be scanned again first.
    """
    left = size
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while left:
            chunk = file.read(min(left, SEND_CHUNK))
            if not chunk:
                raise IntegrityError(f"{str(path)!r} became shorter while it was sent", retryable=False)
            left -= len(chunk)
            yield chunk


def read_exactly(reader: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes of a reader; fewer only at its end."""
    chunks, left = [], size
    while left and (chunk := reader.read(left)):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def part_size_for(size: int, minimum: int) -> int:
    """Return a part size for `size` bytes: `minimum`, or the whole MiB above it that needs no more than `MAX_PARTS`."""
    needed = -(-size // MAX_PARTS)
    return minimum if needed <= minimum else -(-needed // _MIB) * _MIB


def split_parts(reader: BinaryIO, sizes: Iterable[int]) -> Iterator[bytes]:
    """Yield the rest of a reader in parts of the given sizes; the last part may be shorter.

    Yields at least one part, which may be empty. Does not read past the sum of the sizes.
    """
    sent = False
    for size in sizes:
        buffer = io.BytesIO()
        while buffer.tell() < size and (more := reader.read(min(READ_CHUNK, size - buffer.tell()))):
            buffer.write(more)
        if not buffer.tell() and sent:
            return
        yield buffer.getvalue()
        sent = True
        if buffer.tell() < size:
            return


def verify_bytes(data: bytes, info: UploadInfo, *, provider: str, key: str) -> None:
    """Compare a source in memory with the digests of its upload, unless the caller computed them from it.

    Raises:
        IntegrityError: As `DigestVerifier.verify`.
    """
    if info.digests_computed:
        return
    check = DigestVerifier(info.digests)
    check.update(data)
    check.verify(provider=provider, key=key)


class PrependedReader(io.RawIOBase, BinaryIO):
    """A reader that returns bytes read earlier, and then the rest of another reader."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head = io.BytesIO(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return self._head.read() + self._rest.read()
        return self._head.read(size) or self._rest.read(size)


class DigestVerifier:
    """Hashes a stream, and compares the result with the expected digests.

    Ignores digests whose algorithm `hashlib` does not know.
    """

    def __init__(self, digests: Digests) -> None:
        known = [digest for digest in digests if digest.algorithm in hashlib.algorithms_available]
        self._hashes = [(digest, hashlib.new(digest.algorithm, usedforsecurity=False)) for digest in known]

    def update(self, chunk: bytes | memoryview) -> None:
        """Hash the next bytes."""
        for _, digester in self._hashes:
            digester.update(chunk)

    def hash_stream(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Hash and yield each chunk; call `verify` afterwards."""
        for chunk in chunks:
            self.update(chunk)
            yield chunk

    def verify_stream(self, chunks: Iterable[bytes], *, provider: str, key: str) -> Iterator[bytes]:
        """Hash and yield each chunk; yield the last one only if the digests match.

        A server discards a request whose body is incomplete, so corrupt bytes are never stored.

        Raises:
            IntegrityError: As `verify`.
        """
        last = b""
        for chunk in chunks:
            if last:
                yield last
            self.update(chunk)
            last = chunk
        self.verify(provider=provider, key=key)
        yield last

    def verify(self, *, provider: str, key: str) -> None:
        """Compare the digests, after the last bytes.

        Raises:
            IntegrityError: A digest differs. Not `retryable`: a source that changed during the upload must be scanned
                again first.
        """
        for expected, digester in self._hashes:
            if digester.hexdigest() != expected.value:
                raise IntegrityError(
                    f"{key!r}: the bytes that arrived have another {expected.algorithm} than those that were sent",
                    provider=provider,
                    key=key,
                    retryable=False,
                )
