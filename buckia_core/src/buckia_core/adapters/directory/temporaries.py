"""Files of uploads that are under way: written beside their target, put in its place when they are whole."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from buckia_core.planning.keys import TEMPORARY

STALE_SECONDS = 86_400
"""A temporary file that nobody wrote to for so long was left by a process that died."""

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_NO_LINKS = {
    getattr(errno, name)
    for name in ("EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES", "EINVAL")
    if hasattr(errno, name)
}


class Temporary:
    """A file in `directory` that goes away at the end of the `with` block unless it was put in a place."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, TEMPORARY + secrets.token_hex(8))
        self.descriptor = os.open(self.path, _FLAGS, 0o666)
        self._open = True
        self._placed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if not self._placed:
            with suppress(OSError):
                os.unlink(self.path)

    def finish(self, *, mtime_ns: int | None, mode: int | None) -> None:
        """Bring what was written to the disk, with its modification time and, where there is one, a mode."""
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(self.descriptor, mode)
        if os.name == "nt":
            # There the time would be set again by closing, and an open file can't be moved.
            os.fsync(self.descriptor)
            self._close()
        if mtime_ns is not None:
            # A time that this disk can't hold is no reason not to keep the bytes.
            with suppress(OverflowError):
                os.utime(self.descriptor if self._open else self.path, ns=(mtime_ns, mtime_ns))
        if self._open:
            os.fsync(self.descriptor)

    def replace(self, target: str) -> os.stat_result:
        """Put the file in the place of `target`, whatever file is there, and return its status."""
        return self._place(target, lambda: os.replace(self.path, target))

    def place(self, target: str) -> os.stat_result:
        """Put the file where no file is, in one step, and return its status.

        Raises:
            FileExistsError: Something is there.
        """
        return self._place(target, lambda: self._rename_to_new(target))

    def _place(self, target: str, move: Callable[[], None]) -> os.stat_result:
        if self._open:
            # Moving changes the change time, and by the number it is this file whatever stands there meanwhile.
            move()
            status = os.fstat(self.descriptor)
        else:
            status = os.stat(self.path)
            move()
        self._placed = True
        sync_directory(os.path.dirname(target))
        return status

    def _rename_to_new(self, target: str) -> None:
        if os.name == "nt":
            os.rename(self.path, target)
            return
        try:
            os.link(self.path, target)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # A disk without hard links: look, then replace. Another process may come in between.
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
            os.replace(self.path, target)
        else:
            os.unlink(self.path)

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self.descriptor)


def sync_directory(directory: str) -> None:
    """Bring the names of a directory to the disk, where the system can: a rename is safe only after that.

    A directory that is gone again, may not be read, or is on a file system that keeps names in its own way, is let be.
    """
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_stale(status: os.stat_result) -> bool:
    """Tell whether a temporary file was left behind.

    Its modification time may be that of the file which is being uploaded, so the change time is asked.
    """
    return status.st_ctime < time.time() - STALE_SECONDS


def sweep(paths: set[str]) -> None:
    """Remove temporary files that were left behind, and take them out of the set; what can't be removed stays."""
    while paths:
        # Another thread may have taken the last one.
        with suppress(OSError, KeyError):
            os.unlink(paths.pop())
