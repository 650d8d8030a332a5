"""Listings with ListObjectsV2. The next page is requested while the current one is parsed.

    server behaviour                                        handling
    ------------------------------------------------------------------------------------------------------------
    lists keys in byte order                                yield page by page
    lists keys in another order, in one page                sort the page
    lists keys in another order, in several pages           raise an error that is not retryable
    ignores `start-after`                                   list everything, drop the keys before it
    a page after the first one fails                        retry the page

A caller resumes a failed listing after the last key, so keys must be yielded in order: a skipped key looks deleted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from operator import lt

from buckia_core.adapters.service.page_limits import PageGuard
from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call
from buckia_core.errors import AdapterError, Transient
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.metadata import PROBE_PREFIX
from buckia_s3.xml.list_objects import PageHead, parse_common_prefixes, parse_listed_objects, parse_page_head, sort_key
from buckia_s3.xml.reader import MalformedResponse

_PROBE_MARK = b".buckia-state"
"""Bytes that a page contains, percent-encoded or not, if it lists a probe object."""


class _UnreadablePage(Transient):
    """A page is incomplete or malformed."""


class _StartAfterIgnored(Exception):
    """The server ignores `start-after`."""


@dataclass(slots=True)
class ListingSupport:
    """What earlier listings have found out about a server.

    Attributes:
        ignores_start_after: The server ignores `start-after`.
    """

    ignores_start_after: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Listing: one listing of a bucket.

    Attributes:
        client: The bucket.
        key_prefix: Configured prefix; it is removed from the keys.
        prefix: Prefix to list, below `key_prefix`.
        start_after: List only keys after this one.
        end_at: List only keys up to this one, inclusive.
        etag_is_md5: Whether an ETag that looks like an MD5 is one.
        retry_policy: For pages after the first one.
        support: What is known about the server; updated by the listing.
    """

    client: S3Client
    key_prefix: str
    prefix: str
    start_after: str | None
    end_at: str | None
    etag_is_md5: bool
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    support: ListingSupport = field(default_factory=ListingSupport)

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Raises:
            AdapterError: A page can't be fetched, is malformed, or is not in key order.
        """
        if not self.support.ignores_start_after:
            try:
                yield from self._objects(send_start=self._can_send_start)
            except _StartAfterIgnored:
                self.support.ignores_start_after = True
            else:
                return
        yield from self._objects(send_start=False)

    def directories(self) -> list[str]:
        """Return directories right below the prefix, after `start_after`. One request; see `PrefixListing`."""
        query = [("list-type", "2"), ("max-keys", "1000"), ("encoding-type", "url"), ("delimiter", "/")]
        query.append(("prefix", self.key_prefix + self.prefix))
        if self._can_send_start:
            query.append(("start-after", f"{self.key_prefix}{self.start_after}"))
        body, head = self._request_page(query)
        try:
            found = parse_common_prefixes(body, url_encoded=head.url_encoded)
        except MalformedResponse as error:
            raise self._unreadable(error) from error
        expected, strip = self.key_prefix + self.prefix, len(self.key_prefix)
        keys = (each[strip:] for each in found if each.startswith(expected))
        return sorted(each for each in keys if each > (self.start_after or ""))

    def _objects(self, *, send_start: bool) -> Iterator[RemoteObject]:
        """Yield the objects. Checks whole pages at once, since work for each object dominates the cost of a listing.

        Args:
            send_start: Send `start-after`. Keys before it are dropped in any case.

        Raises:
            _StartAfterIgnored: The server ignores `start-after`. Nothing was yielded.
        """
        after = self.start_after or ""
        last, yielded = "", False
        pages = self._pages(send_start=send_start)
        try:
            for page in pages:
                # The directory marker of the configured prefix itself has an empty key.
                found = page[1:] if page and not page[0].key else page
                keys = [each.key for each in found]
                if not keys:
                    continue
                if keys[0] <= last or not all(map(lt, keys, keys[1:])):
                    self._check_order(last, keys)
                last = keys[-1]
                if keys[0] <= after:
                    if send_start:
                        raise _StartAfterIgnored
                    found = [each for each in found if each.key > after]
                if self.end_at is not None and last > self.end_at:
                    yield from (each for each in found if each.key <= self.end_at)
                    return
                yielded = yielded or bool(found)
                yield from found
        except _UnreadablePage as error:
            if not yielded:
                raise
            raise AdapterError(error.message, provider=error.provider) from error
        finally:
            pages.close()

    def _pages(self, *, send_start: bool) -> Generator[list[RemoteObject]]:
        """Yield the pages in the order of the server; sort the page if it is the only one."""
        guard = PageGuard("listing", provider=self.client.provider)
        with ThreadPoolExecutor(1, thread_name_prefix="buckia-s3-list") as pool:
            token: str | None = None
            following: Future[tuple[bytes, PageHead]] | None = pool.submit(self._fetch, None, send_start=send_start)
            try:
                while following is not None:
                    body, head = following.result()
                    following = pool.submit(self._fetch, head.token) if self._wants_more(head) else None
                    try:
                        page = self._parse(body, head)
                    except _UnreadablePage:
                        if token is None:
                            raise
                        # A retried page may end at another key, so the request for the next page is dropped.
                        if following is not None:
                            following.cancel()
                        page, head = self._retry_page(token)
                        following = pool.submit(self._fetch, head.token) if self._wants_more(head) else None
                    if token is None and head.token is None:
                        page.sort(key=lambda each: sort_key(each.key))
                    if head.token is not None:
                        guard.next_page(head.token, empty=head.last_key is None)
                    token = head.token
                    yield page
            finally:
                if following is not None:
                    following.cancel()

    def _retry_page(self, token: str) -> tuple[list[RemoteObject], PageHead]:
        """Fetch and parse a page again, with retries."""

        def fetch() -> tuple[list[RemoteObject], PageHead]:
            body, head = self._fetch(token)
            return self._parse(body, head), head

        return retry_call(fetch, self.retry_policy)

    @property
    def _can_send_start(self) -> bool:
        # With a start before the prefix, some servers list the keys in between.
        return self.start_after is not None and self.start_after > self.prefix

    def _fetch(self, token: str | None, *, send_start: bool = False) -> tuple[bytes, PageHead]:
        query = [("list-type", "2"), ("max-keys", "1000"), ("encoding-type", "url")]
        if self.key_prefix or self.prefix:
            query.append(("prefix", self.key_prefix + self.prefix))
        if token is None:
            if send_start:
                query.append(("start-after", f"{self.key_prefix}{self.start_after}"))
            return self._request_page(query)
        query.append(("continuation-token", token))
        return retry_call(partial(self._request_page, query), self.retry_policy)

    def _request_page(self, query: list[tuple[str, str]]) -> tuple[bytes, PageHead]:
        body = self.client.send(Request("GET", query=tuple(query), action="listing")).body
        try:
            return body, parse_page_head(body)
        except MalformedResponse as error:
            raise self._unreadable(error) from error

    def _wants_more(self, head: PageHead) -> bool:
        if head.token is None:
            return False
        if self.end_at is None or head.last_key is None:
            return True
        return head.last_key < self.key_prefix + self.end_at

    def _parse(self, body: bytes, head: PageHead) -> list[RemoteObject]:
        try:
            page = parse_listed_objects(
                body, self.key_prefix, self.prefix, url_encoded=head.url_encoded, etag_is_md5=self.etag_is_md5
            )
        except MalformedResponse as error:
            raise self._unreadable(error) from error
        if _PROBE_MARK in body:
            page = [found for found in page if not found.key.startswith(PROBE_PREFIX)]
        return page

    def _check_order(self, last: str, keys: list[str]) -> None:
        """Check the byte order of keys that are not in character order.

        Raises:
            AdapterError: The keys are not in byte order.
        """
        for key in keys:
            if sort_key(key) <= sort_key(last):
                raise self._out_of_order(key, last)
            last = key

    def _unreadable(self, problem: MalformedResponse) -> _UnreadablePage:
        message = f"listing: the response of {self.client.host} can't be used: {problem}"
        return _UnreadablePage(message, provider=self.client.provider)

    def _out_of_order(self, key: str, last: str) -> AdapterError:
        where = "again" if key == last else f"after {last!r}"
        message = (
            f"listing: {self.client.host} does not list in the order of the keys' bytes ({key!r} comes {where}): "
            "a key that comes too late would look deleted, so nothing was concluded from this listing"
        )
        return AdapterError(message, provider=self.client.provider)
