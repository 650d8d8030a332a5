"""Listings, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buckia_b2.api.bucket import Bucket
from buckia_b2.errors import PROVIDER, AnswerTooLong, understanding
from buckia_b2.files.file_info import from_file
from buckia_core.adapters.service import json_fields as fields
from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import RemoteObject

PAGE = 10_000
"""Files that one request lists at most. B2 bills each thousand."""

_SHORT_PAGE = 1000
"""Files that one request lists where more of them make too long an answer."""

_DOING = "listing"


def list_objects(
    bucket: Bucket, prefix: str, start_after: str | None, end_at: str | None, page: int = PAGE
) -> Iterator[RemoteObject]:
    """Yield what `BaseSync.list_files` does.

    Raises:
        AdapterError: As that does. Pages that are out of order or come again are no passing failure: what such a
            server leaves out can't be known.
    """
    root = bucket.prefix
    whole = root + prefix
    start = whole if start_after is None else max(whole, root + start_after)
    last = end_at if start_after is None or end_at is None else max(end_at, start_after)
    before = start_after
    while True:
        try:
            answer = _page(bucket, start, page, whole)
        except AnswerTooLong:
            if page <= _SHORT_PAGE:
                raise
            page = _SHORT_PAGE
            continue
        with understanding(_DOING):
            files, following = fields.entries(answer, "files"), fields.next_page(answer, "nextFileName")
            # A listing tells metadata too, but nobody asks a million objects for it.
            found = [(fields.string(file, "fileName"), file) for file in files]
            objects = [from_file(name[len(root) :], file, with_metadata=False) for name, file in found]
        for (name, _), each in zip(found, objects, strict=True):
            key = each.key
            if not name.startswith(whole):
                raise _senseless(f"{name!r} does not begin with {whole!r}")
            if last is not None and key > last:
                return
            if start_after is not None and key <= start_after:
                continue
            if before is not None and key <= before:
                raise _senseless(f"{key!r} comes after {before!r}, and should not")
            before = key
            yield each
        if following is None:
            return
        if following <= start or not files:
            raise _senseless(f"the page after {start!r} begins at {following!r}")
        start = following


def _senseless(words: str) -> AdapterError:
    return AdapterError(f"{_DOING}: {words}", provider=PROVIDER)


def _page(bucket: Bucket, start: str, count: int, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = bucket.account.call(
        "list_file_names", bucket.id, start or None, count, prefix, doing=_DOING
    )
    return found
