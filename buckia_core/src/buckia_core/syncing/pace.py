"""How many operations are under way at once."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 64
"""Operations at once that are never exceeded."""

_LEAST = 4
_WINDOW = 0.5


@dataclass(slots=True)
class Pace:
    """Finds the number of workers that moves most: adds some as long as that helps, takes some back when it hurts.

    Attributes:
        limit: Operations that may be under way now.
        fixed: The user said how many; nothing is adapted.
    """

    limit: int
    fixed: bool = False
    _since: float = 0.0
    _count: int = 0
    _bytes: int = 0
    _best: float = 0.0

    def finished(self, size: int, now: float) -> None:
        """Take note of one finished operation of so many bytes, at a time in seconds of any steady clock."""
        if self.fixed:
            return
        if not self._since:
            self._since = now
        self._count += 1
        self._bytes += size
        elapsed = now - self._since
        if elapsed < _WINDOW or self._count < self.limit:
            return
        # A small file costs about as much as 64 KiB of a large one.
        rate = (self._count + self._bytes / 65536) / elapsed
        if rate > self._best * 1.1:
            self.limit = min(MOST, self.limit + max(2, self.limit // 2))
        elif rate < self._best * 0.7:
            self.limit = max(_LEAST, self.limit * 3 // 4)
        self._best = max(rate, self._best * 0.95)
        self._since, self._count, self._bytes = now, 0, 0
