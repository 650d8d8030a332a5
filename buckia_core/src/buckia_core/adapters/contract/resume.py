"""What transfers go by that can be taken up again: parts of a file, a file that fills up, a note of how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.readers import write_all
from buckia_core.errors import IntegrityError
from buckia_core.planning.manifest import RemoteObject

_BLOCK = 1 << 20
_STEP = 16 << 20


class Checkpoint(Protocol):
    """A text that is kept for one transfer, across attempts and where possible across runs. Written from any thread."""

    def read(self) -> str | None:
        """Return the text; `None` if there is none."""

    def write(self, text: str) -> None:
        """Keep another text instead. It holds no secret."""

    def clear(self) -> None:
        """Keep none any more."""


@dataclass(frozen=True, slots=True)
class PartLayout:
    """How a file is cut.

    Attributes:
        size: Bytes of each part but the last, which may be shorter.
        algorithm: The digest, as `hashlib` names it, that is wanted of each part.
        also: Digests of the whole file that are wanted in `UploadInfo.digests`, besides the one that it has anyway.
    """

    part_size: int
    algorithm: str
    extra_algorithms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MultipartSource:
    """A file to be uploaded in parts.

    Attributes:
        path: The file.
        size: Its bytes.
        parts: How it is cut.
        digests: The digest of each part, in hexadecimal, made of the same bytes as the digests of the whole file.
        note: What is kept for this upload.
        passing: Called from any thread with a number of bytes before they are sent; may wait.
    """

    path: Path
    size: int
    layout: PartLayout
    digests: Sequence[str]
    checkpoint: Checkpoint
    on_bytes_sent: Callable[[int], object]

    def part_range(self, number: int) -> tuple[int, int]:
        """Return where part `number`, counted from 1, begins, and how many bytes it has."""
        start = (number - 1) * self.layout.part_size
        return start, min(self.layout.part_size, self.size - start)


@dataclass(frozen=True, slots=True)
class PartialDownload:
    """A file that is being downloaded.

    Attributes:
        target: The file; its first `start` bytes are there.
        start: Where to go on.
        reached: Called with a number of bytes when that many stand in the file, from its start and without a gap.
    """

    target: Path
    start: int
    on_progress: Callable[[int], object]


def resume_by_open(adapter: BaseSync, key: str, landing: PartialDownload, expect: RemoteObject) -> RemoteObject:
    """Do what `ResumableDownload` asks with one `open_file`, as an adapter may that can begin anywhere.

    Raises:
        AdapterError, OSError: As `ResumableDownload.resume_download`.
    """
    at = landing.start
    told = at
    with (
        adapter.open_file(key, expect=expect, start=at) as reader,
        landing.target.open("r+b", buffering=0) as file,
    ):
        file.seek(at)
        while at <= expect.size and (block := reader.read(min(_BLOCK, expect.size - at + 1))):
            at += len(block)
            if at > expect.size:
                break
            write_all(file, block)
            if at - told >= _STEP or at == expect.size:
                landing.on_progress(at)
                told = at
    if at != expect.size:
        came = f"it ended after {at} bytes" if at < expect.size else "more bytes came"
        raise IntegrityError(
            f"{key!r}: {came} where there should be {expect.size}",
            provider=adapter.provider,
            key=key,
        )
    # A listing tells less than a look does.
    return adapter.stat_file(key) if expect.metadata is None else expect
