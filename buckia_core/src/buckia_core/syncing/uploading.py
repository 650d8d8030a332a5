"""Sending one file: read once and steadily, compared with what arrived."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.base import BaseSync
from buckia_core.adapters.objects import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.adapters.protocols import ResumableUpload
from buckia_core.adapters.resuming import Parts, PartsSource
from buckia_core.errors import IntegrityError
from buckia_core.planning.digest import Digests, Sameness, compare, merge
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.syncing import transfer
from buckia_core.syncing.flights import CountedReader, Passed
from buckia_core.syncing.hashing import FileChanged, hash_bytes, hash_file
from buckia_core.syncing.part_hashing import hash_in_parts
from buckia_core.syncing.paths import entry_of
from buckia_core.syncing.transfer import Stale, UnderWay, same_file, untold
from buckia_core.syncing.unfinished import Kind, Unfinished

_BLOCK = 1 << 20


class Torn(Exception):
    """The file changed while it was uploaded; `remote` is what the bucket has now."""

    def __init__(self, remote: RemoteObject) -> None:
        super().__init__()
        self.remote = remote


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload left: the file as it was read, the object as it was written, and what is known of the content.

    `moved` is the number of bytes that went over: fewer than the file has, if an earlier run had sent a part of it.
    """

    local: LocalEntry
    remote: RemoteObject
    digests: Digests
    moved: int


def upload(
    adapter: BaseSync,
    path: str,
    planned: LocalEntry,
    replaces: RemoteObject | None,
    *,
    algorithm: str,
    key: str,
    under_way: UnderWay = untold,
    unfinished: Unfinished | None = None,
) -> Uploaded:
    """Upload the file at `path`, which is as `planned`, over `replaces`, or as a new object.

    `under_way` is entered with something that tells how many bytes have gone over. With `unfinished`, a large upload
    goes on with what an earlier one has left there, and leaves there what the next one needs.

    Raises:
        Stale: The file is not as planned.
        Torn: It changed while it was sent.
        PreconditionFailed: The object is not as planned; nothing was written.
        OSError: The file can't be read.
    """
    expect = IfUnchanged(replaces) if replaces else IfAbsent()
    with open(path, "rb", buffering=0) as file:
        before = entry_of(planned.key, planned.root, os.fstat(file.fileno()))
        if not same_file(before, planned):
            raise Stale
        if planned.size <= transfer.SMALL:
            data = file.read(planned.size + 1) if planned.size else b""
            while len(data) < planned.size and (more := file.read(planned.size - len(data))):
                data += more
            after = entry_of(planned.key, planned.root, os.fstat(file.fileno()))
            if not same_file(after, before) or len(data) != planned.size:
                raise Stale
            digests = hash_bytes(data, (algorithm,))
            remote = adapter.upload_file(data, key, expect=expect, info=UploadInfo(after.mtime_ns, digests))
            return Uploaded(after, remote, _agree(digests, remote, key), after.size)
    if unfinished is not None and isinstance(adapter, ResumableUpload):
        parts = adapter.parts_of(planned.size)
        if parts is not None:
            return _upload_parts(adapter, parts, path, planned, expect, algorithm, key, under_way, unfinished)
    return _upload_large(adapter, path, planned, expect, algorithm, key, under_way)


def _upload_large(
    adapter: BaseSync,
    path: str,
    planned: LocalEntry,
    expect: IfAbsent | IfUnchanged,
    algorithm: str,
    key: str,
    under_way: UnderWay,
) -> Uploaded:
    try:
        digests, status = hash_file(path, (algorithm,))
    except FileChanged:
        raise Stale from None
    before = entry_of(planned.key, planned.root, status)
    if not same_file(before, planned):
        raise Stale
    with io.FileIO(path) as file:
        reader = CountedReader(file)
        try:
            with under_way(lambda: reader.count):
                source = io.BufferedReader(reader, _BLOCK)
                remote = adapter.upload_file(source, key, expect=expect, info=UploadInfo(before.mtime_ns, digests))
        except IntegrityError:
            # The adapter compares what it reads with the digest: it may have been read while it was written to.
            if not _is_still(path, before):
                raise Stale from None
            raise
    if not _is_still(path, before):
        raise Torn(remote)
    return Uploaded(before, remote, _agree(digests, remote, key), before.size)


def _upload_parts(
    adapter: BaseSync,
    parts: Parts,
    path: str,
    planned: LocalEntry,
    expect: IfAbsent | IfUnchanged,
    algorithm: str,
    key: str,
    under_way: UnderWay,
    unfinished: Unfinished,
) -> Uploaded:
    assert isinstance(adapter, ResumableUpload)
    try:
        digests, of_parts, status = hash_in_parts(path, algorithm, parts)
    except FileChanged:
        raise Stale from None
    before = entry_of(planned.key, planned.root, status)
    if not same_file(before, planned):
        raise Stale
    note = unfinished.take_up(Kind.UPLOAD, key, ":".join(digests[0]), adapter)
    passed = Passed(before.size)
    source = PartsSource(Path(path), before.size, parts, of_parts, note, passed.add)
    try:
        with under_way(lambda: passed.count):
            remote = adapter.upload_parts(source, key, expect=expect, info=UploadInfo(before.mtime_ns, digests))
    except IntegrityError:
        # Each part is compared with the digest that was just made: it may have been written to.
        if not _is_still(path, before):
            raise Stale from None
        raise
    note.clear()
    if not _is_still(path, before):
        raise Torn(remote)
    return Uploaded(before, remote, _agree(digests, remote, key), passed.count)


def _is_still(path: str, before: LocalEntry) -> bool:
    try:
        return same_file(entry_of(before.key, before.root, os.stat(path)), before)
    except FileNotFoundError:
        return False


def _agree(digests: Digests, remote: RemoteObject, key: str) -> Digests:
    """Return all digests known of the content; the provider's own must not contradict ours."""
    if compare(digests, remote.digests) is Sameness.DIFFERENT:
        raise IntegrityError("what arrived in the bucket is not what was sent", key=key)
    return merge(digests, remote.digests)
