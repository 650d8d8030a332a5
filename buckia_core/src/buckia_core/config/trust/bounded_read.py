"""Reading the files that configure Buckia: only regular files, and only up to a size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

from buckia_core.errors import ConfigError

MAX_BYTES = 1 << 20
"""The largest file that is read as configuration."""


def read_bytes(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """Return the content of a regular file. A pipe or a device in its place does not block.

    Raises:
        OSError: The file can't be opened or read. It has the file's name.
        ConfigError: It is no regular file, or larger than `limit`.
    """
    # Windows has neither flag, and no pipes among its files.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        # Opening a device may already do something, such as rewinding a tape.
        if not stat.S_ISREG(mode := os.stat(path).st_mode):
            _raise_not_regular(mode, path)
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
                _raise_not_regular(mode, path)
            data = file.read(limit + 1)
    except OSError as error:
        # The system names no file where a read fails.
        error.filename = str(path)
        raise
    if len(data) > limit:
        raise ConfigError(f"is larger than {limit // 1024:,} KiB, so it can't be a configuration", source=str(path))
    return data


def _raise_not_regular(mode: int, path: Path) -> NoReturn:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise ConfigError("is a pipe or a device, and not a regular file", source=str(path))
