"""The rules that B2 has for the names of files."""

from __future__ import annotations

import re

from buckia_b2.errors import PROVIDER
from buckia_core.errors import InvalidKey

MAX_KEY_BYTES = 1024

_MAX_SEGMENT_BYTES = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


def check_key(key: str, whole: str) -> None:
    """See whether B2 can hold a key; `whole` is it with the prefix before it.

    Raises:
        InvalidKey: It can't.
    """
    problem = _problem_of(key, whole)
    if problem is not None:
        raise InvalidKey(f"{key!r}: {problem}", provider=PROVIDER, key=key)


def check_new_key(key: str) -> None:
    """See whether B2 takes a key for a new object. Objects that have such a key already can be read and deleted.

    Raises:
        InvalidKey: It does not.
    """
    if "\\" in key:
        raise InvalidKey(f"{key!r}: B2 takes no key with a backslash", provider=PROVIDER, key=key)


def is_rewritten_by_proxies(whole: str) -> bool:
    """Tell whether clients and proxies make another address of a name: they resolve `.` and `..` as in a path."""
    return _DOTS.search(whole) is not None


def _problem_of(key: str, whole: str) -> str | None:
    try:
        length = len(whole.encode())
    except UnicodeEncodeError:
        return "the key is not valid UTF-8"
    if not key:
        return "the key is empty"
    if _CONTROL.search(whole):
        return "the key has a control character, which B2 does not take"
    if whole.startswith("/") or whole.endswith("/") or "//" in whole:
        return "B2 takes no key that begins or ends with a slash, or has two of them side by side"
    if length > MAX_KEY_BYTES:
        return f"the key has {length} bytes with its prefix, B2 takes {MAX_KEY_BYTES}"
    longest = max(len(segment.encode()) for segment in whole.split("/"))
    if longest > _MAX_SEGMENT_BYTES:
        return f"a name between slashes has {longest} bytes, B2 takes {_MAX_SEGMENT_BYTES}"
    return None
