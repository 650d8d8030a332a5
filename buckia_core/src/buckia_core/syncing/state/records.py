"""Checks of records that were read from the state: a file may be damaged, or from another version of Buckia."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Exceptions that a record of another form may raise while it is parsed."""

_MAX_INT = (1 << 63) - 1


def check_fields(record: Any) -> None:
    """Check that the fields of a dataclass have the types of their annotations, and that numbers fit into 64 bits.

    Raises:
        TypeError: A field has another type. The message names it.
    """
    hints = get_type_hints(type(record))
    for each in fields(record):
        if not _fits(getattr(record, each.name), hints[each.name]):
            raise TypeError(f"its field {each.name!r} can't be used")


def parse_time(text: str) -> datetime:
    """Parse a time in ISO 8601, and return it in UTC.

    Raises:
        TypeError, ValueError, OverflowError: It is none, has no time zone, or is out of range.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time has no time zone")
    return found.astimezone(UTC)


def _fits(value: object, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is list:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(name, inner[0]) and _fits(each, inner[1]) for name, each in value.items()
        )
    if hint is float:
        return _fits(value, int) or (isinstance(value, float) and math.isfinite(value))
    if hint is int:
        return type(value) is int and abs(value) <= _MAX_INT
    return isinstance(value, hint)
