"""Download of one object to a file: staged beside it, verified, flushed, and renamed."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.protocols import ResumableDownload
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.content_check import ContentCheck
from buckia_core.adapters.transfers.hashing import hash_stream
from buckia_core.errors import AlreadyExists, InvalidKey, PreconditionFailed
from buckia_core.localfs.create_directories import make_directories
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.files import descriptor_path, exists, permission_bits, signature, write_all
from buckia_core.localfs.staging_file import NEW_FILE_MODE, PRIVATE_MODE, StagingFile
from buckia_core.objects.progress import ProgressCounter, ProgressListener
from buckia_core.objects.read import Reader
from buckia_core.planning.digest import Digests, merge
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import RemoteObject

_BUFFERED_MAX = 1 << 20
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Download:
    """A download of one version of an object to a file.

    Attributes:
        reader: Reads the bucket.
        found: The version.
        target: The file.
        overwrite: Replace a file that is there.
        progress: Listener; may be `None`.
    """

    reader: Reader
    found: RemoteObject
    target: Path
    overwrite: bool = False
    progress: ProgressListener | None = None

    def run(self) -> RemoteObject:
        """Download, and return the object with the digests of its content. A file that is there is whole at any time.

        Raises:
            AlreadyExists: The file exists and `overwrite` is not set, or it changed during the download, or it is an
                SQLite database with side files, or such files would be applied to the database that is downloaded.
            InvalidKey: The target is no regular file.
            PreconditionFailed: The object has another version now.
            IntegrityError: The content does not match the object's digests.
            AdapterError: The download failed.
            OSError: The file can't be written.
        """
        head, name = os.path.split(os.path.abspath(self.target))
        make_directories(head)
        with Tree(head) as tree, StagingFile(tree.root) as staging:
            replaced = _stat(tree, name)
            if replaced is not None and not stat.S_ISREG(replaced.st_mode):
                raise InvalidKey(f"{self.target} is not a regular file", key=self.found.key)
            if replaced is not None and not self.overwrite:
                raise self._exists("exists; pass --overwrite to replace it")
            self._refuse_side_files(tree, name, b"")
            staging.create(TEMP_PREFIX, NEW_FILE_MODE if replaced is None else PRIVATE_MODE)
            remote = self._fetch(staging)
            mtime = remote.mtime_ns if remote.mtime_ns is not None else remote.modified_ns or None
            staging.finish(None if replaced is None else permission_bits(replaced), mtime)
            staging.fsync()
            self._refuse_side_files(tree, name, _read_head(staging))
            staging.close()
            if replaced is None:
                try:
                    staging.commit_new(tree.root, name)
                except FileExistsError:
                    raise self._exists("was created during the download") from None
            elif not staging.commit_over(tree.root, name, signature(replaced), lambda *_: None):
                raise self._exists("changed during the download, and was kept")
            tree.root.fsync()
        return remote

    def _fetch(self, staging: StagingFile) -> RemoteObject:
        found, adapter = self.found, self.reader.adapter
        assert staging.descriptor is not None
        reported = found.digests
        check = ContentCheck(found.size, self.reader.algorithm)
        for _ in range(_ATTEMPTS):
            file = io.FileIO(staging.descriptor, "rb+", closefd=False)
            file.seek(0)
            file.truncate(0)
            remote = self._fetch_into(file, staging.path)

            def compute(names: tuple[str, ...], file: io.FileIO = file) -> tuple[Digests, int]:
                file.seek(0)
                return hash_stream(file, names)

            if check.accepts(compute, merge(remote.digests, reported), remote.claimed):
                return remote._replace(digests=check.digests)
            seen = adapter.stat_file(found.key)
            if seen.fingerprint != found.fingerprint:
                message = f"{found.key!r}: it changed while it was downloaded"
                raise PreconditionFailed(message, provider=adapter.provider, key=found.key)
            reported = seen.digests
        raise self.reader.wrong_content(found.key)

    def _fetch_into(self, file: io.FileIO, path: str) -> RemoteObject:
        found, adapter = self.found, self.reader.adapter
        counter = ProgressCounter(found.key, found.size, self.progress)
        if found.size <= _BUFFERED_MAX:
            remote, data = adapter.read_file(found.key, expect=found)
            write_all(file.fileno(), data)
            counter.move_to(len(data))
            return remote
        if adapter.capabilities.resumable_download and isinstance(adapter, ResumableDownload):
            target = Path(descriptor_path(file.fileno(), path))
            return adapter.resume_download(found.key, PartialDownload(target, 0, counter.move_to), expect=found)
        for chunk in self.reader.iter_chunks(found, counter):
            write_all(file.fileno(), chunk)
        return found

    def _refuse_side_files(self, tree: Tree, name: str, head: bytes) -> None:
        """Refuse to put a file that begins with `head` beside what SQLite would apply to it, or to a live database."""
        if not (exists(tree.root, f"{name}-wal") or exists(tree.root, f"{name}-journal")):
            return
        from buckia_core.localfs import sqlite_files  # noqa: PLC0415  # few downloads meet a database

        found = sqlite_files.unapplied_side_files(tree.root, name)
        if found and (sqlite_files.is_database(head) or sqlite_files.has_side_files(tree.root, name)):
            raise self._exists(
                f"was kept: {found[0]} beside it has changes of an SQLite database that is open or was not closed. "
                "Close the program; if none has it open, move both files away"
            )

    def _exists(self, problem: str) -> AlreadyExists:
        return AlreadyExists(f"{self.target} {problem}", key=self.found.key)


def _read_head(staging: StagingFile) -> bytes:
    assert staging.descriptor is not None
    os.lseek(staging.descriptor, 0, os.SEEK_SET)
    return os.read(staging.descriptor, 16)


def _stat(tree: Tree, name: str) -> os.stat_result | None:
    try:
        return tree.root.stat(name)
    except FileNotFoundError:
        return None
