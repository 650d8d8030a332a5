"""The bucket as the tests see it: a folder, or a bucket of a real S3 server, which Buckia reaches through a proxy."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Protocol

from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.servers.s3_server import S3Server

Content = str | bytes
"""Contents are texts where that reads better. Each character stands for one byte."""


def as_bytes(content: Content) -> bytes:
    """Return a content as bytes."""
    return content.encode("latin-1") if isinstance(content, str) else content


def as_text(content: bytes) -> str:
    """Return bytes as a text, one character each."""
    return content.decode("latin-1")


class Bucket(Protocol):
    """What tests do to a bucket behind Buckia's back."""

    kind: ClassVar[str]

    freeing_names: ClassVar[Mapping[str, Any]]
    """Settings under which the name of a directory is free for a file, once all that was in it is deleted."""

    def settings(self) -> dict[str, Any]:
        """Return what a `.buckia` says to reach it."""

    def put(self, key: str, content: Content, *, mtime: float | None = None) -> None:
        """Write an object; `mtime` in seconds since 1970, for buckets that keep it."""

    def mtime_ns(self, key: str) -> int:
        """Return the time by which an object is the newer or the older one, in nanoseconds since 1970."""

    def delete(self, key: str) -> None:
        """Delete an object."""

    def delete_directory(self, name: str) -> None:
        """Delete a directory that has become empty, where directories are more than a part of names."""

    def tree(self) -> dict[str, str]:
        """Return all objects: key to content. Temporary files that were left behind are there too."""

    def kept(self) -> list[str]:
        """Return the contents of versions that were overwritten or deleted, where the bucket keeps them."""

    def expect(self, content: Content) -> None:
        """Tell a content that will be in the bucket, which may spare `tree` to fetch it."""

    def requests(self) -> Counter[str]:
        """Count Buckia's requests since the start or `forget_requests`, by kind; none where there is no server."""

    def forget_requests(self) -> None:
        """Begin to count anew."""


class FolderBucket:
    """A folder, for provider `file`."""

    kind: ClassVar[str] = "file"
    freeing_names: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def settings(self) -> dict[str, Any]:
        return {"provider": "file", "root": str(self.root)}

    def put(self, key: str, content: Content, *, mtime: float | None = None) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(content))
        if mtime is not None:
            os.utime(path, (mtime, mtime))

    def mtime_ns(self, key: str) -> int:
        return (self.root / key).stat().st_mtime_ns

    def delete(self, key: str) -> None:
        (self.root / key).unlink()

    def delete_directory(self, name: str) -> None:
        (self.root / name).rmdir()

    def tree(self) -> dict[str, str]:
        paths = [path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()]
        return {path.relative_to(self.root).as_posix(): as_text(path.read_bytes()) for path in paths}

    def kept(self) -> list[str]:
        return []

    def expect(self, content: Content) -> None:
        pass

    def requests(self) -> Counter[str]:
        return Counter()

    def forget_requests(self) -> None:
        pass


class S3Bucket:
    """A bucket of an S3 server, for provider `s3`. Buckia goes through `proxy`, the tests go straight."""

    kind: ClassVar[str] = "ceph"
    freeing_names: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, server: S3Server, name: str, proxy: FaultProxy) -> None:
        self.server = server
        self.name = name
        self.proxy = proxy
        self.client = server.client()
        self._contents: dict[str, str] = {}

    def settings(self) -> dict[str, Any]:
        return {
            "provider": "s3",
            "bucket_name": self.name,
            "endpoint_url": self.proxy.endpoint,
            "region": self.server.region,
            "access_key_id": self.server.access_key,
            "secret_access_key": self.server.secret_key,
        }

    def put(self, key: str, content: Content, *, mtime: float | None = None) -> None:
        metadata: Mapping[str, str] = {} if mtime is None else {"mtime": f"{mtime:.9f}"}
        self.client.put_object(Bucket=self.name, Key=key, Body=as_bytes(content), Metadata=metadata)
        self.expect(content)

    def mtime_ns(self, key: str) -> int:
        kept = self.client.head_object(Bucket=self.name, Key=key)["Metadata"]["mtime"]
        return int(Decimal(kept) * 10**9)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    def delete_directory(self, name: str) -> None:
        pass

    def keys(self) -> list[str]:
        """Return all keys, in order."""
        return [key for key, _ in self._listed()]

    def tree(self) -> dict[str, str]:
        return {key: self._content(key, etag) for key, etag in self._listed()}

    def kept(self) -> list[str]:
        return []

    def expect(self, content: Content) -> None:
        digest = hashlib.md5(as_bytes(content), usedforsecurity=False).hexdigest()
        self._contents[digest] = content if isinstance(content, str) else as_text(content)

    def _listed(self) -> list[tuple[str, str]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [(each["Key"], each["ETag"].strip('"')) for page in pages for each in page.get("Contents", ())]

    def _content(self, key: str, etag: str, **version: str) -> str:
        """Return an object's content; one is fetched only if its ETag, the server's own MD5, is of no known content."""
        if etag not in self._contents:
            found = self.client.get_object(Bucket=self.name, Key=key, **version)
            self._contents[etag] = as_text(found["Body"].read())
        return self._contents[etag]

    def requests(self) -> Counter[str]:
        return self.proxy.counts()

    def forget_requests(self) -> None:
        self.proxy.reset_counts()

    def close(self) -> None:
        """Give back the connections of the tests."""
        self.client.close()
