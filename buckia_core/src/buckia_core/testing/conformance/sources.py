"""Readers that behave like pipes and broken disks, as sources of uploads."""

from __future__ import annotations

import io


class ShortReader(io.RawIOBase):
    """A reader without seek and length that returns at most 1,000 bytes per read, like a pipe."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._rest = memoryview(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        count = min(len(buffer), len(self._rest), 1000)
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class BreakingReader(ShortReader):
    """A reader that fails after its bytes, like a broken disk."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as above
        return super().readinto(buffer) or self._break()

    def _break(self) -> int:
        raise OSError(5, "the disk broke")
