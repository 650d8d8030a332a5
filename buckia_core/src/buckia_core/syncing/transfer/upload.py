"""Upload one file: hash it, send it, and compare the result with the digests of the object."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableUpload
from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.transfers.hashing import FileChanged, hash_bytes, hash_in_parts, hash_open_file
from buckia_core.errors import IntegrityError, InvalidKey
from buckia_core.localfs.files import descriptor_path, entry_from_stat, permission_bits
from buckia_core.localfs.sqlite_files import HEADER_SIZE, PAGE_STEP, is_database
from buckia_core.planning.digest import Comparison, Digests, compare, merge
from buckia_core.planning.manifest import LocalEntry, RemoteObject, is_same_version
from buckia_core.syncing.disk.file_locator import FileLocation
from buckia_core.syncing.state.resume_store import ResumeStore, TransferKind
from buckia_core.syncing.transfer.errors import DatabaseFound, FileChangedDuringUpload, StateChanged
from buckia_core.syncing.transfer.in_flight import ByteCounter, CountingReader, TrackProgress, no_progress

BUFFERED_UPLOAD_MAX = 8 << 20
"""Files up to this size, in bytes, are read into memory once, so that the hashed and the sent bytes are the same.

Their uploads are not resumable.
"""

_BUFFER_SIZE = 1 << 20


class UploadResult(NamedTuple):
    """The result of an upload: the file as it was read, the new object, and the digests of the content.

    `bytes_sent` is less than the size of the file if the upload was resumed.
    """

    local: LocalEntry
    remote: RemoteObject
    digests: Digests
    bytes_sent: int


class BufferedUpload(NamedTuple):
    """A file that was read into memory, and all that its upload needs.

    Attributes:
        local: The file as it was read.
        data: Its content.
        expect: What must hold of the object.
        info: The attributes of the upload, with the digests of the content.
    """

    local: LocalEntry
    data: bytes
    expect: Precondition
    info: UploadInfo

    @classmethod
    def read(
        cls, location: FileLocation, planned: LocalEntry, replaces: RemoteObject | None, *, algorithm: str, key: str
    ) -> BufferedUpload:
        """Read the file `planned` at a location; raises as `upload`, and `DatabaseFound`."""
        if planned.snapshot:
            raise DatabaseFound
        data, status = location.read(key, planned.size)
        local = entry_from_stat(planned.key, planned.mapping_id, status)
        if location.database is not None and is_database(data):
            # A program that commits all the time changes it after each plan, which a snapshot allows for.
            raise DatabaseFound
        if not is_same_version(local, planned) or len(data) != planned.size:
            raise StateChanged
        digests, mode = hash_bytes(data, (algorithm,)), permission_bits(status)
        info = UploadInfo(status.st_mtime_ns, digests, mode=mode, digests_computed=True)
        return cls(local, data, IfUnchanged(replaces) if replaces else IfAbsent(), info)

    def finish(self, remote: RemoteObject, key: str) -> UploadResult:
        """Return the result, with the new object; raises `IntegrityError` if that has other digests."""
        return UploadResult(self.local, remote, _merge_verified(self.info.digests, remote, key), self.local.size)


def upload(
    adapter: BaseSync,
    location: FileLocation,
    planned: LocalEntry,
    replaces: RemoteObject | None,
    *,
    algorithm: str,
    key: str,
    track_progress: TrackProgress = no_progress,
    resume_store: ResumeStore | None = None,
) -> UploadResult:
    """Upload the file `planned` at a location, to replace the object `replaces` or to create a new object.

    `track_progress` is a context that is given a function which returns the bytes sent so far. With `resume_store`, a
    large upload resumes an interrupted one, and keeps a checkpoint for the next one.

    Raises:
        StateChanged: The file is not as planned.
        FileChangedDuringUpload: The file changed during the upload.
        PreconditionFailed: The object is not as planned; nothing was written.
        InvalidKey: The entry is a link, or no regular file.
        CorruptDatabase: The file is a damaged SQLite database, and would replace an object, or is in use.
        Transient: It is a database that stayed locked.
        OSError: The file can't be read.
    """
    try:
        return _upload(adapter, location, planned, replaces, algorithm, key, track_progress, resume_store)
    except DatabaseFound:
        from buckia_core.syncing.transfer.upload_database import database_source  # noqa: PLC0415  # few trees have any

        with database_source(location, planned, is_new=replaces is None) as (source, entry, found):
            sent = _upload(adapter, source, entry, replaces, algorithm, key, track_progress, resume_store)
            return sent if found is None else sent._replace(local=found)


def _upload(
    adapter: BaseSync,
    location: FileLocation,
    planned: LocalEntry,
    replaces: RemoteObject | None,
    algorithm: str,
    key: str,
    track_progress: TrackProgress,
    resume_store: ResumeStore | None,
) -> UploadResult:
    """Upload a file as it is; raises as `upload`, and `DatabaseFound`."""
    if planned.size <= BUFFERED_UPLOAD_MAX or planned.snapshot:
        small = BufferedUpload.read(location, planned, replaces, algorithm=algorithm, key=key)
        return small.finish(adapter.upload_file(small.data, key, expect=small.expect, info=small.info), key)
    expect = IfUnchanged(replaces) if replaces else IfAbsent()
    with location.open(key) as file:
        status = os.fstat(file.fileno())
        if location.database is not None and planned.size % PAGE_STEP == 0:
            if is_database(file.read(HEADER_SIZE)):
                raise DatabaseFound
            file.seek(0)
        if not is_same_version(entry_from_stat(planned.key, planned.mapping_id, status), planned):
            raise StateChanged
        source = _LargeFile(file, location, planned, permission_bits(status))
        return _upload_large(adapter, source, expect, algorithm, key, track_progress, resume_store)


@dataclass(frozen=True, slots=True)
class _LargeFile:
    """A large open file, which is read more than once."""

    file: io.FileIO
    location: FileLocation
    planned: LocalEntry
    mode: int

    def info(self, status: os.stat_result, digests: Digests) -> UploadInfo:
        # Not the time of the manifest entry, which is clamped after the year 2262.
        return UploadInfo(status.st_mtime_ns, digests, mode=self.mode)

    def is_unchanged(self, entry: LocalEntry) -> bool:
        """Tell whether the name still leads to the same, unchanged file."""
        try:
            now = self.location.stat_entry(entry.key, entry.mapping_id)
        except InvalidKey:
            return False
        return now is not None and is_same_version(now, entry)


def _upload_large(
    adapter: BaseSync,
    source: _LargeFile,
    expect: IfAbsent | IfUnchanged,
    algorithm: str,
    key: str,
    track_progress: TrackProgress,
    resume_store: ResumeStore | None,
) -> UploadResult:
    """Hash the file, upload it in one piece or in resumable parts, and check that it did not change meanwhile."""
    planned, file = source.planned, source.file
    can_resume = resume_store is not None and adapter.capabilities.resumable_upload
    resumable = adapter if can_resume and isinstance(adapter, ResumableUpload) else None
    parts = resumable.part_layout(planned.size) if resumable is not None else None
    part_digests: tuple[str, ...] = ()
    try:
        if parts is None:
            digests, status = hash_open_file(file, (algorithm,))
        else:
            digests, part_digests, status = hash_in_parts(file, algorithm, parts)
    except FileChanged:
        raise StateChanged from None
    entry = entry_from_stat(planned.key, planned.mapping_id, status)
    if not is_same_version(entry, planned):
        raise StateChanged
    info = source.info(status, digests)
    checkpoint = None
    counter: CountingReader | ByteCounter
    if parts is None or resumable is None or resume_store is None:
        file.seek(0)
        counter = CountingReader(file)
        buffered = io.BufferedReader(counter, _BUFFER_SIZE)
        send = partial(adapter.upload_file, buffered, key, expect=expect, info=info)
    else:
        checkpoint = resume_store.claim(TransferKind.UPLOAD, key, ":".join(digests[0]), adapter)
        counter = ByteCounter(entry.size)
        # Parts are read in parallel, each with its own descriptor.
        path = Path(descriptor_path(file.fileno(), source.location.path))
        multipart = MultipartSource(path, entry.size, parts, part_digests, checkpoint, counter.add)
        send = partial(resumable.upload_parts, multipart, key, expect=expect, info=info)
    try:
        with track_progress(lambda: counter.count):
            remote = send()
    except IntegrityError:
        # The adapter compares what it reads with the digests, which differ if the file was changed.
        if not source.is_unchanged(entry):
            raise StateChanged from None
        raise
    if checkpoint is not None:
        checkpoint.clear()
    if not source.is_unchanged(entry):
        raise FileChangedDuringUpload(remote)
    sent = entry.size if checkpoint is None else counter.count
    return UploadResult(entry, remote, _merge_verified(digests, remote, key), sent)


def _merge_verified(digests: Digests, remote: RemoteObject, key: str) -> Digests:
    """Merge computed and reported digests; raise if they differ."""
    if compare(digests, remote.digests) is Comparison.DIFFERENT:
        raise IntegrityError("what arrived in the bucket is not what was sent", key=key)
    return merge(digests, remote.digests)
