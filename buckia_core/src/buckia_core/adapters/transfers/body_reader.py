"""`BodyReader`: reads a response body of known length on an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from buckia_core.http.blocking import in_thread

_INLINE_BYTES = 1 << 20
"""Chunks up to this size are hashed on the event loop; larger ones in a thread."""


class BodyReader:
    """An `AsyncReader` that returns its last bytes only when length and content have been verified.

    Args:
        receive: Returns the next bytes, at most as many as it is asked for; none at the end.
        length: Expected number of bytes.
        wrong_length: Returns the error for another number, which it is given; one too many if there are more.
        update: Hashes the next bytes.
        verify: Called after the last bytes; raises if they are wrong.
    """

    def __init__(
        self,
        receive: Callable[[int], Awaitable[bytes]],
        length: int,
        wrong_length: Callable[[int], Exception],
        *,
        update: Callable[[bytes], object] | None = None,
        verify: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._receive = receive
        self._length = self._left = length
        self._wrong_length = wrong_length
        self._update = update
        self._verify = verify
        self._verified = False

    async def read(self, size: int, /) -> bytes:
        """See `AsyncReader`."""
        chunk = b""
        if self._left:
            chunk = await self._receive(min(size, self._left))
            if not chunk:
                raise self._wrong_length(self._length - self._left)
            self._left -= len(chunk)
            if self._update is not None:
                update = partial(self._update, chunk)
                if len(chunk) <= _INLINE_BYTES:
                    update()
                else:
                    await in_thread(update)
        if not self._left and not self._verified:
            if await self._receive(1):
                raise self._wrong_length(self._length + 1)
            if self._verify is not None:
                await self._verify()
            self._verified = True
        return chunk


class EmptyReader:
    """An `AsyncReader` without bytes."""

    async def read(self, size: int, /) -> bytes:  # noqa: ARG002  # of the protocol
        """See `AsyncReader`."""
        return b""
