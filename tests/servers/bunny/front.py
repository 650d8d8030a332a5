"""HTTP/1.1 in front of what answers: connections that are kept, bodies, `Expect`, responses in chunks."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

from buckia_core.testing.fault_proxy.http_stream import HEAD_LIMIT, Head, Stream
from buckia_core.testing.fault_proxy.ports import HOST

from .request import Connection, Request
from .response import HungUp, Refused, Response

Handle = Callable[[Request], Awaitable[Response]]


async def listen(handle: Handle) -> tuple[asyncio.Server, int]:
    """Serve requests on a port that the system chooses; return the server and the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer.get_extra_info("peername")[0])
        stream = Stream(reader, writer)
        try:
            while await _serve_one(handle, stream, connection):
                pass
        except HungUp:
            stream.reset()
        except (ConnectionError, TimeoutError):
            pass  # clients that are tested under faults go away in the middle
        except Exception:
            traceback.print_exc()
        finally:
            connection.at_close.close()
            with suppress(OSError, RuntimeError):
                stream.close()

    server = await asyncio.start_server(serve, HOST, 0, limit=HEAD_LIMIT, backlog=512)
    return server, int(server.sockets[0].getsockname()[1])


async def _serve_one(handle: Handle, stream: Stream, connection: Connection) -> bool:
    """Answer the next request. Return whether the connection goes on."""
    head = await stream.read_head()
    if head is None:
        return False
    request = Request(head, stream, connection)
    try:
        response = await handle(request)
    except Refused as refused:
        response = refused.response()
    # Many clients read no response before they have sent all.
    await request.discard()
    goes_on = head.keeps_alive() and not request.still_coming
    await _send(response, head, stream, goes_on=goes_on)
    return goes_on


async def _send(response: Response, head: Head, stream: Stream, *, goes_on: bool) -> None:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {response.length}")
    if not goes_on:
        lines.append("Connection: close")
    top = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if head.start[0] == "HEAD":
        await stream.send(top)
        return
    chunks = iter(response.chunks)
    # A head and a small body in one packet.
    await stream.send(top + next(chunks, b""))
    for chunk in chunks:
        await stream.send(chunk)
