"""Refuses a bucket that is a local directory inside or around what is synced with it: it would grow by itself."""

from __future__ import annotations

import os
from collections.abc import Sequence

from buckia_core.errors import InvalidSetting
from buckia_core.planning.keys import is_internal
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.request import SyncRequest


def refuse_nesting(request: SyncRequest) -> None:
    """Check where the bucket, the synced paths and the state are; links are followed.

    What the filter of a mapping keeps out may be inside of it.

    Raises:
        InvalidSetting: One is inside another.
    """
    bucket = request.adapter.local_directory
    state = str(request.state_dir)
    for mapping in request.mappings:
        if bucket is not None and _parts_below(bucket, mapping.local) is not None:
            raise InvalidSetting(
                f"the synced path {mapping.local} is inside the folder that is the bucket, {bucket}: each run would "
                "copy the files into the bucket again. Use another folder as the bucket"
            )
        if mapping.is_file:
            continue
        if bucket is not None and _is_scanned(mapping, _parts_below(mapping.local, bucket)):
            raise InvalidSetting(
                f"the folder that is the bucket, {bucket}, is inside the synced path {mapping.local}: each run would "
                "copy the bucket into itself. Use a folder outside of it, or exclude it"
            )
        if _is_scanned(mapping, _parts_below(mapping.local, state)):
            raise InvalidSetting(
                f"the state is kept in {state}, which is inside the synced path {mapping.local}; keep it elsewhere, or "
                "exclude it"
            )
    if bucket is not None and (way := _parts_below(bucket, state)) is not None and not is_internal("/".join(way)):
        raise InvalidSetting(f"the state is kept in {state}, which is inside the folder that is the bucket, {bucket}")


def _is_scanned(mapping: PathMapping, way: Sequence[str] | None) -> bool:
    """Tell whether a scan of the mapping comes to the directory at the end of a way down from its root."""
    if way is None:
        return False
    above = ["/".join(way[: depth + 1]) + "/" for depth in range(len(way))]
    return not any(is_internal(path) for path in above) and all(mapping.path_filter(path) for path in above)


def _parts_below(outer: str, inner: str) -> list[str] | None:
    """Return the names that lead down from one place to another one that is inside of it, or the same place."""
    outer = os.path.realpath(outer)
    identity = _identity(outer)
    place = os.path.realpath(inner)
    names: list[str] = []
    while True:
        # A disk may fold case, or be mounted at two places, so names alone do not tell.
        if os.path.normcase(place) == os.path.normcase(outer) or (
            identity is not None and _identity(place) == identity
        ):
            return names[::-1]
        parent, name = os.path.split(place)
        if parent == place:
            return None
        names.append(name)
        place = parent


def _identity(path: str) -> tuple[int, int] | None:
    """Return which file or directory a path leads to; `None` where there is none, or the disk does not tell."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
