"""Reading the remote side: one stream of objects in key order, fetched in several ranges at once where that helps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from buckia_core.adapters.base import BaseSync
from buckia_core.planning.keys import is_directory_marker
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.scope import Scope

SPLIT = 5000
"""Keys in one range of a split listing: five of the usual pages."""

AT_ONCE = 4
"""Ranges that are fetched at the same time."""


@dataclass(frozen=True, slots=True)
class Range:
    """One part of a listing: keys with a prefix, greater than `start_after`, not greater than `end_at`."""

    prefix: str
    start_after: str | None = None
    end_at: str | None = None


def split(prefix: str, points: Sequence[str]) -> list[Range]:
    """Cut the listing of a prefix at keys that are known to be near its objects."""
    starts: list[str | None] = [None, *points]
    ends: list[str | None] = [*points, None]
    return [Range(prefix, start, end) for start, end in zip(starts, ends, strict=True)]


def objects(adapter: BaseSync, scope: Scope, ranges: Sequence[Range]) -> Iterator[RemoteObject]:
    """Yield the objects of all ranges that the scope covers, in order, without directory markers.

    Raises:
        AdapterError: A range can't be finished; what came before proves nothing about what is missing.
    """
    source = _one_by_one(adapter, ranges) if len(ranges) < AT_ONCE else _several(adapter, ranges)
    whole = not scope.names
    for found in source:
        if (whole or scope.covers(found.key)) and not (
            found.key[-1:] == "/" and is_directory_marker(found.key, found.size)
        ):
            yield found


def _one_by_one(adapter: BaseSync, ranges: Sequence[Range]) -> Iterator[RemoteObject]:
    for part in ranges:
        yield from adapter.list_files(part.prefix, start_after=part.start_after, end_at=part.end_at)


def _several(adapter: BaseSync, ranges: Sequence[Range]) -> Iterator[RemoteObject]:
    """Fetch a few ranges ahead of the one that is handed out. Holds at most that many in memory."""

    def fetch(part: Range) -> list[RemoteObject]:
        return list(adapter.list_files(part.prefix, start_after=part.start_after, end_at=part.end_at))

    waiting = deque(ranges)
    running: deque[Future[list[RemoteObject]]] = deque()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="buckia-list")
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE + 1:
                running.append(pool.submit(fetch, waiting.popleft()))
            yield from running.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
