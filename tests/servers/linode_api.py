"""Fake of Linode's API v4, object storage only, written after its documentation. Runs in a thread.

Lists are paginated; errors are `{"errors": [{"field", "reason"}]}`; every response has rate limit headers; only an
empty bucket can be deleted; only the creation of a key returns its secret. With an S3 server, the buckets are on it.
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

from buckia_core.testing.fault_proxy.ports import HOST

from .linode_account import FakeAccount, Refused
from .linode_objects import BucketStore, MemoryStore, S3Store
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
    """A response that a test injects instead of the real one. Status `None` closes the connection."""

    status: int | None
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """Execute the request first, so that only its response is lost."""


@dataclass
class LinodeApi:
    """The running fake."""

    url: str
    account: FakeAccount
    asked: list[Asked] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    """Responses to the next requests, in order."""

    def paths(self) -> list[str]:
        """Return method and path of each request so far."""
        return [f"{each.method} {each.path}" for each in self.asked]


@contextmanager
def linode_api(storage: S3Server | None = None) -> Iterator[LinodeApi]:
    """Run the fake until the block ends."""
    store: BucketStore = S3Store(storage) if storage is not None else MemoryStore()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # Headers and body in one packet: two would wait for each other.

        def respond(self) -> None:
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
                    self.send(trouble)
                    return
                try:
                    status, response = 200, self.execute(asked)
                except Refused as refusal:
                    error = {"reason": refusal.reason} | ({"field": refusal.field} if refusal.field else {})
                    status, response = refusal.status, {"errors": [error]}
            self.send(trouble or Trouble(status, json.dumps(response).encode()))

        def execute(self, asked: Asked) -> dict[str, Any]:
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

        def send(self, trouble: Trouble) -> None:
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
                return self.respond
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer((HOST, 0), Handler)
    running.daemon_threads = True
    api = LinodeApi(f"http://{HOST}:{running.server_port}/v4", FakeAccount(store))
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
