"""The gate between keys and the disk, its effectful half: no path leaves its root, and none leads through a link."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from buckia_core.errors import InvalidKey
from buckia_core.planning.keys import TEMPORARY, DiskRules, problem_of
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import Mapping

_LARGEST = 2**63 - 1


def entry_of(key: str, root: str, status: os.stat_result) -> LocalEntry:
    """Return what a manifest keeps of a file. Numbers that SQLite can't hold are cut, which still compares."""
    return LocalEntry(
        key,
        root,
        status.st_size,
        max(-_LARGEST, min(status.st_mtime_ns, _LARGEST)),
        change_time(status),
        status.st_ino & _LARGEST,
    )


def change_time(status: os.stat_result) -> int:
    """Return the time of the inode's last change, in nanoseconds; 0 on Windows, where that field is the creation."""
    return 0 if sys.platform == "win32" else max(-_LARGEST, min(status.st_ctime_ns, _LARGEST))


def disk_rules(directory: str) -> DiskRules:
    """Find out what the disk of a directory can hold, by asking it: it is asked for the twin of a name that it has."""
    return DiskRules(windows=sys.platform == "win32", folds=_folds(directory))


def _folds(directory: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                twin = entry.name.swapcase()
                if twin != entry.name and len(twin) == len(entry.name):
                    other = os.path.join(directory, twin)
                    return os.path.lexists(other) and os.path.samestat(os.lstat(other), os.lstat(entry.path))
        # Nothing there has a case that could be looked at, so something is put there.
        with tempfile.NamedTemporaryFile(dir=directory, prefix=TEMPORARY + "a", suffix="z") as probe:
            name = Path(probe.name)
            return name.with_name(name.name.upper()).exists()
    except OSError:
        # It can't be written, so no write can go over a twin either.
        return False


def path_of(key: str, mapping: Mapping, rules: DiskRules) -> str:
    """Return the local path of a key.

    Raises:
        InvalidKey: The disk can't hold the key, or its path leads through a symbolic link or a file.
    """
    if mapping.is_file:
        return mapping.local
    relative = mapping.relative(key)
    problem = problem_of(relative, rules)
    if problem:
        raise InvalidKey(f"refused, {problem}", key=key)
    path = mapping.local
    for part in relative.split("/")[:-1]:
        path = os.path.join(path, part)
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            break
        if not stat.S_ISDIR(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "a file"
            raise InvalidKey(f"{what} stands in its way: {path}", key=key)
    return os.path.join(mapping.local, *relative.split("/"))


class Places:
    """Where files are to come, for the work of a moment: a directory that was found, or made, is not looked at again.

    Args:
        disks: Rules of each mapping's disk, by id.
    """

    def __init__(self, disks: dict[str, DiskRules]) -> None:
        self._disks = disks
        self._found: dict[tuple[str, str], str] = {}

    def of(self, key: str, mapping: Mapping) -> str:
        """Return the local path of a key, whose directory is there.

        Raises:
            InvalidKey: As `path_of`.
            OSError: The directory can't be made.
        """
        rules = self._disks[mapping.id]
        parent, _, name = key.rpartition("/")
        directory = self._found.get((mapping.id, parent))
        if directory is not None and not mapping.is_file and problem_of(name, rules) is None:
            return os.path.join(directory, name)
        path = path_of(key, mapping, rules)
        make_parents(path)
        self._found[mapping.id, parent] = os.path.dirname(path)
        return path


def local_path(key: str, mapping: Mapping) -> str:
    """Return where the scan found a key. Not for writing: the path is not checked, `path_of` does that."""
    return mapping.local if mapping.is_file else os.path.join(mapping.local, *mapping.relative(key).split("/"))


def look(path: str, key: str, root: str) -> LocalEntry | None:
    """Return the file at a path as it is now; `None` if there is none.

    Raises:
        InvalidKey: Something else than a regular file is there.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        # Only a file that a mapping names itself, or that was asked for by `follow_symlinks`, gets here as a link.
        raise InvalidKey(f"a symbolic link stands in its way: {path}", key=key)
    if not stat.S_ISREG(status.st_mode):
        what = "a directory" if stat.S_ISDIR(status.st_mode) else "a special file"
        raise InvalidKey(f"{what} stands in its way: {path}", key=key)
    return entry_of(key, root, status)


def make_parents(path: str) -> None:
    """Make the missing directories above a path."""
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        os.makedirs(parent, exist_ok=True)


def prune_parents(path: str, root: str) -> None:
    """Remove the directories above a deleted file that are empty now, up to its root, which stays."""
    parent = os.path.dirname(path)
    root = os.path.normpath(root)
    while len(parent) > len(root) and parent.startswith(root):
        try:
            os.rmdir(parent)
        except OSError:
            return
        parent = os.path.dirname(parent)


def clear_empty(path: str) -> None:
    """Remove a directory that holds nothing but empty directories, and stands where a file is to come.

    A download that failed may have left one. No sync carries it, so nothing is lost; one with a file in it stays.
    """
    try:
        # Nearly always nothing is there, and this is the cheapest way to find that out.
        os.rmdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        pass
    found = list(os.walk(path, topdown=False))
    if any(files for _, _, files in found):
        return
    for directory, _, _ in found:
        with suppress(OSError):
            os.rmdir(directory)


def sync_directory(directory: str) -> None:
    """Make renames in a directory outlast a loss of power; nothing to do on Windows, which has no such call.

    A directory that is gone or a file by now, may not be read, or whose file system has no such call, is let be.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
