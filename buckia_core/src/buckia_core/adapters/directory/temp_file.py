"""Files of uploads that are under way: written beside their target, put in its place when they are whole."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import create, exists, lacks_hard_links, set_permissions
from buckia_core.localfs.opening import InTheWay
from buckia_core.localfs.system_errors import NO_ATOMIC_RENAME
from buckia_core.planning.keys import TEMP_PREFIX

STALE_SECONDS = 86_400
"""A temporary file that nobody wrote to for so long was left by a process that died."""


class TempFile:
    """A file in `directory` that goes away at the end of the `with` block unless it was put in a place.

    Its name can't be foreseen. It has the mode that it is made with, less what the umask takes away.
    """

    def __init__(self, directory: Directory, mode: int) -> None:
        self._directory = directory
        self._name, self.descriptor = create(directory, TEMP_PREFIX, mode)
        self._open = True
        self._committed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if not self._committed:
            with suppress(OSError):
                self._directory.unlink(self._name)

    def finish(self, *, mtime_ns: int | None, mode: int | None) -> None:
        """Bring what was written to the disk, with its modification time and, where there is one, a mode."""
        if mode is not None:
            set_permissions(self.descriptor, mode)
        if os.name == "nt":
            # There the time would be set again by closing, and an open file can't be moved.
            os.fsync(self.descriptor)
            self._close()
        if mtime_ns is not None:
            # A time that this disk can't hold is no reason not to keep the bytes.
            with suppress(OverflowError):
                path = self._directory.join(self._name)
                os.utime(self.descriptor if self._open else path, ns=(mtime_ns, mtime_ns))
        if self._open:
            os.fsync(self.descriptor)

    def commit(self, target: Directory, name: str) -> os.stat_result:
        """Put the file in the place of whatever file has the name, and return its status."""
        return self._commit(target, lambda: self._directory.replace(self._name, target, name))

    def commit_over(self, target: Directory, name: str, seen: os.stat_result) -> os.stat_result | None:
        """Put the file in the place of the one that was seen under the name, and return its status.

        `None` if another one has the name. That is one step where the file system can exchange two files; elsewhere
        another process may come in between the caller's look and the replacement.
        """
        stands = True

        def move() -> None:
            nonlocal stands
            try:
                self._directory.exchange(self._name, target, name)
            except FileNotFoundError:
                stands = False
            except OSError as error:
                if error.errno not in NO_ATOMIC_RENAME:
                    raise
                self._directory.replace(self._name, target, name)
            else:
                stands = self._discard_replaced(target, name, seen)

        status = self._commit(target, move)
        self._committed = stands
        return status if stands else None

    def _discard_replaced(self, target: Directory, name: str, seen: os.stat_result) -> bool:
        """Tell whether what was taken from the name is the file that was seen; if not, put it back."""
        taken = self._directory.status(self._name)
        if (taken.st_ino, taken.st_size, taken.st_mtime_ns) == (seen.st_ino, seen.st_size, seen.st_mtime_ns):
            # It has its name: what is left aside is removed later, if not now.
            with suppress(OSError):
                self._directory.unlink(self._name)
            return True
        # Until it is back under its name, it is all there is of the other one's version.
        self._committed = True
        self._restore_replaced(target, name)
        return False

    def _restore_replaced(self, target: Directory, name: str) -> None:
        put = os.fstat(self.descriptor).st_ino
        while True:
            taken = self._directory.status(self._name).st_ino
            try:
                self._directory.exchange(self._name, target, name)
            except FileNotFoundError:
                # Somebody deleted what had been put there. The other one's version was not what that was about.
                with suppress(FileExistsError):
                    self._rename_without_links(target, name)
                return
            if self._directory.status(self._name).st_ino == put:
                return
            # Yet another version came on top of what had been put there. It is the last one, and gets the name.
            put = taken

    def commit_new(self, target: Directory, name: str) -> os.stat_result:
        """Put the file where no file is, in one step, and return its status.

        Raises:
            FileExistsError: Something is there.
        """
        return self._commit(target, lambda: self._rename_to_new(target, name))

    def _commit(self, target: Directory, move: Callable[[], None]) -> os.stat_result:
        if self._open:
            # Moving changes the change time, and by the number it is this file whatever stands there meanwhile.
            move()
            status = os.fstat(self.descriptor)
        else:
            status = self._directory.status(self._name)
            move()
        self._committed = True
        target.sync()
        return status

    def _rename_to_new(self, target: Directory, name: str) -> None:
        if os.name == "nt":
            os.rename(self._directory.join(self._name), target.join(name))
            return
        try:
            self._directory.link(self._name, target, name)
        except FileExistsError:
            raise
        except OSError as error:
            if not lacks_hard_links(error):
                raise
            self._rename_without_links(target, name)
        else:
            self._directory.unlink(self._name)

    def _rename_without_links(self, target: Directory, name: str) -> None:
        try:
            self._directory.rename_exclusive(self._name, target, name)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in NO_ATOMIC_RENAME:
                raise
            # Look, then replace. Another process may come in between.
            if exists(target, name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.join(name)) from error
            self._directory.replace(self._name, target, name)

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self.descriptor)


def is_stale(status: os.stat_result) -> bool:
    """Tell whether a temporary file was left behind.

    Its modification time may be that of the file which is being uploaded, so the change time is asked.
    """
    return status.st_ctime < time.time() - STALE_SECONDS


def remove_stale(tree: Tree, stale: set[str]) -> None:
    """Remove temporary files that were left behind, and take them out of the set; what can't be removed stays."""
    while stale:
        # Another thread may have taken the last one.
        with suppress(OSError, KeyError, InTheWay):
            above, _, name = stale.pop().rpartition("/")
            tree.directory(above).unlink(name)
