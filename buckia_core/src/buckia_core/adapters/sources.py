"""Reading what an upload is made of, and checking it against the digests that came with it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.base import Source
from buckia_core.errors import IntegrityError
from buckia_core.planning.digest import Digests

CHUNK = 1 << 20
"""Bytes that are read at once."""


@contextmanager
def reading(source: Source) -> Iterator[BinaryIO]:
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


def chunks(reader: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    """Yield the rest of a reader in pieces of at most `size` bytes, none of them empty."""
    while chunk := reader.read(size):
        yield chunk


class DigestCheck:
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

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield pieces as they come, and take in each."""
        for piece in pieces:
            self.update(piece)
            yield piece

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
