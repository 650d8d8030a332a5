"""The other name that a version gets when both sides keep theirs."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from buckia_core.planning.manifest import LocalEntry
from buckia_core.syncing.hashing import FileChanged, hash_file
from buckia_core.syncing.trash import link_or_copy

_STAMP = "%Y%m%dT%H%M%SZ"
_MARK = re.compile(r"\.conflict-local-(\d{8}T\d{6}Z)(?:-(\d+))?")
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class ConflictCopy:
    """A local version under its other name. `fresh` tells whether it was made just now."""

    path: str
    key: str
    fresh: bool


def name_of(name: str, side: str, when: datetime, number: int = 0) -> str:
    """Return `report.conflict-local-20261121T101500Z.txt` for `report.txt`; cut where a disk could not hold it."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    mark = f".conflict-{side}-{when.astimezone(UTC).strftime(_STAMP)}" + (f"-{number}" if number else "")
    room = _LONGEST - len((mark + dot + extension).encode())
    if room < 1:
        extension, dot = "", ""
        room = _LONGEST - len(mark.encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{stem}{mark}{dot}{extension}"


def make(path: str, key: str, local: LocalEntry, algorithm: str) -> ConflictCopy:
    """Give the local version a second name beside its first, and return it.

    A copy of the same content that an interrupted run made is used again, so that no conflict appears twice.

    Raises:
        OSError: It can't be written.
    """
    directory, name = os.path.split(path)
    parent = key.rpartition("/")[0]
    before = f"{parent}/" if parent else ""
    found = _made_before(directory, name, path, local, algorithm)
    if found:
        return ConflictCopy(os.path.join(directory, found), before + found, fresh=False)
    now = datetime.now(UTC)
    for number in range(1000):
        other = name_of(name, "local", now, number)
        target = os.path.join(directory, other)
        try:
            link_or_copy(path, Path(target))
        except FileExistsError:
            continue
        return ConflictCopy(target, before + other, fresh=True)
    raise FileExistsError(f"1,000 conflict copies of one second: {path}")


def _is_copy_of(name: str, candidate: str) -> bool:
    for mark in _MARK.finditer(candidate):
        with suppress(ValueError):
            when = datetime.strptime(mark[1], _STAMP).replace(tzinfo=UTC)
            if candidate == name_of(name, "local", when, int(mark[2] or 0)):
                return True
    return False


def _made_before(directory: str, name: str, path: str, local: LocalEntry, algorithm: str) -> str | None:
    with os.scandir(directory) as entries:
        candidates = [each.name for each in entries if _is_copy_of(name, each.name)]
    mine = None
    for candidate in sorted(candidates):
        other = os.path.join(directory, candidate)
        with suppress(OSError, FileChanged):
            if os.path.getsize(other) != local.size:
                continue
            mine = mine or hash_file(path, (algorithm,))[0]
            if hash_file(other, (algorithm,))[0] == mine:
                return candidate
    return None
