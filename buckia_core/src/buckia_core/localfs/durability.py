"""Directories whose names outlast a loss of power."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from buckia_core.localfs.system_errors import NO_DIRECTORY_SYNC


def sync_directory(directory: str) -> None:
    """Make renames in a directory outlast a loss of power; nothing to do on Windows, which has no such call.

    A directory that is gone or a file by now, may not be read, or whose file system has no such call, is let be.

    Raises:
        OSError: The disk failed, or is full: they may not outlast it.
    """
    if sys.platform == "win32":
        return
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            sync_open_directory(handle, directory)
        finally:
            os.close(handle)


def sync_open_directory(descriptor: int, path: str) -> None:
    """Do the same by an open descriptor; `path` is for the error."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_DIRECTORY_SYNC:
            error.filename = path
            raise
