"""Adaptive concurrency: the number of operations in flight."""

from __future__ import annotations

from dataclasses import dataclass

MAX_WORKERS = 64
"""Maximum of operations in flight."""

_INITIAL_WORKERS = 8
_MIN_WORKERS = 4
_WINDOW_SECONDS = 0.25
_SMALL_FILE = 1 << 20

_CPU_BOUND_SHARE = 0.5
"""Share of one processor above which small files are limited by this machine, and not by waiting for responses."""


@dataclass(slots=True)
class AdaptiveConcurrency:
    """Adapts the number of workers to the throughput: raises it while that helps, and lowers it when that drops.

    It starts low. If the provider responds so fast that the processor is the limit, more workers would not help. If
    workers wait for responses, the limit rises to the provider's default, and beyond as long as throughput grows.

    Attributes:
        provider_default: The number of workers that the provider is known to handle.
        fixed: Keep `provider_default`, because the user set it.
        limit: The number of operations that may be in flight now.
    """

    provider_default: int
    fixed: bool = False
    limit: int = 0
    _since: float = 0.0
    _busy: float = 0.0
    _count: int = 0
    _bytes: int = 0
    _best: float = 0.0
    _changed: bool = False

    def __post_init__(self) -> None:
        self.limit = self.provider_default if self.fixed else min(self.provider_default, _INITIAL_WORKERS)

    def record(self, size: int, now: float, busy: float) -> None:
        """Record a finished operation.

        Args:
            size: Bytes of content transferred.
            now: Time in seconds, of a monotonic clock.
            busy: Processor time of this process, in seconds.
        """
        if self.fixed:
            return
        if not self._since:
            self._since, self._busy = now, busy
        self._count += 1
        self._bytes += size
        elapsed = now - self._since
        if elapsed < _WINDOW_SECONDS or self._count < self.limit:
            return
        if self._changed:
            # These operations were started under the previous limit.
            self._start_window(now, busy, changed=False)
            return
        # A small file costs about as much as 64 KiB of a large one.
        rate = (self._count + self._bytes / 65536) / elapsed
        is_cpu_bound = busy - self._busy > _CPU_BOUND_SHARE * elapsed and self._bytes < _SMALL_FILE * self._count
        previous = self.limit
        if rate > self._best * 1.1 and not is_cpu_bound:
            self.limit = min(MAX_WORKERS, max(self.provider_default, self.limit + max(2, self.limit // 2)))
        elif rate < self._best * 0.7:
            self.limit = max(_MIN_WORKERS, self.limit * 3 // 4)
        self._best = max(rate, self._best * 0.95)
        self._start_window(now, busy, changed=self.limit != previous)

    def _start_window(self, now: float, busy: float, *, changed: bool) -> None:
        self._since, self._busy, self._count, self._bytes, self._changed = now, busy, 0, 0, changed
