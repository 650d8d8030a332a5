"""`FaultProxy`: a proxy in front of an HTTP server that counts requests and injects faults.

    with FaultProxy("http://127.0.0.1:9000") as proxy:
        proxy.fault(Cut(after=1000), when=lambda request: request.method == "GET", times=1)
        adapter = BoxSync(BoxSettings(endpoint_url=proxy.endpoint))
        ...
        assert proxy.counts() == {"list": 1, "get": 2}

It runs in a thread of the test. Heads pass byte for byte, Host and path included, so that signatures stay valid.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from buckia_core.testing.fault_proxy.connection import Connection
from buckia_core.testing.fault_proxy.faults import Fault, KindOf, Ledger, Request, Rule, method_of
from buckia_core.testing.fault_proxy.http_stream import HEAD_LIMIT, Stream
from buckia_core.testing.fault_proxy.ports import HOST, free_port


class CertificateFiles(Protocol):
    """A certificate for 127.0.0.1 in two PEM files."""

    @property
    def cert_file(self) -> Path: ...
    @property
    def key_file(self) -> Path: ...


class FaultProxy:
    """A proxy on 127.0.0.1 in front of one http server. `endpoint` is where clients go instead."""

    def __init__(
        self,
        server: str,
        *,
        certificate: CertificateFiles | None = None,
        kind_of: KindOf = method_of,
        error_body: Callable[[int], bytes] = lambda _status: b"",
    ) -> None:
        """Make a proxy for the http address `server`.

        With `certificate`, clients speak https to it. `kind_of` decides what kinds of requests there are.
        """
        address = urlsplit(server)
        if address.scheme != "http" or address.hostname is None:
            raise ValueError(f"not an http address: {server}")
        self._server_address = (address.hostname, address.port or 80)
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(certificate.cert_file, certificate.key_file)
        self._ledger = Ledger(kind_of)
        self._error_body = error_body
        self._port = free_port()
        self._listener: socket.socket | None = None
        self._outages = 0
        self._outage_tasks: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[Exception] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        """The address that clients use; it stays the same through outages."""
        return f"{'http' if self._tls is None else 'https'}://{HOST}:{self._port}"

    def fault(
        self,
        fault: Fault,
        *,
        when: Callable[[Request], bool] | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Rule:
        """From now on, do `fault` to requests for which `when` is true, at most `times` times.

        `probability` is the chance of each such request, drawn in the order of arrival from a generator that
        starts with `seed`. A request suffers at most one fault: that of the oldest rule which chooses it.
        """
        rule = Rule(fault, when, times, probability, random.Random(seed))  # noqa: S311  # reproducible
        self._ledger.add(rule)
        return rule

    def clear_faults(self) -> None:
        """Forget all rules; faults that have begun go on."""
        self._ledger.clear_rules()

    @property
    def requests(self) -> list[Request]:
        """The requests since the start or `reset_counts`, in the order of arrival.

        A request is complete in here by the time its client has the whole answer.
        """
        return self._ledger.requests()

    def counts(self) -> Counter[str]:
        """How many requests there were of each kind."""
        return Counter(request.kind for request in self.requests)

    @property
    def bytes_up(self) -> int:
        """Bytes of bodies that went to the server."""
        return sum(request.bytes_in for request in self.requests)

    @property
    def bytes_down(self) -> int:
        """Bytes of bodies that went to clients."""
        return sum(request.bytes_out for request in self.requests)

    def reset_counts(self) -> None:
        """Forget the requests so far; the next one has the number 1."""
        self._ledger.clear_requests()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """While the block lasts, reset all connections and refuse new ones."""
        self._call(self._go_away())
        try:
            yield
        finally:
            self._call(self._come_back())

    def start(self) -> Self:
        """Begin to listen."""
        started: Future[None] = Future()
        self._outages = 0
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run_loop, args=(started,), name="fault-proxy", daemon=True)
        self._thread.start()
        started.result(30)
        return self

    def stop(self) -> None:
        """Reset all connections and end the thread. Stopping twice is no error."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self._errors:
            raise RuntimeError("the proxy failed in itself, or a `when` raised") from self._errors[0]

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "the proxy has not been started"
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _run_loop(self, started: Future[None]) -> None:
        # The default of Windows has no `add_reader`.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._run(started))

    async def _run(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._listen()
        except Exception as error:  # noqa: BLE001  # raised in the thread of the test
            started.set_exception(error)
            return
        started.set_result(None)
        await self._stopping.wait()
        for task in self._outage_tasks:
            task.cancel()
        await self._go_away()

    def _listen(self) -> None:
        self._listener = socket.create_server((HOST, self._port), backlog=1024)
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        """Accept a client. A server of asyncio loses, and never closes, those that it accepts as it is closed."""
        with suppress(BlockingIOError, ConnectionAbortedError):
            client, _ = listener.accept()
            client.setblocking(False)
            task = asyncio.ensure_future(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _go_away(self, spared: asyncio.Task[None] | None = None) -> None:
        self._outages += 1
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        # A task that has not begun would not close its client.
        await asyncio.sleep(0)
        others = self._tasks - {spared}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _come_back(self) -> None:
        self._outages -= 1
        if not self._outages:
            self._listen()

    async def _serve(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(HEAD_LIMIT, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            try:
                transport, _ = await loop.connect_accepted_socket(lambda: protocol, client, ssl=self._tls)
            except OSError:
                return  # The client went away, or does not trust the certificate.
            stream = Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
            await Connection(stream, self._connect, self._ledger, self._outage, self._error_body).serve()
        except asyncio.CancelledError:
            pass  # `_go_away` asked for it.
        except Exception as error:  # noqa: BLE001  # raised in the thread of the test
            self._errors.append(error)

    async def _connect(self) -> Stream:
        return Stream(*await asyncio.open_connection(*self._server_address, limit=HEAD_LIMIT))

    def _outage(self, seconds: float) -> None:
        async def be_away(spared: asyncio.Task[None] | None) -> None:
            await self._go_away(spared)
            await asyncio.sleep(seconds)
            await self._come_back()

        task = asyncio.ensure_future(be_away(asyncio.current_task()))
        self._outage_tasks.add(task)
        task.add_done_callback(self._outage_tasks.discard)
