"""Files in a `Directory`: create under unpredictable names, read without following links, copy, set metadata."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections import deque
from contextlib import suppress
from functools import cache

from buckia_core.localfs.directory import Directory
from buckia_core.localfs.opening import CREATE_FLAGS, FILE_NOFOLLOW_FLAGS
from buckia_core.localfs.system_errors import NO_COPY_RANGE, NO_HARD_LINKS
from buckia_core.planning.manifest import FileSignature, LocalEntry

_MAX_ATTEMPTS = 100
_random_digits: deque[str] = deque()


class NotAFile(OSError):
    """The entry is a link, a pipe, a socket, a device or a directory instead of a regular file."""


_SQLITE_MAX = 2**63 - 1

LACKS_CTIME = sys.platform == "win32"
"""Whether `st_ctime` is the creation time, as on Windows, and not the time of the last change of the inode."""


def entry_from_stat(key: str, mapping_id: str, status: os.stat_result) -> LocalEntry:
    """Build a manifest entry. Numbers beyond the range of SQLite are clamped, and still compare equal."""
    mtime_ns, ctime_ns = status.st_mtime_ns, 0 if LACKS_CTIME else status.st_ctime_ns
    if not (-_SQLITE_MAX <= mtime_ns <= _SQLITE_MAX and -_SQLITE_MAX <= ctime_ns <= _SQLITE_MAX):
        mtime_ns, ctime_ns = _clamp(mtime_ns), _clamp(ctime_ns)
    return LocalEntry(key, mapping_id, status.st_size, mtime_ns, ctime_ns, status.st_ino & _SQLITE_MAX)


def _clamp(time_ns: int) -> int:
    return max(-_SQLITE_MAX, min(time_ns, _SQLITE_MAX))


def signature(status: os.stat_result) -> FileSignature:
    """Return the signature of a file that is compared by itself, and not as an entry of a manifest."""
    return entry_from_stat("", "", status)


def was_written(before: os.stat_result, after: os.stat_result) -> bool:
    """Tell whether an open file was written to between two calls of `fstat`.

    The inode is the same, so the change time serves, which shows writes that restore the modification time. To rename
    or link a file changes it too, but not the content: the number of links tells a link apart.
    """
    if before.st_size != after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        return True
    return not LACKS_CTIME and before.st_ctime_ns != after.st_ctime_ns and before.st_nlink == after.st_nlink


def permission_bits(status: os.stat_result) -> int:
    """Return the permission bits of a `stat` result, without set-user-id, set-group-id and sticky."""
    return status.st_mode & 0o777


def existing_permissions(directory: Directory, name: str, *, follow: bool = False) -> int | None:
    """Return the permission bits of a file that is about to be replaced; `None` if it does not exist."""
    try:
        return permission_bits(directory.stat(name, follow=follow))
    except FileNotFoundError:
        return None


def create_temp_file(directory: Directory, prefix: str, mode: int = 0o600) -> tuple[str, int]:
    """Create a file whose name is a prefix and random digits; return its name and a descriptor to write and read.

    The name is unpredictable, so that other users can't create a link there first. Links are not followed.

    Raises:
        ValueError: The prefix contains a path separator.
    """
    if "/" in prefix or os.sep in prefix:
        raise ValueError(f"path separator in the prefix: {prefix!r}")
    for _ in range(_MAX_ATTEMPTS):
        name = unpredictable_name(prefix)
        try:
            return name, directory.open(name, CREATE_FLAGS, mode)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), directory.join(prefix))


def unpredictable_name(prefix: str) -> str:
    """Return a prefix with 16 random hexadecimal digits. Reads many at once, since each read releases the GIL."""
    try:
        return prefix + _random_digits.pop()
    except IndexError:
        data = os.urandom(4096).hex()
        _random_digits.extend(data[start : start + 16] for start in range(16, len(data), 16))
        return prefix + data[:16]


def open_file(directory: Directory, name: str) -> io.FileIO:
    """Open a regular file for reading.

    Raises:
        NotAFile: The entry is not a regular file.
    """
    descriptor, _ = open_regular(directory, name)
    return io.FileIO(directory.join(name), "rb", opener=lambda *_: descriptor)


def read_file(directory: Directory, name: str, size: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file of `size` bytes; return its content, and its `stat` result after the read.

    The content of a shorter file is all of it; that of a longer file is `size` + 1 bytes.

    Raises:
        NotAFile: The entry is not a regular file.
    """
    descriptor, _ = open_regular(directory, name)
    try:
        data = os.read(descriptor, size + 1)
        while 0 < len(data) < size and (more := os.read(descriptor, size - len(data))):
            data += more
        return data, os.fstat(descriptor)
    finally:
        os.close(descriptor)


def open_regular(directory: Directory, name: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading; return its descriptor and its status. Raises as `open_file`."""
    try:
        descriptor = directory.open(name, os.O_RDONLY | FILE_NOFOLLOW_FLAGS)
    except OSError as error:
        # Operating systems report different errors for a link with `O_NOFOLLOW`, and for a socket.
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, getattr(errno, "EFTYPE", errno.ELOOP)):
            raise NotAFile(errno.EINVAL, "it is not a regular file", directory.join(name)) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise NotAFile(errno.EINVAL, "it is not a regular file", directory.join(name))
    return descriptor, status


def descriptor_path(descriptor: int, path: str) -> str:
    """Return a path in `/proc` that opens the file of a descriptor, whatever stands at `path` now.

    Systems without `/proc` get `path` itself, which is only as safe as the directories on it.
    """
    return f"/proc/{os.getpid()}/fd/{descriptor}" if _has_proc_fd() else path


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes, in as many calls as needed."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def copy_content(source: int, target: int) -> None:
    """Copy the rest of a file, in the kernel if possible, which may share blocks instead of copying."""
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(source, target, 1 << 30):
                pass
        except OSError as error:
            if error.errno not in NO_COPY_RANGE:
                raise
    # Also after success: some file systems report the end of a file at its start.
    while data := os.read(source, 1 << 20):
        write_all(target, data)


def set_permissions(descriptor: int, mode: int) -> None:
    """Set the permission bits of an open file; does nothing on systems without `fchmod`."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode & 0o777)


_MAX_PORTABLE_NS = 2**31 * 10**9
"""The end of 32-bit timestamps, in 2038."""

_COARSEST_STEP_NS = 2 * 10**9
"""The coarsest resolution of timestamps: that of FAT."""


CAN_SET_OPEN_MTIME = os.utime in os.supports_fd
"""Whether the time of an open file can be set. On Windows, closing the file would change it anyway."""


def set_mtime(descriptor: int, mtime_ns: int) -> None:
    """Set the modification time of an open file. Without support for that, call `set_mtime_by_path` after closing it.

    A file system may not support the time. Then the file keeps the current time, and no error is raised.
    """
    if CAN_SET_OPEN_MTIME:
        with suppress(OSError, OverflowError, ValueError):
            _set_mtime(descriptor, mtime_ns)


def set_mtime_by_path(path: str, mtime_ns: int) -> None:
    """Set the modification time of a closed file; for systems without `CAN_SET_OPEN_MTIME`. Errors as `set_mtime`."""
    with suppress(OSError, OverflowError, ValueError):
        _set_mtime(path, mtime_ns)


def _set_mtime(file: int | str, mtime_ns: int) -> None:
    os.utime(file, ns=(mtime_ns, mtime_ns))
    # File systems silently replace an unsupported time by the nearest supported one.
    if not 0 <= mtime_ns < _MAX_PORTABLE_NS and abs(os.stat(file).st_mtime_ns - mtime_ns) > _COARSEST_STEP_NS:
        os.utime(file)


def is_hard_link_unsupported(error: OSError | NotImplementedError) -> bool:
    """Tell whether `Directory.link` failed because the file system or the system does not support hard links."""
    return isinstance(error, NotImplementedError) or error.errno in NO_HARD_LINKS


def has_other_links(status: os.stat_result) -> bool:
    """Tell whether the entry is a regular file that has other names, too."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def exists(directory: Directory, name: str) -> bool:
    """Tell whether the directory has an entry of that name; broken links count."""
    try:
        directory.stat(name)
    except FileNotFoundError:
        return False
    return True


def unlink_if_exists(directory: Directory, name: str) -> None:
    """Remove a file, if it exists."""
    try:
        directory.unlink(name)
    except FileNotFoundError:
        return


@cache
def _has_proc_fd() -> bool:
    return os.path.isdir(f"/proc/{os.getpid()}/fd")
