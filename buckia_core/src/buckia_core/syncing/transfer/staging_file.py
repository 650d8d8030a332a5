"""The temporary file of a download: how its bytes come, whether they are the right ones, and how far it is."""

from __future__ import annotations

import io
import json
import os
import secrets
import stat
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableDownload
from buckia_core.adapters.contract.resume import Checkpoint, PartialDownload
from buckia_core.errors import AdapterError, IntegrityError, NotFound, PreconditionFailed
from buckia_core.localfs.directory import Directory
from buckia_core.localfs.files import create, path_of_open, set_permissions, set_time, write_all
from buckia_core.localfs.opening import CREATE, NO_LINK
from buckia_core.localfs.system_errors import failure_of_system
from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.disk.durability import begin_writing
from buckia_core.syncing.state.resume_store import ResumeStore, TransferKind
from buckia_core.syncing.transfer.hashing import hash_bytes, hash_stream, new_hash

BUFFERED_DOWNLOAD_MAX = 1 << 20
"""Up to this size, in bytes, an object comes into memory first; as many of them at once as there are workers."""

_BLOCK = 1 << 20

_NEW = 0o666
"""What the system makes the permissions of a new file of, as for any program: it takes away what the umask says."""

_PRIVATE = 0o600


class StagingFile(ABC):
    """A temporary file that an object's bytes come to. At the end of its context it is gone, if it was not moved.

    Attributes:
        directory: Where it is.
        name: Its name there; empty until it is made.
        taken_up: Bytes that were there at the start.
        gone: It has been moved.
    """

    def __init__(self, directory: Directory, name: str = "") -> None:
        self.directory = directory
        self.name = name
        self.taken_up = 0
        self.gone = False

    @property
    def path(self) -> str:
        """Its path."""
        return self.directory.join(self.name)

    @abstractmethod
    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """Bring all bytes of a version to the file, and return the object."""

    @abstractmethod
    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """Return digests of what came, and its size in bytes."""

    @abstractmethod
    def write(self, mode: int | None, mtime_ns: int | None) -> None:
        """Have the system take what came, with the file's permission bits and time; it need not be on the disk then.

        Without a mode, the file has that of a new file.
        """

    def settle(self) -> None:
        """Make what was written outlast a loss of power."""
        descriptor = self.directory.open(self.name, os.O_WRONLY | NO_LINK)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def again(self) -> None:  # noqa: B027  # for most there is nothing to do
        """Begin anew with the next `fetch`: these were the wrong bytes."""

    def close(self) -> None:  # noqa: B027  # most have nothing open
        """Let the file be moved. Closing twice is no error."""

    def end(self, error: BaseException | None) -> None:  # noqa: ARG002  # another kind of file asks for it
        """Remove what is left."""
        if self.name and not self.gone:
            with suppress(FileNotFoundError):
                self.directory.unlink(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is left aside is no one's file, and the next run removes it: no reason to fail, least of all for the
        # other files of a group.
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            self.end(error)


def open_staging_file(
    adapter: BaseSync,
    expected: RemoteObject,
    directory: Directory,
    prefix: str,
    algorithm: str,
    unfinished: ResumeStore | None,
    *,
    private: bool,
) -> StagingFile:
    """Return the file for a download of a version.

    Args:
        adapter: The bucket.
        expected: The version.
        directory: Where the file is made.
        prefix: How its name begins.
        algorithm: The digest that will be wanted.
        unfinished: What earlier downloads have left; `None` if nothing is to be left.
        private: Nobody else may read it until `write` gives it a mode: it replaces a file that may be private.

    Raises:
        OSError: It can't be made, or read.
    """
    mode = _PRIVATE if private else _NEW
    if expected.size <= BUFFERED_DOWNLOAD_MAX:
        return BufferedStagingFile(adapter, directory, prefix, mode)
    if unfinished is None or not isinstance(adapter, ResumableDownload):
        return StreamedStagingFile(adapter, directory, prefix, mode)
    content = f"{expected.size} {expected.fingerprint}"
    kept = unfinished.find(TransferKind.DOWNLOAD, expected.key)
    name = os.path.basename(kept.path) if kept is not None and kept.content == content else ""
    if not name.startswith(prefix) or (kept is not None and kept.path != directory.join(name)):
        # Only the note knows it: a name that follows from the object could be taken beforehand.
        name = f"{prefix}{secrets.token_hex(8)}"
    note = unfinished.claim(TransferKind.DOWNLOAD, expected.key, content, adapter, directory.join(name))
    return ResumableStagingFile(adapter, directory, name, mode, algorithm, note)


class BufferedStagingFile(StagingFile):
    """Comes into memory, and is written from there: small files cost little more than the calls for them."""

    def __init__(self, adapter: BaseSync, directory: Directory, prefix: str, mode: int) -> None:
        super().__init__(directory)
        self._adapter = adapter
        self._prefix = prefix
        self._mode = mode
        self._data = b""
        self._descriptor: int | None = None

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `StagingFile`."""
        found, self._data = self._adapter.read_file(expected.key, expect=expected)
        return found

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `StagingFile`."""
        return hash_bytes(self._data, algorithms), len(self._data)

    def write(self, mode: int | None, mtime_ns: int | None) -> None:
        """See `StagingFile`."""
        self.name, self._descriptor = create(self.directory, self._prefix, self._mode)
        write_all(self._descriptor, self._data)
        self._data = b""
        dress(self._descriptor, mode, mtime_ns)

    def settle(self) -> None:
        """See `StagingFile`."""
        if self._descriptor is None:
            super().settle()
        else:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """See `StagingFile`."""
        if self._descriptor is not None:
            # After an error of `close` the number may be another file's.
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


class Held(StagingFile):
    """Is held open while it comes, so that nothing can be put in its place; adapters open it by `target`."""

    def __init__(self, directory: Directory, name: str, file: io.FileIO) -> None:
        super().__init__(directory, name)
        self._file = file

    @property
    def target(self) -> Path:
        """The path by which an adapter writes to the file."""
        return Path(path_of_open(self._file.fileno(), self.path))

    def write(self, mode: int | None, mtime_ns: int | None) -> None:
        """See `StagingFile`."""
        dress(self._file.fileno(), mode, mtime_ns)

    def settle(self) -> None:
        """See `StagingFile`."""
        if self._file.closed:
            super().settle()
        else:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """See `StagingFile`."""
        self._file.close()


class StreamedStagingFile(Held):
    """Comes in one go, always from the start."""

    def __init__(self, adapter: BaseSync, directory: Directory, prefix: str, mode: int) -> None:
        name, descriptor = create(directory, prefix, mode)
        super().__init__(directory, name, io.FileIO(descriptor, "rb+"))
        self._adapter = adapter

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `StagingFile`."""
        return self._adapter.download_file(expected.key, self.target, expect=expected)

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `StagingFile`."""
        self._file.seek(0)
        return hash_stream(self._file, algorithms)


class ResumableStagingFile(Held):
    """Goes on where an earlier attempt ended, in this run or in one before it, and stays for the next one.

    The bytes that stand without a gap are digested as they come. The note says how many there are and what their digest
    is; if the file holds others, as it may after a loss of power, it begins anew.
    """

    def __init__(
        self, adapter: ResumableDownload, directory: Directory, name: str, mode: int, algorithm: str, note: Checkpoint
    ) -> None:
        super().__init__(directory, name, _taken_up(directory, name, mode))
        self._adapter = adapter
        self._algorithm = algorithm
        self._note = note
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
        """See `StagingFile`."""
        landing = PartialDownload(self.target, self._at, self._reached)
        try:
            found = self._adapter.resume_download(expected.key, landing, expect=expected)
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
        """See `StagingFile`. Algorithms other than the one that was computed all along cost another reading."""
        digests: Digests = (Digest(self._algorithm, self._hash.hexdigest()),)
        others = tuple(name for name in algorithms if name != self._algorithm)
        if others:
            self._file.seek(0)
            digests += hash_stream(self._file, others)[0]
        return digests, os.fstat(self._file.fileno()).st_size

    def again(self) -> None:
        """See `StagingFile`."""
        self._note.clear()
        self._file.truncate(0)
        self._hash = new_hash(self._algorithm)
        self._at = self.taken_up = 0

    def end(self, error: BaseException | None) -> None:
        """See `StagingFile`. After an error that may pass, the file and the note stay, if anything has come."""
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


def dress(descriptor: int, mode: int | None, mtime_ns: int | None) -> None:
    """Give a file that was written its permission bits, if it is to have others, and its time."""
    if mode is not None:
        set_permissions(descriptor, mode)
    if mtime_ns is not None:
        set_time(descriptor, mtime_ns)


def _taken_up(directory: Directory, name: str, mode: int) -> io.FileIO:
    """Open the file that an earlier attempt left, or make one.

    Others may write to the directory. A link, or a second name of another file, is not what an attempt of ours left.
    """
    with suppress(FileNotFoundError):
        try:
            file = io.FileIO(directory.open(name, os.O_RDWR | NO_LINK), "rb+")
        except OSError as error:
            if failure_of_system(error):
                raise
            directory.unlink(name)
        else:
            status = os.fstat(file.fileno())
            mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and mine:
                if mode == _PRIVATE:
                    set_permissions(file.fileno(), mode)
                return file
            file.close()
            directory.unlink(name)
    return io.FileIO(directory.open(name, CREATE, mode), "rb+")
