"""`RunLock`: allows one run at a time for a project and bucket. It is released when its process ends."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from buckia_core.errors import LockHeld, StateError
from buckia_core.syncing.state.errors import state_error

if sys.platform == "win32":
    import msvcrt

    # Error codes of Windows for a byte that another process has locked.
    _HELD = frozenset({errno.EACCES, errno.EDEADLK, 36})

    def _lock(file: IO[str]) -> None:
        # Locks a byte far behind the text, so that others can read the process id.
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    _HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN})

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class RunLock:
    """Lock of a run: a context manager that holds the lock file at `path`.

    Raises:
        LockHeld: On entering, if another process, or another client in this one, holds it.
        StateError: It can't be locked for another reason, such as a file system without locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            file = _open(self._path)
        except OSError as error:
            raise state_error(error, self._path) from error
        try:
            _lock(file)
        except OSError as error:
            holder = ""
            if error.errno in _HELD:
                with suppress(OSError):
                    file.seek(0)
                    holder = file.read(20).strip()
            file.close()
            if error.errno not in _HELD:
                raise StateError(
                    f"{self._path}: it can't be locked ({error.strerror}), so two syncs at once could not be kept "
                    "apart; keep the state on a disk that has locks (network disks have to be mounted with them)"
                ) from error
            who = f" (process {holder})" if holder else ""
            raise LockHeld(f"another sync of this project and bucket is running{who}: {self._path}") from None
        except BaseException:
            file.close()
            raise
        self._file = file
        # The process id is for messages only; the lock works without it, such as on a full disk.
        with suppress(OSError):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            with suppress(OSError):
                self._file.truncate(0)
            with suppress(OSError):
                # `close` retries an earlier failed write, and closes the file in any case.
                self._file.close()
            self._file = None


def _open(path: Path) -> IO[str]:
    """Open or create a private lock file. Does not follow links: one from a checkout could point to any file."""
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
