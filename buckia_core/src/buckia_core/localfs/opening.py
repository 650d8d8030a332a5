"""How files and directories are opened, and what stands in the way."""

from __future__ import annotations

import os
import stat

BY_DESCRIPTOR = {os.open, os.stat, os.unlink, os.mkdir, os.rmdir, os.rename, os.link} <= os.supports_dir_fd
"""Whether this system reaches files through the descriptor of their directory."""

_JUNCTION = 0xA0000003


def _flags(*names: str) -> int:
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


FOLLOW = _flags("O_DIRECTORY", "O_CLOEXEC")
NO_FOLLOW = FOLLOW | _flags("O_NOFOLLOW")
"""Flags to open a directory, through a link or not."""

SEARCH = getattr(os, "O_PATH", os.O_RDONLY)
"""The flag to open a directory to work in it: as by its path, it need not be readable for that."""

NO_LINK = _flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
"""Flags to open a file that is there, and no link. `O_NONBLOCK`: opening a named pipe must not wait for another end."""

CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK
"""Flags to create a file that must not be there, and to read it again."""


class InTheWay(Exception):
    """Something that is no directory stands where a directory of a path must be.

    Attributes:
        path: Where.
        what: What stands there, such as "a symbolic link".
        is_link: It is a link.
    """

    def __init__(self, path: str, what: str, *, is_link: bool) -> None:
        super().__init__(f"{what} stands in its way: {path}")
        self.path = path
        self.what = what
        self.is_link = is_link


class Moved(OSError):
    """A directory was replaced by another one while it was worked in."""


def is_link(status: os.stat_result) -> bool:
    """Tell whether an `lstat` is that of a symbolic link, or of what Windows has besides: a junction."""
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION


def name_path(error: OSError, path: str) -> None:
    """Name the whole path in an error, for the caller to raise again: from here, error and frame would be a cycle."""
    error.filename, error.filename2 = path, None


def identity_of(status: os.stat_result) -> tuple[int, int]:
    """Return device and inode."""
    return status.st_dev, status.st_ino
