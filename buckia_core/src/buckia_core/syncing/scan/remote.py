"""Lists the remote side: one stream of objects in key order, fetched in concurrent ranges if the listing is long.

Where the baseline has keys, it says where to split. Elsewhere, a listing begins with one page after the other. If it is
long and its server distant, the directories that the server knows after the last key are where the rest is split.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import groupby, islice
from typing import NamedTuple, cast

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import PrefixListing
from buckia_core.errors import AdapterError
from buckia_core.planning.keys import is_directory_marker
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.scope import Scope
from buckia_core.syncing.scan.list_range import ListRange
from buckia_core.syncing.scan.prefetch import BATCH_SIZE, in_batches
from buckia_core.syncing.scan.split_points import RangePlan, find_split_points

KEYS_PER_RANGE = 5000
"""Keys in one range of a split listing: five pages of most providers."""

CONCURRENT_RANGES = 4
"""Number of ranges that are fetched concurrently."""

MAX_BUFFERED = 4 * KEYS_PER_RANGE
"""Objects of a range that are buffered ahead of its turn. A range has more only if many of them are new."""

_SLOW_SECONDS = 0.1
"""Seconds of waiting for `KEYS_PER_RANGE` keys above which the rest is split: it costs requests, and gains time only
where the server or the way to it takes longer than reading the pages."""


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
        yield from _list_range(adapter, ListRange(prefix))


def _list_range(adapter: BaseSync, whole: ListRange) -> Iterator[list[RemoteObject]]:
    """Yield the objects of a range of which nothing is known. Splits what is left if it is long and slow."""
    listing = adapter.list_files(whole.prefix, start_after=whole.start_after, end_at=whole.end_at)
    found = in_batches(listing, min(BATCH_SIZE, KEYS_PER_RANGE))
    known = adapter.capabilities
    if not (known.list_prefixes and known.start_after):
        yield from found
        return
    with closing(found):
        count, waited, looks_at = 0, 0.0, KEYS_PER_RANGE
        while True:
            started = time.monotonic()
            batch = next(found, None)
            waited += time.monotonic() - started
            if batch is None:
                return
            yield batch
            count += len(batch)
            if count < looks_at:
                continue
            # Where there are no directories, there may be some later.
            looks_at *= 2
            if waited < _SLOW_SECONDS * count / KEYS_PER_RANGE:
                continue
            rest = whole._replace(start_after=batch[-1].key)
            if points := find_split_points(cast("PrefixListing", adapter), rest):
                break
    yield from _list_plan(adapter, RangePlan(rest, points, [each.key for each in batch], 2 * KEYS_PER_RANGE))


def _list_plan(adapter: BaseSync, plan: RangePlan) -> Iterator[list[RemoteObject]]:
    """List ranges that begin and end where there need not be a key."""

    def fetch(range_: ListRange) -> _FetchedRange:
        head: list[RemoteObject] = []
        found = adapter.list_files(range_.prefix, start_after=range_.start_after, end_at=plan.whole.end_at)
        # The first key after the range says that the server lists the next range after this one.
        with closing(_as_generator(found)) as objects:
            for each in objects:
                if range_.end_at is not None and each.key > range_.end_at:
                    plan.record(range_, len(head))
                    return _FetchedRange(range_, head, (), each.key)
                head.append(each)
                if len(head) == MAX_BUFFERED:
                    plan.record(range_, len(head))
                    return _FetchedRange(range_, head, _list_range(adapter, range_._replace(start_after=each.key)))
        return _FetchedRange(range_, head, ())

    with _listing_threads() as pool:
        yield from _join_ranges(adapter, _fetch_ahead(pool, fetch, plan.ranges()), plan.whole)


class _FetchedRange(NamedTuple):
    """Range whose listing has started: the buffered objects, and the iterator over the rest.

    `following` is the first key after the range, in the order of the server, if that was read and there is no rest.
    """

    range: ListRange
    head: list[RemoteObject]
    rest: Iterable[list[RemoteObject]]
    following: str | None = None


def _list_concurrently(adapter: BaseSync, ranges: Sequence[ListRange]) -> Iterator[list[RemoteObject]]:
    """Fetch a few ranges ahead. Buffers up to `MAX_BUFFERED` objects of each."""

    def fetch(range_: ListRange) -> _FetchedRange:
        found = iter(adapter.list_files(range_.prefix, start_after=range_.start_after, end_at=range_.end_at))
        return _FetchedRange(range_, list(islice(found, MAX_BUFFERED)), in_batches(found))

    with _listing_threads() as pool:
        for prefix, group in groupby(ranges, lambda range_: range_.prefix):
            yield from _join_ranges(adapter, _fetch_ahead(pool, fetch, group), ListRange(prefix))


@contextmanager
def _listing_threads() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(CONCURRENT_RANGES, thread_name_prefix="buckia-list")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fetch_ahead(
    pool: ThreadPoolExecutor, fetch: Callable[[ListRange], _FetchedRange], ranges: Iterator[ListRange]
) -> Generator[_FetchedRange]:
    """Fetch ranges in order, and some ahead of the one that is yielded. Takes a range when it is to be fetched."""
    running: deque[Future[_FetchedRange]] = deque()
    try:
        while True:
            while len(running) < CONCURRENT_RANGES + 1 and (range_ := next(ranges, None)) is not None:
                running.append(pool.submit(fetch, range_))
            if not running:
                return
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()


def _join_ranges(
    adapter: BaseSync, fetched: Generator[_FetchedRange], whole: ListRange
) -> Iterator[list[RemoteObject]]:
    """Yield the objects of the ranges that make up a whole, checking that no object is lost between two ranges.

    A server that does not list in byte order may end a range early and omit keys. If the last key of a range is its
    `end_at`, the next range continues from there in the server's order. So it does if the range was listed up to the
    first key of the next one. Else ask the server for the next key; if it is not the first key of the next range, list
    the rest without ranges.
    """
    prefix, last, following = whole.prefix, whole.start_after, None
    unchecked_seam = False
    with closing(fetched):
        for each in fetched:
            range_ = each.range
            unchecked_seam = unchecked_seam or last != range_.start_after
            first = each.head[0].key if each.head else None
            if first is None:
                unchecked_seam = True
                continue
            _check_bounds(range_, each.head)
            if unchecked_seam and following != first and _next_key(adapter, prefix, last, first) != first:
                break
            unchecked_seam, following = False, each.following
            last = each.head[-1].key
            yield from in_batches(each.head)
            for batch in each.rest:
                _check_bounds(range_, batch)
                last = batch[-1].key
                yield batch
        else:
            if not unchecked_seam or _next_key(adapter, prefix, last, whole.end_at) is None:
                return
    yield from in_batches(adapter.list_files(prefix, start_after=last, end_at=whole.end_at))


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
