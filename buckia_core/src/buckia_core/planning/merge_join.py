"""Merge join: combines the three sorted manifests into one stream, key by key or in runs of keys that are in sync."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject

KeyTriple = tuple[str, LocalEntry | None, RemoteObject | None, BaselineEntry | None]

READ_AHEAD = 500
"""Entries that `merge_runs` reads of each manifest at once."""


class InSyncRun(NamedTuple):
    """Run of consecutive keys whose fingerprints equal the baseline's on both sides; one entry a key in each list."""

    local: list[LocalEntry]
    remote: list[RemoteObject]
    base: list[BaselineEntry]


def merge_join(
    local: Iterable[LocalEntry], remote: Iterable[RemoteObject], base: Iterable[BaselineEntry]
) -> Iterator[KeyTriple]:
    """Yield `(key, local, remote, base)` for each key of the three manifests, in order of keys.

    Holds one entry of each manifest at a time.

    Raises:
        AdapterError: A manifest is not sorted, or has a key twice.
    """
    for step in merge_runs(local, remote, base, read_ahead=1):
        if isinstance(step, InSyncRun):
            for entries in zip(*step, strict=True):
                yield entries[0].key, *entries
        else:
            yield step


def merge_runs(
    local: Iterable[LocalEntry],
    remote: Iterable[RemoteObject],
    base: Iterable[BaselineEntry],
    *,
    read_ahead: int = READ_AHEAD,
) -> Iterator[InSyncRun | KeyTriple]:
    """Merge as `merge_join`, but yield keys in sync in runs: of a large tree they are nearly all, and must be cheap.

    Holds up to `read_ahead` entries of each manifest at a time.
    """
    locals_, remotes, bases = iter(local), iter(remote), iter(base)
    here: list[LocalEntry] = []
    there: list[RemoteObject] = []
    rows: list[BaselineEntry] = []
    last: str | None = None
    while True:
        here = here or list(islice(locals_, read_ahead))
        there = there or list(islice(remotes, read_ahead))
        rows = rows or list(islice(bases, read_ahead))
        if here and there and rows and (number := _count_in_sync(here, there, rows, last)):
            last = rows[number - 1].key
            yield InSyncRun(here[:number], there[:number], rows[:number])
            del here[:number], there[:number], rows[:number]
            continue
        heads = [entries[0][0] for entries in (here, there, rows) if entries]
        if not heads:
            return
        key = min(heads)
        if last is not None and key <= last:
            sides = (("the bucket", there), ("the folder", here), ("the baseline", rows))
            side = next(name for name, entries in sides if entries and entries[0][0] == key)
            # Merging an unsorted manifest would invent deletions. A retry does not help.
            raise AdapterError(f"{side} was not listed in order: {key!r} comes after {last!r}", key=key)
        last = key
        yield (
            key,
            here.pop(0) if here and here[0][0] == key else None,
            there.pop(0) if there and there[0][0] == key else None,
            rows.pop(0) if rows and rows[0][0] == key else None,
        )


def _count_in_sync(
    local: list[LocalEntry], remote: list[RemoteObject], base: list[BaselineEntry], last: str | None
) -> int:
    """Return the number of leading keys that are in sync and in order.

    The first six fields of `LocalEntry` and `BaselineEntry` are the same, and tuples are compared in C.
    """
    number = 0
    last = last or ""
    for here, there, row in zip(local, remote, base, strict=False):
        key, fingerprint = row[0], row[7]
        if (
            here[:6] != row[:6]
            or there[0] != key
            or there[1] != row[2]
            or there[2] != fingerprint
            or not fingerprint
            or row[6]
            or row[9]
            or key <= last
        ):
            break
        last = key
        number += 1
    return number
