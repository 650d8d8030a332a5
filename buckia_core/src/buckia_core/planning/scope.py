"""Scope: a set of keys, given by keys, prefixes and patterns."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from buckia_core.planning.keys import parent_directories
from buckia_core.planning.wildmatch import NeverMatches, to_regex

_WILD = re.compile(r"[*?\[]")


class Glob(NamedTuple):
    """Pattern of keys, as in a shell. A directory that matches covers everything in it.

    Attributes:
        prefix: Literal prefix of the keys: empty, or with a trailing slash.
        pattern: The pattern after the prefix, with `*`, `?`, `[…]`, and `**` for any number of directories. `*` also
            matches a leading dot.
        within: Restricts the pattern to this key and the keys below it; empty for no restriction.
    """

    prefix: str
    pattern: str
    within: str = ""

    @property
    def literal_prefix(self) -> str:
        """Literal prefix of all covered keys."""
        wild = _WILD.search(self.pattern)
        literal = self.prefix + (self.pattern[: wild.start()] if wild else self.pattern)
        return self.within if len(self.within) > len(literal) else literal

    def covers(self, key: str) -> bool:
        """Tell whether a key or one of its parent directories matches."""
        if not key.startswith(self.prefix) or not (self.within in ("", key) or key.startswith(f"{self.within}/")):
            return False
        expression = _compiled(self.pattern)
        start = len(self.prefix)
        while expression is not None:
            if expression.match(key, start):
                return True
            end = key.rfind("/", start)
            if end < 0:
                break
            key = key[:end]
        return False

    def may_contain(self, directory: str) -> bool:
        """Tell whether a key below `directory` (no trailing slash) can match."""
        below = f"{directory}/"
        if self.within and not (below.startswith(f"{self.within}/") or self.within.startswith(below)):
            return False
        if not below.startswith(self.prefix):
            return self.prefix.startswith(below)
        for part, wanted in zip(below[len(self.prefix) : -1].split("/"), self.pattern.split("/"), strict=False):
            if wanted == "**":
                return True
            expression = _compiled(wanted)
            if part and (expression is None or not expression.match(part)):
                return False
        return True


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(to_regex(pattern, anchored=True))
    except NeverMatches:
        return None


@dataclass(frozen=True, slots=True)
class Scope:
    """Set of keys, given by names and patterns. A name covers the key of that name and all keys below it.

    Attributes:
        names: Names without a trailing slash, sorted, none below another one.
        globs: Patterns. A scope without names and patterns covers everything.
    """

    names: tuple[str, ...] = ()
    globs: tuple[Glob, ...] = ()
    _names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", frozenset(self.names))

    @classmethod
    def from_names(cls, names: Iterable[str], globs: Iterable[Glob] = ()) -> Scope:
        """Build a scope from names like `images/` or `documents/important.pdf`; an empty name covers everything."""
        clean = {name.strip("/") for name in names}
        if "" in clean:
            return cls()
        kept = sorted(name for name in clean if not any(parent in clean for parent in parent_directories(name)))
        return cls(tuple(kept), tuple(dict.fromkeys(globs)))

    @property
    def is_everything(self) -> bool:
        """Whether it covers every key."""
        return not self.names and not self.globs

    def covers(self, key: str) -> bool:
        """Tell whether it covers a key."""
        names = self._names
        if not names and not self.globs:
            return True
        if key in names or any(parent in names for parent in parent_directories(key)):
            return True
        return any(glob.covers(key) for glob in self.globs)

    def may_contain(self, directory: str) -> bool:
        """Tell whether it may cover a key below `directory` (no trailing slash)."""
        if not directory or self.covers(directory):
            return True
        index = bisect_left(self.names, directory + "/")
        if index < len(self.names) and self.names[index].startswith(directory + "/"):
            return True
        return any(glob.may_contain(directory) for glob in self.globs)

    def overlaps(self, prefix: str) -> bool:
        """Tell whether it may cover a key with this prefix."""
        return bool(self.ranges(prefix))

    def ranges(self, within: str = "") -> list[str]:
        """Return the prefixes to list for all covered keys below `within`; sorted, not overlapping.

        They may include keys that are not covered (`images` is also a prefix of `images-old`); check with `covers`.
        """
        if self.is_everything or any(parent in self._names for parent in parent_directories(within)):
            return [within]
        starts: Iterable[str] = self.names[bisect_left(self.names, within) :]
        if self.globs:
            if any(within.startswith(glob.literal_prefix) for glob in self.globs):
                return [within]
            starts = sorted({*starts, *(glob.literal_prefix for glob in self.globs if glob.literal_prefix >= within)})
        ranges: list[str] = []
        # Sorted, so prefixes that overlap are adjacent.
        for start in starts:
            if not start.startswith(within):
                break
            if not ranges or not start.startswith(ranges[-1]):
                ranges.append(start)
        return ranges

    def intersect(self, other: Scope) -> Scope | None:
        """Return the intersection; `None` if it is empty."""
        if self.is_everything:
            return other
        if other.is_everything:
            return self
        names = {name for name in self.names if other.covers(name)}
        names |= {name for name in other.names if self.covers(name)}
        globs = [*_restrict(self.globs, other.names), *_restrict(other.globs, self.names)]
        return Scope.from_names(names, globs) if names or globs else None

    def union(self, other: Scope) -> Scope:
        """Return the union."""
        if self.is_everything or other.is_everything:
            return Scope()
        return Scope.from_names([*self.names, *other.names], [*self.globs, *other.globs])


def _restrict(globs: Iterable[Glob], names: Iterable[str]) -> list[Glob]:
    """Restrict the patterns to the names and the keys below them."""
    names = list(names)
    restricted = [glob._replace(within=name) for glob in globs for name in names if not glob.within]
    return [glob for glob in restricted if glob.covers(glob.within) or glob.may_contain(glob.within)]
