"""Parsers of settings: byte counts, durations, encryption keys and patterns."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import timedelta

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.values import MAX_SHOWN, InvalidValue, as_str_list
from buckia_core.errors import InvalidSetting
from buckia_core.planning.gitignore import MAX_PATTERNS, find_invalid_patterns, invalid_pattern_reason

_DURATION_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ENCRYPTION_KEY_BYTES = 32

SQLITE_OFF = ("off",)
"""Value of the setting `sqlite` that treats databases as other files."""


def check_whole_number(value: object, name: str, *, minimum: int = 1) -> int:
    """Return an argument that must be a whole number of at least `minimum`.

    Raises:
        InvalidSetting: It is not; the message has `name`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise InvalidSetting(f"{name} must be a whole number of at least {minimum}, not {value!r}")
    return value


def parse_bytes(value: object) -> int:
    """Parse a byte count: an integer, or a string such as `500k`, `4M` or `1.5G`, in units of 1024.

    Raises:
        ValueError: The value is not a byte count, or is less than one byte. The message is what is expected.
    """
    expected = "a number of bytes above 0, such as 500k, 4M or 1048576"
    if isinstance(value, int) and not isinstance(value, bool):
        number: float = value
    else:
        match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([kMGT]?)(?:i?B)?(?:/s)?", str(value).strip(), re.IGNORECASE)
        if not match or isinstance(value, bool):
            raise ValueError(expected)
        number = float(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " ")
    if number < 1:
        raise ValueError(expected)
    return int(number)


def parse_duration(text: str) -> timedelta:
    """Parse a duration such as `45m`, `12h`, `30d` or `2w`.

    Raises:
        ValueError: The string is not a duration.
    """
    match = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a span of time, such as 45m, 12h, 30d or 2w")
    return timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})


def parse_encryption_key(value: Secret) -> Secret:
    """Check a customer-provided encryption key: 256 bits in base64.

    Raises:
        InvalidValue: The value is not such a key. The message does not show it.
    """
    try:
        length = len(base64.b64decode(value.reveal(), validate=True))
    except (binascii.Error, ValueError):
        raise InvalidValue("must be a key of 256 bits in base64, and is not base64") from None
    if length != _ENCRYPTION_KEY_BYTES:
        raise InvalidValue(f"must be a key of 256 bits in base64, and has {length * 8} bits")
    return value


def parse_patterns(value: object, *, at: str = "") -> tuple[str, ...]:
    """Parse a list of gitignore patterns, or a single pattern.

    Raises:
        InvalidValue: The value is not a list of strings, is too long, or has a pattern that can never match.
    """
    lines = as_str_list(value, at=at)
    if len(lines) > MAX_PATTERNS:
        raise InvalidValue(f"has more than {MAX_PATTERNS:,} patterns", at=at)
    for number, problem in find_invalid_patterns(lines):
        raise InvalidValue(f"has the pattern {_quote(lines[number])}, which {problem}", at=f"{at}[{number}]")
    return lines


def parse_sqlite(value: object) -> tuple[str, ...]:
    """Parse `sqlite`: `off`, or patterns as `parse_patterns` does.

    Raises:
        InvalidValue: As `parse_patterns`.
    """
    # YAML 1.1 reads `off` as a boolean, and callers in Python may write one.
    return SQLITE_OFF if value is False or value == "off" else parse_patterns(value)


def check_ignore_file(lines: Sequence[str]) -> tuple[int, str] | None:
    """Return the number of the first invalid line of an ignore file, from 1, and what is wrong with it.

    Comments and empty lines are valid.
    """
    if len(lines) > MAX_PATTERNS:
        return MAX_PATTERNS + 1, f"has more than {MAX_PATTERNS:,} lines"
    for number, line in enumerate(lines, 1):
        if line.strip(" ") and not line.startswith("#") and (problem := invalid_pattern_reason(line)):
            return number, f"has the pattern {_quote(line)}, which {problem}"
    return None


def _quote(pattern: str) -> str:
    return repr(pattern if len(pattern) <= MAX_SHOWN else pattern[:MAX_SHOWN] + "…")
