"""`BunnySync`: adapter for a storage zone of bunny.net."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from buckia_bunny.cdn.signed_urls import sign_advanced
from buckia_bunny.errors import PROVIDER
from buckia_bunny.http import HttpClient
from buckia_bunny.operations.delete import DELETE_BATCH_SIZE, Deleter
from buckia_bunny.operations.directories import DirectoryPruner
from buckia_bunny.operations.download import Downloader
from buckia_bunny.operations.head import ObjectHead
from buckia_bunny.operations.list import KeyRange, ZoneListing
from buckia_bunny.operations.upload import Uploader
from buckia_bunny.settings import BunnySettings, ClientKind
from buckia_bunny.storage.api import StorageApi
from buckia_bunny.storage.endpoint import BuildZoneUrl, ZoneEndpoint, ZoneLookup, default_zone_url
from buckia_bunny.storage.key_encoding import MAX_PATH_BYTES, KeyCodec, quote_path
from buckia_core.adapters.contract.base import BaseSync, BeforeRequest, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.adapters.contract.object_urls import path_below
from buckia_core.adapters.contract.protocols import AsyncReader
from buckia_core.adapters.contract.readers import open_chunks
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.errors import NotSupported
from buckia_core.http.blocking import entered, run_blocking
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_bunny.account.account import BunnyAccount


_SIGNABLE = ("GET", "HEAD")
_MAX_SIGNED_SECONDS = 10 * 365 * 24 * 3600


class BunnySync(BaseSync):
    """Adapter for a storage zone of bunny.net through the Edge Storage API.

    Differences from `BaseSync`, and additions:

    - Uploads send their SHA-256, which the service verifies, and are checked again afterwards, since the service has
      been seen to confirm files that it did not store. If that check finds other content, `PreconditionFailed` is
      raised.
    - There are no conditional writes: preconditions are checked just before a write.
    - The service keeps no modification times and no metadata. It keeps content types, but does not report them.
    - Directories are entries of their own and are not listed. Empty ones stay, unless `prune_empty_directories` is set.
    - The listings of one adapter share a limit of five concurrent directory requests.
    """

    def __init__(self, settings: BunnySettings) -> None:
        self._settings = settings
        self._prefix = normalize_prefix(settings.prefix)
        self._http = HttpClient.from_settings(settings)
        self._endpoint = ZoneEndpoint(settings, self._find_zone, _zone_url_builder(settings))
        self._codec = KeyCodec(escape=settings.escape_names)
        self._storage = StorageApi(self._http, self._endpoint)
        self._objects = ObjectHead(self._storage, self._codec, self._prefix)
        root = f"{self._codec.path(self._prefix[:-1])}/" if self._prefix else ""
        self._directories = DirectoryPruner(self._storage, root, prune=settings.prune_empty_directories)
        self._uploader = Uploader(self._storage, self._objects, self._directories)
        self._downloader = Downloader(self._storage, self._objects)
        self._deleter = Deleter(self._storage, self._objects, self._directories)

    @property
    def provider(self) -> str:
        """`bunny`."""
        return PROVIDER

    @property
    def identity(self) -> str:
        """Zone and prefix, and whether names are escaped, since that changes the keys."""
        return f"bunny:{self._endpoint.identity}/{self._prefix}{self._escaping}"

    @property
    def earlier_identities(self) -> Sequence[str]:
        """Identity of earlier versions: the endpoint as it is spelled in the settings."""
        return (f"bunny:{self._endpoint.earlier_identity}/{self._prefix}{self._escaping}",)

    @property
    def _escaping(self) -> str:
        return " with escaped names" if self._settings.escape_names else ""

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities of the Edge Storage API; URLs need a pull zone, and signed ones its `token_key`."""
        settings = self._settings
        return Capabilities(
            listing_digests=("sha256",),
            public_url=settings.public_url_base is not None or settings.public_host is not None,
            signed_url=settings.public_host is not None and settings.token_key is not None,
            resumable_download=True,
            # Removing empty directories makes uploads wait in their threads.
            coroutines=not settings.prune_empty_directories,
            nested_keys=False,
            max_key_bytes=MAX_PATH_BYTES - len(self._prefix.encode()),
            delete_batch_size=DELETE_BATCH_SIZE,
            workers=32,
            # The service refuses more than 100 connections for uploads to a zone.
            max_requests=64,
        )

    @property
    def request_count(self) -> int:
        """Number of requests so far, including each directory of a listing."""
        return self._http.counter.total

    def limit_requests(self, before_request: BeforeRequest) -> bool:
        """See `BaseSync`."""
        self._http.counter.limit(before_request)
        return True

    @property
    def settings(self) -> BunnySettings:
        """Settings of the adapter."""
        return self._settings

    @cached_property
    def account(self) -> BunnyAccount:
        """The account that `api_key` belongs to.

        Raises:
            MissingCredentials: There is no `api_key`.
        """
        from buckia_bunny.account_factory import open_account  # noqa: PLC0415  # most runs do not need it

        return open_account(self._settings, self._http)

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Directories outside the range are not requested."""
        own = len(self._prefix)
        key_range = KeyRange(
            self._prefix + prefix,
            None if start_after is None else self._prefix + start_after,
            None if end_at is None else self._prefix + end_at,
        )
        objects = ZoneListing(self._storage, self._codec, key_range).objects()
        return (found._replace(key=found.key[own:]) for found in objects) if own else objects

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return run_blocking(self.stat_file_async(key))

    async def stat_file_async(self, key: str) -> RemoteObject:
        """See `Coroutines`."""
        return await self._objects.head(key)

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return run_blocking(self._uploader.upload(source, key, expect, info or UploadInfo()))

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `Coroutines`."""
        return await self._uploader.upload(source, key, expect, info or UploadInfo())

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
        with entered(self._downloader.open(key, expect, start, end)) as chunks, open_chunks(chunks) as reader:
            yield reader

    def open_file_async(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AbstractAsyncContextManager[AsyncReader]:
        """See `Coroutines`."""
        return self._downloader.open(key, expect, start, end)

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        return self._deleter.delete(keys)

    async def delete_files_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `Coroutines`."""
        return await self._deleter.delete_async(keys)

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. A pull zone with token authentication serves signed URLs only."""
        return self._url_below(self.public_url_base or self._settings.pull_zone_url, key)

    @property
    def public_url_base(self) -> str | None:
        """See `BaseSync`."""
        return self._settings.public_url_base

    def key_from_url(self, url: str) -> str | None:
        """See `BaseSync`."""
        bases = (self._settings.public_url_base, self._settings.pull_zone_url)
        path = path_below(url, [base for base in bases if base is not None])
        full_key = None if path is None else self._codec.key(path)
        if full_key is None or not full_key.startswith(self._prefix):
            return None
        return full_key[len(self._prefix) :] or None

    def _url_below(self, base: str | None, key: str) -> str:
        if base is None:
            message = "URLs need a pull zone: set pull_zone, hostname or public_url_base"
            raise NotSupported(message, provider=PROVIDER, key=key)
        return f"{base.rstrip('/')}/{quote_path(self._objects.path(key))}"

    def signed_url(
        self,
        key: str,
        *,
        seconds: int,
        method: str = "GET",
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        """See `SignedUrl`: GET and HEAD, with an advanced token."""
        if method not in _SIGNABLE:
            raise ValueError(f"URLs of a pull zone are signed for {', '.join(_SIGNABLE)}, not for {method!r}")
        if not 1 <= seconds <= _MAX_SIGNED_SECONDS:
            raise ValueError(f"URLs are good for 1 to {_MAX_SIGNED_SECONDS} seconds, not for {seconds}")
        token_key = self._settings.token_key
        if token_key is None:
            raise NotSupported("URLs are signed with token_key, which is not set", provider=PROVIDER, key=key)
        if content_type is not None or content_disposition is not None:
            message = "a pull zone serves objects with the type that they have, and without a disposition"
            raise NotSupported(message, provider=PROVIDER, key=key)
        url = self._url_below(self._settings.pull_zone_url, key)
        return sign_advanced(url, token_key.reveal(), expires=int(time.time()) + seconds)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    async def close_async(self) -> None:
        """See `Coroutines`."""
        await self._http.close_async()

    def _find_zone(self) -> ZoneLookup:
        zone = self.account.storage_zone(self._settings.zone)
        return ZoneLookup(zone.host, zone.password)


def _zone_url_builder(settings: BunnySettings) -> BuildZoneUrl:
    if settings.client is ClientKind.DIRECT:
        return default_zone_url
    from buckia_bunny.account.bunnycdn_account import bunnycdn_zone_url  # noqa: PLC0415  # imports requests

    return bunnycdn_zone_url
