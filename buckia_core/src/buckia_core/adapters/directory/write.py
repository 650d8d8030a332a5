"""Write an object's file atomically."""

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
from buckia_core.localfs.files import permission_bits, write_all
from buckia_core.planning.manifest import RemoteObject

WriteContent = Callable[[int], None]
"""Writes an object's bytes to a file descriptor."""

_ATTEMPTS = 10

_NEW, _PRIVATE = 0o666, 0o600

# Makes the check of the present file and the rename atomic among the threads of this process.
_commit_lock = threading.Lock()


def write(
    paths: Paths,
    key: str,
    write_content: WriteContent,
    *,
    expect: Precondition | None,
    mtime_ns: int | None,
    mode: int | None,
) -> RemoteObject:
    """Write an object and return it.

    `IfAbsent` is atomic if the disk has hard links, `IfUnchanged` if it can exchange two files; otherwise `IfUnchanged`
    is atomic among the threads of this process.

    A replaced object keeps its permission bits. A new one has those of a new file, without the group and other bits
    that the source, `mode`, does not have. The temporary file never has more.

    Raises:
        PreconditionFailed: The object is not as expected.
    """
    resolved, temp_file = _create_temp_file(paths, key, mode)
    try:
        with paths.keep_open(resolved), temp_file:
            write_content(temp_file.descriptor)
            with translate_errors(key):
                kept = permission_bits(resolved.status) if resolved.status else None
                temp_file.flush(mtime_ns=mtime_ns, mode=kept)
                status = _commit(paths, key, temp_file, expect)
    except BaseException:
        if resolved.created_dirs:
            paths.prune(resolved)
        raise
    return object_from_stat(key, status)


def copy_descriptor(source: int, target: int) -> None:
    """Copy the rest of a file, in the kernel if possible, which may share blocks instead of copying."""
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


def _create_temp_file(paths: Paths, key: str, mode: int | None) -> tuple[ResolvedPath, TempFile]:
    # A concurrent delete of the last object in the directory removes it: create it again.
    for _ in range(_ATTEMPTS):
        try:
            resolved = paths.resolve_for_write(key)
            return resolved, TempFile(resolved.directory, _new_file_mode(resolved, mode))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise translate_error(error, key) from error
    raise Transient(f"{key!r}: its directory is removed repeatedly", provider=PROVIDER, key=key)


def _commit(paths: Paths, key: str, temp_file: TempFile, expect: Precondition | None) -> os.stat_result:
    with _commit_lock:
        # Resolved again: the path may have changed while the content was written.
        resolved = paths.resolve(key)
        resolved.check_writable()
        match expect:
            case IfAbsent():
                try:
                    return temp_file.commit_new(resolved.directory, resolved.name)
                except FileExistsError as error:
                    raise precondition_failed(key, "it exists") from error
            case IfUnchanged(seen):
                if resolved.status is None:
                    raise precondition_failed(key, "it is gone")
                if fingerprint_from_stat(resolved.status) != seen.fingerprint:
                    raise precondition_failed(key, "it is another version now")
                status = temp_file.commit_over(resolved.directory, resolved.name, resolved.status)
                if status is None:
                    raise precondition_failed(key, "another writer replaced it")
                return status
            case None:
                return temp_file.commit(resolved.directory, resolved.name)


def _new_file_mode(resolved: ResolvedPath, source: int | None) -> int:
    """Return the mode of the temporary file, before the umask."""
    if resolved.status is not None:
        return _PRIVATE
    return _NEW if source is None else _NEW & (source | _PRIVATE)
