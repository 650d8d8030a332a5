"""Directories whose files follow from a formula, so that a zone can have a million and hold none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .content import content_of
from .nodes import File

_NAME: Final = re.compile(r"file-(\d{6})\.txt")
_EPOCH: Final = 1_700_000_000


@dataclass(frozen=True, slots=True)
class GeneratedFiles:
    """The files of one generated directory: `file-000000.txt` and on, each of 21 to 84 bytes."""

    directory: int
    """The number of the directory."""
    count: int
    seed: int = 0

    def find(self, name: str) -> File | None:
        """Return the file of that name."""
        match = _NAME.fullmatch(name)
        return self._file(int(match[1])) if match is not None and int(match[1]) < self.count else None

    def all(self) -> Iterator[tuple[str, File]]:
        """Yield names and files."""
        for number in range(self.count):
            yield f"file-{number:06d}.txt", self._file(number)

    def usage(self) -> tuple[int, int]:
        """Return the bytes and the number of all files."""
        return sum(21 * (1 + number % 4) for number in range(self.count)), self.count

    def _file(self, number: int) -> File:
        line = f"{self.seed:06d} {self.directory:06d} {number:06d}\n".encode()
        # Every tenth time is a full second: then the listing shows no fraction.
        changed = _EPOCH + self.directory + number + (number % 10) / 8
        return File(
            content=content_of(line * (1 + number % 4)),
            created=changed,
            changed=changed,
            guid=f"{self.seed:08x}-0000-4000-8000-{self.directory:06x}{number:06x}",
        )


def directory_name(number: int) -> str:
    """Return the name of a generated directory."""
    return f"directory-{number:06d}"
