"""Hashing: digests of files, of their parts, and of streams."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO, Protocol

from buckia_core.localfs.files import was_written
from buckia_core.planning.digest import Digest, Digests

if TYPE_CHECKING:
    from buckia_core.adapters.contract.resume import PartLayout

_CHUNK_SIZE = 1 << 20

# Metadata of objects names algorithms. Some of `algorithms_available` fail, and SHAKE needs a length.
_ALGORITHMS = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake_"))
# The constructors by name look the name up in OpenSSL each time.
_COMMON = {"sha256": hashlib.sha256, "md5": hashlib.md5, "sha1": hashlib.sha1}
_PARTS = re.compile(r"md5-parts-([1-9][0-9]{0,18})\??")


class Hash(Protocol):
    """A running hash, as in `hashlib`."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""


class MultipartMd5:
    """Computes the multipart ETag of S3: the MD5 of the MD5s of all parts, and the number of parts."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._part = hashlib.md5(usedforsecurity=False)
        self._digests = b""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""
        view = memoryview(data)
        while view:
            if not self._left:
                self._digests += self._part.digest()
                self._part, self._left = hashlib.md5(usedforsecurity=False), self._size
            chunk = view[: self._left]
            self._part.update(chunk)
            self._left -= len(chunk)
            view = view[len(chunk) :]

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""
        digests = self._digests + self._part.digest()
        return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(digests) // 16}"


class FileChanged(Exception):
    """A local file changed while it was read."""


def supported_algorithms(algorithms: Iterable[str]) -> tuple[str, ...]:
    """Return the algorithms that can be computed, without duplicates."""
    return tuple(
        dict.fromkeys(
            name for name in algorithms if name.removesuffix("?") in _ALGORITHMS or _PARTS.fullmatch(name) is not None
        )
    )


def new_hash(algorithm: str, data: bytes = b"") -> Hash:
    """Create a hash of a supported algorithm, and update it with `data`."""
    if (create := _COMMON.get(algorithm)) is not None:
        return create(data, usedforsecurity=False)
    parts = _PARTS.fullmatch(algorithm)
    if parts is None:
        return hashlib.new(algorithm.removesuffix("?"), data, usedforsecurity=False)
    running = MultipartMd5(int(parts[1]))
    running.update(data)
    return running


def hash_bytes(data: bytes, algorithms: Iterable[str]) -> Digests:
    """Return digests of bytes."""
    return tuple([Digest(name, new_hash(name, data).hexdigest()) for name in algorithms])


def hash_stream(stream: BinaryIO | io.RawIOBase, algorithms: Iterable[str]) -> tuple[Digests, int]:
    """Read a stream to its end; return its digests and its size in bytes."""
    hashes = [(name, new_hash(name)) for name in algorithms]
    size = 0
    while chunk := stream.read(_CHUNK_SIZE):
        size += len(chunk)
        for _, running in hashes:
            running.update(chunk)
    return tuple(Digest(name, running.hexdigest()) for name, running in hashes), size


def hash_file(path: str, algorithms: Iterable[str]) -> tuple[Digests, os.stat_result]:
    """Return digests of the file at a path that the user gave; see `hash_open_file`.

    Raises:
        FileChanged: The file changed while it was read.
        OSError: The file can't be read.
    """
    # Unbuffered, because the chunks are larger than a buffer.
    with open(path, "rb", buffering=0) as file:
        return hash_open_file(file, algorithms)


def hash_open_file(file: io.FileIO, algorithms: Iterable[str]) -> tuple[Digests, os.stat_result]:
    """Return digests of a newly opened file, and its `stat` result, which is the same before and after the read.

    Raises:
        FileChanged: The file changed while it was read.
        OSError: The file can't be read.
    """
    before = os.fstat(file.fileno())
    digests, size = hash_stream(file, algorithms)
    return digests, _stat_unchanged(file, before, size)


def _stat_unchanged(file: io.FileIO, before: os.stat_result, size: int) -> os.stat_result:
    after = os.fstat(file.fileno())
    if size != after.st_size or was_written(before, after):
        raise FileChanged
    return after


def hash_in_parts(
    file: io.FileIO, algorithm: str, parts: PartLayout
) -> tuple[Digests, tuple[str, ...], os.stat_result]:
    """Return digests of a newly opened file, the digest of each part, and the `stat` result, with one read.

    Raises:
        FileChanged: The file changed while it was read.
        OSError: The file can't be read.
    """
    hashes = {name: new_hash(name) for name in (algorithm, *parts.extra_algorithms)}
    size = 0
    digests = []
    # `hashlib` releases the GIL, so the hashes run in parallel.
    with ThreadPoolExecutor(len(hashes), thread_name_prefix="buckia-hash") as others:
        before = os.fstat(file.fileno())
        while True:
            part, length = hashlib.new(parts.algorithm, usedforsecurity=False), 0
            for chunk in _read_chunks(file, parts.part_size):
                running = [others.submit(each.update, chunk) for each in hashes.values()]
                part.update(chunk)
                length += len(chunk)
                for each in running:
                    each.result()
            if not length:
                break
            digests.append(part.hexdigest())
            size += length
    after = _stat_unchanged(file, before, size)
    return tuple(Digest(name, each.hexdigest()) for name, each in hashes.items()), tuple(digests), after


def _read_chunks(file: io.FileIO, size: int) -> Iterator[bytes]:
    while size and (chunk := file.read(min(size, _CHUNK_SIZE))):
        size -= len(chunk)
        yield chunk
