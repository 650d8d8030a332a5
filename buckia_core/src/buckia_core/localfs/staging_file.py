"""Staging files: temporary files that are written beside their target, and get its name when they are complete.

A staging file replaces a file by an exchange, so that the replaced file can be compared with the expected one
afterwards: another program may have saved an edit between the last check and the exchange. Then both are exchanged
back. For the case that the process is killed in between, the staging file first gets a name with the signatures of both
files, by which `remove_leftover` recognizes such an edit.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from buckia_core.localfs.directory import Directory
from buckia_core.localfs.files import (
    CAN_SET_OPEN_MTIME,
    NotAFile,
    copy_content,
    create_temp_file,
    exists,
    has_other_links,
    is_hard_link_unsupported,
    open_file,
    permission_bits,
    set_mtime,
    set_mtime_by_path,
    set_permissions,
    signature,
    unlink_if_exists,
    unpredictable_name,
)
from buckia_core.localfs.opening import FILE_NOFOLLOW_FLAGS
from buckia_core.localfs.system_errors import NO_ATOMIC_RENAME
from buckia_core.planning.keys import is_internal
from buckia_core.planning.manifest import FileSignature, is_same_version

NEW_FILE_MODE = 0o666
"""Mode of a new file, which the operating system reduces by the umask."""

PRIVATE_MODE = 0o600
"""Mode of a staging file that will replace a file, whose mode it gets only when it is complete."""

_EXCHANGING = re.compile(r"\.([0-9a-f]+)-([0-9a-f]+-[0-9a-f]+--?[0-9a-f]+)\.swap")
"""End of the name during an exchange: the inode of the staging file, and the signature of the expected file."""


class StagingFile:
    """A staging file. A context that removes the file at its end, unless it was released.

    Attributes:
        directory: The directory of the file.
        name: The name of the file; empty until it is created.
        descriptor: The open file; `None` before it is created, and after `close`.
        released: The file has its final name, or must be kept for another reason.
    """

    def __init__(self, directory: Directory, name: str = "", descriptor: int | None = None) -> None:
        self.directory = directory
        self.name = name
        self.descriptor = descriptor
        self.released = False
        self._mtime_ns: int | None = None

    def create(self, prefix: str, mode: int) -> int:
        """Create the file under an unpredictable name, and return its descriptor. The umask applies to `mode`."""
        self.name, self.descriptor = create_temp_file(self.directory, prefix, mode)
        return self.descriptor

    @property
    def path(self) -> str:
        """The path of the file."""
        return self.directory.join(self.name)

    def finish(self, mode: int | None, mtime_ns: int | None) -> None:
        """Set permission bits and modification time of the open file; `None` leaves them as they are."""
        assert self.descriptor is not None
        if mode is not None:
            set_permissions(self.descriptor, mode)
        if mtime_ns is not None:
            set_mtime(self.descriptor, mtime_ns)
            self._mtime_ns = mtime_ns

    def fsync(self) -> None:
        """Flush the file to the disk."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)
            return
        self.descriptor = self.directory.open(self.name, os.O_WRONLY | FILE_NOFOLLOW_FLAGS)
        try:
            os.fsync(self.descriptor)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file, as moving it requires on Windows. Idempotent."""
        if self.descriptor is not None:
            # After an error of `close`, another file may have the descriptor.
            descriptor, self.descriptor = self.descriptor, None
            os.close(descriptor)
            if self._mtime_ns is not None and not CAN_SET_OPEN_MTIME:
                set_mtime_by_path(self.path, self._mtime_ns)

    def clean_up(self, error: BaseException | None) -> None:  # noqa: ARG002  # for files that a later run resumes
        """Remove the file, unless it was released."""
        if self.name and not self.released:
            unlink_if_exists(self.directory, self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A file that is left is removed later, so an error here must not fail the operation, or others of its batch.
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            self.clean_up(error)

    def commit(self, target: Directory, name: str) -> None:
        """Rename the file, and replace the file of the new name, if there is one."""
        self._close_on_windows()
        self.directory.replace(self.name, target, name)
        self.released = True

    def commit_new(self, target: Directory, name: str) -> None:
        """Give the file a new name; raises as `move_to_free_name`."""
        self._close_on_windows()
        move_to_free_name(self.directory, self.name, target, name)
        self.released = True

    def commit_over(
        self, target: Directory, name: str, expected: FileSignature, keep: Callable[[Directory, str], object]
    ) -> bool:
        """Replace a file if it still is the expected one; tell whether it was.

        Atomic if the file system can exchange two files. Otherwise an edit between a last check and the rename is lost.

        Args:
            target: The directory of the file to replace.
            name: Its name.
            expected: Its signature.
            keep: Called with a file that is about to be removed after it had the name: this one, which another program
                may have opened meanwhile, or an edit that a later edit replaced. If it fails, the file is kept under a
                name with `.edited-`.
        """
        self._close_on_windows()
        status = self.directory.stat(self.name) if self.descriptor is None else os.fstat(self.descriptor)
        exchanging = f"{self.name}.{status.st_ino:x}-{_format(expected)}.swap"
        self.directory.replace(self.name, self.directory, exchanging)
        self.name = exchanging
        try:
            self.directory.exchange(self.name, target, name)
        except FileNotFoundError:
            return False
        except OSError as error:
            # Network file systems may report an error for an exchange that took effect.
            if not self._has_name(target, name, status.st_ino):
                if error.errno not in NO_ATOMIC_RENAME:
                    raise
                if not _is_expected(target, name, expected):
                    return False
                self.commit(target, name)
                return True
        self.released = True
        # The exchanged entry may be of any type, even a directory.
        if _is_expected(self.directory, self.name, expected):
            with suppress(OSError):
                self.directory.unlink(self.name)
            return True
        self._exchange_back(target, name, status.st_ino, keep)
        return False

    def _has_name(self, target: Directory, name: str, inode: int) -> bool:
        """Tell whether this file, of the given inode, has a name. If that is unknown, no name may be removed."""
        try:
            return target.stat(name).st_ino == inode
        except FileNotFoundError:
            return False
        except OSError:
            self.released = True
            return False

    def _exchange_back(
        self, target: Directory, name: str, inode: int, keep: Callable[[Directory, str], object]
    ) -> None:
        """Give the name back to the edit that has the staging name, or to a later one. `inode` is that of our file."""
        try:
            while True:
                taken = self.directory.stat(self.name).st_ino
                try:
                    self.directory.exchange(self.name, target, name)
                except FileNotFoundError:
                    # A program deleted our file. The edit was not its target, so it is restored.
                    try:
                        self.directory.rename_exclusive(self.name, target, name)
                    except FileExistsError:
                        keep(self.directory, self.name)
                        self.released = False
                    return
                if self.directory.stat(self.name).st_ino == inode:
                    break
                # Our file, or the edit, was replaced in between. The replacement is the latest version.
                inode = taken
            # Ours, too: while it had the name, another program may have opened it, and may write to it even now.
            keep(self.directory, self.name)
            self.released = False
        except BaseException:
            with suppress(OSError):
                _keep_edit(self.directory, self.name, name)
            raise

    def _close_on_windows(self) -> None:
        if os.name == "nt":
            self.close()


def move_to_free_name(source: Directory, name: str, target: Directory, new: str) -> None:
    """Move a file to a new name on the same device, without overwriting a file that was just created.

    Atomic, unless the file system supports neither hard links nor exclusive renames.

    Raises:
        FileExistsError: The name exists.
    """
    if os.name == "nt":
        os.rename(source.join(name), target.join(new))
        return
    try:
        source.link(name, target, new)
    except (OSError, NotImplementedError) as error:
        if not is_hard_link_unsupported(error):
            raise
    else:
        source.unlink(name)
        return
    try:
        source.rename_exclusive(name, target, new)
    except OSError as error:
        if error.errno not in NO_ATOMIC_RENAME:
            raise
        if exists(target, new):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.join(new)) from error
        source.replace(name, target, new)


def remove_leftover(directory: Directory, name: str) -> str | None:
    """Remove a staging file that a killed process left, unless another program wrote it.

    A process that is killed between an exchange and the way back leaves the edit of another program. It is renamed to
    the name of the file that the process wrote, with `.edited-` and random digits; returns that name.
    """
    match = _EXCHANGING.search(name)
    status = directory.stat(name)
    if match is None or status.st_ino == int(match[1], 16) or _format(signature(status)) == match[2]:
        directory.unlink(name)
        return None
    with directory.scandir() as entries:
        found = (entry.name for entry in entries if entry.inode() == int(match[1], 16))
        # A later temporary file may have got the inode, and under such a name the edit would be removed.
        target = next((each for each in found if not is_internal(each)), "file")
    return _keep_edit(directory, name, target)


def _is_expected(directory: Directory, name: str, expected: FileSignature) -> bool:
    try:
        return is_same_version(signature(directory.stat(name)), expected)
    except FileNotFoundError:
        return False


def _format(expected: FileSignature) -> str:
    return f"{expected.inode:x}-{expected.size:x}-{expected.mtime_ns:x}"


def _keep_edit(directory: Directory, name: str, target: str) -> str:
    kept = unpredictable_name(f"{target[:50]}.edited-")
    directory.rename_exclusive(name, directory, kept)
    return kept


def link_or_copy(source: Directory, name: str, target: Directory, new: str, prefix: str) -> None:
    """Create a hard link to a file, or a copy if the file system has none. Copies keep permission bits and times.

    A file that has other hard links already is copied: who writes through one of those would change the new name, too.

    Args:
        source: The directory of the file.
        name: The name of the file.
        target: The directory of the link.
        new: The name of the link.
        prefix: The prefix of the staging file that a copy is written to.

    Raises:
        FileExistsError: The new name exists.
        NotAFile: The entry is not a regular file.
        OSError: The disk failed, or is full.
    """
    status = source.stat(name)
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile(errno.EINVAL, "it is not a regular file", source.join(name))
    if has_other_links(status):
        _copy(source, name, target, new, prefix)
        return
    try:
        source.link(name, target, new)
    except (OSError, NotImplementedError) as error:
        if not is_hard_link_unsupported(error):
            raise
        _copy(source, name, target, new, prefix)


def _copy(source: Directory, name: str, target: Directory, new: str, prefix: str) -> None:
    if exists(target, new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.join(new))
    with open_file(source, name) as file, StagingFile(target) as staged:
        descriptor = staged.create(prefix, PRIVATE_MODE)
        copy_content(file.fileno(), descriptor)
        status = os.fstat(file.fileno())
        staged.finish(permission_bits(status), status.st_mtime_ns)
        staged.fsync()
        staged.commit_new(target, new)
