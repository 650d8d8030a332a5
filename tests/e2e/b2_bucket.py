"""Buckets for provider `b2`: of a B2 server, which the tests reach with b2sdk; and of Ceph, for B2's S3 API."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.e2e.buckets import Content, S3Bucket, as_bytes, as_text
from tests.servers.b2.server import B2Account
from tests.servers.s3_server import S3Server

_KINDS = {"b2_list_file_names": "list", "b2_authorize_account": None, "b2_list_buckets": None}
"""What calls are called here; signing in, and looking for the bucket, are no requests about objects."""


class B2Bucket:
    """A fresh bucket of an account; `more` settings go into the `.buckia`."""

    kind: ClassVar[str] = "b2"
    freeing_names: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, account: B2Account, **more: Any) -> None:
        self.account = account
        self.name = account.new_bucket("e2e")
        self.more = more
        self.api = account.api().get_bucket_by_name(self.name)
        self._contents: dict[str, str] = {}

    def settings(self) -> dict[str, Any]:
        return {
            "provider": "b2",
            "bucket_name": self.name,
            "application_key_id": self.account.key_id,
            "application_key": self.account.key,
            "api_url": self.account.endpoint,
            **self.more,
        }

    def put(self, key: str, content: Content, *, mtime: float | None = None) -> None:
        info = {} if mtime is None else {"src_last_modified_millis": str(int(mtime * 1000))}
        self.api.upload_bytes(as_bytes(content), key, file_info=info)
        self.expect(content)

    def mtime_ns(self, key: str) -> int:
        return int(self.api.get_file_info_by_name(key).file_info["src_last_modified_millis"]) * 10**6

    def delete(self, key: str) -> None:
        self.api.hide_file(key)

    def delete_directory(self, name: str) -> None:
        pass

    def tree(self) -> dict[str, str]:
        return {found.file_name: self._content(found) for found, _ in self.api.ls(recursive=True)}

    def expect(self, content: Content) -> None:
        digest = hashlib.sha1(as_bytes(content), usedforsecurity=False).hexdigest()
        self._contents[digest] = content if isinstance(content, str) else as_text(content)

    def kept(self) -> list[str]:
        versions = [found for found, _ in self.api.ls(latest_only=False, recursive=True)]
        newest = {found.file_name: found.id_ for found in reversed(versions)}
        past = [found for found in versions if found.action == "upload" and newest[found.file_name] != found.id_]
        return [self._content(found) for found in past]

    def history(self, key: str) -> list[tuple[str, str]]:
        """Return the versions of a key, the newest first: what each is, and its content."""
        found = [each for each in self.api.list_file_versions(key) if each.file_name == key]
        return [(each.action, self._content(each) if each.action == "upload" else "") for each in found]

    def _content(self, found: Any) -> str:
        """Return a content; one is fetched only if its SHA-1 is of no known one."""
        if found.content_sha1 not in self._contents:
            data = self._fetched(found.id_)
            if not found.content_sha1 or found.content_sha1 == "none":
                return data
            self._contents[found.content_sha1] = data
        return self._contents[found.content_sha1]

    def _fetched(self, file_id: str) -> str:
        return as_text(b"".join(self.api.api.download_file_by_id(file_id).response.iter_content(1 << 16)))

    def requests(self) -> Counter[str]:
        calls = self.account.calls()
        kinds = {name: _KINDS.get(name, name) for name in calls}
        return Counter({kind: calls[name] for name, kind in kinds.items() if kind is not None})

    def forget_requests(self) -> None:
        self.account.forget_calls()


class B2S3Bucket(S3Bucket):
    """A bucket of an S3 server that stands in for B2's S3 API. As each bucket of B2 does, it keeps versions."""

    kind: ClassVar[str] = "b2-s3"

    def __init__(self, server: S3Server, name: str, proxy: FaultProxy) -> None:
        super().__init__(server, name, proxy)
        self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def settings(self) -> dict[str, Any]:
        return {
            "provider": "b2",
            "api": "s3",
            "bucket_name": self.name,
            "endpoint_url": self.proxy.endpoint,
            "region": self.server.region,
            "application_key_id": self.server.access_key,
            "application_key": self.server.secret_key,
        }

    def kept(self) -> list[str]:
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name)
        past = [each for page in pages for each in page.get("Versions", ()) if not each["IsLatest"]]
        return [self._content(each["Key"], each["ETag"].strip('"'), VersionId=each["VersionId"]) for each in past]
