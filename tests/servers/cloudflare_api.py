"""A fake of Cloudflare's API v4, as far as its documentation tells: R2's buckets and domains, and account tokens."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from buckia_core.testing.fault_proxy.ports import HOST

from .s3_server import S3Server

GROUPS = {
    "Workers R2 Storage Bucket Item Read": "6a018a9f2fc74eb6b293b0c548f38b39",
    "Workers R2 Storage Bucket Item Write": "2efd5506f9c8494dacb1fa10a3e7d5b6",
}


class Refused(Exception):
    """An error of the API."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class CloudflareApi:
    """The running fake, whose objects are on an S3 server."""

    storage: S3Server
    account_id: str = field(default_factory=lambda: secrets.token_hex(16))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(30))
    url: str = ""
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=lambda: {"example.com": "zone1"})

    def check(self, authorization: str | None) -> None:
        if authorization != f"Bearer {self.token}":
            raise Refused(401, 10000, "Authentication error")

    def answer(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> Any:
        match method, path:
            case "GET", ["zones"]:
                return [{"id": self.zones[name], "name": name} for name in query["name"] if name in self.zones]
            case _, ["accounts", self.account_id, *rest]:
                return self.answer_account(method, rest, query, body)
        raise Refused(404, 7003, "Could not route to the path")

    def answer_account(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> Any:
        match method, path:
            case "GET", ["tokens", "verify"]:
                return {"id": "0" * 32, "status": "active"}
            case "GET", ["tokens", "permission_groups"]:
                return [{"id": value, "name": name} for name, value in GROUPS.items()]
            case "GET", ["tokens"]:
                page, size = (int(query[name][0]) for name in ("page", "per_page"))
                found = [{**each, "id": key, "value": None} for key, each in self.tokens.items()]
                return found[(page - 1) * size : page * size]
            case "POST", ["tokens"]:
                created = {"id": secrets.token_hex(16), "value": secrets.token_urlsafe(30), **body}
                self.tokens[created["id"]] = created
                return created
            case "DELETE", ["tokens", key]:
                if self.tokens.pop(key, None) is None:
                    raise Refused(404, 1001, "Token not found")
                return {"id": key}
            case "POST", ["r2", "buckets"]:
                return self.create(body["name"])
            case _, ["r2", "buckets", name, *rest]:
                if name not in self.buckets:
                    raise Refused(404, 10006, "The specified bucket does not exist.")
                return self.answer_bucket(method, name, rest, body)
        raise Refused(404, 7003, "Could not route to the path")

    def create(self, name: str) -> Any:
        if name in self.buckets:
            raise Refused(409, 10004, "The bucket you tried to create already exists, and you own it.")
        self.storage.client().create_bucket(Bucket=name)
        self.buckets[name] = {"managed": False, "custom": {}}
        return {"name": name}

    def answer_bucket(self, method: str, name: str, path: list[str], body: Any) -> Any:
        bucket = self.buckets[name]
        managed = {"domain": f"pub-{name}.r2.dev", "enabled": bucket["managed"]}
        match method, path:
            case "GET", []:
                return {"name": name}
            case "DELETE", []:
                if self.storage.client().list_objects_v2(Bucket=name).get("Contents"):
                    raise Refused(409, 10008, "The bucket you tried to delete is not empty.")
                self.storage.client().delete_bucket(Bucket=name)
                del self.buckets[name]
                return {}
            case "GET", ["domains", "managed"]:
                return managed
            case "PUT", ["domains", "managed"]:
                bucket["managed"] = body["enabled"]
                return {**managed, "enabled": body["enabled"]}
            case "GET", ["domains", "custom"]:
                return {"domains": [{"domain": each} for each in bucket["custom"]]}
            case "POST", ["domains", "custom"]:
                bucket["custom"][body["domain"]] = body["zoneId"]
                return body
            case "DELETE", ["domains", "custom", domain]:
                del bucket["custom"][domain]
                return {"domain": domain}
        raise Refused(404, 7003, "Could not route to the path")


@contextmanager
def cloudflare_api(storage: S3Server) -> Iterator[CloudflareApi]:
    """Run the fake until the block ends."""
    api = CloudflareApi(storage)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16

        def respond(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            path = [unquote(each) for each in parts.path.removeprefix("/client/v4/").split("/")]
            try:
                api.check(self.headers.get("Authorization"))
                body = json.loads(content) if content else None
                status, result, errors = 200, api.answer(self.command, path, parse_qs(parts.query), body), []
            except Refused as error:
                status, result, errors = error.status, None, [{"code": error.code, "message": error.message}]
            document = {"success": not errors, "errors": errors, "messages": [], "result": result}
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            data = json.dumps(document).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.respond
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    api.url = f"http://{HOST}:{server.server_address[1]}/client/v4"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
