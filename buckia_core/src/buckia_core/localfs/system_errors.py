"""Classes of `errno`: unsupported calls, missing permission, missing files, and failures of this machine."""

from __future__ import annotations

import errno
import os


def _errnos(names: str) -> frozenset[int]:
    """Return the numbers of those errors that this system defines."""
    return frozenset(getattr(errno, name) for name in names.split() if hasattr(errno, name))


PERMISSION_DENIED = _errnos("EACCES EPERM EROFS")
"""This user lacks permission, or the file system is read-only."""

NO_HARD_LINKS = _errnos("EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EMLINK EXDEV" + (" EINVAL" if os.name == "nt" else ""))
"""The file system or a policy does not allow hard links. Android reports EACCES, Windows often EINVAL."""

NO_ATOMIC_RENAME = _errnos("ENOSYS EINVAL ENOTSUP EOPNOTSUPP EPERM EXDEV")
"""The operating system or the file system does not support the calls of `atomic_rename`."""

NO_COPY_RANGE = _errnos("EXDEV EINVAL ENOSYS ENOTSUP EOPNOTSUPP EBADF EPERM EACCES EIO")
"""The kernel, the file system or a sandbox does not copy these files itself. Some network disks report EIO."""

NO_DIRECTORY_FSYNC = _errnos("EINVAL EBADF ENOSYS ENOTSUP EOPNOTSUPP")
"""The file system does not support `fsync` of a directory."""

NO_SUCH_NAME = _errnos("ENOENT ENOTDIR ENAMETOOLONG EILSEQ" + (" EINVAL" if os.name == "nt" else ""))
"""No entry has the name. For some names, that is because the file system does not allow them."""

BROKEN_LINK = NO_SUCH_NAME | {errno.ELOOP}
"""The target of a link is missing, or the link points to itself."""

_SYSTEM_FAILURES = _errnos("EMFILE ENFILE ENOMEM ENOBUFS EIO ENOSPC EDQUOT")


def find_system_failure(error: BaseException) -> OSError | MemoryError | None:
    """Find a failure of this machine in an error and its causes: no memory, descriptors or space, or a broken disk.

    Libraries wrap such failures in their own errors. `None` means that the error is about the requested file or object.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno in _SYSTEM_FAILURES):
            return cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None


def format_system_failure(failure: OSError | MemoryError) -> str:
    """Format such a failure for a message, such as "this machine: Too many open files"."""
    message = "there is not enough memory" if isinstance(failure, MemoryError) else failure.strerror or str(failure)
    return f"this machine: {message}"
