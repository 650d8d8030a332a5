"""Listing a bucket: ListObjectsV2, a page ahead of the one that is read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from buckia_core.errors import Transient
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.client import Client, Request
from buckia_s3.listing_page import MalformedPage, PageHead, parse, peek


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
    """

    client: Client
    root: str
    prefix: str
    start_after: str | None
    end_at: str | None
    etag_is_md5: bool

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects in key order.

        Raises:
            AdapterError: A page can't be had, is not whole, or not in order.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="buckia-s3-list") as ahead:
            coming: Future[tuple[bytes, PageHead]] | None = ahead.submit(self._fetch, None)
            last = self.start_after or ""
            started = False
            token: str | None = None
            try:
                while coming is not None:
                    body, head = coming.result()
                    if head.token is not None and head.token == token:
                        raise self._malformed("it begins again where it began")
                    token = head.token
                    coming = ahead.submit(self._fetch, head.token) if self._wants_more(head) else None
                    for found in self._parse(body, head):
                        if not found.key:
                            # The directory marker of the configured prefix itself: it is no key below the root.
                            continue
                        if not started and found.key <= last:
                            # Some servers do not know `start-after`.
                            continue
                        started = True
                        if found.key <= last and _bytes(found.key) <= _bytes(last):
                            raise self._malformed(f"{found.key!r} comes after {last!r}")
                        last = found.key
                        if self.end_at is not None and last > self.end_at:
                            return
                        yield found
            finally:
                if coming is not None:
                    coming.cancel()

    def _fetch(self, token: str | None) -> tuple[bytes, PageHead]:
        query = [("list-type", "2"), ("max-keys", "1000"), ("encoding-type", "url")]
        if self.root or self.prefix:
            query.append(("prefix", self.root + self.prefix))
        if token is not None:
            query.append(("continuation-token", token))
        # A start before the prefix is none; some servers then list what lies between.
        elif self.start_after is not None and self.start_after > self.prefix:
            query.append(("start-after", self.root + self.start_after))
        body = self.client.send(Request("GET", query=tuple(query), doing="listing")).body
        try:
            return body, peek(body)
        except MalformedPage as error:
            raise self._malformed(str(error)) from error

    def _wants_more(self, head: PageHead) -> bool:
        if head.token is None:
            return False
        if self.end_at is None or head.last_key is None:
            return True
        return head.last_key < self.root + self.end_at

    def _parse(self, body: bytes, head: PageHead) -> list[RemoteObject]:
        try:
            return parse(body, len(self.root), url_encoded=head.url_encoded, etag_is_md5=self.etag_is_md5)
        except MalformedPage as error:
            raise self._malformed(str(error)) from error

    def _malformed(self, problem: str) -> Transient:
        host = self.client.site.endpoint.authority
        return Transient(f"listing: the answer of {host} can't be used: {problem}", provider=self.client.provider)


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")
