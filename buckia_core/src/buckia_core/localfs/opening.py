"""Flags to open files and directories without following links, and errors of paths."""

from __future__ import annotations

import os
import stat

HAS_DIR_FD = {os.open, os.stat, os.unlink, os.mkdir, os.rmdir, os.rename, os.link} <= os.supports_dir_fd
"""Whether this system supports `dir_fd`. Windows does not."""

_JUNCTION = 0xA0000003


def _flags(*names: str) -> int:
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


DIRECTORY_FLAGS = _flags("O_DIRECTORY", "O_CLOEXEC")
DIRECTORY_NOFOLLOW_FLAGS = DIRECTORY_FLAGS | _flags("O_NOFOLLOW")
"""Flags to open a directory: links are followed, or fail."""

SEARCH_FLAG = getattr(os, "O_PATH", os.O_RDONLY)
"""Flag to open a directory for use as `dir_fd`. With `O_PATH`, that needs no read permission."""

FILE_NOFOLLOW_FLAGS = _flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
"""Flags to open an existing file without following a link. `O_NONBLOCK` keeps named pipes from blocking `open`."""

CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | FILE_NOFOLLOW_FLAGS
"""Flags to create a file for writing and reading, which fail if the name exists."""


class PathBlocked(Exception):
    """A component of a path is a file or a link instead of a directory.

    Attributes:
        path: The path of the component.
        what: What it is, such as "a symbolic link".
        is_link: Whether it is a link.
    """

    def __init__(self, path: str, what: str, *, is_link: bool) -> None:
        super().__init__(f"{what} stands in its way: {path}")
        self.path = path
        self.what = what
        self.is_link = is_link


class DirectoryReplaced(OSError):
    """Another directory has the path of a directory that was in use."""


def is_link(status: os.stat_result) -> bool:
    """Tell whether an `lstat` result belongs to a symbolic link, or to a junction of Windows."""
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION


def describe_entry_type(status: os.stat_result) -> str:
    """Return the type of an entry that is not a regular file, such as "a directory"."""
    if is_link(status):
        return "a symbolic link"
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def set_error_path(error: OSError, path: str) -> None:
    """Set the full path in an error. The caller re-raises: raised here, the error and this frame would form a cycle."""
    error.filename, error.filename2 = path, None


def file_identity(status: os.stat_result) -> tuple[int, int]:
    """Return device and inode, which identify a file."""
    return status.st_dev, status.st_ino
