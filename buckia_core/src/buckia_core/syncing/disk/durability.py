"""Bringing files to the disk by calls that only Linux has.

`syncfs` does it for all that was written to a file system: for many small files, that is one wait instead of many. It
also waits for what other programs have written there, so it is not used again on a file system where it took long.
`sync_file_range` begins it for a stretch of a file: of a large one, little is left to wait for at its end.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from buckia_core.localfs.directory import Directory

_LONG = 1.0
"""Seconds after which others must be writing much there: then each file by itself is less to wait for."""

_SURE = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "xfs"})
"""Types of file systems that do for this call what they do for `fsync`. Those in user space are never asked to."""

_WRITE = 2
"""`SYNC_FILE_RANGE_WRITE`."""

_slow: set[int] = set()


def sync_file_system(device: int, directory: Directory) -> bool:
    """Make all that was written to the files of a device outlast a loss of power; false if that is not sure.

    Args:
        device: Its number, as the status of the directory has it.
        directory: Any one on it.
    """
    call = _call()
    if call is None or device in _slow or _types().get(device) not in _SURE:
        return False
    try:
        with directory.readable() as descriptor:
            began = time.monotonic()
            failed = call(descriptor)
    except OSError:
        return False
    if failed or time.monotonic() - began > _LONG:
        _slow.add(device)
    return not failed


def begin_writing(descriptor: int, start: int, length: int) -> None:
    """Have the system begin to bring a stretch of a file to the disk, where it can; it is not waited for."""
    call = _range_call()
    if call is not None:
        # What fails here fails again where it is waited for.
        call(descriptor, start, length, _WRITE)


@cache
def _call() -> Callable[[int], int] | None:
    # Older kernels don't tell of errors.
    return _function("syncfs") if sys.platform == "linux" and _version() >= (5, 8) else None


@cache
def _range_call() -> Callable[[int, int, int, int], int] | None:
    return _function("sync_file_range", "c_int64", "c_int64", "c_uint") if sys.platform == "linux" else None


def _function(name: str, *others: str) -> Any:
    """Return a function of the C library, `None` if it has none: the number of a file first, then these types."""
    import ctypes  # noqa: PLC0415  # few runs have use for it

    try:
        found = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    found.argtypes = (ctypes.c_int, *(getattr(ctypes, other) for other in others))
    return found


def _version() -> tuple[int, ...]:
    numbers = os.uname().release.partition("-")[0].split(".")[:2]
    return tuple(int(number) if number.isdecimal() else 0 for number in numbers)


@cache
def _types() -> dict[int, str]:
    """Return the types of the file systems that are mounted, by device."""
    types = {}
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                place, _, kind = line.partition(" - ")
                major, minor = map(int, place.split()[2].split(":"))
                types[os.makedev(major, minor)] = kind.split()[0]
    except (OSError, ValueError, IndexError):
        return {}
    return types
