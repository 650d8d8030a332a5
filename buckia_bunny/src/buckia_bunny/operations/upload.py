"""Uploads: verified by digest, with preconditions checked before and after, since the service has none."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from buckia_bunny.errors import PROVIDER, precondition_failed
from buckia_bunny.operations.directories import DirectoryPruner
from buckia_bunny.operations.head import ObjectHead
from buckia_bunny.storage.api import StorageApi
from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.contract.base import Source
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.transfers.sources import READ_CHUNK, DigestVerifier, iter_chunks, open_source
from buckia_core.errors import AlreadyExists, IntegrityError, Transient
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject

_IN_MEMORY = 8 << 20


@dataclass(frozen=True, slots=True)
class _UploadBody:
    """Upload body with size and digest; `read` starts at the beginning. `data` is all of it, if it is in memory."""

    size: int
    sha256: str
    read: Callable[[], Iterator[bytes]]
    data: bytes | None = None

    def is_unchanged(self) -> bool:
        """Read the source again and tell whether it still has the digest."""
        digest = hashlib.sha256()
        for chunk in self.read():
            digest.update(chunk)
        return digest.hexdigest() == self.sha256


class _BodyReader:
    """Yields exactly the announced number of bytes. `failure` keeps an error of the source.

    The HTTP client would report a disk error as a network error.
    """

    def __init__(self, body: _UploadBody) -> None:
        self._body = body
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        left = self._body.size
        try:
            for chunk in self._body.read():
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        except Exception as error:
            self.failure = error
            raise
        if left:
            # With fewer bytes than announced, the server would wait for the rest.
            self.failure = EOFError("the source has another size than it had before")
            raise self.failure


class Uploader:
    """Writes objects. An upload costs three requests: metadata, content, and metadata again."""

    def __init__(self, storage: StorageApi, objects: ObjectHead, directories: DirectoryPruner) -> None:
        self._storage = storage
        self._objects = objects
        self._directories = directories

    async def upload(self, source: Source, key: str, expect: Precondition | None, info: UploadInfo) -> RemoteObject:
        """See `BaseSync.upload_file`; on an event loop, the source is bytes."""
        path = self._objects.path(key)
        with _open_body(source, key, info) as body, self._directories.hold_removals():
            previous = await self._objects.check_precondition(key, expect)
            await self._send(path, key, body, info)
            current = await self._objects.find(key)
        if current is not None and matches_digest(current, body, previous):
            return current
        if (current.fingerprint if current else None) == (previous.fingerprint if previous else None):
            raise Transient(
                f"{key!r}: the service confirmed the upload, but did not store the object",
                provider=PROVIDER,
                key=key,
                status=201,
            )
        if expect is not None:
            # Another writer's object is current. Returning ours would hide it from the next sync.
            raise precondition_failed(key, "another writer replaced or deleted it at the same time")
        # The version existed only briefly with an unknown time, so no listing has this fingerprint.
        return RemoteObject(key, body.size, f"{body.sha256}-0", digests=(Digest("sha256", body.sha256),))

    async def _send(self, path: str, key: str, body: _UploadBody, info: UploadInfo) -> None:
        content_type = info.content_type or guess_content_type(key)
        for attempt in range(2):
            reader = _BodyReader(body)
            try:
                error = await self._storage.put(
                    path,
                    key,
                    reader if body.data is None else body.data,
                    size=body.size,
                    sha256=body.sha256,
                    content_type=content_type,
                )
            except Exception:
                if reader.failure is not None:
                    raise _source_error(key, reader.failure) from reader.failure
                raise
            if error is None:
                return
            if isinstance(error, IntegrityError) and not body.is_unchanged():
                raise _source_changed(key)
            if not isinstance(error, AlreadyExists) or attempt or not self._directories.remove_empty_at(path):
                raise error


def matches_digest(found: RemoteObject, body: _UploadBody, previous: RemoteObject | None) -> bool:
    """Tell whether a file has the sent content. Without a digest, a changed fingerprint must do."""
    if found.size != body.size:
        return False
    if not found.digests:
        return previous is None or found.fingerprint != previous.fingerprint
    return all(digest.value == body.sha256 for digest in found.digests)


@contextmanager
def _open_body(source: Source, key: str, info: UploadInfo) -> Iterator[_UploadBody]:
    """Open a body with size and digest. The service needs both first, so the source may be read twice."""
    if isinstance(source, bytes):
        yield replace(_build_body(key, info, lambda: _iter_bytes(source), len(source)), data=source)
        return
    with open_source(source) as reader:
        if isinstance(source, Path):
            yield _body_from_file(reader, key, info, 0)
        elif reader.seekable():
            yield _body_from_file(reader, key, info, reader.tell())
        else:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
                for chunk in iter_chunks(reader):
                    kept.write(chunk)
                yield _body_from_file(kept, key, info, 0)  # type: ignore[arg-type]  # has the same methods


def _body_from_file(reader: BinaryIO, key: str, info: UploadInfo, begin: int) -> _UploadBody:
    size = reader.seek(0, os.SEEK_END) - begin

    def body() -> Iterator[bytes]:
        reader.seek(begin)
        return iter_chunks(reader)

    return _build_body(key, info, body, size)


def _build_body(key: str, info: UploadInfo, body: Callable[[], Iterator[bytes]], size: int) -> _UploadBody:
    """Build a body with the given digest, which the server verifies, or with a computed one."""
    sha256 = next((digest.value for digest in info.digests if digest.algorithm == "sha256"), None)
    if sha256 is not None and size > READ_CHUNK:
        return _UploadBody(size, sha256, body)
    check, digest = DigestVerifier(info.digests), hashlib.sha256()
    read = 0
    for chunk in check.hash_stream(body()):
        digest.update(chunk)
        read += len(chunk)
    check.verify(provider=PROVIDER, key=key)
    return _UploadBody(read, digest.hexdigest(), body)


def _iter_bytes(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), READ_CHUNK):
        yield data[start : start + READ_CHUNK]


def _source_error(key: str, failure: Exception) -> Exception:
    return _source_changed(key) if isinstance(failure, EOFError) else failure


def _source_changed(key: str) -> IntegrityError:
    return IntegrityError(
        f"{key!r}: the bytes that were sent do not match the sha256: the source changed during the upload",
        provider=PROVIDER,
        key=key,
        retryable=False,
    )
