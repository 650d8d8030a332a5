"""Adaptive concurrency: the number of operations in flight."""

from __future__ import annotations

from dataclasses import dataclass

MAX_WORKERS = 64
"""Maximum of operations in flight, each in a thread."""

_INITIAL_WORKERS = 8
_MIN = 4
_WINDOW_SECONDS = 0.25
_SMALL_FILE = 1 << 20

_CPU_BOUND_SHARE = 0.5
"""Share of one processor, used or waited for, above which this machine limits small files, and not the responses."""


@dataclass(slots=True)
class AdaptiveConcurrency:
    """Adapts what is in flight to the throughput: raises it while that helps, and lowers it when that drops.

    It starts low. If the provider responds so fast that the processor is the limit, more in flight would not help. If
    operations wait for responses, the limit rises to the provider's default, and beyond as long as throughput grows.

    Attributes:
        provider_default: What the provider is known to handle.
        fixed: Keep `provider_default`, because the user set it.
        initial: The first limit.
        maximum: The highest limit.
        window: Seconds for which the throughput of a limit is measured.
        growth: The factor by which the limit rises.
        limit: The number of operations that may be in flight now.
    """

    provider_default: int
    fixed: bool = False
    initial: int = _INITIAL_WORKERS
    maximum: int = MAX_WORKERS
    window: float = _WINDOW_SECONDS
    growth: float = 1.5
    limit: int = 0
    _since: float = 0.0
    _busy: float = 0.0
    _count: int = 0
    _bytes: int = 0
    _best: float = 0.0
    _stale: int = 0

    def __post_init__(self) -> None:
        self.limit = self.provider_default if self.fixed else min(self.provider_default, self.initial)

    @classmethod
    def for_requests(cls, workers: int, *, fixed: bool, maximum: int) -> AdaptiveConcurrency:
        """Create the concurrency of requests on an event loop. They need no thread, so many are cheap.

        `workers` is the number of calls that the provider handles well, or the fixed limit.
        """
        default = workers if fixed else min(2 * workers, maximum)
        return cls(default, fixed=fixed, initial=default, maximum=max(default, maximum), window=0.05, growth=2)

    def record(self, size: int, now: float, busy: float, count: int = 1) -> None:
        """Record finished operations.

        Args:
            size: Bytes of content transferred.
            now: Time in seconds, of a monotonic clock.
            busy: Processor time of this process, in seconds, with the time in which other programs had the processors
                that it needed: who waits for a processor must not look like one who waits for responses.
            count: The number of operations.
        """
        if self.fixed:
            return
        if self._stale > 0 or not self._since:
            # These operations were started under the previous limit, or before anything was measured.
            self._stale -= count
            self._start_window(now, busy)
            return
        self._count += count
        self._bytes += size
        elapsed = now - self._since
        if elapsed < self.window or self._count < self.limit:
            return
        # A small file costs about as much as 64 KiB of a large one.
        rate = (self._count + self._bytes / 65536) / elapsed
        share = (busy - self._busy) / elapsed if self._bytes < _SMALL_FILE * self._count else 0.0
        previous = self.limit
        if share > _CPU_BOUND_SHARE:
            # More in flight would not help, and a throughput that drops is no sign from the provider.
            pass
        elif rate > self._best * 1.1:
            self.limit = min(self.maximum, max(self.provider_default, self.limit + 2, int(self.limit * self.growth)))
        elif rate < self._best * 0.7:
            self._lower()
            # The lower limit may have a lower rate, which is no reason to lower it again.
            self._best = rate
        self._best = max(rate, self._best * 0.95)
        if self.limit != previous:
            self._stale = previous
        self._start_window(now, busy)

    def record_throttling(self) -> None:
        """Lower the limit, because the provider refused a request as one too many."""
        if not self.fixed and self._stale <= 0:
            self._stale = self.limit
            self._lower()
            self._best *= 0.75

    def _lower(self) -> None:
        self.limit = max(_MIN, self.limit * 3 // 4)

    def _start_window(self, now: float, busy: float) -> None:
        self._since, self._busy, self._count, self._bytes = now, busy, 0, 0
