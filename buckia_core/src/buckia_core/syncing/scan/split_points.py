"""Split points: where to split a listing of which nothing is known, and how much to list at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from buckia_core.adapters.contract.protocols import PrefixListing
from buckia_core.errors import AdapterError
from buckia_core.syncing.error_messages import log_internal_error
from buckia_core.syncing.scan.list_range import ListRange

_ENOUGH_POINTS = 16
_MAX_LEVELS = 4
"""Levels of directories that are asked for points, from the prefix down; each costs one request."""


def find_split_points(adapter: PrefixListing, rest: ListRange) -> list[str]:
    """Return directories in a range, in order. The range starts after a key.

    Asks for the directories beside those that the key is in: `b/`, `c/` and `a/x/3/` for the key `a/x/2/file`.
    """
    prefix, last, end = rest.prefix, rest.start_after or "", rest.end_at
    inside = [at + 1 for at, character in enumerate(last) if character == "/" and at >= len(prefix)]
    points: list[str] = []
    for level in [prefix, *(last[:at] for at in inside)][:_MAX_LEVELS]:
        try:
            found = adapter.list_prefixes(level, start_after=last)
        except AdapterError as error:
            # The listing goes on without them.
            log_internal_error(error)
            break
        # Those of a lower level come before those of a higher one.
        points = [each for each in found if each > last and (end is None or each < end)] + points
        if len(points) >= _ENOUGH_POINTS:
            break
    return sorted(set(points))


class RangePlan:
    """Splits a range at points into ranges of about `keys` keys.

    Begins with as many points for a range as the keys before it suggest, and learns from each range that was listed.
    Safe to use from several threads.

    Args:
        whole: The range.
        points: Where it may be split, in order.
        before: Keys before the range, in order.
        keys: Keys that a range should have.
    """

    def __init__(self, whole: ListRange, points: Sequence[str], before: Sequence[str], keys: int) -> None:
        self.whole = whole
        self._points = points
        self._keys = keys
        depth = points[0].count("/")
        self._keys_per_point = len(before) / len({"/".join(key.split("/", depth)[:depth]) for key in before})
        self._sizes: dict[ListRange, int] = {}

    def ranges(self) -> Iterator[ListRange]:
        """Yield the ranges in order; how large each is follows from those that were recorded before."""
        prefix, start, end = self.whole
        number, points = 0, self._points
        while number < len(points):
            count = max(1, min(len(points) - number, round(self._keys / self._keys_per_point)))
            number += count
            range_ = ListRange(prefix, start, points[number - 1])
            # The first range ends before its last directory, and begins within another one.
            self._sizes[range_] = count - (number == count)
            start = range_.end_at
            yield range_
        yield ListRange(prefix, start, end)

    def record(self, range_: ListRange, keys: int) -> None:
        """Tell how many keys a range has, or at least."""
        count = self._sizes.pop(range_, 0)
        if count:
            self._keys_per_point = max(0.1, (self._keys_per_point + keys / count) / 2)
