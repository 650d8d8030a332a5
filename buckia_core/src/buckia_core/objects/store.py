"""`ObjectStore`: a bucket as a store of objects."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.object_options import Encryption, Retention
from buckia_core.adapters.contract.types import Precondition
from buckia_core.config import BucketConfig
from buckia_core.config.parsers import check_whole_number
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AlreadyExists
from buckia_core.http.blocking import iterate_blocking, run_blocking
from buckia_core.objects import calls, listing
from buckia_core.objects.backend import Backend
from buckia_core.objects.bucket_methods import BucketMethods
from buckia_core.objects.copy import Copy, delete_copied
from buckia_core.objects.delete import DeleteMethods
from buckia_core.objects.download import Download
from buckia_core.objects.listing import MAX_KEYS, Page
from buckia_core.objects.progress import ProgressListener
from buckia_core.objects.read import CHUNK_SIZE
from buckia_core.objects.sources import PutSource
from buckia_core.objects.urls import UrlMethods
from buckia_core.planning.manifest import RemoteObject


class ObjectStore(DeleteMethods, UrlMethods, BucketMethods):
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
        self._backend = Backend(bucket, adapter)

    @classmethod
    def for_backblaze(
        cls,
        bucket_name: str,
        *,
        key_id: str | Secret | None = None,
        application_key: str | Secret | None = None,
        auto_lifecycle: bool = False,
        **settings: Any,
    ) -> Self:
        """Open a bucket of Backblaze B2.

            ObjectStore.for_backblaze("my-bucket", public_url_base="https://f004.backblazeb2.com/file/my-bucket")

        Args:
            bucket_name: The bucket.
            key_id: Id of the application key; by default that of `B2_KEY_ID` or `B2_APPLICATION_KEY_ID`.
            application_key: The key; by default that of `B2_APP_KEY` or `B2_APPLICATION_KEY`.
            auto_lifecycle: Call `ensure_lifecycle_defaults`.
            **settings: More settings of provider `b2`, such as `prefix`, `public_url_base` and `api="s3"`, which signs
                URLs for PUT.

        Raises:
            MissingCredentials: There is no key.
        """
        settings |= {"application_key_id": key_id, "application_key": application_key}
        store = cls(BucketConfig(provider="b2", bucket_name=bucket_name, **settings))
        _ = store.adapter
        if auto_lifecycle:
            store.ensure_lifecycle_defaults()
        return store

    @property
    def config(self) -> BucketConfig | None:
        """The configuration of the bucket; `None` if the store was made for an adapter."""
        return self._backend.config

    @property
    def adapter(self) -> BaseSync:
        """The adapter of the bucket."""
        return self._backend.adapter

    # --- write -------------------------------------------------------------------------------------------

    def put(
        self,
        key: str,
        source: PutSource,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        encryption: Encryption | None = None,
        retention: Retention | None = None,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """Write an object, and return it with its digests. Replaces an object of that key, unless `expect` forbids it.

        Large content is streamed: at most some parts of it are in memory. Of the path of an SQLite database that is in
        use, a snapshot is uploaded, unless the setting `sqlite` is `off`.

        Args:
            key: The key.
            source: The path of a file, bytes, an open binary file (from its position), or an iterable of bytes.
            content_type: MIME type; guessed from the key by default.
            metadata: User metadata: names of lower-case ASCII letters, digits and dashes.
            encryption: Encryption on the server, in place of the settings.
            retention: Object lock, in place of the settings.
            expect: `IfAbsent()` to create only; `IfUnchanged(found)` to replace only that version.
            progress: Receives the bytes sent so far, from one thread at a time.

        Raises:
            PreconditionFailed: The object is not as `expect` says. Nothing was written.
            NotSupported: The provider, as configured, has no metadata, encryption or locks.
            IntegrityError: What arrived differs from the source, or the source changed meanwhile.
            OSError: The source can't be read.
            CorruptDatabase: It is a database with side files, and SQLite can't read it.
        """
        upload = self._backend.upload(
            key,
            content_type=content_type,
            metadata=metadata,
            encryption=encryption,
            retention=retention,
            expect=expect,
            progress=progress,
        )
        return upload.send(source)

    def copy(
        self,
        source_key: str,
        key: str,
        *,
        encryption: Encryption | None = None,
        source_encryption: Encryption | None = None,
        retention: Retention | None = None,
        expect: Precondition | None = None,
    ) -> RemoteObject:
        """Copy an object with its metadata, and return the new one. Replaces an object of that key, as `put` does.

        The server copies, if it can, unless source and target have different customer keys. Otherwise the content
        passes through this machine.

        Args:
            source_key: The object.
            key: Its new key.
            encryption: Encryption of the copy.
            source_encryption: `Encryption.sse_c(key)` of a source that was encrypted so.
            retention: Object lock of the copy.
            expect: What must hold of the object under the new key.

        Raises:
            NotFound: There is no such object.
            PreconditionFailed: The source changed meanwhile, or the target is not as `expect` says.
        """
        reader = self._backend.reader(source_encryption)
        found = reader.adapter.stat_file(source_key)
        if source_key == key:
            return found
        same_key = _customer_key(encryption) == _customer_key(source_encryption)
        return Copy(reader, self.adapter_with(encryption, retention), on_server=same_key).run(found, key, expect)

    def copy_object(
        self,
        found: RemoteObject,
        key: str,
        *,
        source: ObjectStore,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """Copy a version of an object of `source`, which may be another bucket, and return the new object.

        The server copies within one bucket, and between buckets of one service, if it can. Otherwise the content is
        streamed through this machine.

        Raises:
            NotFound, PreconditionFailed: As `copy`.
            IntegrityError: The copy is not what the source is.
        """
        reader = source._backend.reader()  # its own class
        same = reader.adapter is self.adapter or reader.adapter.identity == self.adapter.identity
        return Copy(reader, self.adapter, one_bucket=same).run(found, key, expect, progress)

    def move(
        self,
        source_key: str,
        key: str,
        *,
        encryption: Encryption | None = None,
        source_encryption: Encryption | None = None,
        retention: Retention | None = None,
        expect: Precondition | None = None,
    ) -> RemoteObject:
        """Copy an object as `copy` does, and delete the source. It is deleted only if it still is what was copied.

        Raises:
            NotFound, PreconditionFailed: As `copy`. The source exists after every error; the copy may exist.
        """
        found = self.stat(source_key, encryption=source_encryption)
        if source_key == key:
            return found
        moved = self.copy(
            source_key,
            key,
            encryption=encryption,
            source_encryption=source_encryption,
            retention=retention,
            expect=expect,
        )
        delete_copied(self.adapter_with(source_encryption), found, key)
        return moved

    # --- read --------------------------------------------------------------------------------------------

    def get(self, key: str, *, encryption: Encryption | None = None, progress: ProgressListener | None = None) -> bytes:
        """Return the content of an object, which fits into memory.

        Raises:
            NotFound: There is no such object.
            IntegrityError: The content does not match the object's digest.
        """
        return self._backend.reader(encryption).read(key, progress)

    def get_range(
        self,
        key: str,
        offset: int,
        length: int | None = None,
        *,
        expect: RemoteObject | None = None,
        encryption: Encryption | None = None,
    ) -> bytes:
        """Return `length` bytes from `offset`, or all up to the end; fewer where the object ends before.

        Raises:
            NotFound: There is no such object.
            PreconditionFailed: The object is not the version `expect`.
        """
        return self._backend.reader(encryption).read_range(key, offset, length, expect)

    def stream(
        self,
        key: str,
        *,
        chunk_size: int = CHUNK_SIZE,
        encryption: Encryption | None = None,
        progress: ProgressListener | None = None,
    ) -> Iterator[bytes]:
        """Yield the content of an object in chunks of at most `chunk_size` bytes, all of one version.

        A lost connection is opened again at the place it had reached. The last chunk comes only if the content matches
        the digest that the provider reports.

        Raises:
            NotFound: There is no such object; raised by the first `next`.
            PreconditionFailed: The object was replaced while it was read.
            IntegrityError: The content does not match the object's digest.
        """
        check_whole_number(chunk_size, "chunk_size")

        def chunks() -> Iterator[bytes]:
            reader = self._backend.reader(encryption)
            yield from iterate_blocking(reader.stream_key(key, chunk_size=chunk_size, progress=progress))

        return chunks()

    def download(
        self,
        key: str,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        encryption: Encryption | None = None,
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
        reader = self._backend.reader(encryption)
        return Download(reader, reader.adapter.stat_file(key), path, overwrite, progress).run()

    def stat(self, key: str, *, encryption: Encryption | None = None) -> RemoteObject:
        """Return all metadata of an object.

        Raises:
            NotFound: There is no such object.
        """
        return self.adapter_with(encryption).stat_file(key)

    def head(self, key: str, *, encryption: Encryption | None = None) -> RemoteObject | None:
        """Return all metadata of an object; `None` if there is no such object.

        Raises:
            PermissionDenied: The credentials don't allow to find out.
            BucketNotFound: The bucket does not exist.
        """
        return run_blocking(calls.stat_or_none(self.adapter_with(encryption), key))

    def exists(self, key: str, *, encryption: Encryption | None = None) -> bool:
        """Tell whether an object exists; raises as `head`."""
        return self.head(key, encryption=encryption) is not None

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

    def close(self) -> None:
        """Close the connections of an adapter that the store created."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def adapter_with(self, encryption: Encryption | None = None, retention: Retention | None = None) -> BaseSync:
        """Return the adapter, or a view of it whose calls have these options; don't close the view.

        Raises:
            NotSupported: The provider, as configured, lacks one of them.
        """
        return self._backend.adapter_with(encryption, retention)


def _customer_key(encryption: Encryption | None) -> object:
    return None if encryption is None else encryption.customer_key
