"""Listings of directory buckets: unordered, without `start-after`, and with prefixes that end in a slash only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from buckia_core.errors import NotSupported
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.operations.list import Listing
from buckia_s3.xml.list_objects import sort_key

MAX_SORTED = 1_000_000
"""Objects to sort in memory at most, which takes about half a gigabyte."""


@dataclass(frozen=True, slots=True)
class DirectoryBucketListing(Listing):
    """DirectoryBucketListing: one listing, sorted in memory. Attributes are those of `Listing`."""

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Raises:
            AdapterError: A page can't be fetched or is malformed, or there are more than `MAX_SORTED` objects.
        """
        directory = replace(self, prefix=self.prefix[: self.prefix.rfind("/") + 1], start_after=None, end_at=None)
        found: list[RemoteObject] = []
        for page in directory._pages(send_start=False):  # noqa: SLF001  # its own class
            found += filter(self._is_in_range, page)
            if len(found) > MAX_SORTED:
                message = (
                    f"listing: a directory bucket lists in no order, and {MAX_SORTED:,} objects are the most that "
                    "are sorted in memory; sync a prefix of it"
                )
                raise NotSupported(message, provider=self.client.provider)
        found.sort(key=lambda each: sort_key(each.key))
        for each, following in pairwise(found):
            if each.key == following.key:
                raise self._out_of_order(each.key, each.key)
        yield from found

    def _is_in_range(self, found: RemoteObject) -> bool:
        if not found.key or not found.key.startswith(self.prefix):
            return False
        after = self.start_after is None or found.key > self.start_after
        return after and (self.end_at is None or found.key <= self.end_at)
