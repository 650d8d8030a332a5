"""Durability: flush files and directories to the disk, so that they survive a power failure.

`syncfs` flushes all files of a file system: one wait for many small files. It also waits for the writes of other
programs, so a file system where a call took long is not flushed that way again. `sync_file_range` starts to write back
a range of a large file, which leaves little to wait for at its end. Only Linux has these two calls.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from buckia_core.localfs.system_errors import NO_DIRECTORY_FSYNC

_SLOW_SECONDS = 1.0
"""A longer `syncfs` waits for the writes of other programs; then one `fsync` per file is faster."""

_SYNCFS_TYPES = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "xfs"})
"""File systems whose `syncfs` is as durable as `fsync`. File systems in user space never receive the call."""

_VOLATILE_TYPES = frozenset({"ramfs", "tmpfs"})
"""File systems in memory: there is no disk to flush to."""

_SYNC_FILE_RANGE_WRITE = 2

_slow_devices: set[int] = set()


def fsync_directory(path: str, dir_fd: int | None = None) -> None:
    """Flush the entries of a directory to the disk, so that renames in it survive a power failure.

    Does nothing on Windows, which has no such call, and where the directory is missing, unreadable or no directory, or
    its file system does not support the call. With `dir_fd`, that is the directory, and `path` its path for errors.

    Raises:
        OSError: The disk failed, or is full.
    """
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(path if dir_fd is None else ".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=dir_fd)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except OSError as error:
        if error.errno not in NO_DIRECTORY_FSYNC:
            error.filename = path
            raise


def syncfs(device: int, open_directory: Callable[[], AbstractContextManager[int]]) -> bool:
    """Flush all files of a device to the disk; return whether that is certain, or the device has no disk.

    Args:
        device: The `st_dev` of the directory.
        open_directory: Opens any directory on the device; called only where the call is worth it.
    """
    filesystem = _filesystem_types().get(device)
    if filesystem in _VOLATILE_TYPES:
        return True
    call = _load_syncfs()
    if call is None or device in _slow_devices or filesystem not in _SYNCFS_TYPES:
        return False
    try:
        with open_directory() as descriptor:
            started = time.monotonic()
            failed = call(descriptor)
    except OSError:
        return False
    if failed or time.monotonic() - started > _SLOW_SECONDS:
        _slow_devices.add(device)
    return not failed


def start_writeback(descriptor: int, start: int, length: int) -> None:
    """Start to write a byte range of a file to the disk, without waiting for it; does nothing on other systems."""
    call = _load_sync_file_range()
    if call is not None:
        # An error recurs in the `fsync` that waits for the bytes.
        call(descriptor, start, length, _SYNC_FILE_RANGE_WRITE)


@cache
def _load_syncfs() -> Callable[[int], int] | None:
    # Older kernels don't report errors.
    return _load_function("syncfs") if sys.platform == "linux" and _kernel_version() >= (5, 8) else None


@cache
def _load_sync_file_range() -> Callable[[int, int, int, int], int] | None:
    return _load_function("sync_file_range", "c_int64", "c_int64", "c_uint") if sys.platform == "linux" else None


def _load_function(name: str, *more_types: str) -> Any:
    """Load a function of the C library: its arguments are a descriptor and `more_types`. `None` if it is missing."""
    import ctypes  # noqa: PLC0415  # only runs that download need it

    try:
        function = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, *(getattr(ctypes, each) for each in more_types))
    return function


def _kernel_version() -> tuple[int, ...]:
    numbers = os.uname().release.partition("-")[0].split(".")[:2]
    return tuple(int(number) if number.isdecimal() else 0 for number in numbers)


@cache
def _filesystem_types() -> dict[int, str]:
    """Return the types of the mounted file systems, by device."""
    types = {}
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                mount, _, filesystem = line.partition(" - ")
                major, minor = map(int, mount.split()[2].split(":"))
                types[os.makedev(major, minor)] = filesystem.split()[0]
    except (OSError, ValueError, IndexError):
        return {}
    return types
