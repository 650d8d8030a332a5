"""Lists the remote side: one stream of objects in key order, fetched in concurrent ranges if the listing is long."""

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
from buckia_core.syncing.scan.prefetch import in_batches

KEYS_PER_RANGE = 5000
"""Keys in one range of a split listing: five pages of most providers."""

CONCURRENT_RANGES = 4
"""Number of ranges that are fetched concurrently."""

MAX_BUFFERED = 4 * KEYS_PER_RANGE
"""Objects of a range that are buffered ahead of its turn. A range has more only if many of them are new."""


class ListRange(NamedTuple):
    """Range of a listing: keys with a prefix, after `start_after` (exclusive) up to `end_at` (inclusive)."""

    prefix: str
    start_after: str | None = None
    end_at: str | None = None


def split_listing(prefix: str, points: Sequence[str]) -> list[ListRange]:
    """Split the listing of a prefix at keys, which come from the baseline."""
    starts: list[str | None] = [None, *points]
    ends: list[str | None] = [*points, None]
    return [ListRange(prefix, start, end) for start, end in zip(starts, ends, strict=True)]


def list_remote(adapter: BaseSync, scope: Scope, ranges: Sequence[ListRange]) -> Iterator[list[RemoteObject]]:
    """Yield the objects of all ranges that the scope covers, in key order and in batches, without directory markers.

    Raises:
        AdapterError: A range can't be listed to its end. The objects yielded so far are an incomplete listing.
    """
    source = (
        _list_sequentially(adapter, ranges) if len(ranges) < CONCURRENT_RANGES else _list_concurrently(adapter, ranges)
    )
    everything = scope.is_everything
    for batch in source:
        covered = batch if everything else [found for found in batch if scope.covers(found.key)]
        yield [found for found in covered if found.size or not is_directory_marker(found.key, found.size)]


def _list_sequentially(adapter: BaseSync, ranges: Sequence[ListRange]) -> Iterator[list[RemoteObject]]:
    for prefix in dict.fromkeys(range_.prefix for range_ in ranges):
        yield from in_batches(adapter.list_files(prefix))


class _FetchedRange(NamedTuple):
    """Range whose listing has started: the buffered objects, and the iterator over the rest."""

    range: ListRange
    head: list[RemoteObject]
    rest: Iterator[RemoteObject]


def _list_concurrently(adapter: BaseSync, ranges: Sequence[ListRange]) -> Iterator[list[RemoteObject]]:
    """Fetch a few ranges ahead. Buffers up to `MAX_BUFFERED` objects of each."""

    def fetch(range_: ListRange) -> _FetchedRange:
        found = iter(adapter.list_files(range_.prefix, start_after=range_.start_after, end_at=range_.end_at))
        return _FetchedRange(range_, list(islice(found, MAX_BUFFERED)), found)

    pool = ThreadPoolExecutor(CONCURRENT_RANGES, thread_name_prefix="buckia-list")
    try:
        for _, group in groupby(ranges, lambda range_: range_.prefix):
            yield from _join_ranges(adapter, _fetch_ahead(pool, fetch, deque(group)))
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


def _join_ranges(adapter: BaseSync, fetched: Generator[_FetchedRange]) -> Iterator[list[RemoteObject]]:
    """Yield the objects of the ranges of one prefix, checking that no object is lost between two ranges.

    A server that does not list in byte order may end a range early and omit keys. If the last key of a range is its
    `end_at`, the next range continues from there in the server's order. If that key no longer exists, ask the server
    for the next key; if it is not the first key of the next range, list the rest without ranges.
    """
    last: str | None = None
    prefix, unchecked_seam = "", False
    with closing(fetched):
        for each in fetched:
            prefix, range_ = each.range.prefix, each.range
            unchecked_seam = unchecked_seam or last != range_.start_after
            first = each.head[0].key if each.head else None
            if first is None:
                unchecked_seam = True
                continue
            _check_bounds(range_, each.head)
            if unchecked_seam and _next_key(adapter, prefix, last, first) != first:
                break
            unchecked_seam = False
            last = each.head[-1].key
            yield from in_batches(each.head)
            for batch in in_batches(each.rest):
                _check_bounds(range_, batch)
                last = batch[-1].key
                yield batch
        else:
            if not unchecked_seam or _next_key(adapter, prefix, last, None) is None:
                return
    yield from in_batches(adapter.list_files(prefix, start_after=last))


def _next_key(adapter: BaseSync, prefix: str, last: str | None, end_at: str | None) -> str | None:
    """Ask the server for the key that follows another one."""
    with closing(_as_generator(adapter.list_files(prefix, start_after=last, end_at=end_at))) as found:
        return next((each.key for each in found), None)


def _as_generator(found: Iterator[RemoteObject]) -> Generator[RemoteObject]:
    yield from found


def _check_bounds(range_: ListRange, found: Sequence[RemoteObject]) -> None:
    """Check that all keys are inside of their range. The merge join checks their order."""
    first, last = found[0].key, found[-1].key
    inside = first.startswith(range_.prefix) and last.startswith(range_.prefix)
    after = range_.start_after is None or first > range_.start_after
    before = range_.end_at is None or last <= range_.end_at
    if not (inside and after and before):
        message = (
            f"listing: keys from {first!r} to {last!r} came where only those of prefix {range_.prefix!r} above "
            f"{range_.start_after!r} up to {range_.end_at!r} were asked for; nothing was concluded from it"
        )
        raise AdapterError(message, retryable=False)
