"""Renames that no look beforehand replaces: exchange two files, or rename only to a name that is free.

Linux has both as `renameat2`, macOS as `renameatx_np`. Not every file system takes part, so callers need another way.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import cache

_AT_FDCWD = -2 if sys.platform == "darwin" else -100

EXCHANGE = 2
"""Exchange two files. Both systems have the same number for it."""

EXCLUSIVE = 4 if sys.platform == "darwin" else 1
"""Rename to a name that must be free."""


def rename(flag: int, source: str, target: str, source_at: int | None = None, target_at: int | None = None) -> None:
    """Rename in one step, as the flag says. Names are those in the directories whose descriptors are given.

    Raises:
        FileNotFoundError: The file, or one of both that are to be exchanged, is missing.
        FileExistsError: The name is not free.
        OSError: The system or this file system can't do it.
    """
    call = _call()
    number = errno.ENOSYS
    if call is not None:
        number = call(
            _AT_FDCWD if source_at is None else source_at,
            os.fsencode(source),
            _AT_FDCWD if target_at is None else target_at,
            os.fsencode(target),
            flag,
        )
    if number:
        # `OSError` takes on the class of its number.
        raise OSError(number, os.strerror(number), target)


@cache
def _call() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """Return what renames, and returns the number of the error or 0; `None` where the system has no such call."""
    if sys.platform not in ("linux", "darwin"):
        return None
    import ctypes  # noqa: PLC0415  # few runs replace a file

    try:
        library = ctypes.CDLL(None, use_errno=True)
        call = library.renameatx_np if sys.platform == "darwin" else library.renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)

    def renamed(source_at: int, source: bytes, target_at: int, target: bytes, flag: int) -> int:
        return (ctypes.get_errno() or errno.EIO) if call(source_at, source, target_at, target, flag) else 0

    return renamed
