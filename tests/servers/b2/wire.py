"""Requests to a B2 server as they stand on the wire, for what no client does by itself."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from .server import B2Account


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, read as JSON."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def refusal(self) -> tuple[int, str]:
        """The status and the code of a response that says no."""
        content = self.json
        assert self.status == content["status"] and set(content) == {"status", "code", "message"}
        return self.status, content["code"]


class B2Wire:
    """A key of an account on one connection; as a context manager it is closed at the end."""

    def __init__(self, account: B2Account, key_id: str | None = None, key: str | None = None, version: int = 4) -> None:
        """Authorize nothing yet: the first call does, with the master key or another one."""
        self.account = account
        self.version = version
        self._key = (key_id or account.key_id, key or account.key)
        self._connection = http.client.HTTPConnection(urlsplit(account.endpoint).netloc, timeout=30)
        self.token = ""

    def request(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Send anything."""
        self._connection.request(method, target, body or None, dict(headers or {}))
        response = self._connection.getresponse()
        return Reply(response.status, response.headers, response.read())

    def authorize(self, method: str = "POST", **headers: str) -> Reply:
        """Ask for a token and keep it."""
        basic = base64.b64encode(":".join(self._key).encode()).decode()
        target = f"/b2api/v{self.version}/b2_authorize_account"
        reply = self.request(method, target, headers={"Authorization": f"Basic {basic}"} | headers)
        if reply.status == 200:
            self.token = reply.json["authorizationToken"]
        return reply

    def call(self, name: str, **fields: Any) -> Reply:
        """Make a call; `accountId` comes by itself."""
        if not self.token:
            assert self.authorize().status == 200
        body = json.dumps({"accountId": self.account.account_id} | fields).encode()
        return self.request("POST", f"/b2api/v{self.version}/{name}", body, {"Authorization": self.token})

    def bucket(self, name: str, **fields: Any) -> str:
        """Create a private bucket and return its id."""
        bucket_id: str = self.call(
            "b2_create_bucket", **{"bucketName": name, "bucketType": "allPrivate"} | fields
        ).json["bucketId"]
        return bucket_id

    def upload(self, bucket_id: str, name: str, data: bytes = b"x", /, **headers: str) -> Reply:
        """Upload a file by a new URL. Headers are named as `header` reads them."""
        return self.send(
            self.call("b2_get_upload_url", bucketId=bucket_id).json, data, X_Bz_File_Name=quote(name), **headers
        )

    def send(self, place: Mapping[str, Any], data: bytes, /, **headers: str) -> Reply:
        """Upload to a URL that was got before."""
        usual = {
            "Content-Type": "text/plain",
            "X-Bz-Content-Sha1": sha1(data),
            "Authorization": place["authorizationToken"],
        }
        given = {header(name): value for name, value in headers.items()}
        sent = {name: value for name, value in (usual | given).items() if value}
        return self.request("POST", urlsplit(place["uploadUrl"]).path, data, sent)

    def download(self, bucket: str, name: str, method: str = "GET", token: str | None = None, **headers: str) -> Reply:
        """Download by name, as the key or with another token; an empty token is none."""
        given = {header(name): value for name, value in headers.items()}
        shown = self.token if token is None else token
        authorization = {"Authorization": shown} if shown else {}
        return self.request(method, f"/file/{bucket}/{quote(name)}", headers=authorization | given)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def header(name: str) -> str:
    """Return the header that a keyword argument means: `_` stands for `-`, unless there is a `-` already."""
    return name if "-" in name else name.replace("_", "-")


def sha1(data: bytes) -> str:
    """Return the SHA-1 of bytes as hex digits."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
