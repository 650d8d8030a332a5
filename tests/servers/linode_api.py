"""A fake of Linode's API v4, object storage only, written after its documentation. Runs in a thread.

Lists come in pages; errors are `{"errors": [{"field", "reason"}]}`; every answer tells the rate limit; a bucket must be
empty to be deleted; a key's secret is told once. Where an S3 server is given, the buckets are on it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .linode_account import FakeAccount, Refused
from .linode_objects import Remembered, Shelf, Stored
from .process import HOST
from .s3_server import S3Server

READ_WRITE = "token-with-read-write"
READ_ONLY = "token-with-read-only"


@dataclass(frozen=True)
class Asked:
    """One request: method, path below `/v4`, query, and the body read as JSON."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Trouble:
    """An answer that a test wants instead of the real one. `None` as status closes the connection."""

    status: int | None
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """The request is carried out first: only its answer is lost."""


@dataclass
class LinodeApi:
    """The running fake."""

    url: str
    account: FakeAccount
    asked: list[Asked] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    """The answers to the next requests, first one first."""

    def paths(self) -> list[str]:
        """Return what was asked so far: method and path."""
        return [f"{each.method} {each.path}" for each in self.asked]


@contextmanager
def linode_api(storage: S3Server | None = None) -> Iterator[LinodeApi]:
    """Run the fake until the block ends."""
    shelf: Shelf = Stored(storage) if storage is not None else Remembered()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # Headers and body in one packet: two would wait for each other.

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            parts = urlsplit(self.path)
            path = parts.path.removeprefix("/v4")
            body = json.loads(content) if content else {}
            asked = Asked(self.command, path, dict(parse_qsl(parts.query, keep_blank_values=True)), body)
            with lock:
                api.asked.append(asked)
                trouble = api.troubles.pop(0) if api.troubles else None
                if trouble is not None and not trouble.after:
                    self.give(trouble)
                    return
                try:
                    status, answer = 200, self.carry_out(asked)
                except Refused as refusal:
                    error = {"reason": refusal.reason} | ({"field": refusal.field} if refusal.field else {})
                    status, answer = refusal.status, {"errors": [error]}
            self.give(trouble or Trouble(status, json.dumps(answer).encode()))

        def carry_out(self, asked: Asked) -> dict[str, Any]:
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            if token not in (READ_WRITE, READ_ONLY):
                raise Refused(401, "Invalid Token")
            if token == READ_ONLY and asked.method != "GET":
                raise Refused(401, "Your OAuth token is not authorized to use this endpoint.")
            root, *path = [unquote(part) for part in asked.path.split("/")[1:]]
            if root != "object-storage":
                raise Refused(404, "Not found")
            # The SDK sends the parameters of some GETs as a body.
            return api.account.call(asked.method, path, asked.query | asked.body)

        def give(self, trouble: Trouble) -> None:
            if trouble.status is None:
                self.close_connection = True
                return
            self.send_response(trouble.status)
            limit = {"X-RateLimit-Limit": "800", "X-RateLimit-Remaining": "799", "X-RateLimit-Reset": "1893456000"}
            for name, value in ({"Content-Type": "application/json"} | limit | trouble.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(trouble.body)))
            self.end_headers()
            self.wfile.write(trouble.body)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer((HOST, 0), Handler)
    running.daemon_threads = True
    api = LinodeApi(f"http://{HOST}:{running.server_port}/v4", FakeAccount(shelf))
    if storage is not None:
        host = urlsplit(storage.endpoint_tls or "").netloc
        api.account.endpoints = [{"region": "us-ord", "endpoint_type": "E1", "s3_endpoint": host}]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
