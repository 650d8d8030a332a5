"""Reading the remote side: one stream of objects in key order, fetched in several ranges at once where that helps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby, islice
from typing import NamedTuple

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import AdapterError
from buckia_core.planning.keys import is_directory_marker
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.scope import Scope

KEYS_PER_RANGE = 5000
"""Keys in one range of a split listing: five of the usual pages."""

CONCURRENT_RANGES = 4
"""Ranges that are fetched at the same time."""

MAX_BUFFERED = 4 * KEYS_PER_RANGE
"""Objects of a range that are held before its turn comes. It has more only where many are new."""


class ListRange(NamedTuple):
    """One part of a listing: keys with a prefix, greater than `start_after`, not greater than `end_at`."""

    prefix: str
    start_after: str | None = None
    end_at: str | None = None


def split_listing(prefix: str, points: Sequence[str]) -> list[ListRange]:
    """Cut the listing of a prefix at keys that are known to be near its objects."""
    starts: list[str | None] = [None, *points]
    ends: list[str | None] = [*points, None]
    return [ListRange(prefix, start, end) for start, end in zip(starts, ends, strict=True)]


def list_remote(adapter: BaseSync, scope: Scope, ranges: Sequence[ListRange]) -> Iterator[RemoteObject]:
    """Yield the objects of all ranges that the scope covers, in order, without directory markers.

    Raises:
        AdapterError: A range can't be finished; what came before proves nothing about what is missing.
    """
    source = (
        _list_sequentially(adapter, ranges) if len(ranges) < CONCURRENT_RANGES else _list_concurrently(adapter, ranges)
    )
    whole = scope.is_everything
    for found in source:
        if (whole or scope.covers(found.key)) and not (
            found.key[-1:] == "/" and is_directory_marker(found.key, found.size)
        ):
            yield found


def _list_sequentially(adapter: BaseSync, ranges: Sequence[ListRange]) -> Iterator[RemoteObject]:
    for prefix in dict.fromkeys(part.prefix for part in ranges):
        yield from adapter.list_files(prefix)


class _FetchedRange(NamedTuple):
    """A range that was begun: its first objects, and the rest of them."""

    range: ListRange
    head: list[RemoteObject]
    rest: Iterator[RemoteObject]


def _list_concurrently(adapter: BaseSync, ranges: Sequence[ListRange]) -> Iterator[RemoteObject]:
    """Fetch a few ranges ahead of the one that is handed out. Holds `MOST_AHEAD` objects of each in memory."""

    def fetch(part: ListRange) -> _FetchedRange:
        found = iter(adapter.list_files(part.prefix, start_after=part.start_after, end_at=part.end_at))
        return _FetchedRange(part, list(islice(found, MAX_BUFFERED)), found)

    pool = ThreadPoolExecutor(CONCURRENT_RANGES, thread_name_prefix="buckia-list")
    try:
        for _, parts in groupby(ranges, lambda part: part.prefix):
            yield from _join_ranges(adapter, _fetch_ahead(pool, fetch, deque(parts)))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fetch_ahead(
    pool: ThreadPoolExecutor, fetch: Callable[[ListRange], _FetchedRange], waiting: deque[ListRange]
) -> Generator[_FetchedRange]:
    running: deque[Future[_FetchedRange]] = deque()
    try:
        while waiting or running:
            while waiting and len(running) < CONCURRENT_RANGES + 1:
                running.append(pool.submit(fetch, waiting.popleft()))
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()


def _join_ranges(adapter: BaseSync, fetched: Generator[_FetchedRange]) -> Iterator[RemoteObject]:
    """Yield the objects of the ranges of one prefix, and see that none is lost where two of them meet.

    A server that lists in another order than that of the keys' bytes may end a range early, and keep a key to itself
    that belongs to it. Where the last key of a range is the one that it ends at, the next range follows it in the
    server's own order. Where that key is gone, the server is asked what follows; and where that is not what the next
    range began with, the rest is listed in one piece.
    """
    last: str | None = None
    prefix, seam_open = "", False
    with closing(fetched):
        for each in fetched:
            prefix, part = each.range.prefix, each.range
            seam_open = seam_open or last != part.start_after
            first = each.head[0].key if each.head else None
            if first is None:
                seam_open = True
                continue
            _check_bounds(part, each.head)
            if seam_open and _next_key(adapter, prefix, last, first) != first:
                break
            seam_open = False
            yield from each.head
            last = each.head[-1].key
            for found in each.rest:
                _check_bounds(part, [found])
                last = found.key
                yield found
        else:
            if not seam_open or _next_key(adapter, prefix, last, None) is None:
                return
    yield from adapter.list_files(prefix, start_after=last)


def _next_key(adapter: BaseSync, prefix: str, last: str | None, end_at: str | None) -> str | None:
    """Return the key that follows another one, as the server has it."""
    with closing(_as_generator(adapter.list_files(prefix, start_after=last, end_at=end_at))) as found:
        return next((each.key for each in found), None)


def _as_generator(found: Iterator[RemoteObject]) -> Generator[RemoteObject]:
    yield from found


def _check_bounds(part: ListRange, found: Sequence[RemoteObject]) -> None:
    """See whether a range has no key that is none of its own. Its keys are in order, as the merge sees to it."""
    first, last = found[0].key, found[-1].key
    inside = first.startswith(part.prefix) and last.startswith(part.prefix)
    after = part.start_after is None or first > part.start_after
    before = part.end_at is None or last <= part.end_at
    if not (inside and after and before):
        words = (
            f"listing: keys from {first!r} to {last!r} came where only those of prefix {part.prefix!r} above "
            f"{part.start_after!r} up to {part.end_at!r} were asked for; nothing was concluded from it"
        )
        raise AdapterError(words, retryable=False)
