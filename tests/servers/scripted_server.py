"""A server that answers as a test says: for what no server of the kind answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came. Names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `length` is what Content-Length says where that is not the truth; `None` leaves it out."""

    status: int = 200
    body: bytes | str | dict[str, Any] | list[Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | str | None = -1

    def sent(self) -> bytes:
        """Return the bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Script = Callable[[Asked], Reply]


class ScriptedServer:
    """A server on 127.0.0.1, of which every answer comes from `script`.

    Attributes:
        endpoint: Its address.
        asked: The requests that came.
        script: What answers; may be changed at any time.
    """

    def __init__(self, server: ThreadingHTTPServer, script: Script) -> None:
        self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        self.asked: list[Asked] = []
        self.script = script


@contextmanager
def scripted_server(script: Script) -> Iterator[ScriptedServer]:
    """Run a server for as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            # Clients that have seen enough close the connection.
            with suppress(ConnectionError):
                super().handle_one_request()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, {name.lower(): text for name, text in self.headers.items()}, body)
            running.asked.append(asked)
            reply = running.script(asked)
            sent = reply.sent()
            self.send_response(reply.status)
            for name, text in reply.headers.items():
                self.send_header(name, text)
            if reply.length is None:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(len(sent) if reply.length == -1 else reply.length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(sent)
            self.close_connection |= reply.length != -1

        def __getattr__(self, name: str) -> Callable[[], None]:
            if not name.startswith("do_"):
                raise AttributeError(name)
            return self.answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = ScriptedServer(server, script)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
