"""Object versions: list, stat, read, restore and delete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from buckia_core.adapters.contract.types import Precondition
from buckia_core.adapters.service.page_limits import PageGuard
from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call
from buckia_core.errors import AdapterError, BucketNotFound, NotFound, PermissionDenied, Transient
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.metadata import PROBE_PREFIX, content_length, object_from_headers
from buckia_s3.operations.copy import Copier
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.object_locks import BYPASS_GOVERNANCE, ObjectLocks
from buckia_s3.xml.list_objects import sort_key
from buckia_s3.xml.list_versions import VersionMarker, VersionPage, parse_versions
from buckia_s3.xml.reader import MalformedResponse

MAX_PAGE = 1000
"""The largest page of versions."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions: the object versions of one bucket.

    Attributes:
        client: The bucket.
        key_prefix: Configured prefix; it is removed from the keys.
        object_head: Adds the prefix to keys.
        copier: Restores versions.
        locks: Explains why a version can't be deleted.
        etag_is_md5: Whether an ETag that looks like an MD5 is one.
        retry_policy: For pages and deletes.
        page_size: Versions to request at once.
    """

    client: S3Client
    key_prefix: str
    object_head: ObjectHead
    copier: Copier
    locks: ObjectLocks
    etag_is_md5: bool
    retry_policy: RetryPolicy
    page_size: int = MAX_PAGE

    def list(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Versioned.list_versions`."""
        marker: VersionMarker | None = None
        guard = PageGuard("listing versions", provider=self.client.provider)
        last = b""
        while True:
            found = retry_call(partial(self._fetch, prefix, marker), self.retry_policy)
            for each in found.versions:
                key = sort_key(each.key)
                if key < last:
                    raise guard.invalid_response(f"{each.key!r} comes too late")
                if not each.key.startswith(self.key_prefix + prefix):
                    raise guard.invalid_response(f"{each.key!r} does not begin with {self.key_prefix + prefix!r}")
                last = key
                inside = each.key[len(self.key_prefix) :]
                if inside and not inside.startswith(PROBE_PREFIX):
                    yield each._replace(key=inside)
            if found.next is None:
                return
            guard.next_page(found.next, empty=not found.versions)
            marker = found.next

    def stat(self, key: str, version: str) -> RemoteObject:
        """See `Versioned.stat_version`."""
        return self._head_version(key, version)[0]

    @contextmanager
    def open_version(self, key: str, version: str) -> Iterator[Iterator[bytes]]:
        """Open the content of a version, in chunks. Raises the same errors as `Versioned.open_version`."""
        try:
            with self.client.open(self._request("GET", key, version)) as response:
                size = content_length(response.headers)
                if size is None:
                    size = self._head_version(key, version)[0].size
                yield self.client.iter_body(response, key, size)
        except AdapterError as error:
            raise self._translate_error(error, key, version) from error

    def restore(self, key: str, version: str, expect: Precondition | None) -> RemoteObject:
        """See `Versioned.restore_version`."""
        found, headers = self._head_version(key, version)
        return self.copier.copy_version(version, found, headers, expect)

    def delete(self, key: str, version: str, *, bypass_governance: bool = False, retry: bool = True) -> None:
        """See `Versioned.delete_version`.

        Args:
            key: The object.
            version: Id of the version.
            bypass_governance: Ignore a retention in mode GOVERNANCE, if the credentials permit it.
            retry: Retry the request; not for callers that retry the whole call.
        """
        headers = BYPASS_GOVERNANCE if bypass_governance else {}
        try:
            send = partial(self.client.send, self._request("DELETE", key, version, headers))
            retry_call(send, self.retry_policy) if retry else send()
        except BucketNotFound:
            raise
        except NotFound:
            pass
        except PermissionDenied as error:
            raise self.locks.add_lock_reason(error, key, version) from error

    def _head_version(self, key: str, version: str) -> tuple[RemoteObject, dict[str, str]]:
        try:
            response = self.client.send(self._request("HEAD", key, version))
        except AdapterError as error:
            raise self._translate_error(error, key, version) from error
        headers = response.headers
        return object_from_headers(key, headers, etag_is_md5=self.etag_is_md5, provider=self.client.provider), headers

    def _request(self, method: str, key: str, version: str, headers: dict[str, str] | None = None) -> Request:
        return Request(method, self.object_head.full_key(key), (("versionId", version),), headers or {}, key=key)

    def _translate_error(self, error: AdapterError, key: str, version: str) -> AdapterError:
        """Return `NotFound` for the statuses with which servers respond to unknown versions and delete markers."""
        if error.status not in (400, 404, 405) or isinstance(error, BucketNotFound):
            return error
        message = f"there is no version {version!r} of it that has content"
        return NotFound(f"{key!r}: {message}", provider=self.client.provider, key=key, status=error.status)

    def _fetch(self, prefix: str, marker: VersionMarker | None) -> VersionPage:
        query = [("versions", ""), ("max-keys", str(self.page_size)), ("encoding-type", "url")]
        if self.key_prefix or prefix:
            query.append(("prefix", self.key_prefix + prefix))
        if marker is not None:
            query += [("key-marker", marker.key), ("version-id-marker", marker.version)]
        body = self.client.send(Request("GET", query=tuple(query), action="listing versions")).body
        try:
            return parse_versions(body)
        except MalformedResponse as error:
            raise self._malformed(str(error)) from error

    def _malformed(self, problem: str) -> Transient:
        message = f"listing versions: the response of {self.client.host} can't be used: {problem}"
        return Transient(message, provider=self.client.provider)
