"""Faults at an offset of a body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from buckia_core.testing.fault_proxy.faults import (
    Corrupt,
    Cut,
    Direction,
    Fault,
    Request,
    Reset,
    Stall,
    Truncate,
    Unsized,
)


class ConnectionEnd(Exception):
    """The client's connection ends here."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset


async def apply_body_fault(
    chunks: AsyncIterator[bytes], request: Request, fault: Fault | None, direction: Direction
) -> AsyncIterator[bytes]:
    """Yield a body as the fault leaves it, where that fault belongs to an offset in bodies of this direction."""
    offset = _offset(fault, direction)
    position = 0
    async for data in chunks:
        chunk = data
        if offset is not None and position <= offset < position + len(chunk):
            before, chunk = chunk[: offset - position], chunk[offset - position :]
            if before:
                yield before
            request.fault = fault
            match fault:
                case Cut() | Truncate(honest=False) | Unsized():
                    raise ConnectionEnd
                case Reset():
                    raise ConnectionEnd(reset=True)
                case Truncate(honest=True):
                    return
                case Stall(seconds=seconds):
                    await asyncio.sleep(seconds)
                case Corrupt():
                    chunk = bytes([chunk[0] ^ 0xFF]) + chunk[1:]
        position += len(data)
        yield chunk


def _offset(fault: Fault | None, direction: Direction) -> int | None:
    match fault:
        case Cut() | Reset() | Stall() if fault.direction == direction:
            return fault.after
        case Corrupt() if fault.direction == direction:
            return fault.at
        case Truncate() | Unsized() if direction == "down":
            return fault.after
        case _:
            return None
