"""The bytes of files: small ones in memory, others on disk."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

_CHUNK: Final = 1 << 18
_IN_MEMORY: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one file. They never change: an upload makes a new one, and what is cached keeps the old one."""

    size: int
    sha256: str
    """Upper-case hex."""
    held: bytes | Path

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end`."""
        end = self.size if end is None else end
        if isinstance(self.held, bytes):
            yield self.held[start:end]
            return
        with self.held.open("rb") as file:
            file.seek(start)
            while start < end and (chunk := file.read(min(_CHUNK, end - start))):
                start += len(chunk)
                yield chunk


def content_of(body: bytes) -> Content:
    """Return content that is here already."""
    return Content(len(body), hashlib.sha256(body).hexdigest().upper(), body)


class Arriving:
    """Content that is being uploaded. As a context manager it forgets what was not finished."""

    def __init__(self, directory: Path) -> None:
        """Put what does not fit into memory below `directory`."""
        self._directory = directory
        self._hash = hashlib.sha256()
        self._size = 0
        self._memory = bytearray()
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(chunk)
        self._size += len(chunk)
        self._memory += chunk
        if len(self._memory) > _IN_MEMORY:
            self._write()

    def finish(self) -> Content:
        """Return the content; all of it has come."""
        digest = self._hash.hexdigest().upper()
        if self._file is None or self._path is None:
            return Content(self._size, digest, bytes(self._memory))
        self._write()
        self._file.close()
        content = Content(self._size, digest, self._path)
        self._path = None
        return content

    def _write(self) -> None:
        if self._file is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._path = self._directory / uuid.uuid4().hex
            self._file = self._path.open("wb")
        self._file.write(self._memory)
        self._memory.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink()
