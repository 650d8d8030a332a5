"""Files in a `Directory`: created under names that nobody can foresee, read without following links, copied."""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
from contextlib import suppress
from functools import cache

from buckia_core.localfs.directory import Directory
from buckia_core.localfs.opening import CREATE, NO_LINK
from buckia_core.localfs.system_errors import NO_HARD_LINKS

_TRIES = 100


class NotAFile(OSError):
    """A link, a pipe, a socket or a device stands where a regular file was expected."""


def permissions(status: os.stat_result) -> int:
    """Return the permission bits of a status, without set-user-id, set-group-id and sticky."""
    return status.st_mode & 0o777


def create(directory: Directory, prefix: str, mode: int = 0o600) -> tuple[str, int]:
    """Create a file under a new name that begins with a prefix; return the name, and a descriptor to write and read.

    The name can't be foreseen, so nobody can put a link there beforehand; and a link that is there is not followed.

    Raises:
        ValueError: The prefix would lead out of the directory.
    """
    if "/" in prefix or os.sep in prefix:
        raise ValueError(f"no beginning of a name: {prefix!r}")
    for _ in range(_TRIES):
        name = f"{prefix}{secrets.token_hex(8)}"
        try:
            return name, directory.open(name, CREATE, mode)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), directory.join(prefix))


def open_file(directory: Directory, name: str) -> io.FileIO:
    """Open a regular file for reading.

    Raises:
        NotAFile: Something else is there.
    """
    descriptor = _open_regular(directory, name)
    return io.FileIO(directory.join(name), "rb", opener=lambda *_: descriptor)


def read_file(directory: Directory, name: str, size: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file of `size` bytes, and return them with the status that it has after that.

    Of a shorter file that is what it has, of a longer one a byte more.

    Raises:
        NotAFile: Something else is there.
    """
    descriptor = _open_regular(directory, name)
    try:
        data = os.read(descriptor, size + 1)
        while 0 < len(data) < size and (more := os.read(descriptor, size - len(data))):
            data += more
        return data, os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _open_regular(directory: Directory, name: str) -> int:
    try:
        descriptor = directory.open(name, os.O_RDONLY | NO_LINK)
    except OSError as error:
        # Systems differ in what they say of a link that is not to be followed, and of a socket.
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, getattr(errno, "EFTYPE", errno.ELOOP)):
            raise NotAFile(errno.EINVAL, "it is not a regular file", directory.join(name)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFile(errno.EINVAL, "it is not a regular file", directory.join(name))
    return descriptor


def path_of_open(descriptor: int, path: str) -> str:
    """Return a path by which any code of this process opens a file that is open: no link can lead it elsewhere.

    Where the system has no such paths, that is the file's own, which is only as safe as its directories.
    """
    return f"/proc/{os.getpid()}/fd/{descriptor}" if _has_paths_of_open() else path


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the bytes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def set_permissions(descriptor: int, mode: int) -> None:
    """Give an open file its permission bits, where the system has them."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode & 0o777)


_ALL_DISKS_NS = 2**31 * 10**9
"""Disks that keep seconds in 32 bits hold times up to here, which is in 2038."""

_COARSEST_NS = 2 * 10**9
"""The coarsest step of a disk's times: FAT's."""


def set_time(descriptor: int, mtime_ns: int) -> None:
    """Give an open file its modification time, where the system can: then `set_time_of_closed` has nothing to do.

    A time that the disk can't hold is no error: the content is what counts. The file then has the time of now.
    """
    if os.utime in os.supports_fd:
        with suppress(OSError, OverflowError, ValueError):
            _set_time(descriptor, mtime_ns)


def set_time_of_closed(path: str, mtime_ns: int) -> None:
    """Give a file its modification time by its path, on Windows, where closing it would set another one."""
    if os.utime not in os.supports_fd:
        with suppress(OSError, OverflowError, ValueError):
            _set_time(path, mtime_ns)


def _set_time(file: int | str, mtime_ns: int) -> None:
    os.utime(file, ns=(mtime_ns, mtime_ns))
    # Disks put the nearest time that they hold in the place of one that they don't, and say nothing.
    if not 0 <= mtime_ns < _ALL_DISKS_NS and abs(os.stat(file).st_mtime_ns - mtime_ns) > _COARSEST_NS:
        os.utime(file)


def link_or_copy(source: Directory, name: str, target: Directory, new: str, prefix: str) -> None:
    """Give a file a second name, or a copy where the disk can't do that. A copy takes over permission bits and times.

    Args:
        source: Where the file is.
        name: Its name.
        target: Where the second name is to be.
        new: The second name.
        prefix: How the name of a copy begins until it is complete.

    Raises:
        FileExistsError: Something has the name.
        NotAFile: It is a link, or another thing that is no file.
        OSError: The disk failed, or is full.
    """
    if not stat.S_ISREG(source.status(name).st_mode):
        raise NotAFile(errno.EINVAL, "it is not a regular file", source.join(name))
    try:
        source.link(name, target, new)
    except (OSError, NotImplementedError) as error:
        if not lacks_hard_links(error):
            raise
        _copy(source, name, target, new, prefix)


def lacks_hard_links(error: OSError | NotImplementedError) -> bool:
    """Tell whether an error of `Directory.link` says that the disk has no second names, rather than that it failed."""
    return isinstance(error, NotImplementedError) or error.errno in NO_HARD_LINKS


def _copy(source: Directory, name: str, target: Directory, new: str, prefix: str) -> None:
    if exists(target, new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.join(new))
    with open_file(source, name) as file:
        aside, descriptor = create(target, prefix)
        try:
            try:
                while block := file.read(1 << 20):
                    write_all(descriptor, block)
                status = os.fstat(file.fileno())
                set_permissions(descriptor, permissions(status))
                set_time(descriptor, status.st_mtime_ns)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            set_time_of_closed(target.join(aside), status.st_mtime_ns)
            target.replace(aside, target, new)
        except BaseException:
            remove(target, aside)
            raise


def make_private(directory: Directory, name: str) -> None:
    """Make a directory that nobody else may look into; one that is there, and ours, is closed to others."""
    with suppress(FileExistsError):
        directory.make_directory(name, 0o700)
        return
    if not hasattr(os, "geteuid"):
        return
    status = directory.status(name)
    if stat.S_ISDIR(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.geteuid():
        descriptor = directory.open(name, os.O_RDONLY | NO_LINK | os.O_DIRECTORY)
        try:
            os.fchmod(descriptor, permissions(status) & 0o700)
        finally:
            os.close(descriptor)


def exists(directory: Directory, name: str) -> bool:
    """Tell whether anything has the name, a link that leads nowhere included."""
    try:
        directory.status(name)
    except FileNotFoundError:
        return False
    return True


def remove(directory: Directory, name: str) -> None:
    """Remove a file; one that is not there is no error."""
    try:
        directory.unlink(name)
    except FileNotFoundError:
        return


@cache
def _has_paths_of_open() -> bool:
    return os.path.isdir(f"/proc/{os.getpid()}/fd")
