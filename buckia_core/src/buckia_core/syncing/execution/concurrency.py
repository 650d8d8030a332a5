"""How many operations are under way at once."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 64
"""Operations at once that are never exceeded."""

_FIRST = 8
_LEAST = 4
_WINDOW = 0.25
_SMALL = 1 << 20

_SHARE = 0.5
"""Of a processor: what small files take where it is not the answers that are waited for."""


@dataclass(slots=True)
class AdaptiveConcurrency:
    """Finds the number of workers that moves most: adds some as long as that helps, takes some back when it hurts.

    It begins with few. Where the provider answers at once, this machine has all it can do with them, and more would
    only stand in each other's way; where there is time to wait for answers, it goes on with as many as the provider
    takes well, and from there by what helps.

    Attributes:
        known: Operations at once that the provider is known to take well.
        fixed: The user said how many; nothing is adapted.
        limit: Operations that may be under way now.
    """

    known: int
    fixed: bool = False
    limit: int = 0
    _since: float = 0.0
    _busy: float = 0.0
    _count: int = 0
    _bytes: int = 0
    _best: float = 0.0
    _changed: bool = False

    def __post_init__(self) -> None:
        self.limit = self.known if self.fixed else min(self.known, _FIRST)

    def finished(self, size: int, now: float, busy: float) -> None:
        """Take note of one finished operation.

        Args:
            size: Bytes of content that went over.
            now: Time in seconds, of any steady clock.
            busy: Seconds of processor time that this process has had.
        """
        if self.fixed:
            return
        if not self._since:
            self._since, self._busy = now, busy
        self._count += 1
        self._bytes += size
        elapsed = now - self._since
        if elapsed < _WINDOW or self._count < self.limit:
            return
        if self._changed:
            # What was finished until now had begun before.
            self._begin(now, busy, changed=False)
            return
        # A small file costs about as much as 64 KiB of a large one.
        rate = (self._count + self._bytes / 65536) / elapsed
        at_its_limit = busy - self._busy > _SHARE * elapsed and self._bytes < _SMALL * self._count
        before = self.limit
        if rate > self._best * 1.1 and not at_its_limit:
            self.limit = min(MOST, max(self.known, self.limit + max(2, self.limit // 2)))
        elif rate < self._best * 0.7:
            self.limit = max(_LEAST, self.limit * 3 // 4)
        self._best = max(rate, self._best * 0.95)
        self._begin(now, busy, changed=self.limit != before)

    def _begin(self, now: float, busy: float, *, changed: bool) -> None:
        self._since, self._busy, self._count, self._bytes, self._changed = now, busy, 0, 0, changed
