"""Listing a bucket: ListObjectsV2, a page ahead of the one that is read.

    the server                                              what is done
    ------------------------------------------------------------------------------------------------------------
    lists in the order of the keys' bytes                   pages are handed on as they come
    lists in another order, all in one page                 the page is sorted
    lists in another order, in several pages                an error, which no repetition mends
    does not know `start-after`                             all is listed, and what comes before is left out
    fails at a page after the first one                     the same page is asked for again

Only what has been handed on in order can be gone on with after an error: what is skipped otherwise looks deleted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from buckia_core.adapters.backoff import Backoff, repeated
from buckia_core.adapters.paging import PageGuard
from buckia_core.errors import AdapterError, Transient
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.client import Client, Request
from buckia_s3.listing_page import MalformedPage, PageHead, parse, peek
from buckia_s3.probes import PROBE

_PROBES = b".buckia-state"
"""What a page has in it, percent-encoded or not, where it lists a probe."""


class _Unreadable(Transient):
    """A page is not whole."""


@dataclass(slots=True)
class ServerOrder:
    """What listings have shown of a server.

    Attributes:
        ignores_start: It does not know `start-after`.
    """

    ignores_start: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing.

    Attributes:
        client: The bucket.
        root: Prefix of the configuration; keys are told without it.
        prefix: Prefix that is asked for, below the root.
        start_after: The key after which it begins.
        end_at: The last key that may come.
        etag_is_md5: Whether an ETag that looks like an MD5 is one.
        backoff: How a page after the first one is asked for again.
        order: What is known of the server.
    """

    client: Client
    root: str
    prefix: str
    start_after: str | None
    end_at: str | None
    etag_is_md5: bool
    backoff: Backoff = field(default_factory=Backoff)
    order: ServerOrder = field(default_factory=ServerOrder)

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Raises:
            AdapterError: A page can't be had, is not whole, or not in order.
        """
        from_start = self.order.ignores_start
        for found in self._all(from_start=from_start):
            if found is None:
                self.order.ignores_start = True
                yield from filter(None, self._all(from_start=True))
                return
            yield found

    def _all(self, *, from_start: bool) -> Iterator[RemoteObject | None]:
        """Yield the objects; at once `None` and no more, if the server does not begin where it was told to.

        Args:
            from_start: It is not told to; what comes before is left out here.
        """
        after = self.start_after or ""
        told = self._tells_start and not from_start
        last, handed_on = "", False
        pages = self._pages(told=told)
        try:
            for page in pages:
                for position, found in enumerate(page):
                    key = found.key
                    if not key:
                        # The directory marker of the configured prefix itself: it is no key below the root.
                        continue
                    if key <= last and _bytes(key) <= _bytes(last):
                        raise self._disorder(key, last)
                    last = key
                    if key <= after and _bytes(key) <= _bytes(after):
                        if told:
                            yield None
                            return
                        continue
                    if self.end_at is not None and key > self.end_at:
                        self._check_order(page[position:])
                        return
                    handed_on = True
                    yield found
        except _Unreadable as error:
            if not handed_on:
                raise
            raise AdapterError(error.message, provider=error.provider) from error
        finally:
            pages.close()

    def _pages(self, *, told: bool) -> Generator[list[RemoteObject]]:
        """Yield the objects of each page, as the server orders them; those of one that is the only one, in order."""
        guard = PageGuard("listing", provider=self.client.provider)
        with ThreadPoolExecutor(1, thread_name_prefix="buckia-s3-list") as ahead:
            coming: Future[tuple[bytes, PageHead]] | None = ahead.submit(self._fetch, None, told=told)
            first = True
            try:
                while coming is not None:
                    body, head = coming.result()
                    if head.token is not None:
                        guard.turn(head.token, empty=head.last_key is None)
                    more = self._wants_more(head)
                    coming = ahead.submit(self._fetch, head.token, told=told) if more else None
                    page = self._parse(body, head)
                    if first and head.token is None:
                        page.sort(key=lambda each: _bytes(each.key))
                    first = False
                    yield page
            finally:
                if coming is not None:
                    coming.cancel()

    @property
    def _tells_start(self) -> bool:
        # A start before the prefix is none; some servers then list what lies between.
        return self.start_after is not None and self.start_after > self.prefix

    def _fetch(self, token: str | None, *, told: bool = False) -> tuple[bytes, PageHead]:
        query = [("list-type", "2"), ("max-keys", "1000"), ("encoding-type", "url")]
        if self.root or self.prefix:
            query.append(("prefix", self.root + self.prefix))
        if token is None:
            if told:
                query.append(("start-after", f"{self.root}{self.start_after}"))
            return self._ask(query)
        query.append(("continuation-token", token))
        return repeated(partial(self._ask, query), self.backoff)

    def _ask(self, query: list[tuple[str, str]]) -> tuple[bytes, PageHead]:
        body = self.client.send(Request("GET", query=tuple(query), doing="listing")).body
        try:
            return body, peek(body)
        except MalformedPage as error:
            raise self._unreadable(error) from error

    def _wants_more(self, head: PageHead) -> bool:
        if head.token is None:
            return False
        if self.end_at is None or head.last_key is None:
            return True
        return head.last_key < self.root + self.end_at

    def _parse(self, body: bytes, head: PageHead) -> list[RemoteObject]:
        try:
            page = parse(body, self.root, self.prefix, url_encoded=head.url_encoded, etag_is_md5=self.etag_is_md5)
        except MalformedPage as error:
            raise self._unreadable(error) from error
        if _PROBES in body:
            page = [found for found in page if not found.key.startswith(PROBE)]
        return page

    def _check_order(self, page: list[RemoteObject]) -> None:
        """See whether the rest of a page is in order: keys that it lists too late would be missing."""
        for last, found in pairwise(page):
            if _bytes(found.key) <= _bytes(last.key):
                raise self._disorder(found.key, last.key)

    def _unreadable(self, problem: MalformedPage) -> _Unreadable:
        host = self.client.site.endpoint.authority
        return _Unreadable(f"listing: the answer of {host} can't be used: {problem}", provider=self.client.provider)

    def _disorder(self, key: str, last: str) -> AdapterError:
        what = "again" if key == last else f"after {last!r}"
        words = (
            f"listing: {self.client.site.endpoint.authority} does not list in the order of the keys' bytes ({key!r} "
            f"comes {what}), so that it can't be told what is missing; nothing was concluded from it"
        )
        return AdapterError(words, provider=self.client.provider)


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")
