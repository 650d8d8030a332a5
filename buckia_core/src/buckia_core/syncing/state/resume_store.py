"""`ResumeStore`: records of unfinished transfers, which a later run resumes.

Each record is a small file of its own in the state directory. So workers write them from any thread or process, and
they survive a kill.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableUpload
from buckia_core.errors import AdapterError, StateError
from buckia_core.localfs.create_directories import open_private_directory
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import NotAFile, open_file, unlink_if_exists, write_all
from buckia_core.localfs.opening import CREATE_FLAGS, PathBlocked
from buckia_core.localfs.staging_file import PRIVATE_MODE, StagingFile
from buckia_core.syncing.state.errors import state_error
from buckia_core.syncing.state.locations import StateFiles, check_state_dir

_TEMP_SUFFIX = ".part"
_FILE_NAME = re.compile(r"[0-9a-f]{32}\.(json|part)")
"""Names of complete and of partially written records. All other files in the directory are ignored."""

_MAX_BYTES = 32 << 20
"""Largest record. The checkpoint of an upload may have an entry for each of 10,000 parts."""


class TransferKind(Enum):
    """Direction of a transfer."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


class ResumeRecord(NamedTuple):
    """Record of one unfinished transfer.

    Attributes:
        kind: The direction.
        identity: The identity of the bucket.
        key: The key of the object.
        content: The transferred content: a digest of the file, or the object's fingerprint.
        path: The staging file of a download; empty for an upload.
        text: The checkpoint, as the adapter or the download wrote it.
    """

    kind: TransferKind
    identity: str
    key: str
    content: str
    path: str
    text: str


class ResumeStore:
    """Store of the unfinished transfers of one bucket of one project. Thread-safe and picklable."""

    def __init__(self, files: StateFiles) -> None:
        self._state_files = files
        self._records = RecordDirectory(str(files.directory), files.unfinished.name)
        self._identity = files.identity

    def import_legacy(self, stem: str) -> None:
        """Move the records of this bucket that Buckia 0.6 wrote under a stem; those of other buckets stay.

        Raises:
            StateError: The records can't be read or written.
        """
        legacy = RecordDirectory(str(self._state_files.directory), stem)
        for legacy_name, record in legacy.all():
            if record is None or not self._state_files.matches(record.identity):
                continue
            own_record = record._replace(identity=self._identity, text="")
            if self._records.read(name := _file_name(record.kind, record.key)) is None:
                FileCheckpoint(self._records, name, own_record).write(record.text)
            legacy.remove(legacy_name)
        legacy.remove_directory()

    def claim(self, kind: TransferKind, key: str, content: str, adapter: BaseSync, path: str = "") -> FileCheckpoint:
        """Return the checkpoint of a transfer. Discards an unfinished transfer of other content under the key."""
        record = ResumeRecord(kind, self._identity, key, content, path, "")
        found = self.find(kind, key)
        if found is not None and found._replace(text="") != record:
            with suppress(AdapterError):
                self.discard(found, adapter)
        return FileCheckpoint(self._records, _file_name(kind, key), record)

    def find(self, kind: TransferKind, key: str) -> ResumeRecord | None:
        """Return the record of a transfer; `None` if there is none or it is damaged."""
        return self._records.read(_file_name(kind, key))

    def all(self) -> Iterator[ResumeRecord]:
        """Yield all records that are not damaged.

        Raises:
            StateError: The records can't be read.
        """
        yield from (record for _, record in self._records.all() if record is not None)

    def upload_checkpoints(self) -> dict[str, str]:
        """Return the checkpoints of uploads by key, including those of Buckia 0.6 that no run has migrated yet.

        Raises:
            StateError: The records can't be read, or the state directory can't be trusted.
            ConfigError: As `check_state_dir`.
        """
        check_state_dir(self._state_files.directory)
        legacy = RecordDirectory(str(self._state_files.directory), self._state_files.legacy_stem)
        left = (
            record for _, record in legacy.all() if record is not None and self._state_files.matches(record.identity)
        )
        found = [*left, *self.all()]
        return {each.key: each.text for each in found if each.kind is TransferKind.UPLOAD}

    def temp_files(self) -> frozenset[str]:
        """Return the names of the staging files of unfinished downloads."""
        return frozenset(os.path.basename(record.path) for record in self.all() if record.kind is TransferKind.DOWNLOAD)

    def prune(
        self,
        wanted: Callable[[ResumeRecord], bool],
        adapter: BaseSync,
        remove_file: Callable[[ResumeRecord], object] = lambda _: None,
    ) -> None:
        """Discard the transfers that `wanted` rejects, and remove records that a power loss damaged.

        `remove_file` removes the staging file of such a download; otherwise the next scan does.

        For the start of a run, when no worker writes records.

        Raises:
            StateError: The records can't be read or removed.
        """
        for name, record in self._records.all():
            if record is None or name != _file_name(record.kind, record.key):
                # Under another name, a record is not found by its key, and would stay for good.
                self._records.remove(name)
            elif not wanted(record):
                # If the provider does not respond now, the next run retries.
                with suppress(AdapterError):
                    self.discard(record, adapter)
                    remove_file(record)

    def discard(self, record: ResumeRecord, adapter: BaseSync) -> None:
        """Abort a transfer: remove its record, and its parts at the provider. The caller removes a staging file.

        Raises:
            AdapterError: The provider could not abort the upload. The record stays.
        """
        is_own_upload = record.kind is TransferKind.UPLOAD and record.identity == self._identity
        if is_own_upload and isinstance(adapter, ResumableUpload):
            adapter.abort_upload(record.key, record.text)
        self._records.remove(_file_name(record.kind, record.key))


class FileCheckpoint:
    """`Checkpoint` of one transfer, in a file."""

    def __init__(self, records: RecordDirectory, name: str, record: ResumeRecord) -> None:
        self._records = records
        self._name = name
        self._record = record

    def read(self) -> str | None:
        """See `Checkpoint`."""
        record = self._records.read(self._name)
        return record.text if record is not None and record._replace(text="") == self._record else None

    def write(self, text: str) -> None:
        """See `Checkpoint`."""
        fields = self._record._asdict() | {"kind": self._record.kind.value, "text": text}
        self._records.write(self._name, json.dumps(fields))

    def clear(self) -> None:
        """See `Checkpoint`."""
        self._records.remove(self._name)


class RecordDirectory(NamedTuple):
    """Directory of the records of one bucket. Follows no links, since it may come from a checkout.

    All methods raise `StateError` on system errors, and where another kind of file is in the way.

    Attributes:
        state_dir: The state directory.
        stem: Name of the directory below `unfinished`.
    """

    state_dir: str
    stem: str

    def read(self, name: str) -> ResumeRecord | None:
        """Return a record; `None` if there is none, or it is damaged."""
        with self._open() as directory:
            return None if directory is None else _read(directory, name)

    def all(self) -> list[tuple[str, ResumeRecord | None]]:
        """Return all records with their file names; `None` stands for a damaged record."""
        with self._open() as directory:
            if directory is None:
                return []
            return [
                (name, _read(directory, name)) for name in sorted(directory.listdir()) if _FILE_NAME.fullmatch(name)
            ]

    def write(self, name: str, text: str) -> None:
        """Write a record, replacing an existing one atomically."""
        with self._open(make=True) as directory:
            assert directory is not None
            temp_name = f"{uuid.uuid4().hex}{_TEMP_SUFFIX}"
            descriptor = directory.open(temp_name, CREATE_FLAGS, PRIVATE_MODE)
            with StagingFile(directory, temp_name, descriptor) as staged:
                write_all(descriptor, text.encode("ascii"))
                staged.commit(directory, name)

    def remove(self, name: str) -> None:
        """Remove a record."""
        with self._open() as directory:
            if directory is not None:
                unlink_if_exists(directory, name)

    def remove_directory(self) -> None:
        """Remove the directory if it is empty."""
        with self._open() as directory:
            if directory is None or directory.listdir():
                return
        with Tree(self.state_dir) as tree, suppress(FileNotFoundError):
            tree.open_directory("unfinished").rmdir(self.stem)

    @contextmanager
    def _open(self, *, make: bool = False) -> Iterator[Directory | None]:
        try:
            with open_private_directory(self.state_dir, f"unfinished/{self.stem}", create=make) as found:
                yield found
        except PathBlocked as error:
            raise StateError(f"{error}; remove it. Nothing there was changed") from error
        except OSError as error:
            raise state_error(error, Path(self.state_dir, "unfinished", self.stem)) from error


def _file_name(kind: TransferKind, key: str) -> str:
    return hashlib.sha256(f"{kind.value}\0{key}".encode()).hexdigest()[:32] + ".json"


def _read(directory: Directory, name: str) -> ResumeRecord | None:
    try:
        with open_file(directory, name) as file:
            data = file.read(_MAX_BYTES + 1)
        fields = json.loads(data.decode("ascii")) if len(data) <= _MAX_BYTES else {}
        if not all(isinstance(value, str) for value in fields.values()):
            return None
        # Raises an error for half a surrogate pair.
        "".join(fields.values()).encode()
        return ResumeRecord(**fields | {"kind": TransferKind(fields["kind"])})
    except (FileNotFoundError, NotAFile, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
