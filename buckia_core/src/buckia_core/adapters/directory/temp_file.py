"""Temporary file of an upload: written beside the target, and renamed to it when complete."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import create_temp_file, exists, is_hard_link_unsupported, set_permissions, signature
from buckia_core.localfs.opening import PathBlocked
from buckia_core.localfs.system_errors import NO_ATOMIC_RENAME
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import is_same_version

STALE_SECONDS = 86_400
"""Age at which a temporary file counts as left by a dead process."""


class TempFile:
    """A temporary file in `directory`; the end of the `with` block removes it unless it was committed.

    Its name is unpredictable. The umask applies to `mode`.
    """

    def __init__(self, directory: Directory, mode: int) -> None:
        self._directory = directory
        self._name, self.descriptor = create_temp_file(directory, TEMP_PREFIX, mode)
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

    def flush(self, *, mtime_ns: int | None, mode: int | None) -> None:
        """Set the modification time and mode, if any, and `fsync` the file."""
        if mode is not None:
            set_permissions(self.descriptor, mode)
        if os.name == "nt":
            # On Windows, closing would set the time again, and an open file can't be renamed.
            os.fsync(self.descriptor)
            self._close()
        if mtime_ns is not None:
            # The content matters more than a time that this disk can't store.
            with suppress(OverflowError):
                path = self._directory.join(self._name)
                os.utime(self.descriptor if self._open else path, ns=(mtime_ns, mtime_ns))
        if self._open:
            os.fsync(self.descriptor)

    def commit(self, target: Directory, name: str) -> os.stat_result:
        """Rename the file to the name, over any other file, and return its status."""
        return self._commit(target, lambda: self._directory.replace(self._name, target, name))

    def commit_over(self, target: Directory, name: str, seen: os.stat_result) -> os.stat_result | None:
        """Rename the file to the name if that still is the file `seen`; return its status, or `None` if it is not.

        Atomic if the file system can exchange two files. Elsewhere another process may write between the caller's
        `stat` and the rename.
        """
        committed = True

        def move() -> None:
            nonlocal committed
            try:
                self._directory.exchange(self._name, target, name)
            except FileNotFoundError:
                committed = False
            except OSError as error:
                if error.errno not in NO_ATOMIC_RENAME:
                    raise
                self._directory.replace(self._name, target, name)
            else:
                committed = self._discard_replaced(target, name, seen)

        status = self._commit(target, move)
        self._committed = committed
        return status if committed else None

    def _discard_replaced(self, target: Directory, name: str, seen: os.stat_result) -> bool:
        """After an exchange: remove the replaced file if it is `seen`, else restore it. Tell whether it was."""
        taken = self._directory.stat(self._name)
        if is_same_version(signature(taken), signature(seen)):
            # If this fails, the replaced file is removed later, as a stale one.
            with suppress(OSError):
                self._directory.unlink(self._name)
            return True
        # The temporary name holds the only copy of the other writer's version now: do not remove it.
        self._committed = True
        self._restore_replaced(target, name)
        return False

    def _restore_replaced(self, target: Directory, name: str) -> None:
        displaced_inode = os.fstat(self.descriptor).st_ino
        while True:
            taken = self._directory.stat(self._name).st_ino
            try:
                self._directory.exchange(self._name, target, name)
            except FileNotFoundError:
                # A concurrent delete removed our file. It was aimed at ours, so restore the other writer's.
                with suppress(FileExistsError):
                    self._rename_without_links(target, name)
                return
            if self._directory.stat(self._name).st_ino == displaced_inode:
                return
            # A third writer replaced our file: its version is the newest, and gets the name.
            displaced_inode = taken

    def commit_new(self, target: Directory, name: str) -> os.stat_result:
        """Rename the file to a new name atomically, and return its status.

        Raises:
            FileExistsError: The name exists.
        """
        return self._commit(target, lambda: self._rename_to_new(target, name))

    def _commit(self, target: Directory, move: Callable[[], None]) -> os.stat_result:
        if self._open:
            # After the rename, which sets the change time. The descriptor is this file, even if the name is not.
            move()
            status = os.fstat(self.descriptor)
        else:
            status = self._directory.stat(self._name)
            move()
        self._committed = True
        target.fsync()
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
            if not is_hard_link_unsupported(error):
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
            # Not atomic: another process may write between the check and the rename.
            if exists(target, name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.join(name)) from error
            self._directory.replace(self._name, target, name)

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self.descriptor)


def is_stale(status: os.stat_result) -> bool:
    """Tell whether a temporary file was left by a dead process.

    Uses the change time: the modification time may be that of the source.
    """
    return status.st_ctime < time.time() - STALE_SECONDS


def remove_stale(tree: Tree, stale: set[str]) -> None:
    """Remove stale temporary files, and empty the set. Files that can't be removed stay on the disk."""
    while stale:
        # Another thread may have popped the last one.
        with suppress(OSError, KeyError, PathBlocked):
            parent, _, name = stale.pop().rpartition("/")
            tree.open_directory(parent).unlink(name)
