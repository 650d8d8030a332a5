"""What errors about settings say: where the setting stands, and which name was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping


def format_location(source: str | None, lines: Mapping[str, int] | None, name: str = "") -> str | None:
    """Return where a setting stands, as `file:line`; as `file` if the line isn't known, `None` without a file.

    Of a part of a setting that has no line of its own (`paths[1].direction`), the line of what holds it is returned.
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


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that names what was probably meant, or else all that is known; begins with a space."""
    names = sorted(set(known) - {name})
    near = difflib.get_close_matches(name.lower(), names, 1, cutoff=0.6)
    if near:
        return f" Did you mean {near[0]!r}?"
    return f" Known are: {', '.join(names)}." if names else ""
