"""One client's connection to a `FaultProxy`: its requests one after the other, each with at most one fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http.client import responses

from buckia_core.testing.fault_proxy.body_faults import ConnectionEnd, apply_body_fault
from buckia_core.testing.fault_proxy.faults import (
    Answer,
    Cut,
    Delay,
    DropHeader,
    Encoded,
    Fault,
    Ledger,
    LoseReply,
    Refuse,
    Request,
    Reset,
    Truncate,
    Unsized,
)
from buckia_core.testing.fault_proxy.http_stream import (
    BodyReader,
    BodyWriter,
    Framing,
    Head,
    Stream,
    request_framing,
    response_framing,
)


class Connection:
    """A client's connection, with a connection of its own to the server."""

    def __init__(
        self,
        client: Stream,
        connect: Callable[[], Awaitable[Stream]],
        ledger: Ledger,
        outage: Callable[[float], None],
        error_body: Callable[[int], bytes],
    ) -> None:
        self._client = client
        self._connect = connect
        self._ledger = ledger
        self._outage = outage
        self._error_body = error_body
        self._server: Stream | None = None

    async def serve(self) -> None:
        """Pass requests on until either side closes or a fault ends the connection."""
        try:
            while (head := await self._client.read_head()) is not None:
                if not await self._exchange(head):
                    break
            self._close_server()
            await self._client.hang_up()
        except ConnectionEnd as end:
            self._close_server()
            if end.reset:
                self._client.reset()
            else:
                await self._client.hang_up()
        except OSError:
            pass  # One side went away; what is left is to close the other.
        except BaseException:
            self._client.reset()
            raise
        finally:
            self._close_server()
            self._client.close()

    async def _exchange(self, head: Head) -> bool:
        """Handle one request; return whether the connection can take another one."""
        method, target, _ = head.start
        request, fault = self._ledger.admit(method, target, head.headers)
        framing = request_framing(head)
        match fault:
            case Answer():
                return await self._answer(head, framing, request, fault)
            case Refuse(seconds=seconds):
                request.fault = fault
                self._outage(seconds)
                raise ConnectionEnd(reset=True)
            case Cut(after=0, direction="up") | Reset(after=0, direction="up"):
                request.fault = fault
                raise ConnectionEnd(reset=isinstance(fault, Reset))
            case Delay(seconds=seconds, direction="up"):
                request.fault = fault
                await asyncio.sleep(seconds)
            case DropHeader(name=name) if name.lower() in head.headers:
                request.fault = fault
                head = head.without_header(name)

        server = await self._ask(head)
        sending = asyncio.create_task(self._send_body(server, framing, request, fault))
        receiving = asyncio.create_task(self._read_response(server))
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                # The server may have answered the last byte sooner than the task could notice that it was sent.
                await asyncio.wait({sending}, timeout=0.02)
            if sending.done():
                sending.result()
            answer = await receiving
            if not sending.done() and "expect" in head.headers:
                # Refused before its body was sent: the next byte of the client can be of the body or of a request.
                return await self._pass_response(server, answer.with_header("Connection", "close"), request, fault)
            reusable = await self._pass_response(server, answer, request, fault)
            await asyncio.wait({sending}, timeout=5)
            return reusable and sending.done() and head.keeps_alive()
        finally:
            sending.cancel()
            receiving.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _answer(self, head: Head, framing: Framing, request: Request, fault: Answer) -> bool:
        expects_continue = framing.kind != "none" and "expect" in head.headers
        if not expects_continue:
            await BodyReader(self._client, framing).discard()
        body = fault.body if fault.body is not None else self._error_body(fault.status)
        lines = [
            f"HTTP/1.1 {fault.status} {_reason(fault.status)}",
            f"Content-Type: {fault.content_type}",
            f"Content-Length: {len(body)}",
        ]
        if fault.location is not None:
            lines.append(f"Location: {fault.location}")
        if fault.retry_after is not None:
            lines.append(f"Retry-After: {fault.retry_after}")
        if expects_continue:
            lines.append("Connection: close")
        body = b"" if request.method == "HEAD" else body
        request.fault, request.status, request.bytes_out = fault, fault.status, len(body)
        await self._client.send("\r\n".join([*lines, "", ""]).encode() + body)
        return head.keeps_alive() and not expects_continue

    async def _ask(self, head: Head) -> Stream:
        """Send the head of a request to the server, over a connection that is still open."""
        if self._server is not None and self._server.reader.at_eof():
            self._close_server()
        if self._server is None:
            try:
                self._server = await self._connect()
            except OSError as error:
                raise ConnectionEnd(reset=True) from error
        await self._server.send(head.raw)
        return self._server

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _send_body(self, server: Stream, framing: Framing, request: Request, fault: Fault | None) -> None:
        body, writer = BodyReader(self._client, framing), BodyWriter(server, framing)
        chunks = apply_body_fault(body.chunks(), request, fault, "up")
        async for chunk in chunks:
            request.bytes_in += len(chunk)
            try:
                await writer.send(chunk)
            except ConnectionError:
                # The server wants no more of it, and its answer may say why.
                async for _ in chunks:
                    pass
                return
        await writer.finish(body.trailers)

    async def _read_response(self, server: Stream) -> Head:
        """Return the head of the final answer; those before it (100 Continue) go to the client at once."""
        while (head := await server.read_head()) is not None:
            if not head.start[1].startswith("1"):
                return head
            await self._client.send(head.raw)
        raise ConnectionEnd

    async def _pass_response(self, server: Stream, answer: Head, request: Request, fault: Fault | None) -> bool:
        """Send the answer to the client; return whether both connections can be used again."""
        request.server_status = status = int(answer.start[1])
        framing = response_framing(answer, request.method)
        body, writer = BodyReader(server, framing), BodyWriter(self._client, framing)
        match fault:
            case LoseReply(reset=reset):
                await body.discard()
                request.fault = fault
                raise ConnectionEnd(reset=reset)
            case Delay(seconds=seconds, direction="down"):
                request.fault = fault
                await asyncio.sleep(seconds)
            case Encoded(encoding=encoding):
                request.fault = fault
                answer = answer.with_header("Content-Encoding", encoding)
            case Truncate(after=after, honest=True) if framing.length > after:
                answer = answer.with_header("Content-Length", str(after))
            case Unsized():
                writer = BodyWriter(self._client, Framing("close"))
                answer = answer.without_header("Content-Length").without_header("Transfer-Encoding")
                answer = answer.with_header("Connection", "close")
        request.status = status
        await self._client.send(answer.raw)
        async for chunk in apply_body_fault(body.chunks(), request, fault, "down"):
            request.bytes_out += len(chunk)
            await writer.send(chunk)
        await writer.finish(body.trailers)
        if isinstance(request.fault, Truncate):
            self._close_server()
        return framing.kind != "close" and answer.keeps_alive()


def _reason(status: int) -> str:
    return responses.get(status, "Unknown")
