"""Parsers of settings: durations and encryption keys."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from buckia_core.config.parsers import parse_duration, parse_encryption_key
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.values import InvalidValue


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("45m", timedelta(minutes=45)),
        ("12h", timedelta(hours=12)),
        (" 30d ", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
        ("0m", timedelta(0)),
    ],
)
def test_durations(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "5", "d", "5 d", "-5d", "1.5h", "5y", "5D", "123456d", "5d5h"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a span of time, such as 45m"):
        parse_duration(text)


def test_an_encryption_key():
    key = Secret(base64.b64encode(bytes(32)).decode())
    assert parse_encryption_key(key) is key


@pytest.mark.parametrize(
    ("text", "message"),
    [("not base64 at all!", "is not base64"), (base64.b64encode(b"sesame").decode(), "has 48 bits")],
)
def test_what_is_no_encryption_key_is_not_shown(text, message):
    with pytest.raises(InvalidValue) as caught:
        parse_encryption_key(Secret(text))
    assert message in caught.value.clause
    assert text not in str(caught.value)
