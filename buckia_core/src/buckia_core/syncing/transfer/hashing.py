"""Digests of local files and of open streams."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable
from typing import BinaryIO, Protocol

from buckia_core.planning.digest import Digest, Digests

_BLOCK = 1 << 20

# Objects name algorithms in their metadata. Some that Python calls available fail, and those of SHAKE want a length.
_ALGORITHMS = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake_"))
_PARTS = re.compile(r"md5-parts-([1-9][0-9]{0,18})\??")


class Hash(Protocol):
    """A digest in the making, as `hashlib` has them."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""


class PartsMd5:
    """The MD5 of the MD5s of all parts of a size, and their number: what S3 tells of an upload in parts."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._part = hashlib.md5(usedforsecurity=False)
        self._digests = b""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        view = memoryview(data)
        while view:
            if not self._left:
                self._digests += self._part.digest()
                self._part, self._left = hashlib.md5(usedforsecurity=False), self._size
            block = view[: self._left]
            self._part.update(block)
            self._left -= len(block)
            view = view[len(block) :]

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""
        digests = self._digests + self._part.digest()
        return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(digests) // 16}"


def supported_algorithms(algorithms: Iterable[str]) -> tuple[str, ...]:
    """Return those of the algorithms that can be computed here, each once."""
    return tuple(
        dict.fromkeys(
            name for name in algorithms if name.removesuffix("?") in _ALGORITHMS or _PARTS.fullmatch(name) is not None
        )
    )


def new_hash(algorithm: str, data: bytes = b"") -> Hash:
    """Begin a digest of an algorithm that is `supported_algorithms`, with the first bytes."""
    parts = _PARTS.fullmatch(algorithm)
    if parts is None:
        return hashlib.new(algorithm.removesuffix("?"), data, usedforsecurity=False)
    running = PartsMd5(int(parts[1]))
    running.update(data)
    return running


def hash_bytes(data: bytes, algorithms: Iterable[str]) -> Digests:
    """Return the digests of some bytes."""
    return tuple(Digest(name, new_hash(name, data).hexdigest()) for name in algorithms)


def hash_stream(stream: BinaryIO | io.RawIOBase, algorithms: Iterable[str]) -> tuple[Digests, int]:
    """Read a stream to its end; return its digests and its size in bytes."""
    hashes = [(name, new_hash(name)) for name in algorithms]
    size = 0
    while block := stream.read(_BLOCK):
        size += len(block)
        for _, running in hashes:
            running.update(block)
    return tuple(Digest(name, running.hexdigest()) for name, running in hashes), size


def hash_file(path: str, algorithms: Iterable[str]) -> tuple[Digests, os.stat_result]:
    """Return the digests of the file at a path that a person gave; see `hash_open_file`.

    Raises:
        FileChanged: It was written to meanwhile.
        OSError: It can't be read.
    """
    # Bounded reads of our own instead of buffered ones: blocks are larger than any buffer.
    with open(path, "rb", buffering=0) as file:
        return hash_open_file(file, algorithms)


def hash_open_file(file: io.FileIO, algorithms: Iterable[str]) -> tuple[Digests, os.stat_result]:
    """Return the digests of a file that was just opened, and the state that it was in before and after it was read.

    Raises:
        FileChanged: It was written to meanwhile.
        OSError: It can't be read.
    """
    before = os.fstat(file.fileno())
    digests, size = hash_stream(file, algorithms)
    after = os.fstat(file.fileno())
    if size != after.st_size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise FileChanged
    return digests, after


class FileChanged(Exception):
    """A local file was written to while it was read."""
