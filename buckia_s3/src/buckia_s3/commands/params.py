"""Times and spans of time, as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from buckia_core.config.parsers import parse_duration


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read a span of time: `45m`, `12h`, `30d`, `2w`."""
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", ctx, param) from error


def retain_until(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
    """Read when something ends: `2030-03-31 09:30`, in local time unless it has a time zone; or `30d` from now."""
    try:
        return _end_of(value)
    except (ValueError, OverflowError) as error:
        words = f"{value!r} is no time, such as 2030-03-31, '2030-03-31 09:30' or 30d (from now)."
        raise click.BadParameter(words, ctx, param) from error


def _end_of(value: str) -> datetime:
    try:
        ahead = parse_duration(value)
    except ValueError:
        return datetime.fromisoformat(value.strip()).astimezone(UTC)
    return datetime.now(UTC) + ahead
