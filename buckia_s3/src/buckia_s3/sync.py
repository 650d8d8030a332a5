"""`S3Sync`: a bucket of AWS S3, or of anything that speaks S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.adapters.contract.readers import open_chunks
from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.sources import MAX_PARTS
from buckia_core.errors import NotSupported
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion
from buckia_s3.auth.credentials import CredentialProvider, credential_source, placed
from buckia_s3.auth.express_session import SERVICE
from buckia_s3.auth.sigv4 import MAX_PRESIGN_SECONDS, presign
from buckia_s3.config.settings import MAX_PART, S3Settings
from buckia_s3.http import endpoint
from buckia_s3.http.client import S3Client
from buckia_s3.http.request_headers import REQUESTER_PAYS
from buckia_s3.objects.metadata import MAX_DELETES, MAX_KEY_BYTES
from buckia_s3.operations.conditional_writes import ConditionalWriteSupport
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.list import Listing, ServerOrder

if TYPE_CHECKING:
    from obstore.store import S3Store

    from buckia_s3.administration import Administration
    from buckia_s3.operations.copy import Copier
    from buckia_s3.operations.delete import Deleter
    from buckia_s3.operations.download import Downloader
    from buckia_s3.operations.multipart import Multipart
    from buckia_s3.operations.multipart_uploads import MultipartUploads
    from buckia_s3.operations.resume_upload import ResumableUploader
    from buckia_s3.operations.retention import ObjectLocks
    from buckia_s3.operations.upload import Uploader
    from buckia_s3.operations.verify_upload import ArrivalCheck
    from buckia_s3.operations.versions import Versions

_SIGNABLE = ("GET", "HEAD", "PUT", "DELETE")
_TIB = 1 << 40


class S3Sync(BaseSync):
    """A bucket of AWS S3, or of anything that speaks S3.

    What it does beyond the contract, and what it can't do:

    - The ETag is the fingerprint. Where it looks like an MD5 it is told as one, which is wrong for objects that are
      encrypted with keys of KMS or of the customer: `stat_file` sees that, a listing can't (setting `etag_is_md5`).
    - An upload tells no `modified_ns`: S3 does not answer with it.
    - `expect` is one atomic step where the server honours conditions, on AWS for all objects, elsewhere for those of
      up to `multipart_threshold` bytes. Larger ones are looked at just before the parts are put together.
    - Single parts and ranges of large objects are repeated by the adapter itself, as `retry_config` says.
    - A process that was forked from one that has used an `S3Sync` can't use one: start processes afresh (`spawn`).
    """

    provider_id = "s3"

    def __init__(
        self,
        settings: S3Settings,
        *,
        credentials: CredentialProvider | None = None,
        site: endpoint.EndpointResolver | None = None,
    ) -> None:
        """Make one. A provider that stands on this one may know better where credentials and the bucket are found."""
        prefix = normalize_prefix(settings.prefix)
        if credentials is None:
            credentials = credential_source(settings, self.provider_id)
            settings = placed(settings, credentials)
        counter = RequestCounter()
        site = site or endpoint.EndpointResolver(settings, credentials.region)
        client = S3Client(settings, site, credentials, counter, self.provider_id)
        looker = ObjectHead(client, prefix, etag_is_md5=settings.tells_md5)
        self._credentials = credentials
        self._settings = settings
        self._prefix = prefix
        self._client = client
        self._looker = looker
        self._counter = counter
        self._pieces = PartPool(settings.retry_config.backoff)
        self._conditions = ConditionalWriteSupport(settings, client, prefix)
        self._order = ServerOrder()

    @classmethod
    def from_url(cls, url: str, **settings: object) -> Self:
        """Return the adapter of the bucket at an address; see `S3Settings.from_url`. The caller closes it.

            S3Sync.from_url("s3://my-bucket/photos", region="eu-central-1")

        Raises:
            ConfigError: The address or a setting can't be used.
        """
        return cls(S3Settings.from_url(url, **settings))

    @cached_property
    def store(self) -> S3Store:
        """The store that obstore has of this bucket, with the same settings and credentials, for keys below `prefix`.

        It is obstore's: it keeps neither times nor digests with what it writes, takes not every key, knows SHA256 and
        CRC64NVME of all checksums, repeats by `retry_config`, and raises its own errors. `close` does not reach it. It
        can't be pickled.

        Raises:
            MissingCredentials, Unauthenticated: There are no credentials.
        """
        from buckia_s3.obstore.store import open_obstore  # noqa: PLC0415  # few have use for it

        return open_obstore(self._settings, self._client.site.endpoint, self._credentials, self._prefix)

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
        """What S3 can do; of `conditional_write` and `versions` what is known without asking, or was asked."""
        known = self._conditions.known
        return Capabilities(
            conditional_write=known.conditional_write,
            start_after=not self._order.ignores_start,
            listing_digests=("md5",) if self._settings.tells_md5 else (),
            mtime=True,
            metadata=True,
            versions=known.versions,
            server_copy=True,
            public_url=True,
            signed_url=not (self._settings.skip_signature or self._settings.sse_customer_key_base64),
            resumable_upload=True,
            resumable_download=True,
            max_key_bytes=MAX_KEY_BYTES - len(self._prefix.encode()),
            max_object_bytes=MAX_PARTS * MAX_PART if endpoint.is_aws(self._settings) else 5 * _TIB,
            delete_batch=MAX_DELETES,
            workers=32,
        )

    @cached_property
    def administration(self) -> Administration:
        """The configuration of the bucket: policy, access control list, lifecycle and so on."""
        from buckia_s3.administration import Administration  # noqa: PLC0415  # imports botocore, which syncs do not need

        return Administration(self._client, self._settings)

    @cached_property
    def locks(self) -> ObjectLocks:
        """Retention and legal holds of objects."""
        from buckia_s3.operations.retention import ObjectLocks  # noqa: PLC0415  # most syncs do without

        return ObjectLocks(self._client, self._looker)

    @cached_property
    def unfinished(self) -> MultipartUploads:
        """Uploads in parts that were begun in this bucket and not ended."""
        from buckia_s3.operations.multipart_uploads import MultipartUploads  # noqa: PLC0415  # as above

        return MultipartUploads(self._client, self._prefix, self._looker, self._settings.retry_config.backoff)

    @cached_property
    def versions(self) -> Versions:
        """The versions that the bucket keeps."""
        from buckia_s3.operations.versions import Versions  # noqa: PLC0415  # as above

        settings = self._settings
        return Versions(
            self._client,
            self._prefix,
            self._looker,
            self._copier,
            self.locks,
            settings.tells_md5,
            settings.retry_config.backoff,
        )

    @cached_property
    def _copier(self) -> Copier:
        from buckia_s3.operations.copy import Copier  # noqa: PLC0415  # as above

        return Copier(self._settings, self._client, self._looker, self._conditions, self._multipart)

    @cached_property
    def _uploader(self) -> Uploader:
        from buckia_s3.operations.upload import Uploader  # noqa: PLC0415  # as above

        return Uploader(
            self._settings,
            self._client,
            self._looker,
            self._conditions,
            self._multipart,
            self._resumer,
            self._arrival,
        )

    @cached_property
    def _arrival(self) -> ArrivalCheck:
        from buckia_s3.operations.verify_upload import ArrivalCheck  # noqa: PLC0415  # as above

        return ArrivalCheck(self._client, self._conditions, self._settings.tells_md5)

    @cached_property
    def _multipart(self) -> Multipart:
        from buckia_s3.operations.multipart import Multipart  # noqa: PLC0415  # as above

        return Multipart(self._client, self._looker, self._conditions, self._pieces, self._arrival)

    @cached_property
    def _resumer(self) -> ResumableUploader:
        from buckia_s3.operations.resume_upload import ResumableUploader  # noqa: PLC0415  # as above

        return ResumableUploader(self._settings, self._client, self._looker, self._multipart)

    @cached_property
    def _downloader(self) -> Downloader:
        from buckia_s3.operations.download import Downloader  # noqa: PLC0415  # as above

        settings = self._settings
        return Downloader(self._client, self._looker, self._pieces, settings.tells_md5, settings.checksum_algorithm)

    @cached_property
    def _deleter(self) -> Deleter:
        from buckia_s3.operations.delete import Deleter  # noqa: PLC0415  # as above

        # Directory buckets want another checksum with a request for many keys than all others do.
        bulk = not (self._settings.disable_bulk_delete or self._settings.s3_express)
        return Deleter(self._client, self._looker, bulk=bulk)

    @property
    def request_count(self) -> int:
        """Requests so far, each page of a listing and each part of an upload counted."""
        return self._counter.total

    def limit_requests(self, wait: Callable[[], object]) -> bool:
        """See `BaseSync`."""
        self._counter.limit(wait)
        return True

    def probe(self) -> Capabilities:
        """See `BaseSync`. Asks for versioning; of services other than AWS, also with a tiny object that it removes."""
        facts = self._conditions.probe()
        return replace(self.capabilities, conditional_write=facts.conditional_write, versions=facts.versions)

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        settings = self._settings
        where = (self._client, self._prefix, prefix, start_after, end_at)
        how = (settings.tells_md5, settings.retry_config.backoff, self._order)
        if not settings.s3_express:
            return Listing(*where, *how).objects()
        from buckia_s3.operations.list_directory_bucket import DirectoryListing  # noqa: PLC0415  # few buckets are directories

        return DirectoryListing(*where, *how).objects()

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return self._looker.head(key)

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        written = self._uploader.upload(source, key, expect, info or UploadInfo())
        return self._locked(written) if written.size > self._settings.multipart_threshold else written

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        return self._resumer.part_layout(size)

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""
        return self._locked(self._uploader.upload(source, key, expect, info or UploadInfo()))

    def abort_upload(self, key: str, text: str) -> None:
        """See `ResumableUpload`."""
        self._resumer.abandon(key, text)

    def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`."""
        return self._downloader.resume(key, landing, expect)

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

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`."""
        return self._downloader.read(key, expect)

    @contextmanager
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> Iterator[BinaryIO]:
        """See `BaseSync`."""
        with self._downloader.opened(key, expect, start, end) as opened, open_chunks(opened.chunks) as reader:
            yield reader

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        return self._deleter.delete(keys)

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `ServerCopy`."""
        return self._locked(self._copier.copy(source, key, expect))

    def list_versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """See `Versioned`."""
        return self.versions.all(prefix)

    def stat_version(self, key: str, version: str) -> RemoteObject:
        """See `Versioned`."""
        return self.versions.stat(key, version)

    @contextmanager
    def open_version(self, key: str, version: str) -> Iterator[BinaryIO]:
        """See `Versioned`."""
        with self.versions.opened(key, version) as blocks, open_chunks(blocks) as reader:
            yield reader

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `Versioned`. A copy on the server, of what is above 5 GiB in parts."""
        return self._locked(self.versions.restore(key, version, expect))

    def delete_version(self, key: str, version: str) -> None:
        """See `Versioned`. `versions.delete` can also pass a retention in mode GOVERNANCE."""
        self.versions.delete(key, version)

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. Whether everybody may read it is up to the bucket's policy."""
        place = self._client.site.endpoint
        return f"{place.scheme}://{place.authority}{place.path(self._looker.whole(key))}"

    def signed_url(self, key: str, *, seconds: int, method: str = "GET") -> str:
        """See `SignedUrl`: GET, HEAD, PUT or DELETE, for up to seven days, but not longer than the credentials last."""
        if method not in _SIGNABLE:
            raise ValueError(f"S3 addresses are signed for {', '.join(_SIGNABLE)}, not for {method!r}")
        if not 1 <= seconds <= MAX_PRESIGN_SECONDS:
            raise ValueError(f"S3 addresses are good for 1 to {MAX_PRESIGN_SECONDS} seconds, not for {seconds}")
        credentials = self._client.credentials()
        if credentials is None:
            raise NotSupported("without credentials no address can be signed", provider=self.provider, key=key)
        if self._settings.sse_customer_key_base64 is not None:
            words = "an address can't carry the customer's key that the object is encrypted with"
            raise NotSupported(f"{key!r}: {words}", provider=self.provider, key=key)
        place = self._client.site.endpoint
        path = place.path(self._looker.whole(key))
        query = presign(
            method,
            place.authority,
            path,
            seconds=seconds,
            credentials=credentials,
            region=place.region,
            service=SERVICE if credentials.of_session else "s3",
            more=REQUESTER_PAYS.items() if self._settings.request_payer else (),
        )
        return f"{place.scheme}://{place.authority}{path}?{query}"

    def _locked(self, written: RemoteObject) -> RemoteObject:
        """Return what was written in parts or copied, once it is locked as the settings say."""
        from buckia_s3.operations.object_spec import lock_headers  # noqa: PLC0415  # as above

        wanted = lock_headers(self._settings)
        if wanted:
            self.locks.settle(written.key, written.version, wanted)
        return written

    def close(self) -> None:
        """Give back connections and end the threads."""
        self._pieces.close()
        self._client.close()
