"""`DirstoreSync`: a dirstore as a bucket."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from buckia_core import (
    AdapterError,
    BaseSync,
    Capabilities,
    DeleteOutcome,
    Digest,
    DigestVerifier,
    IfAbsent,
    IfUnchanged,
    LimitedReader,
    Precondition,
    RemoteObject,
    Source,
    Transient,
    UploadInfo,
    guess_content_type,
    iter_chunks,
    normalize_prefix,
    open_source,
)
from buckia_dirstore import store
from buckia_dirstore.errors import PROVIDER, invalid_key, not_found, precondition_failed, translate_errors
from buckia_dirstore.settings import DirstoreSettings
from buckia_dirstore.store import Row, Store

_MAX_KEY_BYTES = 4096
_PAGE = 1000


class DirstoreSync(BaseSync):
    def __init__(self, settings: DirstoreSettings) -> None:
        self._bucket = settings.bucket_name
        self._prefix = normalize_prefix(settings.prefix)
        self._identity = f"dirstore:{settings.root.absolute().as_posix()}:{self._bucket}/{self._prefix}"
        self._directory = str(settings.root.absolute())
        self._store = Store(settings.root)
        with translate_errors():
            self._store.create()

    @property
    def provider(self) -> str:
        return PROVIDER

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def local_directory(self) -> str:
        return self._directory

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            conditional_write=True,
            start_after=True,
            listing_digests=("sha256",),
            mtime=True,
            metadata=True,
            server_copy=True,
            free_reads=True,
            max_key_bytes=_MAX_KEY_BYTES - len(self._prefix.encode()),
            delete_batch_size=100,
        )

    # --- listings and metadata ---------------------------------------------------------------------------------

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        full_prefix = self._prefix + prefix
        after, inclusive = full_prefix, True
        if start_after is not None and start_after >= prefix:
            after, inclusive = self._prefix + start_after, False
        while True:
            with translate_errors():
                rows = self._store.page(self._bucket, after, inclusive=inclusive, size=_PAGE)
            for row in rows:
                found = self._object(row)
                if not row.key.startswith(full_prefix) or (end_at is not None and found.key > end_at):
                    return
                yield found
            if len(rows) < _PAGE:
                return
            after, inclusive = rows[-1].key, False

    def stat_file(self, key: str) -> RemoteObject:
        row = self._row(key)
        return self._object(row)._replace(content_type=row.content_type, metadata=json.loads(row.metadata))

    # --- reading ---------------------------------------------------------------------------------------------

    def download_file(
        self,
        key: str,
        target: Path,
        *,
        expect: RemoteObject | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> RemoteObject:
        with self._open_blob(key, expect, start, end) as (row, reader), target.open("wb") as file:
            shutil.copyfileobj(reader, file)
            return self._object(row)

    @contextmanager
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> Iterator[BinaryIO]:
        with self._open_blob(key, expect, start, end) as (_, reader):
            yield reader

    @contextmanager
    def _open_blob(
        self, key: str, expect: RemoteObject | None, start: int, end: int | None
    ) -> Iterator[tuple[Row, BinaryIO]]:
        row = self._row(key)
        if expect is not None and expect.fingerprint != row.sha256:
            raise precondition_failed(key)
        try:
            blob = self._store.blob_path(row.sha256).open("rb")
        except FileNotFoundError as error:
            # Replaced or deleted since the index was read. A retry sees which.
            raise Transient(f"{key!r}: it was replaced concurrently", provider=PROVIDER, key=key) from error
        with blob:
            blob.seek(start)
            yield row, io.BufferedReader(LimitedReader(blob, (row.size if end is None else end) - start))

    # --- writing ---------------------------------------------------------------------------------------------

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        full_key, info = self._full_key(key), info or UploadInfo()
        verifier = DigestVerifier(info.digests)
        with open_source(source) as reader:
            received, size, sha256 = self._store.write_temp(verifier.hash_stream(iter_chunks(reader)))
        try:
            verifier.verify(provider=PROVIDER, key=key)
            content_type = info.content_type or guess_content_type(key)
            metadata = json.dumps(dict(info.metadata))
            row = Row(self._bucket, full_key, size, sha256, time.time_ns(), info.mtime_ns, content_type, metadata)
            return self._replace(key, row, expect, received)
        finally:
            received.unlink(missing_ok=True)

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        row = self._row(source.key)
        if row.sha256 != source.fingerprint:
            raise precondition_failed(source.key)
        return self._replace(key, row._replace(key=self._full_key(key), modified_ns=time.time_ns()), expect, None)

    def _replace(self, key: str, row: Row, expect: Precondition | None, received: Path | None) -> RemoteObject:
        with translate_errors(key), self._store.transaction() as index:
            old = store.find(index, self._bucket, row.key)
            match expect:
                case IfAbsent() if old is not None:
                    raise precondition_failed(key)
                case IfUnchanged(seen) if old is None or old.sha256 != seen.fingerprint:
                    raise precondition_failed(key)
                case _:
                    pass
            if received is not None:
                self._store.commit_blob(received, row.sha256)
            elif not self._store.blob_path(row.sha256).exists():
                raise precondition_failed(key)
            store.write(index, row)
        if old is not None:
            self._store.delete_unreferenced(old.sha256)
        return self._object(row)

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        return [DeleteOutcome(key, self._delete(key)) for key in keys]

    def _delete(self, key: str) -> AdapterError | None:
        try:
            full_key = self._full_key(key)
            with translate_errors(key):
                with self._store.transaction() as index:
                    old = store.find(index, self._bucket, full_key)
                    store.delete(index, self._bucket, full_key)
                if old is not None:
                    self._store.delete_unreferenced(old.sha256)
        except AdapterError as error:
            return error
        return None

    # --- keys and rows ---------------------------------------------------------------------------------------

    def _full_key(self, key: str) -> str:
        try:
            size = len(key.encode())
        except UnicodeEncodeError as error:
            raise invalid_key(key, "it is not valid UTF-8") from error
        if not key or "\0" in key:
            raise invalid_key(key, "it is empty, or has a NUL character")
        if size > self.capabilities.max_key_bytes:
            raise invalid_key(key, f"it is longer than {self.capabilities.max_key_bytes} bytes")
        return self._prefix + key

    def _row(self, key: str) -> Row:
        with translate_errors(key):
            row = self._store.find(self._bucket, self._full_key(key))
        if row is None:
            raise not_found(key)
        return row

    def _object(self, row: Row) -> RemoteObject:
        return RemoteObject(
            key=row.key[len(self._prefix) :],
            size=row.size,
            fingerprint=row.sha256,
            modified_ns=row.modified_ns,
            mtime_ns=row.mtime_ns,
            digests=(Digest("sha256", row.sha256),),
        )
