"""Listing a directory bucket, which tells keys in no order, takes no start, and only prefixes that end in a slash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from buckia_core.planning.manifest import RemoteObject
from buckia_s3.listing import Listing


@dataclass(frozen=True, slots=True)
class DirectoryListing(Listing):
    """One listing, all of which is held in memory to be sorted. Attributes are those of `Listing`."""

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Raises:
            AdapterError: A page can't be had, or is not whole.
        """
        directory = replace(self, prefix=self.prefix[: self.prefix.rfind("/") + 1], start_after=None)
        found: list[RemoteObject] = []
        token: str | None = None
        while True:
            body, head = directory._fetch(token)  # noqa: SLF001  # its own class
            found += filter(self._wanted, directory._parse(body, head))  # noqa: SLF001  # its own class
            if head.token is None:
                break
            if head.token == token:
                raise self._malformed("it begins again where it began")
            token = head.token
        found.sort(key=lambda each: each.key.encode("utf-8", "surrogateescape"))
        yield from found

    def _wanted(self, found: RemoteObject) -> bool:
        if not found.key or not found.key.startswith(self.prefix):
            return False
        after = self.start_after is None or found.key > self.start_after
        return after and (self.end_at is None or found.key <= self.end_at)
