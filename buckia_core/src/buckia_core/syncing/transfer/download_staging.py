"""Staging files: the temporary file of a download, which is buffered, streamed or resumable."""

from __future__ import annotations

import io
import json
import os
import stat
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableDownload
from buckia_core.adapters.contract.resume import Checkpoint, PartialDownload
from buckia_core.adapters.transfers.hashing import hash_bytes, hash_stream, new_hash
from buckia_core.errors import AdapterError, IntegrityError, NotFound, PreconditionFailed
from buckia_core.localfs.directory import Directory
from buckia_core.localfs.durability import start_writeback
from buckia_core.localfs.files import (
    create_temp_file,
    descriptor_path,
    set_permissions,
    unlink_if_exists,
    unpredictable_name,
    write_all,
)
from buckia_core.localfs.opening import CREATE_FLAGS, FILE_NOFOLLOW_FLAGS
from buckia_core.localfs.sqlite_files import is_database
from buckia_core.localfs.staging_file import NEW_FILE_MODE, PRIVATE_MODE, StagingFile
from buckia_core.localfs.system_errors import find_system_failure
from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.state.resume_store import ResumeStore, TransferKind

BUFFERED_DOWNLOAD_MAX = 1 << 20
"""Objects up to this size, in bytes, are downloaded to memory first, one per worker at a time."""

_CHUNK_SIZE = 256 << 10

_WRITEBACK_STEP = 4 << 20

_CHECKPOINT_SECONDS = 0.5
"""Least time between two checkpoints of a download. What came since the last one is lost if the process is killed."""


class DownloadStagingFile(StagingFile, ABC):
    """The staging file of a download.

    Attributes:
        resumed_bytes: Bytes that an earlier attempt downloaded.
        is_database: Whether the content is an SQLite database; `None` if the file has to be read to know.
    """

    resumed_bytes = 0
    is_database: bool | None = None

    @abstractmethod
    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """Download all bytes of a version, and return the object."""

    @abstractmethod
    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """Return digests of the downloaded bytes, and their size."""

    def reset(self) -> None:  # most have nothing to discard
        """Discard the downloaded bytes, so that the next `fetch` starts anew."""


def open_staging_file(
    adapter: BaseSync,
    expected: RemoteObject,
    directory: Directory,
    prefix: str,
    algorithm: str,
    resume_store: ResumeStore | None,
    *,
    private: bool,
) -> DownloadStagingFile:
    """Open a staging file for the download of a version.

    Args:
        adapter: The bucket.
        expected: The version.
        directory: The directory of the file.
        prefix: The prefix of its name.
        algorithm: The digest algorithm that the download will ask for.
        resume_store: Checkpoints of interrupted downloads; with `None`, only attempts of this download resume.
        private: Create the file with mode 0600 until `finish` sets its mode, because the replaced file may be private.

    Raises:
        OSError: The file can't be created or read.
    """
    mode = PRIVATE_MODE if private else NEW_FILE_MODE
    if expected.size <= BUFFERED_DOWNLOAD_MAX:
        return BufferedStagingFile(adapter, directory, prefix, mode)
    if not adapter.capabilities.resumable_download or not isinstance(adapter, ResumableDownload):
        return StreamedStagingFile(adapter, directory, prefix, mode)
    if resume_store is None:
        name, descriptor = create_temp_file(directory, prefix, mode)
        return ResumableStagingFile(adapter, directory, name, descriptor, algorithm, _NoCheckpoint())
    content = f"{expected.size} {expected.fingerprint}"
    record = resume_store.find(TransferKind.DOWNLOAD, expected.key)
    name = os.path.basename(record.path) if record is not None and record.content == content else ""
    if record is not None and not name and (outdated := os.path.basename(record.path)).startswith(prefix):
        # Only in this directory, since the record may be forged.
        unlink_if_exists(directory, outdated)
    if not name.startswith(prefix) or (record is not None and record.path != directory.join(name)):
        # The name is random and only in the checkpoint: other users could occupy a predictable name.
        name = unpredictable_name(prefix)
    checkpoint = resume_store.claim(TransferKind.DOWNLOAD, expected.key, content, adapter, directory.join(name))
    descriptor = _open_or_create(directory, name, mode)
    return ResumableStagingFile(adapter, directory, name, descriptor, algorithm, checkpoint)


class BufferedStagingFile(DownloadStagingFile):
    """Downloads to memory and writes the file from there, with few system calls. For small objects.

    Attributes:
        data: The content, until it is written.
    """

    def __init__(self, adapter: BaseSync, directory: Directory, prefix: str, mode: int) -> None:
        super().__init__(directory)
        self._adapter = adapter
        self._prefix = prefix
        self._mode = mode
        self.data = b""

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `DownloadStagingFile`."""
        found, self.data = self._adapter.read_file(expected.key, expect=expected)
        return found

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `DownloadStagingFile`."""
        return hash_bytes(self.data, algorithms), len(self.data)

    def finish(self, mode: int | None, mtime_ns: int | None) -> None:
        """Write the file, and set its permission bits and time."""
        write_all(self.create(self._prefix, self._mode), self.data)
        self.is_database = is_database(self.data)
        self.data = b""
        super().finish(mode, mtime_ns)


class OpenStagingFile(DownloadStagingFile):
    """Keeps the file open during the download, so that it can't be replaced; adapters write to `target`."""

    def __init__(self, directory: Directory, name: str, descriptor: int) -> None:
        super().__init__(directory, name, descriptor)
        self._file = io.FileIO(descriptor, "rb+", closefd=False)

    @property
    def target(self) -> Path:
        """The path for the adapter to write to."""
        return Path(descriptor_path(self._file.fileno(), self.path))


class StreamedStagingFile(OpenStagingFile):
    """Downloads from the start in one go."""

    def __init__(self, adapter: BaseSync, directory: Directory, prefix: str, mode: int) -> None:
        super().__init__(directory, *create_temp_file(directory, prefix, mode))
        self._adapter = adapter

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `DownloadStagingFile`."""
        return self._adapter.download_file(expected.key, self.target, expect=expected)

    def digest(self, algorithms: tuple[str, ...]) -> tuple[Digests, int]:
        """See `DownloadStagingFile`."""
        self._file.seek(0)
        return hash_stream(self._file, algorithms)


class ResumableStagingFile(OpenStagingFile):
    """Resumes the download of an earlier attempt, of this run or an earlier one, and keeps the file for the next one.

    The contiguous bytes from the start are hashed as they arrive; those that the adapter does not pass on are read from
    the file. The checkpoint has their number and digest; if the file does not match it, for example after a power
    failure, the download starts anew.
    """

    def __init__(
        self,
        adapter: ResumableDownload,
        directory: Directory,
        name: str,
        descriptor: int,
        algorithm: str,
        checkpoint: Checkpoint,
    ) -> None:
        super().__init__(directory, name, descriptor)
        self._adapter = adapter
        self._algorithm = algorithm
        self._checkpoint = checkpoint
        self._hash = new_hash(algorithm)
        self._offset = self._written_back = self._saved = 0
        self._saved_at = -_CHECKPOINT_SECONDS
        try:
            if not self._matches_checkpoint():
                self.reset()
        except BaseException:
            self.close()
            raise
        self.resumed_bytes = self._saved = self._written_back = self._offset

    def fetch(self, expected: RemoteObject) -> RemoteObject:
        """See `DownloadStagingFile`."""
        partial = PartialDownload(self.target, self._offset, self._on_progress, self._on_content)
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
        """See `DownloadStagingFile`. Other algorithms than the one of the constructor require another read."""
        digests: Digests = (Digest(self._algorithm, self._hash.hexdigest()),)
        others = tuple(name for name in algorithms if name != self._algorithm)
        if others:
            self._file.seek(0)
            digests += hash_stream(self._file, others)[0]
        return digests, os.fstat(self._file.fileno()).st_size

    def reset(self) -> None:
        """See `DownloadStagingFile`."""
        self._checkpoint.clear()
        self._file.truncate(0)
        self._hash = new_hash(self._algorithm)
        self._offset = self._written_back = self._saved = self.resumed_bytes = 0

    def clean_up(self, error: BaseException | None) -> None:
        """See `DownloadStagingFile`. After an error that may be temporary, a file with a checkpoint is kept."""
        is_temporary = isinstance(error, AdapterError) and not isinstance(error, (NotFound, PreconditionFailed))
        if is_temporary and self._offset > self._saved:
            self._save()
        if not is_temporary or self._checkpoint.read() is None:
            super().clean_up(error)
            self._checkpoint.clear()

    def _matches_checkpoint(self) -> bool:
        try:
            saved = json.loads(self._checkpoint.read() or "{}")
            size, digest = int(saved["bytes"]), saved["digest"]
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return False
        self._hash_up_to(size)
        if self._offset != size or self._hash.hexdigest() != digest:
            return False
        # Bytes after a gap are downloaded again.
        self._file.truncate(size)
        return True

    def _on_content(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self._offset += len(data)
        if self._offset - self._written_back >= _WRITEBACK_STEP:
            self._write_back()

    def _on_progress(self, size: int) -> None:
        self._hash_up_to(size)
        self._write_back()
        if time.monotonic() - self._saved_at >= _CHECKPOINT_SECONDS:
            self._save()

    def _write_back(self) -> None:
        start_writeback(self._file.fileno(), self._written_back, self._offset - self._written_back)
        self._written_back = self._offset

    def _save(self) -> None:
        self._checkpoint.write(json.dumps({"bytes": self._offset, "digest": self._hash.hexdigest()}))
        self._saved, self._saved_at = self._offset, time.monotonic()

    def _hash_up_to(self, size: int) -> None:
        if self._offset >= size:
            return
        self._file.seek(self._offset)
        buffer = memoryview(bytearray(_CHUNK_SIZE))
        while self._offset < size and (count := self._file.readinto(buffer[: size - self._offset])):
            self._hash.update(buffer[:count])
            self._offset += count


class _NoCheckpoint:
    """A checkpoint that keeps nothing."""

    def read(self) -> str | None:
        return None

    def write(self, text: str) -> None:
        pass

    def clear(self) -> None:
        pass


def _open_or_create(directory: Directory, name: str, mode: int) -> int:
    """Open the file of an earlier attempt, or create one.

    Other users may write to the directory, so a link, or a file with several links or another owner, is replaced.
    """
    with suppress(FileNotFoundError):
        try:
            descriptor = directory.open(name, os.O_RDWR | FILE_NOFOLLOW_FLAGS)
        except OSError as error:
            if find_system_failure(error):
                raise
            directory.unlink(name)
        else:
            status = os.fstat(descriptor)
            is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and is_own:
                if mode == PRIVATE_MODE:
                    set_permissions(descriptor, mode)
                return descriptor
            os.close(descriptor)
            directory.unlink(name)
    return directory.open(name, CREATE_FLAGS, mode)
