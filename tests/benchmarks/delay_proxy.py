"""A TCP proxy that delivers everything later, as a network of that latency does.

python -m tests.benchmarks.delay_proxy PORT TARGET_PORT MILLISECONDS

The milliseconds are those of one way. A new connection costs a round trip more, as its handshake would. Bandwidth is
not limited. It is a process of its own, so that its work is not counted as that of a client.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import suppress
from typing import Final

from buckia_core.testing.fault_proxy.ports import HOST

_MOST_BYTES_UNDER_WAY: Final = 16 << 20


class End(asyncio.Protocol):
    """One end of a proxied connection. What it receives is written to the other end after the delay."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.other: End | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._established = self._loop.time() + 2 * delay
        self._under_way: deque[tuple[float, bytes | None]] = deque()
        self._bytes_under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self.other is not None:
            self.other.deliver()

    def data_received(self, data: bytes) -> None:
        self._send(data)

    def eof_received(self) -> bool:
        self._send(b"")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._send(None)

    def pause_writing(self) -> None:
        if self.other is not None and self.other._transport is not None:
            self.other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other._resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def deliver(self) -> None:
        """Write to the other end what is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        target = self.other._transport if self.other is not None else None
        if target is None:
            return
        assert self.other is not None
        now = self._loop.time()
        while self._under_way and self._under_way[0][0] <= now:
            _, data = self._under_way.popleft()
            if data is None:
                target.close()
            elif data:
                self._bytes_under_way -= len(data)
                target.write(data)
            else:
                self._has_ended = True
                if self.other._has_ended:
                    self.close()
                    self.other.close()
                elif not target.is_closing():
                    # It fails where the peer has reset the connection.
                    with suppress(OSError):
                        target.write_eof()
        self._resume_reading()
        if self._under_way:
            self._timer = self._loop.call_at(self._under_way[0][0], self.deliver)

    def _send(self, data: bytes | None) -> None:
        """Have data delivered; empty, the end of data; None, the end of the connection."""
        self._under_way.append((max(self._loop.time(), self._established) + self.delay, data))
        self._bytes_under_way += len(data or b"")
        if self._bytes_under_way > _MOST_BYTES_UNDER_WAY and self._transport is not None:
            self._transport.pause_reading()
        if self._timer is None:
            self._timer = self._loop.call_at(self._under_way[0][0], self.deliver)

    def _resume_reading(self) -> None:
        if self._transport is not None and self._bytes_under_way <= _MOST_BYTES_UNDER_WAY:
            self._transport.resume_reading()


async def serve(port: int, target_port: int, delay: float) -> None:
    """Proxy connections to `port` of this machine until cancelled; `delay` is in seconds."""
    loop = asyncio.get_running_loop()
    connecting: set[asyncio.Task[None]] = set()

    async def connect(client: End) -> None:
        try:
            _, server = await loop.create_connection(lambda: _paired(End(delay), client), HOST, target_port)
        except OSError:
            client.close()
        else:
            assert server.other is client

    def accept() -> End:
        client = End(delay)
        task = loop.create_task(connect(client))
        connecting.add(task)
        task.add_done_callback(connecting.discard)
        return client

    server = await loop.create_server(accept, HOST, port, backlog=1024)
    async with server:
        await server.serve_forever()


def _paired(one: End, other: End) -> End:
    one.other, other.other = other, one
    return one


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
