"""Merge join: combines the three sorted manifests into one stream, key by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject

KeyTriple = tuple[str, LocalEntry | None, RemoteObject | None, BaselineEntry | None]


def merge_join(
    local: Iterable[LocalEntry], remote: Iterable[RemoteObject], base: Iterable[BaselineEntry]
) -> Iterator[KeyTriple]:
    """Yield `(key, local, remote, base)` for each key of the three manifests, in order of keys.

    Holds one entry of each manifest at a time.

    Raises:
        AdapterError: A manifest is not sorted, or has a key twice.
    """
    locals_, remotes, bases = iter(local), iter(remote), iter(base)
    next_local, next_remote, next_base = next(locals_, None), next(remotes, None), next(bases, None)
    last: str | None = None
    while True:
        # Fast path for the common case: all three are at the same key.
        if (
            next_local is not None
            and next_remote is not None
            and next_base is not None
            and next_local[0] == next_remote[0] == next_base[0]
        ):
            key = next_local[0]
        else:
            heads = [entry[0] for entry in (next_local, next_remote, next_base) if entry is not None]
            if not heads:
                return
            key = min(heads)
        if last is not None and key <= last:
            side = next(
                name
                for name, entry in (
                    ("the bucket", next_remote),
                    ("the folder", next_local),
                    ("the baseline", next_base),
                )
                if entry is not None and entry[0] == key
            )
            # Merging an unsorted manifest would invent deletions. A retry does not help.
            raise AdapterError(f"{side} was not listed in order: {key!r} comes after {last!r}", key=key)
        last = key
        found_local = found_remote = found_base = None
        if next_local is not None and next_local[0] == key:
            found_local, next_local = next_local, next(locals_, None)
        if next_remote is not None and next_remote[0] == key:
            found_remote, next_remote = next_remote, next(remotes, None)
        if next_base is not None and next_base[0] == key:
            found_base, next_base = next_base, next(bases, None)
        yield key, found_local, found_remote, found_base
