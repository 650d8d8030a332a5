"""How large the parts of an upload are."""

from __future__ import annotations

MAX_PARTS = 10_000
"""As many parts as one upload may have wherever there are parts."""

_MIB = 1 << 20


def part_size_for(size: int, least: int) -> int:
    """Return the bytes of a part, so that `size` bytes need no more than `MAX_PARTS`; whole MiB above `least`."""
    needed = -(-size // MAX_PARTS)
    return least if needed <= least else -(-needed // _MIB) * _MIB
