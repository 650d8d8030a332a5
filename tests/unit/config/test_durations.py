"""Spans of time, as people type them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from buckia_core.config.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("45m", timedelta(minutes=45)),
        ("12h", timedelta(hours=12)),
        (" 30d ", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
        ("0m", timedelta(0)),
    ],
)
def test_what_is_one(text, span):
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "5", "d", "5 d", "-5d", "1.5h", "5y", "5D", "123456d", "5d5h"])
def test_what_is_none(text):
    with pytest.raises(ValueError, match="is not a span of time, such as 45m"):
        parse_duration(text)
