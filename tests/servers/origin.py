"""A tiny HTTP server that remembers exactly what reached it: what stands behind a `FaultProxy` in its own tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from buckia_core.testing.fault_proxy.ports import HOST


@dataclass(slots=True)
class Arrival:
    """A request as it reached the origin."""

    method: str
    target: str
    host: str
    body: bytes
    complete: bool
    """Whether the whole body came."""


@dataclass(slots=True)
class Origin:
    """A running origin.

    `GET /…/N` gives N bytes, `GET /…/chunked/N` gives them in chunks, `PUT` takes anything, and `PUT /unwanted`
    with `Expect` is refused with 412 before its body.
    """

    endpoint: str
    arrivals: list[Arrival] = field(default_factory=list)
    connections: int = 0

    def arrival(self, number: int = 0) -> Arrival:
        """Return an arrival, waiting a little for it: a request that was cut is noticed late."""
        deadline = time.monotonic() + 5
        while len(self.arrivals) <= number and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.arrivals[number]


def content(size: int) -> bytes:
    """Return the bytes that `GET /size` gives."""
    return bytes(index % 251 for index in range(size))


@contextmanager
def running_origin() -> Iterator[Origin]:
    """Run an origin in threads of this process until the block ends."""
    origin = Origin(endpoint="")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            origin.connections += 1

        def do_GET(self) -> None:
            self._arrived(b"", complete=True)
            size = int(self.path.partition("?")[0].rpartition("/")[2])
            self.send_response(200)
            if "/chunked/" not in self.path:
                self._finish(content(size))
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, size, 100):
                piece = content(size)[start : start + 100]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
            body, complete = self._read_chunks() if chunked else self._read(int(self.headers["Content-Length"]))
            self._arrived(body, complete=complete)
            if complete:
                self.send_response(200)
                self._finish(b"")

        def handle_expect_100(self) -> bool:
            if self.path != "/unwanted":
                return super().handle_expect_100()
            self._arrived(b"", complete=False)
            self.send_response(412)
            self._finish(b"no")
            return False

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

        def _finish(self, body: bytes) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _read(self, size: int) -> tuple[bytes, bool]:
            body = self.rfile.read(size)
            return body, len(body) == size

        def _read_chunks(self) -> tuple[bytes, bool]:
            body = b""
            while size := int(self.rfile.readline() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            return body, self.rfile.readline() == b"\r\n"

        def _arrived(self, body: bytes, *, complete: bool) -> None:
            host = self.headers.get("Host", "")
            origin.arrivals.append(Arrival(self.command, self.path, host, body, complete))

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A connection that broke is what the tests are about."""

    server = Server((HOST, 0), Handler)
    origin.endpoint = f"http://{HOST}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
