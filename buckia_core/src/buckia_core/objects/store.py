"""`ObjectStore`: a bucket as a store of objects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ServerCopy
from buckia_core.adapters.contract.types import Precondition, UploadInfo, stat_or_none
from buckia_core.adapters.factory import open_bucket
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.config import BucketConfig
from buckia_core.errors import AlreadyExists, InvalidSetting, NotSupported, PreconditionFailed
from buckia_core.objects import listing
from buckia_core.objects.delete import MAX_KEYS_SHOWN, BulkDelete, DeleteListener, DeleteResult
from buckia_core.objects.download import Download
from buckia_core.objects.listing import MAX_KEYS, Page
from buckia_core.objects.progress import ProgressListener
from buckia_core.objects.read import CHUNK_SIZE, Reader
from buckia_core.objects.sources import PutSource
from buckia_core.objects.upload import Upload
from buckia_core.objects.urls import UrlMethods
from buckia_core.planning.digest import without_tentative
from buckia_core.planning.manifest import RemoteObject

DEFAULT_ALGORITHM = "sha256"


class ObjectStore(UrlMethods):
    """A bucket as a store of objects. Works with every provider; what one lacks raises `NotSupported`.

        with ObjectStore(BucketConfig(provider="file", root="/mnt/share")) as store:
            store.put("images/a.png", Path("a.png"))

    Thread-safe. Uploads are whole or not there, and compared with what was sent. Reads are compared with the digest
    that the provider reports. The adapter is created on first use.

    Args:
        bucket: The bucket's configuration; or an adapter, which the store does not close.

    Every method may raise `ConfigError`, `Unauthenticated`, `PermissionDenied`, `BucketNotFound`, `InvalidKey`,
    `Throttled` and `Transient`. An argument of the wrong type or out of range is an `InvalidSetting`.
    """

    def __init__(self, bucket: BucketConfig | BaseSync, *, adapter: BaseSync | None = None) -> None:
        self.config = bucket if isinstance(bucket, BucketConfig) else None
        self._given_adapter = bucket if isinstance(bucket, BaseSync) else adapter
        if self.config is None and self._given_adapter is None:
            raise InvalidSetting(f"bucket must be a BucketConfig or an adapter, not {bucket!r}")

    @cached_property
    def adapter(self) -> BaseSync:
        """The adapter of the bucket."""
        if self._given_adapter is not None:
            return self._given_adapter
        assert self.config is not None
        return open_bucket(self.config)

    # --- write -------------------------------------------------------------------------------------------

    def put(
        self,
        key: str,
        source: PutSource,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """Write an object, and return it with its digests. Replaces an object of that key, unless `expect` forbids it.

        Large content is streamed: at most some parts of it are in memory.

        Args:
            key: The key.
            source: The path of a file, bytes, an open binary file (from its position), or an iterable of bytes.
            content_type: MIME type; guessed from the key by default.
            metadata: User metadata: names of lower-case ASCII letters, digits and dashes.
            expect: `IfAbsent()` to create only; `IfUnchanged(found)` to replace only that version.
            progress: Receives the bytes sent so far, from one thread at a time.

        Raises:
            PreconditionFailed: The object is not as `expect` says. Nothing was written.
            NotSupported: The provider keeps no metadata.
            IntegrityError: What arrived differs from the source, or the source changed meanwhile.
            OSError: The source can't be read.
        """
        adapter = self.adapter
        if metadata and not adapter.capabilities.metadata:
            raise NotSupported(f"{key!r}: the provider keeps no metadata", provider=adapter.provider, key=key)
        info = UploadInfo(content_type=content_type, metadata=dict(metadata or {}))
        return Upload(adapter, key, info, self._algorithm, expect, progress).send(source)

    def copy(self, source_key: str, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """Copy an object with its metadata, and return the new one. Replaces an object of that key, as `put` does.

        The server copies, if it can. Otherwise the content passes through this machine.

        Raises:
            NotFound: There is no such object.
            PreconditionFailed: The source changed meanwhile, or the target is not as `expect` says.
        """
        adapter = self.adapter
        found = self.stat(source_key)
        if source_key == key:
            return found
        if adapter.capabilities.server_copy and isinstance(adapter, ServerCopy):
            return adapter.copy_file(found, key, expect=expect)
        metadata = (found.metadata or {}) if adapter.capabilities.metadata else {}
        info = UploadInfo(found.mtime_ns, without_tentative(found.digests), found.content_type, metadata)
        return Upload(adapter, key, info, self._algorithm, expect).send(self._reader.stream(found))

    def move(self, source_key: str, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """Copy an object as `copy` does, and delete the source. It is deleted only if it still is what was copied.

        Raises:
            NotFound, PreconditionFailed: As `copy`. The source exists after every error; the copy may exist.
        """
        found = self.stat(source_key)
        if source_key == key:
            return found
        moved = self.copy(source_key, key, expect=expect)
        now = self.head(source_key)
        if now is not None and now.fingerprint != found.fingerprint:
            message = f"{source_key!r}: it changed while it was moved, and was kept beside its copy {key!r}"
            raise PreconditionFailed(message, provider=self.adapter.provider, key=source_key)
        self.delete(source_key)
        return moved

    # --- read --------------------------------------------------------------------------------------------

    def get(self, key: str, *, progress: ProgressListener | None = None) -> bytes:
        """Return the content of an object, which fits into memory.

        Raises:
            NotFound: There is no such object.
            IntegrityError: The content does not match the object's digest.
        """
        return self._reader.read(key, progress)

    def get_range(self, key: str, offset: int, length: int | None = None) -> bytes:
        """Return `length` bytes from `offset`, or all up to the end; fewer where the object ends before.

        Raises:
            NotFound: There is no such object.
        """
        for name, value in (("offset", offset), ("length", length)):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
                raise InvalidSetting(f"{name} must be a whole number of at least 0, not {value!r}")
        return self._reader.read_range(key, offset, None if length is None else offset + length)

    def stream(
        self, key: str, *, chunk_size: int = CHUNK_SIZE, progress: ProgressListener | None = None
    ) -> Iterator[bytes]:
        """Yield the content of an object in chunks of at most `chunk_size` bytes, all of one version.

        A lost connection is opened again at the place it had reached. The last chunk comes only if the content matches
        the digest that the provider reports.

        Raises:
            NotFound: There is no such object; raised by the first `next`.
            PreconditionFailed: The object was replaced while it was read.
            IntegrityError: The content does not match the object's digest.
        """
        if not isinstance(chunk_size, int) or chunk_size < 1:
            raise InvalidSetting(f"chunk_size must be a whole number of at least 1, not {chunk_size!r}")

        def chunks() -> Iterator[bytes]:
            reader = self._reader
            yield from reader.stream(self.stat(key), chunk_size=chunk_size, progress=progress)

        return chunks()

    def download(
        self,
        key: str,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """Download an object to a file, which appears when it is complete and verified. Returns the object.

        Missing directories are created. A target that is a directory gets a file named after the last part of the key.

        Raises:
            NotFound: There is no such object.
            AlreadyExists: The file exists and `overwrite` is not set, or it changed during the download.
            IntegrityError: The content does not match the object's digest.
            OSError: The file can't be written.
        """
        path = Path(target)
        path = path / key.rstrip("/").rpartition("/")[2] if path.is_dir() else path
        if path.exists() and not overwrite:
            raise AlreadyExists(f"{path} exists; pass --overwrite to replace it", key=key)
        reader = self._reader
        return Download(reader, self.stat(key), path, overwrite, progress).run()

    def stat(self, key: str) -> RemoteObject:
        """Return all metadata of an object.

        Raises:
            NotFound: There is no such object.
        """
        return self.adapter.stat_file(key)

    def head(self, key: str) -> RemoteObject | None:
        """Return all metadata of an object; `None` if there is no such object.

        Raises:
            PermissionDenied: The credentials don't allow to find out.
            BucketNotFound: The bucket does not exist.
        """
        return stat_or_none(self.adapter.stat_file, key)

    def exists(self, key: str) -> bool:
        """Tell whether an object exists; raises as `head`."""
        return self.head(key) is not None

    def list(
        self,
        prefix: str = "",
        *,
        delimiter: str = "",
        max_keys: int = MAX_KEYS,
        continuation_token: str | None = None,
        partial_names: bool = False,
    ) -> Page:
        """Return a page of the objects below a prefix, in the order of their keys.

        Args:
            prefix: A folder: `images` means `images/`.
            delimiter: `/` returns the objects of the folder itself, and the folders in it as `prefixes`.
            max_keys: Most objects and prefixes of the page.
            continuation_token: `next_token` of the page before.
            partial_names: The prefix may end within a name: `im` is for `images/a` and `im.txt`.
        """
        start = listing.directory_prefix(prefix, partial_names=partial_names)
        return listing.list_page(self.adapter, start, delimiter=delimiter, max_keys=max_keys, token=continuation_token)

    def iter(self, prefix: str = "", *, partial_names: bool = False) -> Iterator[RemoteObject]:
        """Yield all objects below a prefix, in the order of their keys; arguments as in `list`.

        Raises:
            AdapterError: The listing failed, possibly after some objects.
        """
        return self.adapter.list_files(listing.directory_prefix(prefix, partial_names=partial_names))

    # --- delete ------------------------------------------------------------------------------------------

    def delete(self, key: str) -> None:
        """Delete an object. One that does not exist is no error."""
        for outcome in self.adapter.delete_files([key]):
            if outcome.error is not None:
                raise outcome.error

    def delete_many(self, keys: Sequence[str] | Iterable[str], *, dry_run: bool = False) -> DeleteResult:
        """Delete objects, in batches. The result has each key once: deleted, or failed with its error.

        Args:
            keys: The keys. One without an object is no error.
            dry_run: Send nothing; the result has what would be deleted.

        Raises:
            DeleteIncomplete: A whole batch failed. `result` has what was deleted before.
        """
        if isinstance(keys, str | bytes):
            raise InvalidSetting(f"keys must be a list of strings, not {keys!r}; write [{keys!r}]")
        unique = dict.fromkeys(keys)
        if wrong := [key for key in unique if not isinstance(key, str)]:
            raise InvalidSetting(f"keys must be a list of strings, and {wrong[0]!r} is not")
        return BulkDelete(self.adapter, dry_run).run((key, 0) for key in unique)

    def delete_prefix(
        self,
        prefix: str,
        *,
        dry_run: bool = True,
        partial_names: bool = False,
        progress: DeleteListener | None = None,
    ) -> DeleteResult:
        """Delete all objects below a prefix, page by page: memory does not grow with their number.

        Nothing is deleted unless `dry_run` is false.

        Args:
            prefix: A folder: `tmp` means `tmp/`, and never `tmp-2/a`. A blank one is refused.
            dry_run: Only count what would be deleted.
            partial_names: The prefix may end within a name, as in `list`.
            progress: Receives the result so far after each batch.

        Raises:
            DeleteIncomplete: An error, or 1,000 keys that failed, stopped it. `result` has what was deleted before.
        """
        start = listing.directory_prefix(prefix, partial_names=partial_names)
        if not start.strip("/ \t\r\n"):
            raise InvalidSetting("a blank prefix would delete the whole bucket: name a folder")
        found = ((each.key, each.size) for each in self.adapter.list_files(start))
        return BulkDelete(self.adapter, dry_run, keep=MAX_KEYS_SHOWN, progress=progress).run(found)

    def close(self) -> None:
        """Close the connections of an adapter that the store created."""
        if self._given_adapter is None and "adapter" in self.__dict__:
            self.adapter.close()
            del self.adapter

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _algorithm(self) -> str:
        return DEFAULT_ALGORITHM if self.config is None else self.config.checksum_algorithm

    @property
    def _reader(self) -> Reader:
        config = self.config
        policy = RetryPolicy() if config is None else RetryPolicy(config.retry_attempts, config.retry_seconds)
        return Reader(self.adapter, self._algorithm, policy)
