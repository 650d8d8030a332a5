"""Write an object's file atomically."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.adapters.directory.errors import PROVIDER, precondition_failed, translate_error, translate_errors
from buckia_core.adapters.directory.paths import Paths, ResolvedPath
from buckia_core.adapters.directory.stat import fingerprint_from_stat, object_from_stat
from buckia_core.errors import Transient
from buckia_core.localfs.empty_directories import prune
from buckia_core.localfs.files import permission_bits, signature
from buckia_core.localfs.staging_file import NEW_FILE_MODE, PRIVATE_MODE, StagingFile
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import RemoteObject

WriteContent = Callable[[int], None]
"""Writes an object's bytes to a file descriptor."""

_ATTEMPTS = 10

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
    that the source, `mode`, does not have. The staging file never has more.

    Raises:
        PreconditionFailed: The object is not as expected.
    """
    resolved, staged, descriptor = _create_staging_file(paths, key, mode)
    try:
        with paths.keep_open(resolved), staged:
            write_content(descriptor)
            with translate_errors(key):
                kept = permission_bits(resolved.status) if resolved.status else None
                staged.finish(kept, mtime_ns)
                staged.fsync()
                target = _commit(paths, key, staged, expect)
                # After the rename, which sets the change time. The descriptor is this file, even if the name is not.
                open_file = staged.descriptor
                status = target.directory.stat(target.name) if open_file is None else os.fstat(open_file)
                target.directory.fsync()
    except BaseException:
        if resolved.created_dirs:
            prune(resolved.tree, resolved.parent)
        raise
    return object_from_stat(key, status)


def _create_staging_file(paths: Paths, key: str, mode: int | None) -> tuple[ResolvedPath, StagingFile, int]:
    # A concurrent delete of the last object in the directory removes it: create it again.
    for _ in range(_ATTEMPTS):
        try:
            resolved = paths.resolve_for_write(key)
            staged = StagingFile(resolved.directory)
            return resolved, staged, staged.create(TEMP_PREFIX, _staging_mode(resolved, mode))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise translate_error(error, key) from error
    raise Transient(f"{key!r}: its directory is removed repeatedly", provider=PROVIDER, key=key)


def _commit(paths: Paths, key: str, staged: StagingFile, expect: Precondition | None) -> ResolvedPath:
    with _commit_lock:
        # Resolved again: the path may have changed while the content was written.
        resolved = paths.resolve(key)
        resolved.check_writable()
        match expect:
            case IfAbsent():
                try:
                    staged.commit_new(resolved.directory, resolved.name)
                except FileExistsError as error:
                    raise precondition_failed(key, "it exists") from error
            case IfUnchanged(seen):
                if resolved.status is None:
                    raise precondition_failed(key, "it is gone")
                if fingerprint_from_stat(resolved.status) != seen.fingerprint:
                    raise precondition_failed(key, "it is another version now")
                # Of several other writers, the latest one replaced the others' versions, so these are not kept.
                expected = signature(resolved.status)
                if not staged.commit_over(resolved.directory, resolved.name, expected, lambda *_: None):
                    raise precondition_failed(key, "another writer replaced it")
            case None:
                staged.commit(resolved.directory, resolved.name)
    return resolved


def _staging_mode(resolved: ResolvedPath, source: int | None) -> int:
    """Return the mode of the staging file, before the umask."""
    if resolved.status is not None:
        return PRIVATE_MODE
    return NEW_FILE_MODE if source is None else NEW_FILE_MODE & (source | PRIVATE_MODE)
