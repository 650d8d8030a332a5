"""The faults that belong to a place in a body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from .faults import Corrupt, Cut, Direction, Fault, Request, Reset, Stall, Truncate


class HangUp(Exception):
    """The client's connection ends here."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset


async def spoiled(
    pieces: AsyncIterator[bytes], request: Request, fault: Fault | None, direction: Direction
) -> AsyncIterator[bytes]:
    """Yield a body as the fault leaves it, where that fault belongs to a place in bodies of this direction."""
    place = _place(fault, direction)
    position = 0
    async for whole in pieces:
        piece = whole
        if place is not None and position <= place < position + len(piece):
            before, piece = piece[: place - position], piece[place - position :]
            if before:
                yield before
            request.fault = fault
            match fault:
                case Cut() | Truncate(honest=False):
                    raise HangUp
                case Reset():
                    raise HangUp(reset=True)
                case Truncate(honest=True):
                    return
                case Stall(seconds=seconds):
                    await asyncio.sleep(seconds)
                case Corrupt():
                    piece = bytes([piece[0] ^ 0xFF]) + piece[1:]
        position += len(whole)
        yield piece


def _place(fault: Fault | None, direction: Direction) -> int | None:
    match fault:
        case Cut() | Reset() | Stall() if fault.direction == direction:
            return fault.after
        case Corrupt() if fault.direction == direction:
            return fault.at
        case Truncate() if direction == "down":
            return fault.after
        case _:
            return None
