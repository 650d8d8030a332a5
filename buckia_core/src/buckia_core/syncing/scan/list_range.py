"""`ListRange`: a part of a listing."""

from __future__ import annotations

from typing import NamedTuple


class ListRange(NamedTuple):
    """Range of a listing: keys with a prefix, after `start_after` (exclusive) up to `end_at` (inclusive)."""

    prefix: str
    start_after: str | None = None
    end_at: str | None = None
