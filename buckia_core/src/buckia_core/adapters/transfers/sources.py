"""Reading what an upload is made of, and checking it against the digests that came with it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.contract.base import Source
from buckia_core.errors import IntegrityError
from buckia_core.planning.digest import Digests

READ_CHUNK = 1 << 20
"""Bytes that are read at once."""

SEND_CHUNK = 1 << 18
"""Bytes that are handed to the network at once."""

MAX_PARTS = 10_000
"""The most parts that one multipart upload can have, at all providers that have them."""

_MIB = 1 << 20


@contextmanager
def open_source(source: Source) -> Iterator[BinaryIO]:
    """Open a source for reading. A path is closed at the end; a reader is handed on as it is and stays open.

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
    """Yield the rest of a reader in pieces of at most `size` bytes, none of them empty."""
    while chunk := reader.read(size):
        yield chunk


def iter_file_range(path: Path, start: int, size: int) -> Iterator[bytes]:
    """Yield the `size` bytes of a file from `start`, in blocks small enough to see progress in.

    Raises:
        OSError: The file can't be read.
        IntegrityError: It is shorter than it was. It is not `retryable`: it has to be looked at again first.
    """
    left = size
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while left:
            block = file.read(min(left, SEND_CHUNK))
            if not block:
                raise IntegrityError(f"{str(path)!r} became shorter while it was sent", retryable=False)
            left -= len(block)
            yield block


def read_exactly(reader: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes of a reader; fewer only where it ends before."""
    pieces, left = [], size
    while left and (piece := reader.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def part_size_for(size: int, minimum: int) -> int:
    """Return a part size for `size` bytes: `minimum`, or the whole MiB above it that needs no more than `MAX_PARTS`."""
    needed = -(-size // MAX_PARTS)
    return minimum if needed <= minimum else -(-needed // _MIB) * _MIB


def split_parts(reader: BinaryIO, sizes: Iterable[int]) -> Iterator[bytes]:
    """Yield the rest of a reader in pieces of the sizes given, the last one of fewer bytes.

    There is at least one, which may be empty. A reader that has more than all sizes together keeps that.
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


class PrependedReader(io.RawIOBase, BinaryIO):
    """A reader whose first bytes have been read already: they come once more, and then the rest."""

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
    """Digests bytes as they pass, and compares with what they should come to.

    Algorithms that `hashlib` does not know can't be checked and are passed over.
    """

    def __init__(self, digests: Digests) -> None:
        known = [digest for digest in digests if digest.algorithm in hashlib.algorithms_available]
        self._hashes = [(digest, hashlib.new(digest.algorithm, usedforsecurity=False)) for digest in known]

    def update(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes."""
        for _, digester in self._hashes:
            digester.update(chunk)

    def hash_stream(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield pieces as they come, and take in each."""
        for piece in pieces:
            self.update(piece)
            yield piece

    def verify_stream(self, pieces: Iterable[bytes], *, provider: str, key: str) -> Iterator[bytes]:
        """Yield pieces as they come, the last one only if all of them are what the digests say.

        A request that lacks its last bytes is one that a server forgets: nothing else than what was meant is stored.

        Raises:
            IntegrityError: As `verify`.
        """
        held = b""
        for piece in pieces:
            if held:
                yield held
            self.update(piece)
            held = piece
        self.verify(provider=provider, key=key)
        yield held

    def verify(self, *, provider: str, key: str) -> None:
        """Compare, after the last bytes.

        Raises:
            IntegrityError: They are other bytes than the digests say. It is not `retryable`: a source that has
                changed under the upload has to be looked at again first.
        """
        for expected, digester in self._hashes:
            if digester.hexdigest() != expected.value:
                raise IntegrityError(
                    f"{key!r}: the bytes that arrived have another {expected.algorithm} than those that were sent",
                    provider=provider,
                    key=key,
                    retryable=False,
                )
