"""`MemorySync`: the reference implementation of the adapter contract."""

from __future__ import annotations

import io
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.contract.base import BaseSync, BeforeRequest, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.adapters.contract.object_urls import key_below, url_below
from buckia_core.adapters.contract.protocols import AsyncReader, has_both_faces
from buckia_core.adapters.contract.readers import BlockingReader
from buckia_core.adapters.contract.types import DeleteOutcome, IfAbsent, IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.memory.bucket import Check, MemoryBucket, StoredObject, shared_bucket
from buckia_core.adapters.memory.errors import invalid_key, not_found, precondition_failed
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.sources import DigestVerifier, open_source
from buckia_core.errors import AdapterError, NotSupported
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

MAX_KEY_BYTES = 1024
PAGE = 1000

_private_names = itertools.count(1)


class MemorySync(BaseSync):
    """A bucket in the memory of this process, for tests and trials.

    Adapters whose settings name the same bucket share it. Without a name each adapter has its own, or the one that is
    passed as `bucket`.
    """

    def __init__(self, settings: MemorySettings, *, bucket: MemoryBucket | None = None) -> None:
        if bucket is None and settings.bucket_name:
            bucket = shared_bucket(settings.bucket_name, versions=settings.versions)
        self.bucket = bucket or MemoryBucket(f"private-{next(_private_names)}", versions=settings.versions)
        self._prefix = normalize_prefix(settings.prefix)
        self._public_url_base = settings.public_url_base
        self._requests = RequestCounter()
        self._capabilities = Capabilities(
            conditional_write=True,
            start_after=True,
            list_prefixes=True,
            listing_digests=("sha256",),
            mtime=True,
            metadata=True,
            versions=self.bucket.versions,
            coroutines=has_both_faces(type(self)),
            server_copy=True,
            public_url=settings.public_url_base is not None,
            free_reads=True,
            max_key_bytes=MAX_KEY_BYTES - len(self._prefix.encode()),
            delete_batch_size=PAGE,
        )

    @property
    def provider(self) -> str:
        """`memory`."""
        return "memory"

    @property
    def identity(self) -> str:
        """The bucket's name and the prefix."""
        return f"memory:{self.bucket.name}/{self._prefix}"

    @property
    def capabilities(self) -> Capabilities:
        """Everything but signed URLs and resumable transfers."""
        return self._capabilities

    @property
    def public_url_base(self) -> str | None:
        """See `BaseSync`."""
        return self._public_url_base

    def public_url(self, key: str) -> str:
        """See `PublicUrl`."""
        if self._public_url_base is None:
            raise NotSupported("public URLs need public_url_base", provider=self.provider, key=key)
        return url_below(self._public_url_base, self._full_key(key))

    def key_from_url(self, url: str) -> str | None:
        """See `BaseSync`."""
        return key_below(url, [] if self._public_url_base is None else [self._public_url_base], self._prefix)

    @property
    def request_count(self) -> int:
        """Requests that a server would count: one per call, one per page of 1,000 entries."""
        return self._requests.total

    def limit_requests(self, before_request: BeforeRequest) -> bool:
        """See `BaseSync`."""
        self._requests.limit(before_request)
        return True

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Reads pages of 1,000 entries, as from a server."""
        full_prefix = self._prefix + prefix
        after, inclusive = full_prefix, True
        if start_after is not None and self._prefix + start_after >= full_prefix:
            after, inclusive = self._prefix + start_after, False
        end = None if end_at is None else self._prefix + end_at
        while True:
            self._requests.add()
            page = self.bucket.page(after, inclusive=inclusive, end=end, size=PAGE)
            for listed in page:
                if not listed.key.startswith(full_prefix):
                    return
                yield self._without_prefix(listed)
            if len(page) < PAGE:
                return
            after, inclusive = page[-1].key, False

    def list_prefixes(self, prefix: str = "", *, start_after: str | None = None) -> list[str]:
        """See `PrefixListing`."""
        self._requests.add()
        found: list[str] = []
        after = start_after or ""
        full_prefix = self._prefix + prefix
        position = max(full_prefix, self._prefix + after)
        while len(found) < PAGE:
            page = self.bucket.page(position, inclusive=True, end=None, size=1)
            if not page or not page[0].key.startswith(full_prefix):
                return found
            name, slash, _ = page[0].key[len(full_prefix) :].partition("/")
            directory = f"{prefix}{name}{slash}"
            if slash and directory > after:
                found.append(directory)
            # The next key after all that begin with the directory, or after the object.
            position = f"{full_prefix}{name}{chr(ord('/') + 1)}" if slash else page[0].key + "\0"
        return found

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return self._without_prefix(self._stored(key, None).object)

    async def stat_file_async(self, key: str) -> RemoteObject:
        """See `Coroutines`."""
        return self._without_prefix((await self._stored_async(key, None)).object)

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        with open_source(source) as reader:
            data = reader.read()
        return run_blocking(self._upload(data, key, expect, info))

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `Coroutines`."""
        return await self._upload(source, key, expect, info)

    def download_file(
        self,
        key: str,
        target: Path,
        *,
        expect: RemoteObject | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> RemoteObject:
        """See `BaseSync`."""
        stored = self._stored(key, expect)
        target.write_bytes(stored.data[start:end])
        return self._without_prefix(stored.object)

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`."""
        stored = self._stored(key, expect)
        return self._without_prefix(stored.object), stored.data

    async def read_file_async(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `Coroutines`."""
        stored = await self._stored_async(key, expect)
        return self._without_prefix(stored.object), stored.data

    @contextmanager
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> Iterator[BinaryIO]:
        """See `BaseSync`."""
        with io.BytesIO(self._stored(key, expect).data[start:end]) as reader:
            yield reader

    @asynccontextmanager
    async def open_file_async(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AsyncIterator[AsyncReader]:
        """See `Coroutines`."""
        yield BlockingReader(io.BytesIO((await self._stored_async(key, expect)).data[start:end]))

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        return run_blocking(self._delete_all(keys))

    async def delete_files_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `Coroutines`."""
        return await self._delete_all(keys)

    async def close_async(self) -> None:
        """See `Coroutines`. There is nothing to close."""

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `ServerCopy`."""
        return self._put_copy(self._stored(source.key, source), key, expect)

    def list_versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """See `Versioned`."""
        self._requests.add()
        for version in self.bucket.list_versions(self._prefix + prefix):
            yield version._replace(key=version.key[len(self._prefix) :])

    def stat_version(self, key: str, version: str) -> RemoteObject:
        """See `Versioned`."""
        return self._without_prefix(self._version(key, version).object)

    @contextmanager
    def open_version(self, key: str, version: str) -> Iterator[BinaryIO]:
        """See `Versioned`."""
        with io.BytesIO(self._version(key, version).data) as reader:
            yield reader

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `Versioned`."""
        return self._put_copy(self._version(key, version), key, expect)

    def delete_version(self, key: str, version: str) -> None:
        """See `Versioned`."""
        self._requests.add()
        self.bucket.delete_version(self._full_key(key), version)

    async def _upload(
        self, data: bytes, key: str, expect: Precondition | None, info: UploadInfo | None
    ) -> RemoteObject:
        full_key = self._full_key(key)
        info = info or UploadInfo()
        verifier = DigestVerifier(info.digests)
        verifier.update(data)
        verifier.verify(provider=self.provider, key=key)
        await self._requests.add_async()
        content_type = info.content_type or guess_content_type(key)
        return self._without_prefix(self.bucket.put(full_key, data, info, content_type, _check(key, expect)).object)

    async def _delete_all(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        await self._requests.add_async()
        return [DeleteOutcome(key, self._delete(key)) for key in keys]

    def _put_copy(self, original: StoredObject, key: str, expect: Precondition | None) -> RemoteObject:
        info = UploadInfo(mtime_ns=original.object.mtime_ns, metadata=original.object.metadata or {})
        content_type = original.object.content_type or guess_content_type(key)
        stored = self.bucket.put(self._full_key(key), original.data, info, content_type, _check(key, expect))
        return self._without_prefix(stored.object)

    def _version(self, key: str, version: str) -> StoredObject:
        self._requests.add()
        stored = self.bucket.get_version(self._full_key(key), version)
        if stored is None:
            raise not_found(key)
        return stored

    def _delete(self, key: str) -> AdapterError | None:
        try:
            self.bucket.delete(self._full_key(key))
        except AdapterError as error:
            return error
        return None

    def _stored(self, key: str, expect: RemoteObject | None) -> StoredObject:
        return run_blocking(self._stored_async(key, expect))

    async def _stored_async(self, key: str, expect: RemoteObject | None) -> StoredObject:
        await self._requests.add_async()
        stored = self.bucket.get(self._full_key(key))
        if stored is None:
            raise not_found(key)
        if expect is not None and stored.object.fingerprint != expect.fingerprint:
            raise precondition_failed(key, "it is another version now")
        return stored

    def _full_key(self, key: str) -> str:
        if not key:
            raise invalid_key(key, "it is empty")
        try:
            size = len(key.encode())
        except UnicodeEncodeError as error:
            raise invalid_key(key, "it is not valid UTF-8") from error
        if size > self._capabilities.max_key_bytes:
            raise invalid_key(key, f"it is longer than {self._capabilities.max_key_bytes} bytes")
        return self._prefix + key

    def _without_prefix(self, found: RemoteObject) -> RemoteObject:
        return found._replace(key=found.key[len(self._prefix) :]) if self._prefix else found


def _check(key: str, expect: Precondition | None) -> Check:
    def check(current: StoredObject | None) -> None:
        match expect:
            case IfAbsent() if current is not None:
                raise precondition_failed(key, "it exists")
            case IfUnchanged(seen) if current is None or current.object.fingerprint != seen.fingerprint:
                raise precondition_failed(key, "it is gone" if current is None else "it is another version now")
            case _:
                pass

    return check
