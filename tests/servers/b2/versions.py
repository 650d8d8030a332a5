"""The versions of the files of a bucket, in the order in which they are listed."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from .encryption import Encryption
from .retention import LegalHold, Retention


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a large file."""

    data: bytes
    sha1: str
    md5: str
    timestamp: int


@dataclass(slots=True, eq=False)
class FileVersion:
    """One version: a file, a marker that hides, or a large file that is not finished."""

    bucket_id: str
    file_id: str
    name: str
    action: Literal["upload", "hide", "start"]
    timestamp: int
    """Milliseconds since 1970; of a large file, when it was started (docs: "when the upload began")."""
    sequence: int
    """Counts the versions of an account, in order of their creation."""
    content_type: str
    data: bytes = b""
    sha1: str | None = None
    md5: str | None = None
    info: dict[str, str] = field(default_factory=dict)
    encryption: Encryption = field(default_factory=Encryption)
    retention: Retention | None = None
    legal_hold: LegalHold | None = None
    parts: dict[int, Part] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, int]:
        """The place among the versions of a name: newest first."""
        return (-self.timestamp, -self.sequence)


def order_in_id(file_id: str) -> tuple[int, int] | None:
    """Return the place that a version has or had, read from its id; None where it is no id.

    So a listing goes on after a version that was deleted between two pages.
    """
    fields = {chunk[:1]: chunk[1:] for chunk in file_id.split("_")[1:] if chunk}
    sequence, timestamp = fields.get("f", ""), fields.get("u", "")
    if not timestamp.isdigit() or not all(digit in "0123456789abcdef" for digit in sequence):
        return None
    return (-int(timestamp), -int(sequence or "0", 16))


def after_prefix(prefix: str) -> str | None:
    """Return the smallest name that is greater than all with the prefix; None where there is none."""
    kept = prefix.rstrip(chr(0x10FFFF))
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else None


class VersionIndex:
    """All versions of a bucket by name. Names stand in the order of their code points, which is that of UTF-8."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._versions: dict[str, list[FileVersion]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[FileVersion]:
        for name in self._names:
            yield from self._versions[name]

    def add(self, version: FileVersion) -> None:
        """Put a version to its place."""
        versions = self._versions.get(version.name)
        if versions is None:
            insort(self._names, version.name)
            versions = self._versions[version.name] = []
        insort(versions, version, key=lambda one: one.order)

    def remove(self, version: FileVersion) -> None:
        """Take a version out."""
        versions = self._versions[version.name]
        versions.remove(version)
        if not versions:
            del self._versions[version.name]
            del self._names[bisect_left(self._names, version.name)]

    def of(self, name: str) -> list[FileVersion]:
        """Return the versions of a name, newest first."""
        return self._versions.get(name, [])

    def latest(self, name: str) -> FileVersion | None:
        """Return the newest version that is finished: a file or a marker. None where there is none."""
        return next((version for version in self.of(name) if version.action != "start"), None)

    def names(self, start: str, prefix: str, delimiter: str | None) -> Iterator[tuple[str, bool]]:
        """Yield the names from `start` on that have the prefix, each with False.

        With a delimiter, all names that have it after the prefix are one, up to and with it: that comes with True.
        """
        position = bisect_left(self._names, max(start, prefix))
        while position < len(self._names) and (name := self._names[position]).startswith(prefix):
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if delimiter is None or cut < 0:
                yield name, False
                position += 1
                continue
            folder = name[: cut + len(delimiter)]
            yield folder, True
            beyond = after_prefix(folder)
            position = len(self._names) if beyond is None else bisect_left(self._names, beyond, lo=position)
