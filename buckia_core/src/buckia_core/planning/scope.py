"""Which part of a bucket takes part: prefixes and single keys."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of keys, given by names that stand for themselves and for all that is below them.

    Attributes:
        names: In order, none inside another, without a slash at the end; the empty tuple is "everything".
    """

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Scope:
        """Make a scope of names like `images/` or `documents/important.pdf`; an empty name is "everything"."""
        clean = sorted({name.strip("/") for name in names})
        if "" in clean:
            return cls()
        kept: list[str] = []
        for name in clean:
            if not any(name.startswith(other + "/") for other in kept):
                kept.append(name)
        return cls(tuple(kept))

    def covers(self, key: str) -> bool:
        """Tell whether a key takes part."""
        if not self.names:
            return True
        # Only a name that is a prefix of the key can cover it, and all of those sort at or before it.
        index = bisect_right(self.names, key)
        return any(key == name or key.startswith(name + "/") for name in self.names[:index])

    def may_reach(self, directory: str) -> bool:
        """Tell whether a key below `directory` (no slash at the end) can take part."""
        if not self.names or not directory:
            return True
        return self.covers(directory) or any(name.startswith(directory + "/") for name in self.names)

    def ranges(self, within: str = "") -> list[str]:
        """Return key prefixes that together hold every covered key below `within`, in order, not overlapping.

        They may hold more than what is covered (`images` also begins `images-old`); `covers` decides.
        """
        if not self.names:
            return [within]
        ranges: list[str] = []
        for name in self.names:
            prefix = name if name.startswith(within) else within if within.startswith(name + "/") else None
            if prefix is not None and not any(prefix.startswith(other) for other in ranges):
                ranges = [other for other in ranges if not other.startswith(prefix)]
                ranges.append(prefix)
        return ranges

    def meet(self, other: Scope) -> Scope | None:
        """Return what is covered by both; `None` if nothing can be."""
        if not self.names:
            return other
        if not other.names:
            return self
        names = {name for name in self.names if other.covers(name)}
        names |= {name for name in other.names if self.covers(name)}
        return Scope.of(names) if names else None
