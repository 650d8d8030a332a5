"""Replace a file and learn exactly what was replaced, in one step, by calls that only Linux has."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_NO_REPLACE = 1
_EXCHANGE = 2


def is_available() -> bool:
    """Tell whether this system has `renameat2`."""
    return sys.platform == "linux" and _function() is not None


def exchange(one: Path, other: Path) -> None:
    """Exchange two files.

    Raises:
        FileNotFoundError: One of them is missing.
    """
    _call(one, other, _EXCHANGE)


def rename_to_new(source: Path, target: Path) -> None:
    """Rename a file.

    Raises:
        FileExistsError: Something has the other name.
        FileNotFoundError: There is no such file.
    """
    _call(source, target, _NO_REPLACE)


def _function() -> Any:
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def _call(source: Path, target: Path, flags: int) -> None:
    if _function()(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags):
        number = ctypes.get_errno()
        # `OSError` makes itself the class of its number.
        raise OSError(number or errno.EIO, os.strerror(number), str(source), None, str(target))
