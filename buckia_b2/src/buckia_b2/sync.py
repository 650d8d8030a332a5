"""`B2Sync`: a bucket of Backblaze B2, by its own API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.file_options import FileOptions
from buckia_b2.api.retry import PATIENCE
from buckia_b2.api.session import B2Session
from buckia_b2.api.upload_url_pool import UploadUrlPool
from buckia_b2.errors import PROVIDER, understanding
from buckia_b2.files.file_names import MAX_KEY_BYTES
from buckia_b2.operations.copy import Copier
from buckia_b2.operations.delete import BATCH, Deleter
from buckia_b2.operations.download import Downloader
from buckia_b2.operations.large_files import LargeFiles
from buckia_b2.operations.list import list_objects
from buckia_b2.operations.resume_upload import ResumableUploader
from buckia_b2.operations.upload import Uploader
from buckia_b2.operations.versions import Versions
from buckia_b2.operations.write_conflicts import WriteConflictDetector
from buckia_b2.settings import B2Settings, Deletion
from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import endpoint_identity, normalize_prefix
from buckia_core.adapters.contract.readers import open_chunks
from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.errors import NotSupported
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin

LONGEST = 604_800
"""Seconds for which a download can be authorized at most: a week."""

_SIGNABLE = ("GET", "HEAD")
_LARGEST = 10_000_000_000_000


class B2Sync(BaseSync):
    """A bucket of Backblaze B2, by its own API.

    What it does beyond the contract, and what it can't do:

    - The file id is the fingerprint, and the version.
    - B2 has no conditional writes. After a write that expects something, the list of versions is looked at; if another
      writer came between, the own version is taken away again. See `buckia_b2.operations.write_conflicts`.
    - What is written in parts from a reader has no SHA-1 of the whole, since B2 wants it told beforehand.
    - The first request of all shows the application key. So does the first one after its token has ended.
    - Single parts and ranges of large objects are repeated by the adapter itself, five times in all.
    """

    def __init__(self, settings: B2Settings) -> None:
        prefix = normalize_prefix(settings.prefix)
        self._settings = settings
        self._prefix = prefix
        self._account = B2Session(settings, prefix)
        bucket = Bucket(self._account, settings.bucket_name, prefix, FileOptions(settings))
        self._bucket = bucket
        self._pieces = PartPool(PATIENCE)
        large = LargeFiles(bucket, self._pieces)
        self._resumer = ResumableUploader(settings, bucket, large)
        settler = WriteConflictDetector(bucket)
        urls = UploadUrlPool(self._account, lambda: self._account.call("get_upload_url", bucket.id, doing="writing"))
        self._uploader = Uploader(settings, bucket, urls, large, self._resumer, settler)
        self._downloader = Downloader(bucket, self._pieces)
        self._copier = Copier(bucket, large, settler)
        self._deleter = Deleter(bucket, settings.deletion)
        self.versions = Versions(bucket, self._downloader, self._copier, self._deleter)

    @property
    def provider(self) -> str:
        """`b2`."""
        return PROVIDER

    @property
    def identity(self) -> str:
        """Service, bucket and prefix. Names of buckets are unique in the whole of a service."""
        service = endpoint_identity(self._settings.api_url).partition("://")[2]
        return f"{PROVIDER}:{service.removesuffix(':443')}/{self._settings.bucket_name}/{self._prefix}"

    @property
    def earlier_identities(self) -> Sequence[str]:
        """The same with `api_url` as it is spelt."""
        service = self._settings.api_url.rstrip("/").partition("://")[2]
        return (f"{PROVIDER}:{service}/{self._settings.bucket_name}/{self._prefix}",)

    @property
    def capabilities(self) -> Capabilities:
        """What B2 can do, and what the settings leave of it."""
        return Capabilities(
            start_after=True,
            listing_digests=("sha1",),
            mtime=True,
            metadata=True,
            versions=self._settings.deletion is Deletion.HIDE,
            server_copy=True,
            public_url=True,
            signed_url=self._settings.sse_customer_key_base64 is None,
            resumable_upload=True,
            resumable_download=True,
            max_key_bytes=MAX_KEY_BYTES - len(self._prefix.encode()),
            max_object_bytes=_LARGEST,
            delete_batch=BATCH,
            workers=16,
        )

    @property
    def request_count(self) -> int:
        """Requests so far, each page of a listing and each part of an upload counted."""
        return self._account.requests

    def limit_requests(self, wait: Callable[[], object]) -> bool:
        """See `BaseSync`."""
        self._account.counter.limit(wait)
        return True

    @cached_property
    def native(self) -> BucketAdmin:
        """The configuration of the bucket, application keys, and what uploads have left unfinished."""
        from buckia_b2.admin.bucket_admin import BucketAdmin  # noqa: PLC0415  # a sync does not need it

        return BucketAdmin(self._bucket)

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        return list_objects(self._bucket, prefix, start_after, end_at)

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return self._bucket.look(key)

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return self._uploader.upload(source, key, expect, info)

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        return self._resumer.part_layout(size)

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""
        return self._uploader.upload(source, key, expect, info)

    def abort_upload(self, key: str, text: str) -> None:
        """See `ResumableUpload`."""
        self._resumer.abandon(key, text)

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

    def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`."""
        return self._downloader.resume(key, landing, expect)

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
        with self.versions.opened(key, version) as blocks, open_chunks(blocks) as reader:
            yield reader

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `Versioned`. A copy on the server, of what is above 5 GB in parts."""
        return self.versions.restore(key, version, expect)

    def delete_version(self, key: str, version: str) -> None:
        """See `Versioned`."""
        self.versions.delete(key, version)

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. Whether everybody may read it is up to the bucket's type.

        Without the settings `domain` and `public_url_base` the address begins as B2 says when the application key is
        shown: the first request, if there was none before.
        """
        return f"{self._public_base()}/{quote(self._bucket.whole(key), safe='/')}"

    def signed_url(self, key: str, *, seconds: int, method: str = "GET") -> str:
        """See `SignedUrl`: GET and HEAD, for up to a week. Costs a request.

        B2 authorizes names by how they begin: the address also opens objects whose keys begin with this key.
        """
        if method not in _SIGNABLE:
            raise ValueError(f"B2 addresses are signed for {', '.join(_SIGNABLE)}, not for {method!r}")
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"B2 addresses are good for 1 to {LONGEST} seconds, not for {seconds}")
        whole = self._bucket.whole(key)
        if self._settings.sse_customer_key_base64 is not None:
            words = "an address can't carry the customer's key that the object is encrypted with"
            raise NotSupported(f"{key!r}: {words}", provider=PROVIDER, key=key)
        answer = self._account.call(
            "get_download_authorization", self._bucket.id, whole, seconds, doing="signing an address", key=key
        )
        address = self._bucket.file_url(self._account.authorization(), whole)
        with understanding("signing an address", key):
            token = fields.token(answer, "authorizationToken")
        return f"{address}?Authorization={quote(token, safe='')}"

    def close(self) -> None:
        """Give back connections and end the threads."""
        self._pieces.close()
        self._account.close()

    def _public_base(self) -> str:
        wanted = self._settings
        if wanted.public_url_base is not None:
            return wanted.public_url_base.rstrip("/")
        if wanted.domain is not None:
            return f"https://{wanted.domain}/file/{wanted.bucket_name}"
        return f"{self._account.authorization().download_url}/file/{wanted.bucket_name}"
