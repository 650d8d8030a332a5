"""The other name that a version gets when both sides keep theirs."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from buckia_core.localfs.directory import Directory
from buckia_core.localfs.files import link_or_copy, open_file
from buckia_core.planning.digest import Digests
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import LocalEntry
from buckia_core.syncing.disk.paths import FileLocation
from buckia_core.syncing.transfer.hashing import FileChanged, hash_open_file

_STAMP = "%Y%m%dT%H%M%SZ"
_MARK = re.compile(r"\.conflict-local-(\d{8}T\d{6}Z)(?:-(\d+))?")
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class ConflictCopy:
    """A local version under its other name. `fresh` tells whether it was made just now."""

    place: FileLocation
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


def make(place: FileLocation, key: str, local: LocalEntry, algorithm: str) -> ConflictCopy:
    """Give the local version a second name beside its first, and return it.

    A copy of the same content that an interrupted run made is used again, so that no conflict appears twice.

    Raises:
        OSError: It can't be written.
    """
    named = place.link or place
    directory = named.directory
    parent = key.rpartition("/")[0]
    before = f"{parent}/" if parent else ""
    found = _made_before(place, local, algorithm)
    if found:
        return ConflictCopy(FileLocation(directory, found), before + found, fresh=False)
    now = datetime.now(UTC)
    for number in range(1000):
        other = name_of(named.name, "local", now, number)
        try:
            link_or_copy(place.directory, place.name, directory, other, TEMP_PREFIX)
        except FileExistsError:
            continue
        return ConflictCopy(FileLocation(directory, other), before + other, fresh=True)
    raise FileExistsError(f"1,000 conflict copies of one second: {place.path}")


def _is_copy_of(name: str, candidate: str) -> bool:
    for mark in _MARK.finditer(candidate):
        with suppress(ValueError):
            when = datetime.strptime(mark[1], _STAMP).replace(tzinfo=UTC)
            if candidate == name_of(name, "local", when, int(mark[2] or 0)):
                return True
    return False


def _made_before(place: FileLocation, local: LocalEntry, algorithm: str) -> str | None:
    named = place.link or place
    directory = named.directory
    candidates = [name for name in directory.names() if _is_copy_of(named.name, name)]
    mine = None
    for candidate in sorted(candidates):
        with suppress(OSError, FileChanged):
            if directory.status(candidate).st_size != local.size:
                continue
            mine = mine or _digests(place.directory, place.name, algorithm)
            if _digests(directory, candidate, algorithm) == mine:
                return candidate
    return None


def _digests(directory: Directory, name: str, algorithm: str) -> Digests:
    with open_file(directory, name) as file:
        return hash_open_file(file, (algorithm,))[0]
