"""One reading of a file for two ends: the digests of the whole, and one of each part that it is sent in."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from buckia_core.adapters.contract.resume import PartLayout
from buckia_core.planning.digest import Digest, Digests
from buckia_core.syncing.transfer.hashing import FileChanged, new_hash

_BLOCK = 1 << 20


def hash_in_parts(
    file: io.FileIO, algorithm: str, parts: PartLayout
) -> tuple[Digests, tuple[str, ...], os.stat_result]:
    """Return a file's digests, those of its parts, and the state that it was in before and after it was read.

    The file was just opened.

    Raises:
        FileChanged: It was written to meanwhile.
        OSError: It can't be read.
    """
    whole = {name: new_hash(name) for name in (algorithm, *parts.extra_algorithms)}
    size = 0
    digests = []
    # Digests are made outside of Python's lock, so that two processors take as long for two as one does for one.
    with ThreadPoolExecutor(len(whole), thread_name_prefix="buckia-hash") as others:
        before = os.fstat(file.fileno())
        while True:
            part, length = hashlib.new(parts.algorithm, usedforsecurity=False), 0
            for block in _blocks(file, parts.part_size):
                running = [others.submit(each.update, block) for each in whole.values()]
                part.update(block)
                length += len(block)
                for each in running:
                    each.result()
            if not length:
                break
            digests.append(part.hexdigest())
            size += length
        after = os.fstat(file.fileno())
    if size != after.st_size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise FileChanged
    return tuple(Digest(name, each.hexdigest()) for name, each in whole.items()), tuple(digests), after


def _blocks(file: io.FileIO, size: int) -> Iterator[bytes]:
    while size and (block := file.read(min(size, _BLOCK))):
        size -= len(block)
        yield block
