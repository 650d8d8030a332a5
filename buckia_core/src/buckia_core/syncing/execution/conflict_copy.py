"""Conflict copies: a second name for the local version when both versions are kept."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from buckia_core.adapters.transfers.hashing import FileChanged, hash_open_file
from buckia_core.localfs.directory import Directory
from buckia_core.localfs.files import open_file
from buckia_core.localfs.staging_file import link_or_copy
from buckia_core.planning.digest import Digests
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import LocalEntry
from buckia_core.syncing.disk.file_locator import FileLocation

_STAMP = "%Y%m%dT%H%M%SZ"
_MARK = re.compile(r"\.conflict-local-(\d{8}T\d{6}Z)(?:-(\d+))?")
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class ConflictCopy:
    """A conflict copy of a local file. `is_new` is false if an earlier run created it."""

    location: FileLocation
    key: str
    is_new: bool


def conflict_copy_name(name: str, side: str, when: datetime, number: int = 0) -> str:
    """Build a name such as `report.conflict-local-20261121T101500Z.txt` for `report.txt`, of at most 255 bytes."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    mark = f".conflict-{side}-{when.astimezone(UTC).strftime(_STAMP)}" + (f"-{number}" if number else "")
    room = _MAX_NAME_BYTES - len((mark + dot + extension).encode())
    if room < 1:
        extension, dot = "", ""
        room = _MAX_NAME_BYTES - len(mark.encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{stem}{mark}{dot}{extension}"


def make_conflict_copy(location: FileLocation, key: str, local: LocalEntry, algorithm: str) -> ConflictCopy:
    """Create a conflict copy beside a file.

    A copy with the same content that an interrupted run left is reused, so that a conflict has only one copy.

    Raises:
        OSError: The copy can't be created.
    """
    named = location.link or location
    directory = named.directory
    parent = key.rpartition("/")[0]
    folder = f"{parent}/" if parent else ""
    found = _find_existing_copy(location, local, algorithm)
    if found:
        return ConflictCopy(FileLocation(directory, found), folder + found, is_new=False)
    now = datetime.now(UTC)
    for number in range(1000):
        other = conflict_copy_name(named.name, "local", now, number)
        try:
            link_or_copy(location.directory, location.name, directory, other, TEMP_PREFIX)
        except FileExistsError:
            continue
        return ConflictCopy(FileLocation(directory, other), folder + other, is_new=True)
    raise FileExistsError(f"1,000 conflict copies were made in the same second: {location.path}")


def _is_copy_of(name: str, candidate: str) -> bool:
    for mark in _MARK.finditer(candidate):
        with suppress(ValueError):
            when = datetime.strptime(mark[1], _STAMP).replace(tzinfo=UTC)
            if candidate == conflict_copy_name(name, "local", when, int(mark[2] or 0)):
                return True
    return False


def _find_existing_copy(location: FileLocation, local: LocalEntry, algorithm: str) -> str | None:
    named = location.link or location
    directory = named.directory
    candidates = [name for name in directory.listdir() if _is_copy_of(named.name, name)]
    digests = None
    for candidate in sorted(candidates):
        with suppress(OSError, FileChanged):
            if directory.stat(candidate).st_size != local.size:
                continue
            digests = digests or _digests(location.directory, location.name, algorithm)
            if _digests(directory, candidate, algorithm) == digests:
                return candidate
    return None


def _digests(directory: Directory, name: str, algorithm: str) -> Digests:
    with open_file(directory, name) as file:
        return hash_open_file(file, (algorithm,))[0]
