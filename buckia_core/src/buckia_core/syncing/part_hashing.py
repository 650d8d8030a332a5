"""One reading of a file for two ends: the digests of the whole, and one of each part that it is sent in."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from buckia_core.adapters.resuming import Parts
from buckia_core.planning.digest import Digest, Digests
from buckia_core.syncing.hashing import FileChanged, new_hash

_BLOCK = 1 << 20


def hash_in_parts(file: io.FileIO, algorithm: str, parts: Parts) -> tuple[Digests, tuple[str, ...], os.stat_result]:
    """Return a file's digest, the digests of its parts, and the state that it was in before and after it was read.

    The file was just opened.

    Raises:
        FileChanged: It was written to meanwhile.
        OSError: It can't be read.
    """
    whole = new_hash(algorithm)
    size = 0
    digests = []
    # Both digests are made outside of Python's lock, so that two processors take as long as one does for one of them.
    with ThreadPoolExecutor(1, thread_name_prefix="buckia-hash") as other:
        before = os.fstat(file.fileno())
        while True:
            part, length = hashlib.new(parts.algorithm, usedforsecurity=False), 0
            for block in _blocks(file, parts.size):
                running = other.submit(whole.update, block)
                part.update(block)
                length += len(block)
                running.result()
            if not length:
                break
            digests.append(part.hexdigest())
            size += length
        after = os.fstat(file.fileno())
    if size != after.st_size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise FileChanged
    return (Digest(algorithm, whole.hexdigest()),), tuple(digests), after


def _blocks(file: io.FileIO, size: int) -> Iterator[bytes]:
    while size and (block := file.read(min(size, _BLOCK))):
        size -= len(block)
        yield block
