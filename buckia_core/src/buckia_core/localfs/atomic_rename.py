"""Atomic renames: exchange two files, or rename to a name only if it is free.

Linux has both as `renameat2`, macOS as `renameatx_np`. Some file systems support neither, so callers need a fallback.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import cache

_AT_FDCWD = -2 if sys.platform == "darwin" else -100

_EXCHANGE = 2
_NO_REPLACE = 4 if sys.platform == "darwin" else 1


def exchange(source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
    """Exchange two files. With descriptors, names are relative to those directories.

    Raises:
        FileNotFoundError: One of them is missing.
        OSError: The operating system or the file system does not support the call.
    """
    _rename(source, target, _EXCHANGE, src_dir_fd, dst_dir_fd)


def rename_exclusive(source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
    """Rename a file. With descriptors, names are relative to those directories.

    Raises:
        FileNotFoundError: `source` is missing.
        FileExistsError: `target` exists.
        OSError: The operating system or the file system does not support the call.
    """
    _rename(source, target, _NO_REPLACE, src_dir_fd, dst_dir_fd)


def _rename(source: str, target: str, flags: int, src_dir_fd: int | None, dst_dir_fd: int | None) -> None:
    call = _load_rename_call()
    number = errno.ENOSYS
    if call is not None:
        number = call(
            _AT_FDCWD if src_dir_fd is None else src_dir_fd,
            os.fsencode(source),
            _AT_FDCWD if dst_dir_fd is None else dst_dir_fd,
            os.fsencode(target),
            flags,
        )
    if number:
        # `OSError` creates the subclass of its number, such as `FileExistsError`.
        raise OSError(number, os.strerror(number), target)


@cache
def _load_rename_call() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """Load the system call as a function that returns 0 or an errno; `None` if the system has no such call."""
    if sys.platform not in ("linux", "darwin"):
        return None
    import ctypes  # noqa: PLC0415  # only runs that replace files need it

    try:
        library = ctypes.CDLL(None, use_errno=True)
        call = library.renameatx_np if sys.platform == "darwin" else library.renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)

    def rename(src_dir_fd: int, source: bytes, dst_dir_fd: int, target: bytes, flags: int) -> int:
        return (ctypes.get_errno() or errno.EIO) if call(src_dir_fd, source, dst_dir_fd, target, flags) else 0

    return rename
