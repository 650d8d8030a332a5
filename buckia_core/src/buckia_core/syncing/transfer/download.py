"""Download one file: fetch to a staging file, verify, flush to the disk, and commit under the final name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.transfers.content_check import ContentCheck
from buckia_core.errors import IntegrityError
from buckia_core.localfs.durability import syncfs
from buckia_core.localfs.files import existing_permissions
from buckia_core.localfs.sqlite_files import PAGE_STEP
from buckia_core.planning.digest import Digests, merge
from buckia_core.planning.manifest import LocalEntry, RemoteObject, is_same_version
from buckia_core.syncing.disk.file_locator import FileLocation
from buckia_core.syncing.state.resume_store import ResumeStore
from buckia_core.syncing.transfer.download_staging import BufferedStagingFile, open_staging_file
from buckia_core.syncing.transfer.errors import StateChanged
from buckia_core.syncing.transfer.in_flight import TrackProgress, allocated_size, no_progress

RESUMABLE_DOWNLOAD_MIN = 8 << 20
"""Downloads of more bytes are resumable."""

_ATTEMPTS = 3

_SYNCFS_MIN_FILES = 4
"""Minimum of files for which one `syncfs` is faster than an `fsync` per file."""


class DownloadResult(NamedTuple):
    """The result of a download: the new file, its object, and the digests of the content.

    `bytes_received` is less than the size of the file if the download was resumed.
    """

    local: LocalEntry
    remote: RemoteObject
    digests: Digests
    bytes_received: int


class Download:
    """Downloads the version `expected` of an object, to replace the file `planned` or to create a new file.

    A context, which at its end removes the staging file that no later run can resume. Call `fetch` once, and then
    `commit`. Between them, `flush_group` may flush many downloads to the disk at once.

    Args:
        adapter: The bucket.
        expected: The version.
        location: The location of the file.
        mapping_id: Id of the mapping.
        temp_prefix: Prefix of the name of the staging file.
        planned: The file to replace, as the plan has it; `None` for a new file.
        algorithm: The digest algorithm of the baseline.
        preserve: Called with the location of a file that is about to be lost, to keep its content.
        is_preserved: The file to replace is already preserved.
        track_progress: A context that is given a function which returns the bytes received so far.
        resume_store: Checkpoints for large downloads; `None` disables resuming.

    Attributes:
        directory: The directory of the file and the staging file.
        is_durable: The content survives a power failure.
        path_verified: `flush_group` has checked that the directory still has its path.

    Raises:
        OSError: The staging file of an earlier attempt can't be read.
    """

    def __init__(
        self,
        adapter: BaseSync,
        expected: RemoteObject,
        location: FileLocation,
        *,
        mapping_id: str,
        temp_prefix: str,
        planned: LocalEntry | None,
        algorithm: str,
        preserve: Callable[[FileLocation], object],
        is_preserved: bool = False,
        track_progress: TrackProgress = no_progress,
        resume_store: ResumeStore | None = None,
    ) -> None:
        self._adapter = adapter
        self._expected = expected
        self._location = location
        self._mapping_id = mapping_id
        self._planned = planned
        self._algorithm = algorithm
        self._preserve = preserve
        self._is_preserved = is_preserved
        self._track_progress = track_progress
        self.directory = location.directory
        store = resume_store if expected.size > RESUMABLE_DOWNLOAD_MIN else None
        self._file = open_staging_file(
            adapter, expected, location.directory, temp_prefix, algorithm, store, private=planned is not None
        )
        self._remote = expected
        self._digests: Digests = ()
        self._is_replaced = False
        self.is_durable = False
        self.path_verified = False

    @property
    def committed(self) -> bool:
        """Whether the file has its final name, or may have it."""
        return self._file.released or self._is_replaced

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def fetch(self) -> None:
        """Download to the staging file, and verify the content. Wrong content is downloaded again, at most twice.

        Raises:
            StateChanged, PreconditionFailed: The object has another version now.
            IntegrityError: The content does not match the digests of the object.
            AdapterError: The download failed.
            OSError: The staging file can't be written.
        """
        expected, file = self._expected, self._file
        reported = expected.digests
        check = ContentCheck(expected.size, self._algorithm)
        for _ in range(_ATTEMPTS):
            with self._track_progress(lambda: max(0, allocated_size(file.path) - file.resumed_bytes)):
                remote = file.fetch(expected)
            if self._accepts(check, remote, reported):
                return
            file.reset()
            # A listing may report a wrong digest, such as the ETag of an encrypted object, so use the one of HEAD too.
            seen = self._adapter.stat_file(expected.key)
            if seen.fingerprint != expected.fingerprint:
                raise StateChanged
            reported = seen.digests
        message = f"the downloaded content did not match what the provider reports, in {_ATTEMPTS} attempts"
        raise IntegrityError(message, key=expected.key)

    def receive(self, remote: RemoteObject, data: bytes) -> bool:
        """Write content that was downloaded to memory, and tell whether it is right; if not, call `fetch`.

        Only for objects of at most `BUFFERED_DOWNLOAD_MAX` bytes. `remote` is the object of that content.

        Raises:
            StateChanged, OSError: As `fetch`.
        """
        assert isinstance(self._file, BufferedStagingFile)
        self._file.data = data
        return self._accepts(ContentCheck(self._expected.size, self._algorithm), remote, self._expected.digests)

    def _accepts(self, check: ContentCheck, remote: RemoteObject, reported: Digests) -> bool:
        """Verify the content in the staging file, and finish that if the content is right."""
        if not check.accepts(self._file.digest, merge(remote.digests, reported), remote.claimed):
            return False
        self._remote, self._digests = remote, check.digests
        self._file.finish(self._permissions(), _target_mtime(remote))
        return True

    def close_staging(self) -> None:
        """Close the staging file, because a batch of downloads could exceed the limit of open files."""
        self._file.close()

    def commit(self) -> DownloadResult:
        """Flush the staging file to the disk, unless that is done, and move it to its final name.

        Raises:
            StateChanged: The local file is not as planned.
            InvalidKey: The entry is not a regular file.
            CorruptDatabase: The object is a damaged SQLite database, and the file is a sound one.
            Transient: The file is a database that stayed locked.
            OSError: The file can't be written. The previous one is untouched.
        """
        if not self.is_durable:
            self._file.fsync()
        self._file.close()
        if not (self.path_verified or self.directory.is_still_at_path()):
            raise StateChanged
        if self._commit_database():
            pass
        elif self._planned is None:
            self._commit_new()
        else:
            self._replace(self._planned)
        local = self._stat_target()
        if local is None:
            raise StateChanged
        return DownloadResult(local, self._remote, self._digests, self._expected.size - self._file.resumed_bytes)

    def _commit_database(self) -> bool:
        """Replace an SQLite database that may be in use; tell whether that is done."""
        planned, size = self._planned, self._expected.size
        if self._location.database is None or not ((planned and planned.snapshot) or (size and size % PAGE_STEP == 0)):
            return False
        if self._file.is_database is False and not (planned and planned.snapshot):
            return False
        from buckia_core.syncing.transfer.download_database import place_database  # noqa: PLC0415  # few trees have any

        self._is_replaced = place_database(self._file.path, self._location, planned, self._preserve)
        return self._is_replaced

    def _replace(self, planned: LocalEntry) -> None:
        now = self._stat_target()
        if now is None or not is_same_version(now, planned):
            raise StateChanged
        if not self._is_preserved:
            self._preserve(self._location)
        if not self._file.commit_over(
            self.directory, self._location.name, now, lambda *edit: self._preserve(FileLocation(*edit))
        ):
            raise StateChanged

    def _commit_new(self) -> None:
        """Create a new file, without overwriting one that was just created."""
        try:
            # Nearly always there is no entry, and this is the cheapest way to find out.
            self._file.commit_new(self.directory, self._location.name)
        except FileExistsError:
            self._location.remove_empty_tree()
            if self._stat_target() is not None:
                raise StateChanged from None
            try:
                self._file.commit_new(self.directory, self._location.name)
            except FileExistsError:
                raise StateChanged from None

    def _stat_target(self) -> LocalEntry | None:
        return self._location.stat_entry(self._expected.key, self._mapping_id)

    def _permissions(self) -> int | None:
        """Return the permission bits of the file to replace, which the new file gets."""
        if self._planned is None:
            return None
        if (permissions := existing_permissions(self.directory, self._location.name)) is None:
            raise StateChanged
        return permissions


def flush_group(files: Iterable[Download]) -> None:
    """Flush fetched downloads to the disk with one `syncfs` per device, where possible; `commit` flushes the others."""
    by_directory: dict[str, list[Download]] = {}
    for file in files:
        by_directory.setdefault(file.directory.path, []).append(file)
    by_device: dict[int, list[Download]] = {}
    for group in by_directory.values():
        if group[0].directory.is_still_at_path():
            for file in group:
                file.path_verified = True
        with suppress(OSError):
            by_device.setdefault(group[0].directory.stat_self().st_dev, []).extend(group)
    for device, group in by_device.items():
        if len(group) >= _SYNCFS_MIN_FILES and syncfs(device, group[0].directory.open_for_reading):
            for file in group:
                file.is_durable = True


def _target_mtime(remote: RemoteObject) -> int | None:
    """Return the modification time for the file; `None` if the provider reported none."""
    return remote.mtime_ns if remote.mtime_ns is not None else remote.modified_ns or None
