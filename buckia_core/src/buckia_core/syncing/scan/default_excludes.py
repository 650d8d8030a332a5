"""Files that take no part unless they are asked for: version control, and what desktops leave in folders."""

from __future__ import annotations

from collections.abc import Iterable

from buckia_core.planning.gitignore import PatternList

DEFAULT_EXCLUDES = (".git/", ".hg/", ".svn/", ".DS_Store", "Thumbs.db", "desktop.ini", ".buckiaignore")
"""Names that are excluded at any level, in both directions, whatever their case; with a slash, of directories."""


def named_by(include: Iterable[str], name: str) -> bool:
    """Tell whether a pattern to include has a part that matches a name; a part that matches every name does not count.

    `.git/hooks/` and `**/.git` name `.git`; `*`, and a directory above it, do not.
    """
    name = name.rstrip("/")
    parts = (part for line in include if not line.startswith("!") for part in line.strip(" /").split("/"))
    return any(PatternList([part]).match(name) for part in parts if part.strip("*"))
