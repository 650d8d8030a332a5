"""The temporary file of a download: how its bytes come, whether they are the right ones, and how far it is."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import uuid
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from buckia_core.adapters.base import BaseSync
from buckia_core.adapters.protocols import ResumableDownload
from buckia_core.adapters.resuming import Landing, Note
from buckia_core.errors import AdapterError, IntegrityError, NotFound, PreconditionFailed
from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.file_systems import begin_writing
from buckia_core.syncing.hashing import hash_bytes, hash_stream, new_hash
from buckia_core.syncing.unfinished import Kind, Unfinished

SMALL = 1 << 20
"""Up to this size, in bytes, an object comes into memory first; as many of them at once as there are workers."""

_BLOCK = 1 << 20

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
for _name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


class Arriving(ABC):
    """A temporary file that an object's bytes come to. At the end of its context it is gone, if it was not moved.

    Attributes:
        path: The file.
        taken_up: Bytes that were there at the start.
        gone: It has been moved.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.taken_up = 0
        self.gone = False

    @abstractmethod
    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """Bring all bytes of a version to the file, and return the object."""

    @abstractmethod
    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """Return digests of what came, and its size in bytes."""

    def write(self) -> None:  # noqa: B027  # for most it is there already
        """Have the system take what came; it need not be on the disk after that."""

    def settle(self) -> None:
        """Make what was written outlast a loss of power."""
        with open(self.path, "rb+", buffering=0) as file:
            os.fsync(file.fileno())

    def again(self) -> None:  # noqa: B027  # for most there is nothing to do
        """Begin anew with the next `fetch`: these were the wrong bytes."""

    def close(self) -> None:  # noqa: B027  # most have nothing open
        """Let the file be moved. Closing twice is no error."""

    def end(self, error: BaseException | None) -> None:  # noqa: ARG002  # another kind of file asks for it
        """Remove what is left."""
        if not self.gone:
            with suppress(FileNotFoundError):
                os.unlink(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self.end(error)


def arriving(
    adapter: BaseSync, expected: RemoteObject, beside: str, algorithm: str, unfinished: Unfinished | None
) -> Arriving:
    """Return the file for a download of a version.

    Args:
        adapter: The bucket.
        expected: The version.
        beside: How the file's path begins.
        algorithm: The digest that will be wanted.
        unfinished: What earlier downloads have left; `None` if nothing is to be left.

    Raises:
        OSError: It can't be made, or read.
    """
    if expected.size <= SMALL:
        return AtOnce(adapter, _unused(beside))
    if unfinished is None or not isinstance(adapter, ResumableDownload):
        return Fresh(adapter, _unused(beside))
    name = hashlib.sha256(f"{expected.key}\0{expected.fingerprint}".encode()).hexdigest()[:12]
    path = f"{beside}{name}"
    note = unfinished.take_up(Kind.DOWNLOAD, expected.key, f"{expected.size} {expected.fingerprint}", adapter, path)
    return Continued(adapter, path, algorithm, note)


_process = uuid.uuid4().hex[:8]
_counter = itertools.count()


def _unused(beside: str) -> str:
    """Return a path that nobody else takes. The system is asked for chance once, not for each file."""
    return f"{beside}{_process}{os.getpid():x}-{next(_counter):x}"


class AtOnce(Arriving):
    """Comes into memory, and is written from there: small files cost little more than the calls for them."""

    def __init__(self, adapter: BaseSync, path: str) -> None:
        super().__init__(path)
        self._adapter = adapter
        self._data = b""
        self._descriptor: int | None = None

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `Arriving`."""
        found, self._data = self._adapter.read_file(expected.key, expect=expected)
        return found

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `Arriving`."""
        return hash_bytes(self._data, algorithms), len(self._data)

    def write(self) -> None:
        """See `Arriving`."""
        self._descriptor = os.open(self.path, _FLAGS, 0o666)
        view = memoryview(self._data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._data = b""

    def settle(self) -> None:
        """See `Arriving`."""
        if self._descriptor is None:
            super().settle()
        else:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """See `Arriving`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Fresh(Arriving):
    """Comes in one go, always from the start."""

    def __init__(self, adapter: BaseSync, path: str) -> None:
        super().__init__(path)
        self._adapter = adapter

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `Arriving`."""
        return self._adapter.download_file(expected.key, Path(self.path), expect=expected)

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `Arriving`."""
        with open(self.path, "rb", buffering=0) as file:
            return hash_stream(file, algorithms)


class Continued(Arriving):
    """Goes on where an earlier attempt ended, in this run or in one before it, and stays for the next one.

    The bytes that stand without a gap are digested as they come. The note says how many there are and what their digest
    is; if the file holds others, as it may after a loss of power, it begins anew.
    """

    def __init__(self, adapter: ResumableDownload, path: str, algorithm: str, note: Note) -> None:
        super().__init__(path)
        self._adapter = adapter
        self._algorithm = algorithm
        self._note = note
        # For appending: that makes it if it is not there, and does not truncate it.
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115  # closed by `close`
        self._hash = new_hash(algorithm)
        self._at = 0
        try:
            if not self._has_what_was_noted():
                self.again()
        except BaseException:
            self._file.close()
            raise
        self.taken_up = self._at

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `Arriving`."""
        landing = Landing(Path(self.path), self._at, self._reached)
        try:
            found = self._adapter.continue_download(expected.key, landing, expect=expected)
        except IntegrityError:
            if self._at == expected.size:
                # All has come, and it is something else: to go on from there would never end.
                self.again()
            raise
        if self._at != expected.size:
            words = f"{expected.key!r}: {self._at} bytes came where there should be {expected.size}"
            raise IntegrityError(words, key=expected.key)
        return found

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `Arriving`. Algorithms other than the one that was computed all along cost another reading."""
        digests: Digests = (Digest(self._algorithm, self._hash.hexdigest()),)
        others = tuple(name for name in algorithms if name != self._algorithm)
        if others:
            self._file.seek(0)
            digests += hash_stream(self._file, others)[0]
        return digests, os.fstat(self._file.fileno()).st_size

    def settle(self) -> None:
        """See `Arriving`."""
        os.fsync(self._file.fileno())

    def again(self) -> None:
        """See `Arriving`."""
        self._note.clear()
        self._file.truncate(0)
        self._hash = new_hash(self._algorithm)
        self._at = self.taken_up = 0

    def close(self) -> None:
        """See `Arriving`."""
        self._file.close()

    def end(self, error: BaseException | None) -> None:
        """See `Arriving`. After an error that may pass, the file and the note stay, if anything has come."""
        passes = isinstance(error, AdapterError) and not isinstance(error, (NotFound, PreconditionFailed))
        if not passes or self._note.read() is None:
            super().end(error)
            self._note.clear()

    def _has_what_was_noted(self) -> bool:
        try:
            noted = json.loads(self._note.read() or "{}")
            size, digest = int(noted["bytes"]), noted["digest"]
        except (ValueError, TypeError, KeyError):
            return False
        self._take_in(size)
        if self._at != size or self._hash.hexdigest() != digest:
            return False
        # What stands behind a gap comes again.
        self._file.truncate(size)
        return True

    def _reached(self, size: int) -> None:
        before = self._at
        self._take_in(size)
        begin_writing(self._file.fileno(), before, self._at - before)
        self._note.write(json.dumps({"bytes": self._at, "digest": self._hash.hexdigest()}))

    def _take_in(self, size: int) -> None:
        self._file.seek(self._at)
        while self._at < size and (block := self._file.read(min(_BLOCK, size - self._at))):
            self._hash.update(block)
            self._at += len(block)
