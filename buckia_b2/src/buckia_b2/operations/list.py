"""Listings, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from buckia_b2.api.bucket import Bucket
from buckia_b2.errors import PROVIDER, ResponseTooLong, parsing_response
from buckia_b2.files.file_info import from_file
from buckia_core.adapters.service import json_fields as fields
from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import RemoteObject

T = TypeVar("T")

PAGE = 10_000
"""Files per request. B2 bills each thousand."""

_SHORT_PAGE = 1000
"""Files per request where the response would otherwise be too long."""

_ACTION = "listing"


def list_objects(
    bucket: Bucket, prefix: str, start_after: str | None, end_at: str | None, page: int = PAGE
) -> Iterator[RemoteObject]:
    """Yield objects as `BaseSync.list_files`.

    Raises:
        AdapterError: As `BaseSync.list_files`. Pages that are out of order or repeated are not retried, since it is
            unknown what such a server omits.
    """
    root = bucket.prefix
    full_prefix = root + prefix
    start = full_prefix if start_after is None else max(full_prefix, root + start_after)
    last = end_at if start_after is None or end_at is None else max(end_at, start_after)
    previous = start_after
    while True:
        response, page = fetch_page(partial(_fetch, bucket, start, full_prefix), page)
        with parsing_response(_ACTION):
            files, following = fields.entries(response, "files"), fields.next_page(response, "nextFileName")
            # Metadata is omitted to speed up listings of a million objects.
            found = [(fields.string(file, "fileName"), file) for file in files]
            objects = [from_file(name[len(root) :], file, with_metadata=False) for name, file in found]
        for (name, _), each in zip(found, objects, strict=True):
            key = each.key
            if not name.startswith(full_prefix):
                raise _invalid_page(f"{name!r} does not begin with {full_prefix!r}")
            if last is not None and key > last:
                return
            if start_after is not None and key <= start_after:
                continue
            if previous is not None and key <= previous:
                raise _invalid_page(f"{key!r} comes after {previous!r}, and should not")
            previous = key
            yield each
        if following is None:
            return
        if following <= start or not files:
            raise _invalid_page(f"the page after {start!r} begins at {following!r}")
        start = following


def fetch_page(fetch: Callable[[int], T], size: int) -> tuple[T, int]:
    """Fetch a page of `size` entries, or a short page if the response is too long. Returns the page and its size."""
    try:
        return fetch(size), size
    except ResponseTooLong:
        if size <= _SHORT_PAGE:
            raise
        return fetch(_SHORT_PAGE), _SHORT_PAGE


def _fetch(bucket: Bucket, start: str, prefix: str, count: int) -> dict[str, Any]:
    page: dict[str, Any] = bucket.session.call(
        "list_file_names", bucket.id, start or None, count, prefix, action=_ACTION
    )
    return page


def _invalid_page(message: str) -> AdapterError:
    return AdapterError(f"{_ACTION}: {message}", provider=PROVIDER)
