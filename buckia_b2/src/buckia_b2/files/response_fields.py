"""Response fields: read from the JSON of B2, each checked to have the form that the service gives it.

The functions raise LookupError, TypeError and ValueError, which `errors.understanding` makes an error of the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Info = Mapping[str, Any]

LARGEST = (1 << 63) - 1
LATEST_MILLIS = LARGEST // 1_000_000
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


def text(info: Info, name: str) -> str:
    """Return a text, which is valid Unicode."""
    value = info[name]
    if not isinstance(value, str):
        raise TypeError(name)
    if not value.isascii():
        value.encode()
    return value


def text_or_none(info: Info, name: str) -> str | None:
    """Return a text; `None` where there is none."""
    return None if info.get(name) is None else text(info, name)


def next_page(info: Info, name: str) -> str | None:
    """Return where the next page of a list begins; `None` after the last page, which has to say so."""
    return None if info[name] is None else text(info, name)


def number(info: Info, name: str, most: int = LARGEST) -> int:
    """Return a whole number from 0."""
    value = info[name]
    if type(value) is not int:
        raise TypeError(name)
    if not 0 <= value <= most:
        raise ValueError(name)
    return value


def truth(info: Info, name: str) -> bool:
    """Return true or false."""
    value = info[name]
    if type(value) is not bool:
        raise TypeError(name)
    return value


def millis(info: Info, name: str) -> int:
    """Return a time in milliseconds since 1970, of which the nanoseconds are a 64-bit number."""
    return number(info, name, LATEST_MILLIS)


def token(info: Info, name: str) -> str:
    """Return what goes into a header of requests."""
    value = text(info, name)
    if not _TOKEN.fullmatch(value):
        # Not shown: it is a secret.
        raise ValueError(name)
    return value


def entries(info: Info, name: str) -> list[Info]:
    """Return a list of objects."""
    value = info[name]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError(name)
    return value


def texts(info: Info, name: str) -> list[str]:
    """Return a list of texts."""
    value = info[name]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError(name)
    return value


def mapping(info: Info, name: str) -> Info:
    """Return an object."""
    value = info[name]
    if not isinstance(value, dict):
        raise TypeError(name)
    return value
