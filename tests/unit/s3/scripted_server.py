"""An HTTP server that answers each request as a test says, and remembers what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request; header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One response. `claims` is a Content-Length other than the body's; `cut` closes the connection after the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    claims: int | None = None
    cut: bool = False


Script = Callable[[Asked], Answer | None]


@dataclass
class ScriptedServer:
    """A running server. `None` from the script closes the connection without an answer."""

    endpoint: str
    script: Script
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0


@contextmanager
def scripted(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server until the block ends; over https with a context. Assign `script` to change the answers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            server.connections += 1

        def answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(
                self.command,
                unquote(parts.path),
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                body,
            )
            server.asked.append(asked)
            answer = server.script(asked)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.claims is None else answer.claims))
            self.end_headers()
            if self.command != "HEAD":
                # Nobody has to read all of it.
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(answer.body)
            self.close_connection = self.close_connection or answer.cut

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    if tls is not None:
        running.socket = tls.wrap_socket(running.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    server = ScriptedServer(f"{scheme}://127.0.0.1:{running.server_port}", script)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


OBJECT = {"ETag": '"5d41402abc4b2a76b9719d911017c592"', "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"}
"""Headers of an object with the content `hello`."""

HELLO = Answer(200, b"hello", OBJECT)


def error(status: int, code: str, **headers: str) -> Answer:
    """Return an error as S3 answers with it."""
    body = f"<Error><Code>{code}</Code><Message>because</Message><RequestId>r-1</RequestId></Error>"
    return Answer(status, body.encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def page(*keys: str, token: str | None = None) -> Answer:
    """Return a page of a listing of empty objects."""
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
        "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size></Contents>"
        for key in keys
    )
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    end = more if token else "<IsTruncated>false</IsTruncated>"
    return Answer(200, f"<ListBucketResult><EncodingType>url</EncodingType>{end}{contents}</ListBucketResult>".encode())
