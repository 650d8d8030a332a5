"""Bounded reads of configuration files: regular files only, up to a maximum size."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

from buckia_core.errors import ConfigError

MAX_BYTES = 1 << 20
"""Maximum size of a configuration file."""


def read_bytes(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file. Never blocks on a pipe or a device.

    Raises:
        OSError: The file can't be opened or read. `filename` is set.
        ConfigError: The file is not regular, or is larger than `limit`.
    """
    # Windows has neither flag, and no pipes among its files.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        # Opening a device may have effects, such as rewinding a tape.
        if not stat.S_ISREG(mode := os.stat(path).st_mode):
            _raise_not_regular(mode, path)
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
                _raise_not_regular(mode, path)
            data = file.read(limit + 1)
    except OSError as error:
        # Errors of `read` have no file name.
        error.filename = str(path)
        raise
    if len(data) > limit:
        raise ConfigError(f"is larger than {limit // 1024:,} KiB, so it can't be a configuration", source=str(path))
    return data


def read_text(path: Path) -> str:
    """Read a regular file as UTF-8, with or without a byte order mark.

    Raises:
        OSError, ConfigError: As in `read_bytes`; also `ConfigError` if the file is not UTF-8.
    """
    return decode_text(read_bytes(path), str(path))


def decode_text(data: bytes, source: str) -> str:
    """Decode UTF-8, with or without a byte order mark. `source` is the name of the file for messages.

    Raises:
        ConfigError: The bytes are not UTF-8.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError("is text in UTF-16, as `>` of PowerShell writes it; save it as UTF-8", source=source)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    # Raised outside of the handler: a decoding error holds the bytes, secrets included.
    raise ConfigError("is not text in UTF-8", source=f"{source}:{line}")


def _raise_not_regular(mode: int, path: Path) -> NoReturn:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise ConfigError("is a pipe or a device, and not a regular file", source=str(path))
