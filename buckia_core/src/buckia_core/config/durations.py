"""Spans of time, as people type them."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """Return the span of time that a text such as `45m`, `12h`, `30d` or `2w` stands for.

    Raises:
        ValueError: It stands for none.
    """
    match = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a span of time, such as 45m, 12h, 30d or 2w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
