"""`S3Sync`: the adapter for AWS S3 and S3-compatible services."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from buckia_core.adapters.contract.base import BaseSync, BeforeRequest, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.adapters.contract.protocols import AsyncReader, has_both_faces
from buckia_core.adapters.contract.readers import open_chunks
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.sources import MAX_PARTS
from buckia_core.errors import InvalidSetting
from buckia_core.http.blocking import in_thread, run_blocking
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.auth.credentials import find_credentials, with_profile_endpoint
from buckia_s3.auth.sigv4 import CredentialProvider
from buckia_s3.config.fields import MAX_PART
from buckia_s3.config.settings import S3Settings
from buckia_s3.http import endpoint
from buckia_s3.http.client import S3Client
from buckia_s3.objects.metadata import MAX_DELETES, MAX_KEY_BYTES
from buckia_s3.obstore.properties import StoreProperties
from buckia_s3.operations.bucket_methods import BucketMethods
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.list import Listing, ListingSupport
from buckia_s3.operations.server_probe import ServerProbe
from buckia_s3.operations.url_methods import UrlMethods
from buckia_s3.operations.version_methods import VersionMethods

if TYPE_CHECKING:
    from buckia_core.adapters.contract.object_options import ObjectOptions
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout
    from buckia_s3.administration import Administration
    from buckia_s3.operations.copy import Copier
    from buckia_s3.operations.delete import Deleter
    from buckia_s3.operations.download import Downloader
    from buckia_s3.operations.multipart import Multipart
    from buckia_s3.operations.object_locks import ObjectLocks
    from buckia_s3.operations.resume_upload import ResumableUploader
    from buckia_s3.operations.unfinished_uploads import UnfinishedUploads
    from buckia_s3.operations.upload import Uploader
    from buckia_s3.operations.verify_upload import UploadVerifier
    from buckia_s3.operations.versions import Versions

_TIB = 1 << 40


class S3Sync(StoreProperties, UrlMethods, BucketMethods, VersionMethods, BaseSync):
    """S3Sync: one bucket of AWS S3 or of an S3-compatible service.

    - The unquoted ETag is the fingerprint. One that looks like an MD5 is reported as the MD5 of the content. That is
      wrong for objects encrypted with SSE-KMS or SSE-C: `stat_file` detects them, a listing can't (`etag_is_md5`).
    - Uploads return `modified_ns=0`: the response of S3 does not contain the time.
    - `expect` is atomic where the server supports conditional writes: for all objects on AWS, elsewhere for objects up
      to `multipart_threshold` bytes. For larger ones, a HEAD just before the completion checks `expect`.
    - `retry_config` applies to requests that are part of a larger call (parts, ranges, later pages, probes), to
      `administration`, `locks` and `unfinished`, and to deletes of versions. The wrappers retry whole calls.
    - It does not survive a fork: use the start method `spawn` for processes.
    """

    provider_id = "s3"

    def __init__(
        self,
        settings: S3Settings | str | None = None,
        *,
        config: Mapping[str, object] | None = None,
        credentials: CredentialProvider | None = None,
        resolver: endpoint.EndpointResolver | None = None,
        **options: object,
    ) -> None:
        """Create an adapter from settings, or with the arguments of obstore's `S3Store`.

            S3Sync("my-bucket", prefix="photos", config={"region": "eu-central-1"}, retry_config={"max_retries": 4})

        Args:
            settings: The name of the bucket; or all settings.
            config: Settings by name; see `S3Settings.from_config`.
            credentials: Credentials of an adapter built on this one.
            resolver: Endpoint of an adapter built on this one.
            **options: More settings by name, such as `prefix`, `client_options` and `credential_provider`.

        Raises:
            ConfigError: A setting is unknown, invalid or missing.
        """
        if not isinstance(settings, S3Settings):
            name = {} if settings is None else {"bucket_name": settings}
            settings = S3Settings.from_config(config, **name, **options)
        elif config is not None or options:
            named = ", ".join(options) or "config"
            raise InvalidSetting(f"settings are given as a whole, so {named} must be part of them")
        prefix = normalize_prefix(settings.prefix)
        if credentials is None:
            credentials = find_credentials(settings, self.provider_id)
            settings = with_profile_endpoint(settings, credentials)
        counter = RequestCounter()
        resolver = resolver or endpoint.EndpointResolver(settings, credentials.region)
        client = S3Client(settings, resolver, credentials, counter, self.provider_id)

        self._credentials = credentials
        self._prefix = prefix
        self._apply(settings, client)
        self._counter = counter
        self._part_pool = PartPool(settings.retry_config.policy)
        self._server_probe = ServerProbe(settings, client, prefix)
        self._listing_support = ListingSupport()

    @classmethod
    def from_url(cls, url: str, *, config: Mapping[str, object] | None = None, **settings: object) -> Self:
        """Return an adapter for a bucket URL, such as `s3://my-bucket/photos`; see `S3Settings.from_url`.

        Raises:
            ConfigError: The URL or a setting is invalid.
        """
        return cls(S3Settings.from_url(url, config=config, **settings))

    @property
    def provider(self) -> str:
        """`s3`."""
        return self.provider_id

    @property
    def identity(self) -> str:
        """Service, bucket and prefix."""
        return f"{self.provider_id}:{endpoint.identity(self._settings, self._prefix)}"

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities; `conditional_write` and `versions` are false until `probe` or a write has found them out."""
        known = self._server_probe.known
        return Capabilities(
            conditional_write=known.conditional_write,
            start_after=not self._listing_support.ignores_start_after,
            list_prefixes=not self._settings.s3_express,
            listing_digests=("md5",) if self._etag_is_md5 else (),
            mtime=True,
            metadata=True,
            versions=known.versions,
            server_copy=True,
            public_url=True,
            with_options=True,
            lifecycle=True,
            bucket_copy=True,
            attributes=True,
            tag_expiry=not self._settings.disable_tagging,
            signed_url=not (self._settings.skip_signature or self._settings.sse_customer_key_base64),
            resumable_upload=True,
            resumable_download=True,
            coroutines=has_both_faces(type(self)),
            max_key_bytes=MAX_KEY_BYTES - len(self._prefix.encode()),
            max_object_bytes=MAX_PARTS * MAX_PART if endpoint.is_aws(self._settings) else 5 * _TIB,
            delete_batch_size=MAX_DELETES,
            workers=32,
        )

    @cached_property
    def administration(self) -> Administration:
        """Bucket configuration: policy, ACL, lifecycle and other subresources."""
        from buckia_s3.administration import Administration  # noqa: PLC0415  # imports boto3, which most runs do not need

        return Administration(self._settings, self._client, self._credentials)

    @cached_property
    def locks(self) -> ObjectLocks:
        """Object lock: retention and legal holds."""
        from buckia_s3.operations.object_locks import ObjectLocks  # noqa: PLC0415  # most runs do not need it

        return ObjectLocks(self._client, self._object_head, self._settings.retry_config.policy)

    @cached_property
    def unfinished(self) -> UnfinishedUploads:
        """Multipart uploads of this bucket that are neither completed nor aborted."""
        from buckia_s3.operations.unfinished_uploads import UnfinishedUploads  # noqa: PLC0415  # as above

        return UnfinishedUploads(self._client, self._prefix, self._object_head, self._settings.retry_config.policy)

    @cached_property
    def versions(self) -> Versions:
        """Object versions."""
        from buckia_s3.operations.versions import Versions  # noqa: PLC0415  # as above

        return Versions(
            self._client,
            self._prefix,
            self._object_head,
            self._copier,
            self.locks,
            self._etag_is_md5,
            self._settings.retry_config.policy,
        )

    @cached_property
    def _copier(self) -> Copier:
        from buckia_s3.operations.copy import Copier  # noqa: PLC0415  # as above

        return Copier(self._settings, self._client, self._object_head, self._server_probe, self._multipart)

    @cached_property
    def _uploader(self) -> Uploader:
        from buckia_s3.operations.upload import Uploader  # noqa: PLC0415  # as above

        bucket = (self._settings, self._client, self._object_head, self._server_probe)
        return Uploader(*bucket, self._multipart, self._resumable, self._verifier)

    @cached_property
    def _verifier(self) -> UploadVerifier:
        from buckia_s3.operations.verify_upload import UploadVerifier  # noqa: PLC0415  # as above

        return UploadVerifier(self._client, self._server_probe, self._etag_is_md5)

    @cached_property
    def _multipart(self) -> Multipart:
        from buckia_s3.operations.multipart import Multipart  # noqa: PLC0415  # as above

        return Multipart(self._client, self._object_head, self._server_probe, self._part_pool, self._verifier)

    @cached_property
    def _resumable(self) -> ResumableUploader:
        from buckia_s3.operations.resume_upload import ResumableUploader  # noqa: PLC0415  # as above

        return ResumableUploader(self._settings, self._client, self._object_head, self._multipart)

    @cached_property
    def _downloader(self) -> Downloader:
        from buckia_s3.operations.download import Downloader  # noqa: PLC0415  # as above

        checksum = self._settings.checksum_algorithm
        return Downloader(self._client, self._object_head, self._part_pool, self._etag_is_md5, checksum)

    @cached_property
    def _deleter(self) -> Deleter:
        from buckia_s3.operations.delete import Deleter  # noqa: PLC0415  # as above

        # Directory buckets require another checksum for DeleteObjects than general purpose buckets.
        bulk = not (self._settings.disable_bulk_delete or self._settings.s3_express)
        return Deleter(self._client, self._object_head, bulk=bulk)

    @property
    def request_count(self) -> int:
        """Number of requests sent, including pages of listings and parts of uploads."""
        return self._counter.total

    def limit_requests(self, before_request: BeforeRequest) -> bool:
        """See `BaseSync`."""
        self._counter.limit(before_request)
        return True

    def probe(self) -> Capabilities:
        """See `BaseSync`. Reads the versioning state; on services other than AWS, also writes and deletes a probe."""
        features = self._server_probe.probe()
        return replace(self.capabilities, conditional_write=features.conditional_write, versions=features.versions)

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        listing: type[Listing] = Listing
        if self._settings.s3_express:
            from buckia_s3.operations.list_directory_bucket import DirectoryBucketListing  # noqa: PLC0415  # as above

            listing = DirectoryBucketListing
        keys = (self._prefix, prefix, start_after, end_at)
        policy = self._settings.retry_config.policy
        return listing(self._client, *keys, self._etag_is_md5, policy, self._listing_support).objects()

    def list_prefixes(self, prefix: str = "", *, start_after: str | None = None) -> list[str]:
        """See `PrefixListing`."""
        return Listing(self._client, self._prefix, prefix, start_after, None, self._etag_is_md5).directories()

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return self._object_head.head(key)

    async def stat_file_async(self, key: str) -> RemoteObject:
        """See `Coroutines`."""
        return await self._object_head.head_async(key)

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        written = self._uploader.upload(source, key, expect, info or UploadInfo())
        return self._apply_locks(written) if written.size > self._settings.multipart_threshold else written

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `Coroutines`."""
        written = await self._uploader.upload_async(source, key, expect, info or UploadInfo())
        if written.size > self._settings.multipart_threshold:
            return await in_thread(lambda: self._apply_locks(written))
        return written

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        return self._resumable.part_layout(size)

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""
        return self._apply_locks(self._uploader.upload(source, key, expect, info or UploadInfo()))

    def abort_upload(self, key: str, text: str) -> None:
        """See `ResumableUpload`."""
        self._resumable.abort_upload(key, text)

    def resume_download(self, key: str, download: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`."""
        return self._downloader.resume(key, download, expect)

    def download_file(
        self, key: str, target: Path, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return self._downloader.download(key, target, expect, start, end)

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
        with self._downloader.open_range(key, expect, start, end) as opened, open_chunks(opened.chunks) as reader:
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
        return self._apply_locks(self._copier.copy(source, key, expect))

    def with_options(self, options: ObjectOptions) -> Self:
        """See `WithOptions`."""
        from buckia_s3.config.object_options import settings_with_options  # noqa: PLC0415  # as above

        settings = settings_with_options(self._settings, options, provider=self.provider)
        view = copy.copy(self)
        for name in [each for each in vars(view) if isinstance(getattr(type(view), each, None), cached_property)]:
            del view.__dict__[name]
        view._apply(settings, self._client.with_settings(settings))  # noqa: SLF001  # its own class
        return view

    def _apply(self, settings: S3Settings, client: S3Client) -> None:
        """Set what depends on the settings of encryption and locks."""
        self._settings = settings
        self._client = client
        self._etag_is_md5 = settings.etag_is_md5_effective
        self._object_head = ObjectHead(client, self._prefix, etag_is_md5=self._etag_is_md5)

    async def close_async(self) -> None:
        """See `Coroutines`."""
        await self._client.close_async()

    def close(self) -> None:
        """Close connections and stop the threads."""
        if "administration" in self.__dict__:
            self.administration.close()
        self._part_pool.close()
        self._client.close()
