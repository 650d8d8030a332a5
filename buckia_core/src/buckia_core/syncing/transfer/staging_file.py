"""Staging files: the temporary file of a download, which is buffered, streamed or resumable."""

from __future__ import annotations

import io
import json
import os
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
from buckia_core.localfs.durability import start_writeback
from buckia_core.localfs.files import (
    create_temp_file,
    descriptor_path,
    set_mtime,
    set_permissions,
    unpredictable_name,
    write_all,
)
from buckia_core.localfs.opening import CREATE_FLAGS, FILE_NOFOLLOW_FLAGS
from buckia_core.localfs.system_errors import find_system_failure
from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.state.resume_store import ResumeStore, TransferKind
from buckia_core.syncing.transfer.hashing import hash_bytes, hash_stream, new_hash

BUFFERED_DOWNLOAD_MAX = 1 << 20
"""Objects up to this size, in bytes, are downloaded to memory first, one per worker at a time."""

_CHUNK_SIZE = 1 << 20

_NEW_FILE_MODE = 0o666
"""Mode of a new file, which the operating system reduces by the umask."""

_PRIVATE_MODE = 0o600


class StagingFile(ABC):
    """The temporary file of a download. A context that removes the file at its end, unless it was released.

    Attributes:
        directory: The directory of the file.
        name: The name of the file; empty until it is created.
        resumed_bytes: Bytes that an earlier attempt downloaded.
        released: The file was moved to its final name, or must be kept for another reason.
    """

    def __init__(self, directory: Directory, name: str = "") -> None:
        self.directory = directory
        self.name = name
        self.resumed_bytes = 0
        self.released = False

    @property
    def path(self) -> str:
        """The path of the file."""
        return self.directory.join(self.name)

    @abstractmethod
    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """Download all bytes of a version, and return the object."""

    @abstractmethod
    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """Return digests of the downloaded bytes, and their size."""

    @abstractmethod
    def finish(self, mode: int | None, mtime_ns: int | None) -> None:
        """Complete the file: its bytes, permission bits and time, without a flush to the disk.

        With `mode=None`, the file keeps the mode of a new file.
        """

    def fsync(self) -> None:
        """Flush the file to the disk."""
        descriptor = self.directory.open(self.name, os.O_WRONLY | FILE_NOFOLLOW_FLAGS)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def reset(self) -> None:  # noqa: B027  # most have nothing to discard
        """Discard the downloaded bytes, so that the next `fetch` starts anew."""

    def close(self) -> None:  # noqa: B027  # most have nothing open
        """Close the file, as moving it may require. Idempotent."""

    def clean_up(self, error: BaseException | None) -> None:  # noqa: ARG002  # used by `ResumableStagingFile`
        """Remove the file, unless it was released."""
        if self.name and not self.released:
            with suppress(FileNotFoundError):
                self.directory.unlink(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The next run removes a temporary file that is left, so an error here must not fail the operation, or others
        # of its batch.
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            self.clean_up(error)


def open_staging_file(
    adapter: BaseSync,
    expected: RemoteObject,
    directory: Directory,
    prefix: str,
    algorithm: str,
    resume_store: ResumeStore | None,
    *,
    private: bool,
) -> StagingFile:
    """Open a staging file for the download of a version.

    Args:
        adapter: The bucket.
        expected: The version.
        directory: The directory of the file.
        prefix: The prefix of its name.
        algorithm: The digest algorithm that the download will ask for.
        resume_store: Checkpoints of interrupted downloads; `None` disables resuming.
        private: Create the file with mode 0600 until `finish` sets its mode, because the replaced file may be private.

    Raises:
        OSError: The file can't be created or read.
    """
    mode = _PRIVATE_MODE if private else _NEW_FILE_MODE
    if expected.size <= BUFFERED_DOWNLOAD_MAX:
        return BufferedStagingFile(adapter, directory, prefix, mode)
    if resume_store is None or not isinstance(adapter, ResumableDownload):
        return StreamedStagingFile(adapter, directory, prefix, mode)
    content = f"{expected.size} {expected.fingerprint}"
    record = resume_store.find(TransferKind.DOWNLOAD, expected.key)
    name = os.path.basename(record.path) if record is not None and record.content == content else ""
    if not name.startswith(prefix) or (record is not None and record.path != directory.join(name)):
        # The name is random and only in the checkpoint: other users could occupy a predictable name.
        name = unpredictable_name(prefix)
    checkpoint = resume_store.claim(TransferKind.DOWNLOAD, expected.key, content, adapter, directory.join(name))
    return ResumableStagingFile(adapter, directory, name, mode, algorithm, checkpoint)


class BufferedStagingFile(StagingFile):
    """Downloads to memory and writes the file from there, with few system calls. For small objects."""

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

    def finish(self, mode: int | None, mtime_ns: int | None) -> None:
        """See `StagingFile`."""
        self.name, self._descriptor = create_temp_file(self.directory, self._prefix, self._mode)
        write_all(self._descriptor, self._data)
        self._data = b""
        apply_metadata(self._descriptor, mode, mtime_ns)

    def fsync(self) -> None:
        """See `StagingFile`."""
        if self._descriptor is None:
            super().fsync()
        else:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """See `StagingFile`."""
        if self._descriptor is not None:
            # After an error of `close`, another file may have the descriptor.
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


class OpenStagingFile(StagingFile):
    """Keeps the file open during the download, so that it can't be replaced; adapters write to `target`."""

    def __init__(self, directory: Directory, name: str, file: io.FileIO) -> None:
        super().__init__(directory, name)
        self._file = file

    @property
    def target(self) -> Path:
        """The path for the adapter to write to."""
        return Path(descriptor_path(self._file.fileno(), self.path))

    def finish(self, mode: int | None, mtime_ns: int | None) -> None:
        """See `StagingFile`."""
        apply_metadata(self._file.fileno(), mode, mtime_ns)

    def fsync(self) -> None:
        """See `StagingFile`."""
        if self._file.closed:
            super().fsync()
        else:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """See `StagingFile`."""
        self._file.close()


class StreamedStagingFile(OpenStagingFile):
    """Downloads from the start in one go."""

    def __init__(self, adapter: BaseSync, directory: Directory, prefix: str, mode: int) -> None:
        name, descriptor = create_temp_file(directory, prefix, mode)
        super().__init__(directory, name, io.FileIO(descriptor, "rb+"))
        self._adapter = adapter

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `StagingFile`."""
        return self._adapter.download_file(expected.key, self.target, expect=expected)

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `StagingFile`."""
        self._file.seek(0)
        return hash_stream(self._file, algorithms)


class ResumableStagingFile(OpenStagingFile):
    """Resumes the download of an earlier attempt, of this run or an earlier one, and keeps the file for the next one.

    The contiguous bytes from the start are hashed as they arrive. The checkpoint has their number and digest; if the
    file does not match it, for example after a power failure, the download starts anew.
    """

    def __init__(
        self,
        adapter: ResumableDownload,
        directory: Directory,
        name: str,
        mode: int,
        algorithm: str,
        checkpoint: Checkpoint,
    ) -> None:
        super().__init__(directory, name, _open_or_create(directory, name, mode))
        self._adapter = adapter
        self._algorithm = algorithm
        self._checkpoint = checkpoint
        self._hash = new_hash(algorithm)
        self._offset = 0
        try:
            if not self._matches_checkpoint():
                self.reset()
        except BaseException:
            self._file.close()
            raise
        self.resumed_bytes = self._offset

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `StagingFile`."""
        partial = PartialDownload(self.target, self._offset, self._on_progress)
        try:
            found = self._adapter.resume_download(expected.key, partial, expect=expected)
        except IntegrityError:
            if self._offset == expected.size:
                # The content is complete and wrong: a resumed download would never succeed.
                self.reset()
            raise
        if self._offset != expected.size:
            message = f"{expected.key!r}: {self._offset} bytes came where there should be {expected.size}"
            raise IntegrityError(message, key=expected.key)
        return found

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `StagingFile`. Algorithms other than the one of the constructor require another read of the file."""
        digests: Digests = (Digest(self._algorithm, self._hash.hexdigest()),)
        others = tuple(name for name in algorithms if name != self._algorithm)
        if others:
            self._file.seek(0)
            digests += hash_stream(self._file, others)[0]
        return digests, os.fstat(self._file.fileno()).st_size

    def reset(self) -> None:
        """See `StagingFile`."""
        self._checkpoint.clear()
        self._file.truncate(0)
        self._hash = new_hash(self._algorithm)
        self._offset = self.resumed_bytes = 0

    def clean_up(self, error: BaseException | None) -> None:
        """See `StagingFile`. After an error that may be temporary, a file with a checkpoint is kept."""
        is_temporary = isinstance(error, AdapterError) and not isinstance(error, (NotFound, PreconditionFailed))
        if not is_temporary or self._checkpoint.read() is None:
            super().clean_up(error)
            self._checkpoint.clear()

    def _matches_checkpoint(self) -> bool:
        try:
            saved = json.loads(self._checkpoint.read() or "{}")
            size, digest = int(saved["bytes"]), saved["digest"]
        except (ValueError, TypeError, KeyError):
            return False
        self._hash_up_to(size)
        if self._offset != size or self._hash.hexdigest() != digest:
            return False
        # Bytes after a gap are downloaded again.
        self._file.truncate(size)
        return True

    def _on_progress(self, size: int) -> None:
        start = self._offset
        self._hash_up_to(size)
        start_writeback(self._file.fileno(), start, self._offset - start)
        self._checkpoint.write(json.dumps({"bytes": self._offset, "digest": self._hash.hexdigest()}))

    def _hash_up_to(self, size: int) -> None:
        self._file.seek(self._offset)
        while self._offset < size and (chunk := self._file.read(min(_CHUNK_SIZE, size - self._offset))):
            self._hash.update(chunk)
            self._offset += len(chunk)


def apply_metadata(descriptor: int, mode: int | None, mtime_ns: int | None) -> None:
    """Set permission bits and modification time of an open file; `None` leaves them as they are."""
    if mode is not None:
        set_permissions(descriptor, mode)
    if mtime_ns is not None:
        set_mtime(descriptor, mtime_ns)


def _open_or_create(directory: Directory, name: str, mode: int) -> io.FileIO:
    """Open the file of an earlier attempt, or create one.

    Other users may write to the directory, so a link, or a file with several links or another owner, is replaced.
    """
    with suppress(FileNotFoundError):
        try:
            file = io.FileIO(directory.open(name, os.O_RDWR | FILE_NOFOLLOW_FLAGS), "rb+")
        except OSError as error:
            if find_system_failure(error):
                raise
            directory.unlink(name)
        else:
            status = os.fstat(file.fileno())
            is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and is_own:
                if mode == _PRIVATE_MODE:
                    set_permissions(file.fileno(), mode)
                return file
            file.close()
            directory.unlink(name)
    return io.FileIO(directory.open(name, CREATE_FLAGS, mode), "rb+")
