"""Which part of a bucket takes part: prefixes and single keys."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of keys, given by names that stand for themselves and for all that is below them.

    Attributes:
        names: In order, none inside another, without a slash at the end; the empty tuple is "everything".
    """

    names: tuple[str, ...] = ()
    _names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", frozenset(self.names))

    @classmethod
    def of(cls, names: Iterable[str]) -> Scope:
        """Make a scope of names like `images/` or `documents/important.pdf`; an empty name is "everything"."""
        clean = {name.strip("/") for name in names}
        if "" in clean:
            return cls()
        return cls(tuple(sorted(name for name in clean if not any(above in clean for above in _above(name)))))

    def covers(self, key: str) -> bool:
        """Tell whether a key takes part."""
        names = self._names
        return not names or key in names or any(above in names for above in _above(key))

    def may_reach(self, directory: str) -> bool:
        """Tell whether a key below `directory` (no slash at the end) can take part."""
        if not self.names or not directory or self.covers(directory):
            return True
        index = bisect_left(self.names, directory + "/")
        return index < len(self.names) and self.names[index].startswith(directory + "/")

    def meets(self, prefix: str) -> bool:
        """Tell whether a key that begins with a prefix, such as that of a mapping, can take part."""
        return bool(self.ranges(prefix))

    def ranges(self, within: str = "") -> list[str]:
        """Return key prefixes that together hold every covered key below `within`, in order, not overlapping.

        They may hold more than what is covered (`images` also begins `images-old`); `covers` decides.
        """
        if not self.names or any(above in self._names for above in _above(within)):
            return [within]
        ranges: list[str] = []
        # Names are in order, so what a name begins comes right behind it.
        for name in self.names[bisect_left(self.names, within) :]:
            if not name.startswith(within):
                break
            if not ranges or not name.startswith(ranges[-1]):
                ranges.append(name)
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


def _above(key: str) -> Iterator[str]:
    """Yield the directories above a key, without a slash at their ends."""
    end = key.find("/")
    while end >= 0:
        yield key[:end]
        end = key.find("/", end + 1)
