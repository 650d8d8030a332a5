"""The streaming three-way merge: what the three manifests say of each key, key by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject

KeyTriple = tuple[str, LocalEntry | None, RemoteObject | None, BaselineEntry | None]


def merge_join(
    local: Iterable[LocalEntry], remote: Iterable[RemoteObject], base: Iterable[BaselineEntry]
) -> Iterator[KeyTriple]:
    """Yield `(key, local, remote, base)` for every key of the three manifests, in order of keys.

    Holds one entry of each at a time.

    Raises:
        AdapterError: A manifest has a key that is not greater than the one before it.
    """
    locals_, remotes, bases = iter(local), iter(remote), iter(base)
    mine, theirs, agreed = next(locals_, None), next(remotes, None), next(bases, None)
    last: str | None = None
    while True:
        # The common case first: all three are at the same key.
        if mine is not None and theirs is not None and agreed is not None and mine[0] == theirs[0] == agreed[0]:
            key = mine[0]
        else:
            heads = [entry[0] for entry in (mine, theirs, agreed) if entry is not None]
            if not heads:
                return
            key = min(heads)
        if last is not None and key <= last:
            side = next(
                name
                for name, entry in (("the bucket", theirs), ("the folder", mine), ("the baseline", agreed))
                if entry is not None and entry[0] == key
            )
            # Merging it would invent deletions, and repeating does not help.
            raise AdapterError(f"{side} was not listed in order: {key!r} comes after {last!r}", key=key)
        last = key
        here = there = before = None
        if mine is not None and mine[0] == key:
            here, mine = mine, next(locals_, None)
        if theirs is not None and theirs[0] == key:
            there, theirs = theirs, next(remotes, None)
        if agreed is not None and agreed[0] == key:
            before, agreed = agreed, next(bases, None)
        yield key, here, there, before
