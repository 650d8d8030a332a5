"""Data of resumable transfers: checkpoint, part layout, multipart source, partial download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.readers import write_all
from buckia_core.errors import IntegrityError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject

_CHUNK = 1 << 20
_PROGRESS_STEP = 16 << 20


def _ignore(_: bytes | memoryview) -> None:
    pass


class Checkpoint(Protocol):
    """A text stored for one transfer, across attempts and, where possible, runs. Thread-safe."""

    def read(self) -> str | None:
        """Return the text; `None` if there is none."""

    def write(self, text: str) -> None:
        """Replace the text. It contains no secret."""

    def clear(self) -> None:
        """Remove the text."""


@dataclass(frozen=True, slots=True)
class PartLayout:
    """How to split a file into parts.

    Attributes:
        part_size: Bytes of each part but the last, which may be shorter.
        algorithm: Digest algorithm for each part, by its `hashlib` name.
        extra_algorithms: Digests of the full file that the adapter needs in `UploadInfo.digests`, besides those that
            are there anyway.
    """

    part_size: int
    algorithm: str
    extra_algorithms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MultipartSource:
    """A file to upload in parts.

    Attributes:
        path: The file.
        size: Its size in bytes.
        layout: How to split it.
        digests: Hexadecimal digest of each part, from the same reading as the digests of the full file.
        checkpoint: The checkpoint of this upload.
        on_bytes_sent: Called from any thread with a number of bytes just before they are sent; may sleep.
    """

    path: Path
    size: int
    layout: PartLayout
    digests: Sequence[str]
    checkpoint: Checkpoint
    on_bytes_sent: Callable[[int], object]

    def part_range(self, number: int) -> tuple[int, int]:
        """Return the offset and the size of a part; `number` counts from 1."""
        start = (number - 1) * self.layout.part_size
        return start, min(self.layout.part_size, self.size - start)


@dataclass(frozen=True, slots=True)
class PartialDownload:
    """A file whose first bytes have been downloaded.

    Attributes:
        target: The file; it has the first `start` bytes.
        start: Offset at which to resume.
        on_progress: Called with the number of bytes that the file has without a gap, counted from its start.
        on_content: May be called with the next bytes of that prefix, in order and without a gap, after they have been
            written, so that they need not be read from the file again. It does not keep them.
    """

    target: Path
    start: int
    on_progress: Callable[[int], object]
    on_content: Callable[[bytes | memoryview], object] = _ignore


def resume_by_open(adapter: BaseSync, key: str, download: PartialDownload, expect: RemoteObject) -> RemoteObject:
    """Implement `ResumableDownload.resume_download` with one `open_file`.

    Raises:
        AdapterError, OSError: As `ResumableDownload.resume_download`.
    """
    size = reported = download.start
    with (
        adapter.open_file(key, expect=expect, start=size) as reader,
        download.target.open("r+b", buffering=0) as file,
    ):
        file.seek(size)
        # One byte more than expected is asked for, to notice an object that is longer.
        while size <= expect.size and (chunk := reader.read(min(_CHUNK, expect.size - size + 1))):
            size += len(chunk)
            if size > expect.size:
                break
            write_all(file, chunk)
            download.on_content(chunk)
            if size - reported >= _PROGRESS_STEP or size == expect.size:
                download.on_progress(size)
                reported = size
    if size != expect.size:
        problem = f"it ended after {size} bytes" if size < expect.size else "more bytes came"
        raise IntegrityError(
            f"{key!r}: {problem} where there should be {expect.size}", provider=adapter.provider, key=key
        )
    if expect.metadata is not None:
        return expect
    # An object from a listing has no metadata.
    found = adapter.stat_file(key)
    if found.fingerprint != expect.fingerprint:
        raise PreconditionFailed(f"{key!r}: it changed while it was downloaded", provider=adapter.provider, key=key)
    return found
