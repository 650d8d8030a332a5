"""A storage zone as the end-to-end tests see it, which Buckia reaches through a proxy, and the tests go straight to."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.e2e.buckets import Content, as_bytes, as_text
from tests.servers.bunny.server import BunnyAccount, BunnyZone

_KINDS = {"GET": "get", "PUT": "put", "DELETE": "delete", "DESCRIBE": "stat"}


def bunny_kind(method: str, path: str, _query: Mapping[str, str], _headers: Mapping[str, str]) -> str:
    """Name a request to a storage host."""
    return "list" if method == "GET" and path.endswith("/") else _KINDS[method]


class BunnyBucket:
    """A zone of the Bunny server, for provider `bunny`; `more` settings go into the `.buckia`."""

    kind: ClassVar[str] = "bunny"
    freeing_names: ClassVar[Mapping[str, Any]] = {"prune_empty_directories": True}

    def __init__(self, account: BunnyAccount, zone: BunnyZone, proxy: FaultProxy, **more: Any) -> None:
        self.account = account
        self.zone = zone
        self.proxy = proxy
        self.more = more

    def settings(self) -> dict[str, Any]:
        return {
            "provider": "bunny",
            "bucket_name": self.zone.name,
            "endpoint_url": self.proxy.endpoint,
            "storage_api_key": self.zone.password,
            **self.more,
        }

    def put(self, key: str, content: Content, *, mtime: float | None = None) -> None:
        assert self._call("PUT", key, as_bytes(content))[0] == 201

    def mtime_ns(self, key: str) -> int:
        changed = datetime.fromisoformat(json.loads(self._call("DESCRIBE", key)[1])["LastChanged"])
        return (changed.replace(tzinfo=UTC) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1000

    def delete(self, key: str) -> None:
        assert self._call("DELETE", key)[0] == 200

    def delete_directory(self, name: str) -> None:
        assert self._call("DELETE", f"{name}/")[0] == 200

    def tree(self) -> dict[str, str]:
        return {key: as_text(self._call("GET", key)[1]) for key in self._keys("")}

    def kept(self) -> list[str]:
        return []

    def expect(self, content: Content) -> None:
        pass

    def requests(self) -> Counter[str]:
        return self.proxy.counts()

    def forget_requests(self) -> None:
        self.proxy.reset_counts()

    def _keys(self, directory: str) -> list[str]:
        keys: list[str] = []
        for each in json.loads(self._call("GET", directory)[1]):
            key = directory + each["ObjectName"]
            keys += self._keys(f"{key}/") if each["IsDirectory"] else [key]
        return keys

    def _call(self, method: str, key: str, body: bytes | None = None) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection(urlsplit(self.zone.endpoint).netloc, timeout=60)) as connection:
            path = f"/{self.zone.name}/{quote(key)}"
            connection.request(method, path, body, {"AccessKey": self.zone.password})
            response = connection.getresponse()
            return response.status, response.read()
