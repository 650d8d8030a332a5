"""Ownership and mode of configuration files, checked as git and ssh do."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection

_WITHOUT_MODES = frozenset(
    {"9p", "cifs", "drvfs", "exfat", "fuseblk", "msdos", "ntfs", "ntfs3", "smb3", "vboxsf", "vfat"}
)
"""File system types without modes: they report the same mode for all files."""


def untrusted_reason(path: str, *, extra_owners: Collection[int] = (), check_directory: bool = False) -> str | None:
    """Return why a file can't be trusted; `None` if only this user and root can write it.

    The reason is a clause, such as "belongs to user 'bob'". Files that the owner's group can write are trusted: the
    usual umask of many systems makes all files so. On Windows, owners and modes are not checked.

    Args:
        path: The file; of a symbolic link, both the link and its target are checked.
        extra_owners: Ids of more trusted users.
        check_directory: Whether to check the mode of the parent directory, too.

    Raises:
        OSError: The file can't be accessed.
    """
    if sys.platform == "win32":
        return None
    trusted = {os.geteuid(), 0, *_sudo_user(), *extra_owners}
    for status in (os.lstat(path), os.stat(path)):
        if status.st_uid not in trusted:
            return f"belongs to {user_name(status.st_uid)}"
    if status.st_mode & stat.S_IWOTH and _keeps_modes(path):
        return "can be written by every user"
    parent = os.path.dirname(os.path.abspath(path))
    mode = os.stat(parent).st_mode
    if check_directory and mode & stat.S_IWOTH and not mode & stat.S_ISVTX and _keeps_modes(parent):
        return "is in a directory in which every user can replace it"
    return None


def file_owner(path: str) -> int | None:
    """Return the user id of a file's owner; `None` on Windows, and if the file can't be accessed."""
    try:
        return None if sys.platform == "win32" else os.stat(path).st_uid
    except OSError:
        return None


def user_name(uid: int) -> str:
    """Return a user for messages: by name if there is one."""
    if sys.platform == "win32":
        return f"user {uid}"
    import pwd  # noqa: PLC0415  # only messages need it

    try:
        return f"user {pwd.getpwuid(uid).pw_name!r}"
    except KeyError:
        return f"user {uid}"


def _sudo_user() -> tuple[int, ...]:
    """Return the id of the user who called `sudo`, who is trusted as in git."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return ()
    given = os.environ.get("SUDO_UID", "")
    return (int(given),) if given.isdecimal() and len(given) < 11 else ()


def _keeps_modes(path: str) -> bool:
    """Tell whether the file system has modes. Called only for a mode that is not trusted."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            device = os.stat(path).st_dev
            for line in lines:
                mount, _, kind = line.partition(" - ")
                major, minor = map(int, mount.split()[2].split(":"))
                if os.makedev(major, minor) == device:
                    return kind.split()[0] not in _WITHOUT_MODES
    except (OSError, ValueError, IndexError):
        pass
    return True
