"""Bucket stores of the fake of Linode's API: in memory, or on an S3 server."""

from __future__ import annotations

from typing import Any, Protocol

from .s3_server import S3Server

PRIVATE = "private"
_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_METHODS = {"GET": "get_object", "PUT": "put_object", "DELETE": "delete_object"}


class ObjectNotFound(Exception):
    """The object does not exist."""


class BucketStore(Protocol):
    """Operations of the API on buckets and objects. Except for `create`, the bucket must exist."""

    def create(self, bucket: str) -> None: ...
    def remove(self, bucket: str) -> None: ...
    def sizes(self, bucket: str) -> list[int]: ...
    def acl(self, bucket: str, key: str) -> str: ...
    def set_acl(self, bucket: str, key: str, acl: str) -> None: ...
    def url(self, bucket: str, key: str, method: str, seconds: int, content_type: str | None) -> str: ...


class MemoryStore:
    """Objects that a test declares; `objects` maps a bucket to its keys and their sizes."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, int]] = {}
        self._acls: dict[tuple[str, str], str] = {}

    def create(self, bucket: str) -> None:
        self.objects.setdefault(bucket, {})

    def remove(self, bucket: str) -> None:
        del self.objects[bucket]

    def sizes(self, bucket: str) -> list[int]:
        return list(self.objects[bucket].values())

    def acl(self, bucket: str, key: str) -> str:
        if key not in self.objects[bucket]:
            raise ObjectNotFound(key)
        return self._acls.get((bucket, key), PRIVATE)

    def set_acl(self, bucket: str, key: str, acl: str) -> None:
        self.acl(bucket, key)
        self._acls[bucket, key] = acl

    def url(self, bucket: str, key: str, method: str, seconds: int, content_type: str | None) -> str:
        return f"https://{bucket}.example/{key}?X-Amz-Expires={seconds}&method={method}&type={content_type or ''}"


class S3Store:
    """Buckets and objects on an S3 server, accessed over TLS."""

    def __init__(self, server: S3Server) -> None:
        self._client = server.client(tls=True)

    def create(self, bucket: str) -> None:
        self._client.create_bucket(Bucket=bucket)

    def remove(self, bucket: str) -> None:
        self._client.delete_bucket(Bucket=bucket)

    def sizes(self, bucket: str) -> list[int]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Size"] for page in pages for entry in page.get("Contents", ())]

    def acl(self, bucket: str, key: str) -> str:
        grants = self._with_not_found(lambda: self._client.get_object_acl(Bucket=bucket, Key=key))["Grants"]
        everybody = {grant["Permission"] for grant in grants if grant["Grantee"].get("URI") == _EVERYBODY}
        return {frozenset(): PRIVATE, frozenset({"READ"}): "public-read"}.get(frozenset(everybody), "custom")

    def set_acl(self, bucket: str, key: str, acl: str) -> None:
        self._with_not_found(lambda: self._client.put_object_acl(Bucket=bucket, Key=key, ACL=acl))

    def url(self, bucket: str, key: str, method: str, seconds: int, content_type: str | None) -> str:
        parameters = {"Bucket": bucket, "Key": key} | ({"ContentType": content_type} if content_type else {})
        url: str = self._client.generate_presigned_url(_METHODS[method], Params=parameters, ExpiresIn=seconds)
        return url

    def _with_not_found(self, call: Any) -> Any:
        try:
            return call()
        except self._client.exceptions.NoSuchKey as error:
            raise ObjectNotFound from error
