"""Which part of a bucket takes part: prefixes, single keys and patterns."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from buckia_core.planning.wildmatch import NeverMatches, to_regex

_WILD = re.compile(r"[*?\[]")


class Glob(NamedTuple):
    """A pattern of keys, as a shell would expand it; a directory that matches takes all that is below it along.

    Attributes:
        prefix: What the keys begin with as it stands: empty, or with a slash at its end.
        pattern: What follows: parts with `*`, `?`, `[…]`, and `**` for any number of directories. `*` also matches a
            dot at the beginning.
        within: A name that the keys also have to be at or below; empty for any.
    """

    prefix: str
    pattern: str
    within: str = ""

    @property
    def literal_prefix(self) -> str:
        """What all keys that it covers begin with."""
        wild = _WILD.search(self.pattern)
        literal = self.prefix + (self.pattern[: wild.start()] if wild else self.pattern)
        return self.within if len(self.within) > len(literal) else literal

    def covers(self, key: str) -> bool:
        """Tell whether a key, or a directory above it, matches."""
        if not key.startswith(self.prefix) or not (self.within in ("", key) or key.startswith(f"{self.within}/")):
            return False
        expression = _compiled(self.pattern)
        cut = len(self.prefix)
        while expression is not None:
            if expression.match(key, cut):
                return True
            end = key.rfind("/", cut)
            if end < 0:
                break
            key = key[:end]
        return False

    def may_contain(self, directory: str) -> bool:
        """Tell whether a key below `directory` (no slash at the end) can match."""
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
    """A set of keys, given by names that stand for themselves and for all that is below them, and by patterns.

    Attributes:
        names: In order, none inside another, without a slash at the end.
        globs: The patterns. Without any, and without names, the scope is everything.
    """

    names: tuple[str, ...] = ()
    globs: tuple[Glob, ...] = ()
    _names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", frozenset(self.names))

    @classmethod
    def from_names(cls, names: Iterable[str], globs: Iterable[Glob] = ()) -> Scope:
        """Make a scope of names like `images/` or `documents/important.pdf`; an empty name is "everything"."""
        clean = {name.strip("/") for name in names}
        if "" in clean:
            return cls()
        kept = sorted(name for name in clean if not any(above in clean for above in _parents(name)))
        return cls(tuple(kept), tuple(dict.fromkeys(globs)))

    @property
    def is_everything(self) -> bool:
        """Whether every key takes part."""
        return not self.names and not self.globs

    def covers(self, key: str) -> bool:
        """Tell whether a key takes part."""
        names = self._names
        if not names and not self.globs:
            return True
        if key in names or any(above in names for above in _parents(key)):
            return True
        return any(glob.covers(key) for glob in self.globs)

    def may_contain(self, directory: str) -> bool:
        """Tell whether a key below `directory` (no slash at the end) can take part."""
        if not directory or self.covers(directory):
            return True
        index = bisect_left(self.names, directory + "/")
        if index < len(self.names) and self.names[index].startswith(directory + "/"):
            return True
        return any(glob.may_contain(directory) for glob in self.globs)

    def overlaps(self, prefix: str) -> bool:
        """Tell whether a key that begins with a prefix, such as that of a mapping, can take part."""
        return bool(self.ranges(prefix))

    def ranges(self, within: str = "") -> list[str]:
        """Return key prefixes that together hold every covered key below `within`, in order, not overlapping.

        They may hold more than what is covered (`images` also begins `images-old`); `covers` decides.
        """
        if self.is_everything or any(above in self._names for above in _parents(within)):
            return [within]
        starts: Iterable[str] = self.names[bisect_left(self.names, within) :]
        if self.globs:
            if any(within.startswith(glob.literal_prefix) for glob in self.globs):
                return [within]
            starts = sorted({*starts, *(glob.literal_prefix for glob in self.globs if glob.literal_prefix >= within)})
        ranges: list[str] = []
        # They are in order, so what one of them begins comes right behind it.
        for start in starts:
            if not start.startswith(within):
                break
            if not ranges or not start.startswith(ranges[-1]):
                ranges.append(start)
        return ranges

    def intersect(self, other: Scope) -> Scope | None:
        """Return what is covered by both; `None` if nothing can be."""
        if self.is_everything:
            return other
        if other.is_everything:
            return self
        names = {name for name in self.names if other.covers(name)}
        names |= {name for name in other.names if self.covers(name)}
        globs = [*_restrict(self.globs, other.names), *_restrict(other.globs, self.names)]
        return Scope.from_names(names, globs) if names or globs else None

    def union(self, other: Scope) -> Scope:
        """Return what is covered by one of both."""
        if self.is_everything or other.is_everything:
            return Scope()
        return Scope.from_names([*self.names, *other.names], [*self.globs, *other.globs])


def _restrict(globs: Iterable[Glob], names: Iterable[str]) -> list[Glob]:
    """Return what the patterns cover at or below the names."""
    names = list(names)
    cut = [glob._replace(within=name) for glob in globs for name in names if not glob.within]
    return [glob for glob in cut if glob.covers(glob.within) or glob.may_contain(glob.within)]


def _parents(key: str) -> Iterator[str]:
    """Yield the directories above a key, without a slash at their ends."""
    end = key.find("/")
    while end >= 0:
        yield key[:end]
        end = key.find("/", end + 1)
