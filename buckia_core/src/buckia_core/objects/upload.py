"""Upload of one object: hash it, send it, and compare the result with what the provider reports."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableUpload
from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.transfers.hashing import (
    FileChanged,
    hash_bytes,
    hash_in_parts,
    hash_open_file,
    hash_stream,
    new_hash,
)
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.http.blocking import run_blocking
from buckia_core.localfs.files import permission_bits
from buckia_core.objects import calls
from buckia_core.objects.cancellation import CURRENT
from buckia_core.objects.database_source import readable_file
from buckia_core.objects.progress import ProgressCounter, ProgressListener
from buckia_core.objects.sources import (
    CountingReader,
    as_source,
    chunks_of,
    hashing_reader,
    is_seekable,
    read_ahead,
)
from buckia_core.planning.digest import Comparison, Digest, Digests, compare, merge
from buckia_core.planning.manifest import RemoteObject


class _Checkpoint:
    """A checkpoint in memory: retries resume the parts, and a failed upload knows what to abort."""

    def __init__(self) -> None:
        self._text: str | None = None

    def read(self) -> str | None:
        return self._text

    def write(self, text: str) -> None:
        self._text = text

    def clear(self) -> None:
        self._text = None


@dataclass(slots=True)
class Upload:
    """An upload to one key. Not frozen, because there is one for each small object: see `HttpRequest`.

    - Bytes, files and seekable readers are hashed first, so that the provider and the adapter compare what arrives.
    - Large files go up in parallel parts where the adapter has them. After an error, the parts are removed.
    - What can be read only once is hashed as it is sent.

    Attributes:
        adapter: The bucket.
        key: The key.
        info: Content type and metadata. Digests, where they are known, are compared with the source before it is sent.
        algorithm: The digest to compute.
        expect: What must hold of the object that is there.
        progress: Listener; may be `None`.
        snapshots: Upload an SQLite database that is in use as a snapshot.
    """

    adapter: BaseSync
    key: str
    info: UploadInfo
    algorithm: str
    expect: Precondition | None = None
    progress: ProgressListener | None = None
    snapshots: bool = True

    def send(self, source: object) -> RemoteObject:
        """Upload a source of `put`, and return the object with its digests.

        Raises:
            InvalidSetting: The source is of another type.
            OSError: The source can't be read.
            CorruptDatabase, Transient: It is a database with side files, and SQLite can't read it, or it stayed locked.
            PreconditionFailed: The object is not as `expect` says.
            IntegrityError: What arrived is not what was sent, or the source changed while it was sent.
            AdapterError: The upload failed.
        """
        given = as_source(source)
        match given:
            case bytes():
                return run_blocking(self.send_bytes(given))
            case Path():
                with readable_file(given, snapshots=self.snapshots) as path:
                    return self._send_file(path)
        if isinstance(given, Iterator):
            return self._send_chunks(given)
        return self._send_seekable(given) if is_seekable(given) else self._send_chunks(chunks_of(given))

    async def send_bytes(self, data: bytes) -> RemoteObject:
        """Upload bytes; see `send`. On an event loop, the adapter has coroutines, and there is no listener."""
        digests = self._expected(hash_bytes(data, (self.algorithm,)))
        watched = self.progress is not None or CURRENT.get() is not None
        given = self.info
        # Digests that the caller knows are compared by the adapter. Not `replace`, which takes twice as long.
        info = UploadInfo(
            mtime_ns=given.mtime_ns,
            digests=digests,
            content_type=given.content_type,
            metadata=given.metadata,
            mode=given.mode,
            digests_computed=not watched and not given.digests,
            attributes=given.attributes,
        )
        source = self._counted(io.BytesIO(data), len(data)) if watched else data
        return self._verified(await calls.upload_file(self.adapter, source, self.key, self.expect, info), info.digests)

    def _send_file(self, path: Path) -> RemoteObject:
        with path.open("rb", buffering=0) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            layout = self._part_layout(size)
            try:
                parts: tuple[str, ...] = ()
                if layout is None:
                    digests, status = hash_open_file(file, (self.algorithm,))
                else:
                    digests, parts, status = hash_in_parts(file, self.algorithm, layout)
            except FileChanged:
                raise self._changed() from None
            digests = self._expected(digests)
            info = replace(self.info, mtime_ns=status.st_mtime_ns, digests=digests, mode=permission_bits(status))
            if layout is not None:
                return self._send_parts(path, status.st_size, layout, parts, info)
            file.seek(0)
            return self._write(self._counted(file, status.st_size), info)

    def _send_parts(
        self, path: Path, size: int, layout: PartLayout, digests: tuple[str, ...], info: UploadInfo
    ) -> RemoteObject:
        adapter = self.adapter
        assert isinstance(adapter, ResumableUpload)
        checkpoint = _Checkpoint()
        counter = ProgressCounter(self.key, size, self.progress)
        source = MultipartSource(path, size, layout, digests, checkpoint, counter.add)
        try:
            written = adapter.upload_parts(source, self.key, expect=self.expect, info=info)
        except BaseException:
            if (text := checkpoint.read()) is not None:
                with suppress(AdapterError):
                    adapter.abort_upload(self.key, text)
            raise
        return self._verified(written, info.digests)

    def _send_seekable(self, reader: BinaryIO) -> RemoteObject:
        start = reader.tell()
        digests, size = hash_stream(reader, (self.algorithm,))
        reader.seek(start)
        return self._write(self._counted(reader, size), replace(self.info, digests=self._expected(digests)))

    def _send_chunks(self, chunks: Iterator[bytes]) -> RemoteObject:
        data, rest = read_ahead(chunks)
        if rest is None:
            return run_blocking(self.send_bytes(data))
        running = new_hash(self.algorithm)
        with hashing_reader(rest, running, ProgressCounter(self.key, None, self.progress)) as reader:
            written = self.adapter.upload_file(reader, self.key, expect=self.expect, info=self.info)
        return self._verified(written, (Digest(self.algorithm, running.hexdigest()),))

    def _write(self, source: BinaryIO, info: UploadInfo) -> RemoteObject:
        written = self.adapter.upload_file(source, self.key, expect=self.expect, info=info)
        return self._verified(written, info.digests)

    def _counted(self, reader: BinaryIO | io.RawIOBase, size: int) -> BinaryIO:
        counter = ProgressCounter(self.key, size, self.progress)
        return io.BufferedReader(CountingReader(reader, counter), 1 << 20)  # type: ignore[arg-type]  # a raw file reads

    def _part_layout(self, size: int) -> PartLayout | None:
        adapter = self.adapter
        if not (adapter.capabilities.resumable_upload and isinstance(adapter, ResumableUpload)):
            return None
        return adapter.part_layout(size)

    def _expected(self, digests: Digests) -> Digests:
        """Return digests of the source, with those that the caller knows."""
        known = self.info.digests
        if not known:
            return digests
        if compare(known, digests) is Comparison.DIFFERENT:
            raise self._changed()
        return merge(digests, known)

    def _changed(self) -> IntegrityError:
        return IntegrityError(
            f"{self.key!r}: the source changed while it was read",
            provider=self.adapter.provider,
            key=self.key,
            retryable=False,
        )

    def _verified(self, written: RemoteObject, digests: Digests) -> RemoteObject:
        if compare(digests, written.digests) is Comparison.DIFFERENT:
            raise IntegrityError(
                f"{self.key!r}: what arrived in the bucket is not what was sent",
                provider=self.adapter.provider,
                key=self.key,
                retryable=False,
            )
        merged = merge(digests, written.digests)
        return written if merged == written.digests else written._replace(digests=merged)
