"""Digests of local files and of open streams."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import BinaryIO

from buckia_core.planning.digest import Digest, Digests

_BLOCK = 1 << 20


def computable(algorithms: Iterable[str]) -> tuple[str, ...]:
    """Return those of the algorithms that can be computed here, each once."""
    return tuple(dict.fromkeys(name for name in algorithms if name in hashlib.algorithms_available))


def hash_bytes(data: bytes, algorithms: Iterable[str]) -> Digests:
    """Return the digests of some bytes."""
    return tuple(Digest(name, hashlib.new(name, data, usedforsecurity=False).hexdigest()) for name in algorithms)


def hash_stream(stream: BinaryIO, algorithms: Iterable[str]) -> tuple[Digests, int]:
    """Read a stream to its end; return its digests and its size in bytes."""
    hashes = [(name, hashlib.new(name, usedforsecurity=False)) for name in algorithms]
    size = 0
    while block := stream.read(_BLOCK):
        size += len(block)
        for _, running in hashes:
            running.update(block)
    return tuple(Digest(name, running.hexdigest()) for name, running in hashes), size


def hash_file(path: str, algorithms: Iterable[str]) -> tuple[Digests, os.stat_result]:
    """Return the digests of a file, and the state that it was in before and after it was read.

    Raises:
        FileChanged: It was written to meanwhile.
        OSError: It can't be read.
    """
    # Bounded reads of our own instead of buffered ones: blocks are larger than any buffer.
    with open(path, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        digests, size = hash_stream(file, algorithms)
        after = os.fstat(file.fileno())
    if size != after.st_size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise FileChanged(path)
    return digests, after


class FileChanged(Exception):
    """A local file was written to while it was read."""
