"""Listings, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buckia_b2.bucket import Bucket
from buckia_b2.errors import PROVIDER
from buckia_b2.objects import from_file
from buckia_core.errors import Transient
from buckia_core.planning.manifest import RemoteObject

PAGE = 10_000
"""Files that one request lists at most. B2 bills each thousand."""


def list_objects(
    bucket: Bucket, prefix: str, start_after: str | None, end_at: str | None, page: int = PAGE
) -> Iterator[RemoteObject]:
    """Yield what `BaseSync.list_files` does."""
    root = bucket.prefix
    whole = root + prefix
    start = whole if start_after is None else max(whole, root + start_after)
    last = end_at if start_after is None or end_at is None else max(end_at, start_after)
    before = start_after
    while True:
        answer = _page(bucket, start, page, whole)
        for told in answer["files"]:
            key = told["fileName"][len(root) :]
            if last is not None and key > last:
                return
            if start_after is not None and key <= start_after:
                continue
            if before is not None and key <= before:
                raise Transient(f"listing: {key!r} comes after {before!r}, and should not", provider=PROVIDER)
            before = key
            # A listing tells metadata too, but nobody asks a million objects for it.
            yield from_file(key, told, with_metadata=False)
        start = answer["nextFileName"]
        if start is None:
            return


def _page(bucket: Bucket, start: str, count: int, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = bucket.account.call(
        "list_file_names", bucket.id, start or None, count, prefix, doing="listing"
    )
    return found
