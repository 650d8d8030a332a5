"""Refuses a local bucket inside or around its synced paths, which would copy the bucket into itself."""

from __future__ import annotations

import os
from collections.abc import Sequence

from buckia_core.errors import InvalidSetting
from buckia_core.planning.keys import is_internal
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.request import SyncRequest


def refuse_nesting(request: SyncRequest) -> None:
    """Check that bucket, synced paths and state are not inside each other, following links.

    Directories that the filter of a mapping excludes may be inside of it.

    Raises:
        InvalidSetting: One is inside another.
    """
    bucket = request.adapter.local_directory
    state = str(request.state_dir)
    if bucket is not None:
        refuse_nested_bucket(request.mappings, bucket)
    for mapping in request.mappings:
        if mapping.is_file:
            continue
        if _is_scanned(mapping, _parts_below(mapping.local, state)):
            raise InvalidSetting(
                f"the state is kept in {state}, which is inside the synced path {mapping.local}; keep it elsewhere, or "
                "exclude it"
            )
    if bucket is not None and (parts := _parts_below(bucket, state)) is not None and not is_internal("/".join(parts)):
        raise InvalidSetting(f"the state is kept in {state}, which is inside the folder that is the bucket, {bucket}")


def refuse_nested_bucket(mappings: Sequence[PathMapping], bucket: str) -> None:
    """Check that a directory that is a bucket, or will be one, and the synced paths are not inside each other.

    Raises:
        InvalidSetting: One is inside another.
    """
    for mapping in mappings:
        if _parts_below(bucket, mapping.local) is not None:
            raise InvalidSetting(
                f"the synced path {mapping.local} is inside the folder that is the bucket, {bucket}: each run would "
                "copy the files into the bucket again. Use another folder as the bucket"
            )
        if not mapping.is_file and _is_scanned(mapping, _parts_below(mapping.local, bucket)):
            raise InvalidSetting(
                f"the folder that is the bucket, {bucket}, is inside the synced path {mapping.local}: each run would "
                "copy the bucket into itself. Use a folder outside of it, or exclude it"
            )


def _is_scanned(mapping: PathMapping, parts: Sequence[str] | None) -> bool:
    """Tell whether a scan of the mapping reads the directory at a relative path, given as its parts."""
    if parts is None:
        return False
    above = ["/".join(parts[: depth + 1]) + "/" for depth in range(len(parts))]
    return not any(is_internal(path) for path in above) and all(mapping.path_filter(path) for path in above)


def _parts_below(outer: str, inner: str) -> list[str] | None:
    """Return the parts of the path of `inner` relative to `outer`; `None` if it is outside."""
    outer = os.path.realpath(outer)
    identity = _identity(outer)
    path = os.path.realpath(inner)
    names: list[str] = []
    while True:
        # A disk may ignore case or be mounted twice, so names alone are not enough.
        if os.path.normcase(path) == os.path.normcase(outer) or (identity is not None and _identity(path) == identity):
            return names[::-1]
        parent, name = os.path.split(path)
        if parent == path:
            return None
        names.append(name)
        path = parent


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of a path; `None` if it does not exist, or the file system has no inodes."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
