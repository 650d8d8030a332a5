"""A plain client of Edge Storage for the server's own tests: what is sent is what the test says."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

from .server import BunnyZone


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    status: int
    body: bytes
    headers: dict[str, str]
    """Names in lower case."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> tuple[int, str]:
        """The status, and what an error says."""
        assert self.json["HttpCode"] == self.status
        return self.status, self.json["Message"]


class BunnyWire:
    """One connection to a zone, kept."""

    def __init__(self, zone: BunnyZone, *, password: str | None = None) -> None:
        """Speak to `zone`, with its password or another one."""
        self.zone = zone
        self._key = zone.password if password is None else password
        self.connection = http.client.HTTPConnection(urlsplit(zone.endpoint).netloc, timeout=30)

    def send(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, *, raw: bool = False, **headers: str
    ) -> Reply:
        """Send one request for a path in the zone. `raw`: the path is percent-encoded already.

        `headers` have `_` for `-`. A body that is no bytes goes in chunks.
        """
        return self._send(method, path if raw else quote(path), body, headers)

    def put(self, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Upload a file, or make a directory."""
        return self._send("PUT", quote(path), body, headers)

    def get(self, path: str, **headers: str) -> Reply:
        """Download a file, or list a directory."""
        return self._send("GET", quote(path), None, headers)

    def delete(self, path: str, **headers: str) -> Reply:
        """Delete a file or a directory."""
        return self._send("DELETE", quote(path), None, headers)

    def names(self, path: str = "") -> list[str]:
        """List a directory: its names, sorted, those of directories with a slash."""
        return sorted(one["ObjectName"] + "/" * one["IsDirectory"] for one in self.get(path).json)

    def _send(self, method: str, target: str, body: bytes | Iterable[bytes] | None, headers: dict[str, str]) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, f"/{self.zone.name}/{target}", body, {"AccessKey": self._key, **given})
        response = self.connection.getresponse()
        sent = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, response.read(), sent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()


def sha256(body: bytes) -> str:
    """Return the checksum as the service writes it."""
    return hashlib.sha256(body).hexdigest().upper()
