"""File names: the rules of B2."""

from __future__ import annotations

import re

from buckia_b2.errors import PROVIDER
from buckia_core.errors import InvalidKey

MAX_KEY_BYTES = 1024

_MAX_SEGMENT_BYTES = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


def check_key(key: str, full_key: str) -> None:
    """Check a key; `full_key` is the key with the prefix.

    Raises:
        InvalidKey: B2 does not accept it.
    """
    problem = _find_problem(key, full_key)
    if problem is not None:
        raise InvalidKey(f"{key!r}: {problem}", provider=PROVIDER, key=key)


def check_new_key(key: str) -> None:
    """Check the key of a new object. Existing objects with such a key can be read and deleted.

    Raises:
        InvalidKey: B2 does not accept it.
    """
    if "\\" in key:
        raise InvalidKey(f"{key!r}: B2 takes no key with a backslash", provider=PROVIDER, key=key)


def is_rewritten_by_proxies(full_key: str) -> bool:
    """Tell whether clients and proxies rewrite the URL of a name: they resolve `.` and `..` as in a path."""
    return _DOTS.search(full_key) is not None


def _find_problem(key: str, full_key: str) -> str | None:
    try:
        length = len(full_key.encode())
    except UnicodeEncodeError:
        return "the key is not valid UTF-8"
    if not key:
        return "the key is empty"
    if _CONTROL.search(full_key):
        return "the key has a control character, which B2 does not take"
    if full_key.startswith("/") or full_key.endswith("/") or "//" in full_key:
        return "B2 takes no key that begins or ends with a slash, or has two of them side by side"
    if length > MAX_KEY_BYTES:
        return f"the key has {length} bytes with its prefix, B2 takes {MAX_KEY_BYTES}"
    longest = max(len(segment.encode()) for segment in full_key.split("/"))
    if longest > _MAX_SEGMENT_BYTES:
        return f"a name between slashes has {longest} bytes, B2 takes {_MAX_SEGMENT_BYTES}"
    return None
