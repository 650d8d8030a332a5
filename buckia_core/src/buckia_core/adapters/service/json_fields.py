"""Fields of JSON objects: read from a service's response, each checked to have the documented type.

The functions raise `LookupError`, `TypeError` or `ValueError`; the adapter turns `MALFORMED` into an error of the
request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]

MAX_INT64 = (1 << 63) - 1
MAX_MILLIS = MAX_INT64 // 1_000_000
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Exceptions that a response of another form than the documented one may raise while it is parsed."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


def string(response: JsonObject, name: str) -> str:
    """Return a string, which is valid Unicode."""
    value = response[name]
    if not isinstance(value, str):
        raise TypeError(name)
    if not value.isascii():
        value.encode()
    return value


def string_or_none(response: JsonObject, name: str) -> str | None:
    """Return a string; `None` if the field is absent or null."""
    return None if response.get(name) is None else string(response, name)


def next_page(response: JsonObject, name: str) -> str | None:
    """Return the marker of a list's next page; `None` if it is null, as after the last page. It may not be absent."""
    return None if response[name] is None else string(response, name)


def number(response: JsonObject, name: str, most: int = MAX_INT64) -> int:
    """Return an integer from 0 to `most`."""
    value = response[name]
    if type(value) is not int:
        raise TypeError(name)
    if not 0 <= value <= most:
        raise ValueError(name)
    return value


def number_or_none(response: JsonObject, name: str) -> int | None:
    """Return an integer from 0; `None` if the field is absent or null."""
    return None if response.get(name) is None else number(response, name)


def boolean(response: JsonObject, name: str) -> bool:
    """Return true or false."""
    value = response[name]
    if type(value) is not bool:
        raise TypeError(name)
    return value


def millis(response: JsonObject, name: str) -> int:
    """Return a time in milliseconds since 1970 whose nanoseconds fit into 64 bits."""
    return number(response, name, MAX_MILLIS)


def token(response: JsonObject, name: str) -> str:
    """Return a string that can be sent in a request header."""
    value = string(response, name)
    if not _TOKEN.fullmatch(value):
        # The value is a secret, so the error does not show it.
        raise ValueError(name)
    return value


def entries(response: JsonObject, name: str) -> list[JsonObject]:
    """Return an array of objects."""
    value = response[name]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError(name)
    return value


def strings(response: JsonObject, name: str) -> list[str]:
    """Return an array of strings."""
    value = response[name]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(name)
    return value


def mapping(response: JsonObject, name: str) -> JsonObject:
    """Return an object."""
    value = response[name]
    if not isinstance(value, dict):
        raise TypeError(name)
    return value
