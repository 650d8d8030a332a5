"""Uploads: with a digest that the server checks, looked at before and after, since it has no conditions."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    """What is sent: `body` reads it from its start."""

    size: int
    sha256: str
    body: Callable[[], Iterator[bytes]]

    def is_as_announced(self) -> bool:
        """Read it once more, and tell whether it has the digest that was announced."""
        digest = hashlib.sha256()
        for piece in self.body():
            digest.update(piece)
        return digest.hexdigest() == self.sha256


class _BodyReader:
    """The pieces of a body, exactly as many bytes as were announced. What goes wrong with the source is kept.

    The client takes an error of the disk for one of the network.
    """

    def __init__(self, content: _UploadBody) -> None:
        self._content = content
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        left = self._content.size
        try:
            for piece in self._content.body():
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        except Exception as error:
            self.failure = error
            raise
        if left:
            # Fewer bytes than announced would leave the server waiting.
            self.failure = EOFError("the source has another size than it had before")
            raise self.failure


class Uploader:
    """Writes objects. An upload costs three requests: a look, the object, and a look at what came of it."""

    def __init__(self, storage: StorageApi, looker: ObjectHead, directories: DirectoryPruner) -> None:
        self._storage = storage
        self._looker = looker
        self._directories = directories

    def upload(self, source: Source, key: str, expect: Precondition | None, info: UploadInfo) -> RemoteObject:
        """See `BaseSync.upload_file`."""
        path = self._looker.path(key)
        with _content_of(source, key, info) as content, self._directories.writing():
            before = self._looker.meets(key, expect)
            self._send(path, key, content, info)
            now = self._looker.find(key)
        if now is not None and matches_digest(now, content, before):
            return now
        if (now.fingerprint if now else None) == (before.fingerprint if before else None):
            raise Transient(
                f"{key!r}: the service said that it is stored, and it is not", provider=PROVIDER, key=key, status=201
            )
        if expect is not None:
            # What is there now is another writer's. To say that it is ours would hide it from the next sync.
            raise precondition_failed(key, "somebody else wrote or deleted it at the same time")
        # This version was there for a moment, and its time is not known: no listing will have this fingerprint.
        return RemoteObject(key, content.size, f"{content.sha256}-0", digests=(Digest("sha256", content.sha256),))

    def _send(self, path: str, key: str, content: _UploadBody, info: UploadInfo) -> None:
        content_type = info.content_type or guess_content_type(key)
        for attempt in range(2):
            sending = _BodyReader(content)
            try:
                refusal = self._storage.put(
                    path, key, sending, size=content.size, sha256=content.sha256, content_type=content_type
                )
            except Exception:
                if sending.failure is not None:
                    raise _of_source(key, sending.failure) from sending.failure
                raise
            if refusal is None:
                return
            if isinstance(refusal, IntegrityError) and not content.is_as_announced():
                raise _other_bytes(key)
            if not isinstance(refusal, AlreadyExists) or attempt or not self._directories.clear(path):
                raise refusal


def matches_digest(found: RemoteObject, content: _UploadBody, before: RemoteObject | None) -> bool:
    """Tell whether a file is what was sent. Of one whose digest is not told, it must be another version than before."""
    if found.size != content.size:
        return False
    if not found.digests:
        return before is None or found.fingerprint != before.fingerprint
    return all(digest.value == content.sha256 for digest in found.digests)


@contextmanager
def _content_of(source: Source, key: str, info: UploadInfo) -> Iterator[_UploadBody]:
    """Give what is to be sent, with its size and digest: the service wants both first, so it may be read twice."""
    if isinstance(source, bytes):
        yield _measured(key, info, lambda: _pieces_of(source), len(source))
        return
    with open_source(source) as reader:
        if isinstance(source, Path):
            yield _from_file(reader, key, info, 0)
        elif reader.seekable():
            yield _from_file(reader, key, info, reader.tell())
        else:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
                for piece in iter_chunks(reader):
                    kept.write(piece)
                yield _from_file(kept, key, info, 0)  # type: ignore[arg-type]  # reads and seeks as any other


def _from_file(reader: BinaryIO, key: str, info: UploadInfo, begin: int) -> _UploadBody:
    size = reader.seek(0, os.SEEK_END) - begin

    def body() -> Iterator[bytes]:
        reader.seek(begin)
        return iter_chunks(reader)

    return _measured(key, info, body, size)


def _measured(key: str, info: UploadInfo, body: Callable[[], Iterator[bytes]], size: int) -> _UploadBody:
    """Return the content with its digest: the one that is told, which the server then checks, or one made here."""
    told = next((digest.value for digest in info.digests if digest.algorithm == "sha256"), None)
    if told is not None and size > READ_CHUNK:
        return _UploadBody(size, told, body)
    check, digest = DigestVerifier(info.digests), hashlib.sha256()
    read = 0
    for piece in check.hash_stream(body()):
        digest.update(piece)
        read += len(piece)
    check.verify(provider=PROVIDER, key=key)
    return _UploadBody(read, digest.hexdigest(), body)


def _pieces_of(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), READ_CHUNK):
        yield data[start : start + READ_CHUNK]


def _of_source(key: str, failure: Exception) -> Exception:
    return _other_bytes(key) if isinstance(failure, EOFError) else failure


def _other_bytes(key: str) -> IntegrityError:
    return IntegrityError(
        f"{key!r}: the bytes that were sent have another sha256 than was told: the source changed meanwhile",
        provider=PROVIDER,
        key=key,
        retryable=False,
    )
