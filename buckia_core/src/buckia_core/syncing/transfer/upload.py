"""Sending one file: read once and steadily, compared with what arrived."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableUpload
from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.errors import IntegrityError, InvalidKey
from buckia_core.localfs.files import path_of_open, permissions
from buckia_core.planning.digest import Comparison, Digests, compare, merge
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.syncing.disk.paths import FileLocation, entry_from_stat
from buckia_core.syncing.state.resume_store import ResumeStore, TransferKind
from buckia_core.syncing.transfer import errors
from buckia_core.syncing.transfer.errors import StateChanged, TrackProgress, no_progress, same_file
from buckia_core.syncing.transfer.hashing import FileChanged, hash_bytes, hash_open_file
from buckia_core.syncing.transfer.in_flight import ByteCounter, CountingReader
from buckia_core.syncing.transfer.part_hashing import hash_in_parts

_BLOCK = 1 << 20


class FileChangedDuringUpload(Exception):
    """The file changed while it was uploaded; `remote` is what the bucket has now."""

    def __init__(self, remote: RemoteObject) -> None:
        super().__init__()
        self.remote = remote


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What an upload left: the file as it was read, the object as it was written, and what is known of the content.

    `moved` is the number of bytes that went over: fewer than the file has, if an earlier run had sent a part of it.
    """

    local: LocalEntry
    remote: RemoteObject
    digests: Digests
    moved: int


def upload(
    adapter: BaseSync,
    place: FileLocation,
    planned: LocalEntry,
    replaces: RemoteObject | None,
    *,
    algorithm: str,
    key: str,
    under_way: TrackProgress = no_progress,
    unfinished: ResumeStore | None = None,
) -> UploadResult:
    """Upload the file at a place, which is as `planned`, over `replaces`, or as a new object.

    `under_way` is entered with something that tells how many bytes have gone over. With `unfinished`, a large upload
    goes on with what an earlier one has left there, and leaves there what the next one needs.

    Raises:
        Stale: The file is not as planned.
        Torn: It changed while it was sent.
        PreconditionFailed: The object is not as planned; nothing was written.
        InvalidKey: A link stands there, or something else that is no file.
        OSError: The file can't be read.
    """
    expect = IfUnchanged(replaces) if replaces else IfAbsent()
    if planned.size <= errors.BUFFERED_UPLOAD_MAX:
        data, status = place.read(key, planned.size)
        after = entry_from_stat(planned.key, planned.root, status)
        if not same_file(after, planned) or len(data) != planned.size:
            raise StateChanged
        digests = hash_bytes(data, (algorithm,))
        info = UploadInfo(status.st_mtime_ns, digests, mode=permissions(status))
        remote = adapter.upload_file(data, key, expect=expect, info=info)
        return UploadResult(after, remote, _agree(digests, remote, key), after.size)
    with place.open(key) as file:
        status = os.fstat(file.fileno())
        if not same_file(entry_from_stat(planned.key, planned.root, status), planned):
            raise StateChanged
        source = _Source(file, place, planned, permissions(status))
        if unfinished is not None and isinstance(adapter, ResumableUpload):
            parts = adapter.part_layout(planned.size)
            if parts is not None:
                return _upload_parts(adapter, parts, source, expect, algorithm, key, under_way, unfinished)
        return _upload_large(adapter, source, expect, algorithm, key, under_way)


@dataclass(frozen=True, slots=True)
class _Source:
    """A large file that is held open while it is read, more than once."""

    file: io.FileIO
    place: FileLocation
    planned: LocalEntry
    mode: int

    def info(self, status: os.stat_result, digests: Digests) -> UploadInfo:
        # A manifest cuts times after 2262, and a cut time must not be told as that of the file.
        return UploadInfo(status.st_mtime_ns, digests, mode=self.mode)

    def is_still(self, before: LocalEntry) -> bool:
        """Tell whether the file of that name is the one that was read, unchanged."""
        try:
            now = self.place.look(before.key, before.root)
        except InvalidKey:
            return False
        return now is not None and same_file(now, before)


def _upload_large(
    adapter: BaseSync,
    source: _Source,
    expect: IfAbsent | IfUnchanged,
    algorithm: str,
    key: str,
    under_way: TrackProgress,
) -> UploadResult:
    planned = source.planned
    try:
        digests, status = hash_open_file(source.file, (algorithm,))
    except FileChanged:
        raise StateChanged from None
    before = entry_from_stat(planned.key, planned.root, status)
    if not same_file(before, planned):
        raise StateChanged
    source.file.seek(0)
    reader = CountingReader(source.file)
    try:
        with under_way(lambda: reader.count):
            buffered = io.BufferedReader(reader, _BLOCK)
            remote = adapter.upload_file(buffered, key, expect=expect, info=source.info(status, digests))
    except IntegrityError:
        # The adapter compares what it reads with the digest: it may have been read while it was written to.
        if not source.is_still(before):
            raise StateChanged from None
        raise
    if not source.is_still(before):
        raise FileChangedDuringUpload(remote)
    return UploadResult(before, remote, _agree(digests, remote, key), before.size)


def _upload_parts(
    adapter: BaseSync,
    parts: PartLayout,
    source: _Source,
    expect: IfAbsent | IfUnchanged,
    algorithm: str,
    key: str,
    under_way: TrackProgress,
    unfinished: ResumeStore,
) -> UploadResult:
    assert isinstance(adapter, ResumableUpload)
    planned = source.planned
    try:
        digests, of_parts, status = hash_in_parts(source.file, algorithm, parts)
    except FileChanged:
        raise StateChanged from None
    before = entry_from_stat(planned.key, planned.root, status)
    if not same_file(before, planned):
        raise StateChanged
    note = unfinished.claim(TransferKind.UPLOAD, key, ":".join(digests[0]), adapter)
    passed = ByteCounter(before.size)
    # Parts are read side by side, each by a descriptor of its own.
    path = Path(path_of_open(source.file.fileno(), source.place.path))
    cut = MultipartSource(path, before.size, parts, of_parts, note, passed.add)
    try:
        with under_way(lambda: passed.count):
            remote = adapter.upload_parts(cut, key, expect=expect, info=source.info(status, digests))
    except IntegrityError:
        # Each part is compared with the digest that was just made: it may have been written to.
        if not source.is_still(before):
            raise StateChanged from None
        raise
    note.clear()
    if not source.is_still(before):
        raise FileChangedDuringUpload(remote)
    return UploadResult(before, remote, _agree(digests, remote, key), passed.count)


def _agree(digests: Digests, remote: RemoteObject, key: str) -> Digests:
    """Return all digests known of the content; the provider's own must not contradict ours."""
    if compare(digests, remote.digests) is Comparison.DIFFERENT:
        raise IntegrityError("what arrived in the bucket is not what was sent", key=key)
    return merge(digests, remote.digests)
