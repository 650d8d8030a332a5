"""Directories on a disk and in memory, and the files that are synced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Missing

DISK, TMPFS = "disk", "tmpfs"
DISKS = (DISK, TMPFS)
ROOT = Path(__file__).resolve().parents[2]


def directory_on(disk: str) -> Path:
    """Return the directory below which files of comparisons are.

    Raises:
        Missing: This system has no file system in memory.
    """
    if disk == TMPFS:
        memory = Path("/dev/shm")
        if not memory.is_dir():
            raise Missing("there is no file system in memory at /dev/shm")
        return memory
    # Not the system's directory for temporary files, which is in memory on some.
    found = ROOT / "build" / "benchmarks"
    found.mkdir(parents=True, exist_ok=True)
    return found


def name_of_file(number: int) -> str:
    """Return the path of a file in its directory; there are a hundred in each folder."""
    return f"folder-{number // 100:05d}/file-{number:07d}"


def make_files(directory: Path, *, count: int, size: int) -> None:
    """Make files of random bytes; `size` is in bytes."""
    for path in _paths(directory, count):
        with path.open("wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(os.urandom(min(size - start, 1 << 20)))


def make_named_files(directory: Path, *, count: int) -> None:
    """Make small files that say which one each is."""
    for number, path in enumerate(_paths(directory, count)):
        path.write_text(f"content of file {number}\n", encoding="ascii")


def make_sparse_files(directory: Path, *, count: int, size: int) -> None:
    """Make files of zero bytes that take no room but their names."""
    for path in _paths(directory, count):
        with path.open("wb") as file:
            file.truncate(size)


def _paths(directory: Path, count: int) -> Iterator[Path]:
    for number in range(count):
        path = directory / name_of_file(number)
        if number % 100 == 0:
            path.parent.mkdir(parents=True)
        yield path


def empty(directory: Path) -> None:
    """Make a directory, or all in it disappear."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
