"""What errors of the system mean: that a disk lacks a call, that it may not be written, or that the system failed."""

from __future__ import annotations

import errno
import os


def _numbers(names: str) -> frozenset[int]:
    """Return the numbers of errors, as far as this system has them."""
    return frozenset(getattr(errno, name) for name in names.split() if hasattr(errno, name))


DENIED = _numbers("EACCES EPERM EROFS")
"""It may not be written: by this user, or by anybody."""

NO_HARD_LINKS = _numbers("EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EMLINK EXDEV" + (" EINVAL" if os.name == "nt" else ""))
"""The disk, or a rule of the system, allows no second name here. Android says EACCES, Windows often EINVAL."""

NO_ATOMIC_RENAME = _numbers("ENOSYS EINVAL ENOTSUP EOPNOTSUPP EPERM EXDEV")
"""The system or the file system can't exchange two files, nor rename only to a free name."""

NO_DIRECTORY_SYNC = _numbers("EINVAL EBADF ENOSYS ENOTSUP EOPNOTSUPP")
"""The file system can't sync a directory."""

NO_SUCH_NAME = _numbers("ENOENT ENOTDIR ENAMETOOLONG EILSEQ" + (" EINVAL" if os.name == "nt" else ""))
"""Nothing has the name; of some names because the disk can't hold them."""

LEADS_NOWHERE = NO_SUCH_NAME | {errno.ELOOP}
"""A link leads to nothing, or to itself."""

_FAILED = _numbers("EMFILE ENFILE ENOMEM ENOBUFS EIO ENOSPC EDQUOT")


def failure_of_system(error: BaseException) -> OSError | MemoryError | None:
    """Return the failure of the system behind an error: no memory, no descriptors, no space, a broken disk.

    Libraries wrap such failures in errors of their own, which are looked through. `None` if there is none: then the
    error tells something of what was asked for.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        if isinstance(found, MemoryError) or (isinstance(found, OSError) and found.errno in _FAILED):
            return found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return None


def failure_words(failure: OSError | MemoryError) -> str:
    """Return such a failure in words, such as "this machine: Too many open files"."""
    words = "there is not enough memory" if isinstance(failure, MemoryError) else failure.strerror or str(failure)
    return f"this machine: {words}"
