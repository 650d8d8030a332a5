"""Locks of files between processes: `flock` on POSIX systems, `LockFile` on Windows. They end with their process."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

if sys.platform == "win32":
    import msvcrt

    # Error codes of Windows for a byte that another process has locked.
    HELD = frozenset({errno.EACCES, errno.EDEADLK, 36})
    """Error numbers that mean that another process holds the lock."""

    def try_lock(file: IO[str]) -> None:
        """Lock an open file, or raise `OSError` at once; its number is in `HELD` if another process has the lock."""
        # Locks a byte far behind the text, so that others can read the process id.
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN})
    """Error numbers that mean that another process holds the lock."""

    def try_lock(file: IO[str]) -> None:
        """Lock an open file, or raise `OSError` at once; its number is in `HELD` if another process has the lock."""
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


_PREFIX = ".buckia-lock-"
"""Prefix of lock files beside the file that they protect. Such names are never synced."""

_POLL_SECONDS = 0.02


def open_lock_file(path: str) -> IO[str]:
    """Open or create a private lock file. Does not follow links: one from a checkout could point to any file.

    Raises:
        OSError: The file can't be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(path, flags, 0o600)
    try:
        status = os.fstat(handle)
        if os.name == "posix" and status.st_mode & 0o077 and status.st_uid == os.geteuid():
            os.fchmod(handle, status.st_mode & 0o600)
        return open(handle, "a+", encoding="utf-8")
    except BaseException:
        os.close(handle)
        raise


@contextmanager
def lock_beside(path: str | os.PathLike[str], *, seconds: float = 10.0) -> Iterator[None]:
    """Hold the lock of a file that is about to be replaced, in a block.

    The lock is a file `.buckia-lock-NAME` in the same directory, which is removed at the end. Not reentrant.

    Args:
        path: The file, which need not exist; of a symbolic link, the target counts.
        seconds: Maximum time to wait for another process or thread.

    Raises:
        TimeoutError: Another process or thread holds the lock for longer. Callers translate it, as they translate each
            `OSError`: `LockHeld` for a configuration, `ConfigError` for a store of secrets, `StateError` for a key.
        OSError: The lock file can't be created or locked.
    """
    directory, name = os.path.split(os.path.realpath(path))
    lock = os.path.join(directory, _PREFIX + name)
    deadline = time.monotonic() + seconds
    while (file := _try_lock_file(lock)) is None:
        if time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another process is changing this file", os.fspath(path))
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        if sys.platform == "win32":
            file.close()
            # Fails while another process has the file open, and that one removes it then.
            with suppress(OSError):
                os.unlink(lock)
        else:
            # Removed while the lock is held: whoever opened the same file sees that its name is gone.
            with suppress(OSError):
                os.unlink(lock)
            file.close()


def _try_lock_file(path: str) -> IO[str] | None:
    """Create and lock a file; return `None` if another holder has it, or has just removed it."""
    try:
        file = open_lock_file(path)
    except PermissionError:
        # On Windows, a file that is about to be removed can't be opened.
        if sys.platform == "win32" and os.path.exists(path):
            return None
        raise
    try:
        try_lock(file)
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in HELD:
            file.close()
            raise
    file.close()
    return None
