"""Times and spans of time, as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read a span of time: `45m`, `12h`, `30d`, `2w`."""
    found = None if value is None else _span_of(value)
    if value is not None and found is None:
        raise click.BadParameter(f"{value!r} is not a span of time, such as 45m, 12h, 30d or 2w.", ctx, param)
    return found


def end(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
    """Read when something ends: `2030-03-31 09:30`, in local time unless it has a time zone; or `30d` from now."""
    ahead = _span_of(value)
    try:
        return datetime.now(UTC) + ahead if ahead is not None else datetime.fromisoformat(value.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        words = f"{value!r} is no time, such as 2030-03-31, '2030-03-31 09:30' or 30d (from now)."
        raise click.BadParameter(words, ctx, param) from error


def _span_of(value: str) -> timedelta | None:
    match = re.fullmatch(r"(\d{1,5})([mhdw])", value.strip())
    return None if match is None else timedelta(**{_UNITS[match[2]]: int(match[1])})
