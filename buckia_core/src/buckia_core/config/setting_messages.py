"""Parts of error messages about settings: the location in the file, and a suggestion for a misspelled name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping


def format_location(source: str | None, lines: Mapping[str, int] | None, name: str = "") -> str | None:
    """Return the location of a setting as `file:line`, as `file` if the line is unknown, `None` without a file.

    A part of a setting without a line of its own (`paths[1].direction`) has the line of its parent.
    """
    if source is None:
        return None
    while lines:
        if name in lines:
            return f"{source}:{lines[name]}"
        if not name:
            break
        name = re.sub(r"(^|\.)[^.\[]*$|\[\d+\]$", "", name)
    return source


def suggest(name: str, known: Iterable[str], *, list_all: bool = True) -> str:
    """Return a sentence with the closest known name, or else, if `list_all`, with all; it begins with a space."""
    names = sorted(set(known) - {name})
    if close := closest_match(name.lower(), names):
        return f" Did you mean {close!r}?"
    return f" Known are: {', '.join(names)}." if names and list_all else ""


def closest_match(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the most similar of the known names; empty if none is similar, by the ratio `cutoff` (0 to 1)."""
    import difflib  # noqa: PLC0415  # only after a mistake

    return next(iter(difflib.get_close_matches(name, known, 1, cutoff)), "")
