"""Who can change a file that configures Buckia: its owner and its mode, as git and ssh look at them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection

_WITHOUT_MODES = frozenset(
    {"9p", "cifs", "drvfs", "exfat", "fuseblk", "msdos", "ntfs", "ntfs3", "smb3", "vboxsf", "vfat"}
)
"""Types of file systems that keep no modes: what they tell is the same for all files, and says nothing of one."""


def untrusted_reason(path: str, *, extra_owners: Collection[int] = (), check_directory: bool = False) -> str | None:
    """Say why a file can't be trusted; `None` if only this user and root can have written it.

    The answer is a clause, such as "belongs to user 'bob'". Files that the owner's group can write are trusted: with
    the usual umask of many systems, all files are. On Windows, no file has a problem: owners are not looked at.

    Args:
        path: The file; of a link, both the link and what it leads to are looked at.
        extra_owners: Ids of more users who are trusted.
        check_directory: Whether to look at the mode of the directory that holds the file, too.

    Raises:
        OSError: The file can't be looked at.
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
    """Return the id of a file's owner; `None` on Windows, and where the file can't be looked at."""
    try:
        return None if sys.platform == "win32" else os.stat(path).st_uid
    except OSError:
        return None


def user_name(uid: int) -> str:
    """Return how messages call a user: by name if there is one."""
    if sys.platform == "win32":
        return f"user {uid}"
    import pwd  # noqa: PLC0415  # only messages need it

    try:
        return f"user {pwd.getpwuid(uid).pw_name!r}"
    except KeyError:
        return f"user {uid}"


def _sudo_user() -> tuple[int, ...]:
    """Return the id of the user who became root by `sudo`, who is trusted as git trusts him."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return ()
    given = os.environ.get("SUDO_UID", "")
    return (int(given),) if given.isdecimal() and len(given) < 11 else ()


def _keeps_modes(path: str) -> bool:
    """Tell whether the file system has modes of its own. Only looked at where a mode is bad."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            device = os.stat(path).st_dev
            for line in lines:
                place, _, kind = line.partition(" - ")
                major, minor = map(int, place.split()[2].split(":"))
                if os.makedev(major, minor) == device:
                    return kind.split()[0] not in _WITHOUT_MODES
    except (OSError, ValueError, IndexError):
        pass
    return True
