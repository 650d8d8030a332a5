"""`B2Sync`: adapter for a bucket of Backblaze B2 through its native API."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.file_options import FileOptions
from buckia_b2.api.session import B2Session
from buckia_b2.api.transport import RETRY_POLICY
from buckia_b2.api.upload_url_pool import UploadUrlPool
from buckia_b2.errors import PROVIDER, parsing_response
from buckia_b2.files.attributes import attributes_of_file
from buckia_b2.files.file_names import MAX_KEY_BYTES
from buckia_b2.object_options import ensure_lifecycle, settings_with_options
from buckia_b2.operations.copy import Copier
from buckia_b2.operations.delete import DELETE_BATCH_SIZE, Deleter
from buckia_b2.operations.download import Downloader
from buckia_b2.operations.large_files import LargeFiles
from buckia_b2.operations.list import list_objects
from buckia_b2.operations.resume_upload import ResumableUploader
from buckia_b2.operations.upload import Uploader
from buckia_b2.operations.versions import Versions
from buckia_b2.operations.write_conflicts import WriteConflictDetector
from buckia_b2.settings import B2Settings, Deletion
from buckia_core.adapters.contract.base import BaseSync, BeforeRequest, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import endpoint_identity, normalize_prefix
from buckia_core.adapters.contract.object_options import ObjectOptions
from buckia_core.adapters.contract.object_urls import key_below, url_below
from buckia_core.adapters.contract.protocols import AsyncReader
from buckia_core.adapters.contract.readers import open_chunks
from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout
from buckia_core.adapters.contract.types import BucketLocation, DeleteOutcome, Precondition, UploadInfo
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.errors import NotSupported
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin

MAX_SIGNED_SECONDS = 604_800
"""Longest lifetime of a download authorization: a week."""

_SIGNABLE = ("GET", "HEAD")
_MAX_OBJECT_BYTES = 10_000_000_000_000


_KEY_ID_LENGTH = 25
"""Characters of the id of an application key; those of a master key are the account's id."""


class B2Sync(BaseSync):
    """Adapter for a bucket of Backblaze B2 through its native API.

    Differences from `BaseSync`, and additions:

    - The file id is both fingerprint and version.
    - B2 has no conditional writes. After a conditional write the adapter lists the versions, and removes its own if
      another writer came first. See `buckia_b2.operations.write_conflicts`.
    - Multipart uploads from a reader have no SHA-1 of the whole object, since B2 requires it at the start.
    - The first request, and the first after the token expires, sends the application key.
    - Requests that are part of a larger call (parts, ranges, pages of versions, removals) and those of `native` have up
      to five attempts. The wrappers retry whole calls.
    """

    def __init__(self, settings: B2Settings) -> None:
        self._prefix = normalize_prefix(settings.prefix)
        self._session = B2Session(settings, self._prefix)
        self._part_pool = PartPool(RETRY_POLICY)
        self._url_pool = UploadUrlPool(self._session, self._fetch_upload_url)
        self._apply(settings, Bucket(self._session, settings.bucket_name, self._prefix, FileOptions(settings)))

    def _apply(self, settings: B2Settings, bucket: Bucket) -> None:
        """Set the operations up for settings and a bucket."""
        self._settings = settings
        self._bucket = bucket
        large = LargeFiles(bucket, self._part_pool)
        self._resumer = ResumableUploader(settings, bucket, large)
        conflicts = WriteConflictDetector(bucket)
        self._uploader = Uploader(settings, bucket, self._url_pool, large, self._resumer, conflicts)
        self._downloader = Downloader(bucket, self._part_pool)
        self._copier = Copier(bucket, large, conflicts)
        self._deleter = Deleter(bucket, settings.deletion)
        self.versions = Versions(bucket, self._downloader, self._copier, self._deleter)

    @property
    def provider(self) -> str:
        """`b2`."""
        return PROVIDER

    @property
    def identity(self) -> str:
        """Service, bucket and prefix. Bucket names are unique within a service."""
        service = endpoint_identity(self._settings.api_url).partition("://")[2]
        return f"{PROVIDER}:{service.removesuffix(':443')}/{self._settings.bucket_name}/{self._prefix}"

    @property
    def earlier_identities(self) -> Sequence[str]:
        """Identity of earlier versions: `api_url` as it is spelled in the settings."""
        service = self._settings.api_url.rstrip("/").partition("://")[2]
        return (f"{PROVIDER}:{service}/{self._settings.bucket_name}/{self._prefix}",)

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities of B2 with these settings."""
        return Capabilities(
            start_after=True,
            listing_digests=("sha1",),
            mtime=True,
            metadata=True,
            versions=self._settings.deletion is Deletion.HIDE,
            server_copy=True,
            public_url=True,
            with_options=True,
            lifecycle=True,
            attributes=True,
            bucket_copy=True,
            signed_url=self._settings.sse_customer_key_base64 is None,
            resumable_upload=True,
            resumable_download=True,
            coroutines=True,
            max_key_bytes=MAX_KEY_BYTES - len(self._prefix.encode()),
            max_object_bytes=_MAX_OBJECT_BYTES,
            delete_batch_size=DELETE_BATCH_SIZE,
            workers=16,
        )

    @property
    def request_count(self) -> int:
        """Number of requests so far, including each page of a listing and each part of an upload."""
        return self._session.requests

    def limit_requests(self, before_request: BeforeRequest) -> bool:
        """See `BaseSync`."""
        self._session.counter.limit(before_request)
        return True

    @cached_property
    def native(self) -> BucketAdmin:
        """Configuration of the bucket, application keys and unfinished uploads."""
        from buckia_b2.admin.bucket_admin import BucketAdmin  # noqa: PLC0415  # not needed by a sync

        return BucketAdmin(self._bucket)

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        return list_objects(self._bucket, prefix, start_after, end_at)

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return run_blocking(self._bucket.head(key))

    async def stat_file_async(self, key: str) -> RemoteObject:
        """See `Coroutines`."""
        return await self._bucket.head(key)

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return run_blocking(self._uploader.upload(source, key, expect, info))

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `Coroutines`."""
        return await self._uploader.upload(source, key, expect, info)

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        return self._resumer.part_layout(size)

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""
        return run_blocking(self._uploader.upload(source, key, expect, info))

    def abort_upload(self, key: str, text: str) -> None:
        """See `ResumableUpload`."""
        self._resumer.abort(key, text)

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
        return self._downloader.download(key, target, expect, start, end)

    def resume_download(self, key: str, download: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`."""
        return self._downloader.resume(key, download, expect)

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`."""
        return run_blocking(self._downloader.read(key, expect))

    async def read_file_async(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `Coroutines`."""
        return await self._downloader.read(key, expect)

    @contextmanager
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> Iterator[BinaryIO]:
        """See `BaseSync`."""
        with self._downloader.open(key, expect, start, end) as stream, open_chunks(stream.chunks) as reader:
            yield reader

    def open_file_async(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AbstractAsyncContextManager[AsyncReader]:
        """See `Coroutines`."""
        return self._downloader.open_async(key, expect, start, end)

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        return self._deleter.delete(keys)

    async def delete_files_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `Coroutines`."""
        return await self._deleter.delete_async(keys)

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `ServerCopy`."""
        return self._copier.copy(source, key, expect)

    def list_versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """See `Versioned`."""
        return self.versions.all(prefix)

    def stat_version(self, key: str, version: str) -> RemoteObject:
        """See `Versioned`."""
        return self.versions.stat(key, version)

    @contextmanager
    def open_version(self, key: str, version: str) -> Iterator[BinaryIO]:
        """See `Versioned`."""
        with self.versions.open(key, version) as blocks, open_chunks(blocks) as reader:
            yield reader

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `Versioned`. Copies on the server, in parts above 5 GB."""
        return self.versions.restore(key, version, expect)

    def delete_version(self, key: str, version: str) -> None:
        """See `Versioned`."""
        self.versions.delete(key, version)

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. The bucket's type decides whether the URL is readable.

        Without the settings `domain` and `public_url_base`, the host comes from the authorization, which costs a
        request if there was none before.
        """
        return url_below(self.public_url_base or self._native_base(), self._bucket.full_key(key))

    @property
    def public_url_base(self) -> str | None:
        """See `BaseSync`: from the settings `public_url_base` and `domain`."""
        return self._settings.public_base

    def key_from_url(self, url: str) -> str | None:
        """See `BaseSync`. May cost a request, as `public_url`."""
        base = self.public_url_base
        if base is not None and (key := key_below(url, [base], self._prefix)) is not None:
            return key
        return key_below(url, [self._native_base()], self._prefix)

    def signed_url(
        self,
        key: str,
        *,
        seconds: int,
        method: str = "GET",
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        """See `SignedUrl`: GET and HEAD, for up to a week. Costs a request.

        B2 authorizes prefixes: the URL also opens objects whose keys begin with this key.
        """
        if method not in _SIGNABLE:
            raise ValueError(f"B2 URLs are signed for {', '.join(_SIGNABLE)}, not for {method!r}")
        if not 1 <= seconds <= MAX_SIGNED_SECONDS:
            raise ValueError(f"B2 URLs are good for 1 to {MAX_SIGNED_SECONDS} seconds, not for {seconds}")
        full_key = self._bucket.full_key(key)
        if self._settings.sse_customer_key_base64 is not None:
            message = "a URL can't carry the customer key that the object is encrypted with"
            raise NotSupported(f"{key!r}: {message}", provider=PROVIDER, key=key)
        given = {"b2ContentType": content_type, "b2ContentDisposition": content_disposition}
        overrides = {name: value for name, value in given.items() if value is not None}
        response = self._bucket.download_authorization(key, full_key, seconds, overrides)
        url = self._bucket.file_url(self._session.authorization(), full_key)
        with parsing_response("signing a URL", key):
            token = fields.token(response, "authorizationToken")
        return f"{url}?{urlencode({'Authorization': token, **overrides}, quote_via=quote, safe='')}"

    def with_options(self, options: ObjectOptions) -> B2Sync:
        """See `WithOptions`."""
        settings = settings_with_options(self._settings, options)
        view = copy.copy(self)
        view.__dict__.pop("native", None)
        view._apply(settings, self._bucket.with_file_options(FileOptions(settings)))  # noqa: SLF001  # its own class
        return view

    def ensure_lifecycle(self, *, abort_multipart_days: int | None, noncurrent_days: int | None) -> bool:
        """See `Lifecycle`."""
        return ensure_lifecycle(self.native, abort_multipart_days, noncurrent_days)

    def bucket_location(self) -> BucketLocation:
        """See `BucketCopy`. B2 copies between the buckets of one account, whose id is a part of the key's id."""
        if self._settings.sse_customer_key_base64 is not None:
            message = "with a customer key, other buckets can't copy from this one"
            raise NotSupported(message, provider=PROVIDER)
        key_id = self._settings.application_key_id
        account = "" if key_id is None else key_id.reveal()
        account = account[3:15] if len(account) == _KEY_ID_LENGTH else account
        service = endpoint_identity(self._settings.api_url)
        return BucketLocation(f"{PROVIDER}:{service}/{account}", self._settings.bucket_name, self._prefix)

    def copy_from(
        self,
        location: BucketLocation,  # noqa: ARG002  # B2 finds the source by its id
        source: RemoteObject,
        key: str,
        *,
        attributes: ObjectAttributes | None = None,
        expect: Precondition | None = None,
    ) -> RemoteObject:
        """See `BucketCopy`."""
        return self._copier.copy_from(source, key, attributes, expect)

    def read_attributes(self, key: str) -> ObjectAttributes:
        """See `ReadAttributes`."""
        file = self._bucket.get_by_id(key, self.stat_file(key).fingerprint)
        with parsing_response("reading its metadata", key):
            return attributes_of_file(file)

    def close(self) -> None:
        """Close the connections and stop the threads."""
        self._part_pool.close()
        self._session.close()

    async def close_async(self) -> None:
        """See `Coroutines`."""
        await self._session.close_async()

    async def _fetch_upload_url(self) -> Any:
        bucket_id = await self._bucket.id_async()
        return await self._session.call_async("get_upload_url", bucket_id, action="writing")

    def _native_base(self) -> str:
        return f"{self._session.authorization().download_url}/file/{self._settings.bucket_name}"
