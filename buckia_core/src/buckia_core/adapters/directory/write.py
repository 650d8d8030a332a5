"""Writing a file of the bucket: whole or not at all."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.adapters.directory.errors import PROVIDER, precondition_failed, translate_error, translate_errors
from buckia_core.adapters.directory.paths import Paths, ResolvedPath
from buckia_core.adapters.directory.stat import fingerprint_from_stat, object_from_stat
from buckia_core.adapters.directory.temp_file import TempFile
from buckia_core.errors import Transient
from buckia_core.localfs.files import permissions, write_all
from buckia_core.planning.manifest import RemoteObject

WriteContent = Callable[[int], None]
"""Writes an object's bytes to a file descriptor."""

_ATTEMPTS = 10

_NEW, _PRIVATE = 0o666, 0o600

# The look at what is there and the replacement are one step for all threads of this process.
_placing = threading.Lock()


def write(
    paths: Paths,
    key: str,
    fill: WriteContent,
    *,
    expect: Precondition | None,
    mtime_ns: int | None,
    mode: int | None,
) -> RemoteObject:
    """Write an object and return it.

    `IfAbsent` is one atomic step wherever the disk has hard links, `IfUnchanged` wherever it can exchange two files.
    Elsewhere, `IfUnchanged` is one among the threads of this process.

    An object that is replaced keeps its permission bits. A new one has those of a new file, less what its source
    (`mode`) does not give to the group and to others. It never has more while it is written.

    Raises:
        PreconditionFailed: The object is not as expected.
    """
    place, temporary = _begin(paths, key, mode)
    try:
        with paths.keep_open(place), temporary:
            fill(temporary.descriptor)
            with translate_errors(key):
                kept = permissions(place.status) if place.status else None
                temporary.finish(mtime_ns=mtime_ns, mode=kept)
                status = _put_in_place(paths, key, temporary, expect)
    except BaseException:
        if place.created_dirs:
            paths.prune(place)
        raise
    return object_from_stat(key, status)


def copy_all(source: int, target: int) -> None:
    """Copy a file's bytes from where it stands; in the kernel, where that can do it without moving them at all."""
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(source, target, 1 << 30):
                pass
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF):
                raise
        else:
            return
    while data := os.read(source, 1 << 20):
        write_all(target, data)


def _begin(paths: Paths, key: str, mode: int | None) -> tuple[ResolvedPath, TempFile]:
    # Whoever deletes the last object of a directory removes it, and that may be just now.
    for _ in range(_ATTEMPTS):
        try:
            place = paths.resolve_for_write(key)
            return place, TempFile(place.directory, _mode_of(place, mode))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise translate_error(error, key) from error
    raise Transient(f"{key!r}: its directory is removed again and again", provider=PROVIDER, key=key)


def _put_in_place(paths: Paths, key: str, temporary: TempFile, expect: Precondition | None) -> os.stat_result:
    with _placing:
        # Looked at again: much may have happened on the way to the target while the bytes came.
        place = paths.resolve(key)
        place.check_writable()
        match expect:
            case IfAbsent():
                try:
                    return temporary.commit_new(place.directory, place.name)
                except FileExistsError as error:
                    raise precondition_failed(key, "it exists") from error
            case IfUnchanged(seen):
                if place.status is None:
                    raise precondition_failed(key, "it is gone")
                if fingerprint_from_stat(place.status) != seen.fingerprint:
                    raise precondition_failed(key, "it is another version now")
                status = temporary.commit_over(place.directory, place.name, place.status)
                if status is None:
                    raise precondition_failed(key, "another writer came in between")
                return status
            case None:
                return temporary.commit(place.directory, place.name)


def _mode_of(place: ResolvedPath, source: int | None) -> int:
    """Return the mode to make a file with; the umask is still to come."""
    if place.status is not None:
        return _PRIVATE
    return _NEW if source is None else _NEW & (source | _PRIVATE)
