r"""Patterns of keys, such as `images/*.png`, in the wildcards of git. Pure.

wildcard   matches
----------------------------------------------------------------
*          any characters but a slash; also names that begin with a dot
?          one character but a slash
[…]        one character of a set
**         as a whole part of the pattern, any number of directories
\          takes the meaning from the next character
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from buckia_core.planning.keys import parent_directories
from buckia_core.planning.wildmatch import WILDCARD, NeverMatches, to_regex

_NOTHING = r"(?!)"


def has_wildcard(text: str) -> bool:
    """Tell whether a string is a pattern, and not only the name of itself."""
    return WILDCARD.search(text) is not None


def parent_prefix(key: str) -> str:
    """Return the part of a key up to its last slash, with that; empty without one. A slash at the end counts not."""
    return key[: key.rstrip("/").rfind("/") + 1]


def folder_prefix(folder: str) -> str:
    """Return the prefix of the keys in a folder, which may end in a slash or not; empty for the root, also as `/`."""
    if folder in ("", "/"):
        return ""
    return folder if folder.endswith("/") else f"{folder}/"


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """Pattern of whole keys. One that ends in a slash matches directories only.

    A pattern that git takes for invalid, such as one with an open bracket, matches nothing.

    Attributes:
        pattern: The pattern.
    """

    pattern: str
    _regex: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            expression = to_regex(self.pattern.removesuffix("/"), anchored=True)
        except NeverMatches:
            expression = _NOTHING
        object.__setattr__(self, "_regex", re.compile(expression))

    @property
    def prefix(self) -> str:
        """The text before the first wildcard, with which all keys that match begin."""
        found = WILDCARD.search(self.pattern)
        return self.pattern[: found.start()] if found else self.pattern

    @property
    def base(self) -> str:
        """The directory, with its slash, above the first wildcard: that of `images/a*/b` is `images/`."""
        return self.prefix[: self.prefix.rfind("/") + 1]

    def matches(self, key: str, *, below: bool = False) -> bool:
        """Tell whether a key matches; with `below`, also whether it is in a directory that matches."""
        if not self.pattern.endswith("/") and self._regex.match(key):
            return True
        in_directories = below or self.pattern.endswith("/")
        return in_directories and any(map(self._regex.match, parent_directories(key)))
