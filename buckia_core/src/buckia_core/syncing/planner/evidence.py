"""`EvidenceCollector`: hashes files and objects whose fingerprints do not decide whether they are equal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.readers import LimitedReader
from buckia_core.adapters.transfers.hashing import (
    FileChanged,
    hash_bytes,
    hash_file,
    hash_open_file,
    hash_stream,
    supported_algorithms,
)
from buckia_core.errors import IntegrityError, Transient
from buckia_core.localfs.files import entry_from_stat
from buckia_core.localfs.sqlite_files import HEADER_SIZE, has_wal_mode, is_database
from buckia_core.planning.digest import Comparison, Digests, compare, merge, without_tentative
from buckia_core.planning.manifest import LocalEntry, RemoteObject, is_untouched
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.database import database_snapshot, may_be_database
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import local_path

SMALL_FILE = 1 << 20
"""Files up to this size, in bytes, are read into memory to be hashed."""

_BUFFER_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class EvidenceCollector:
    """Collector of metadata and digests of files and objects. Thread-safe.

    Attributes:
        adapter: The adapter of the bucket.
        algorithm: The digest algorithm of the baseline, which is always computed.
        follow: Whether symbolic links below the roots are followed.
    """

    adapter: BaseSync
    algorithm: str
    follow: bool = False

    def locator(self) -> FileLocator:
        """Return a locator to hash several files in one thread, to be closed after use."""
        return FileLocator({}, follow=self.follow)

    def hash_local(
        self,
        mapping: PathMapping,
        entry: LocalEntry,
        algorithms: Sequence[str],
        locator: FileLocator | None = None,
    ) -> LocalEntry:
        """Return the current local entry, with digests.

        With a `locator`, a small file that is still the one of the scan is read at once.

        Raises:
            OSError: The file can't be read.
            InvalidKey: A parent directory is a symbolic link.
            Transient: The file keeps changing, or is a database that stays locked.
            CorruptDatabase: It is a damaged SQLite database in use.
        """
        wanted = supported_algorithms([self.algorithm, *algorithms])
        if locator is not None and (found := self._hash_small(locator, mapping, entry, wanted)) is not None:
            return found
        for _ in range(3):
            try:
                # Directories of a shared locator may have been replaced.
                with self.locator() as fresh:
                    return self._hash_local(fresh, mapping, entry, wanted)
            except FileChanged:
                continue
        raise Transient("it is being written to; it is left for the next run", key=entry.key)

    def _hash_small(
        self, locator: FileLocator, mapping: PathMapping, entry: LocalEntry, algorithms: Sequence[str]
    ) -> LocalEntry | None:
        """Return the entry with digests if it is a small file that is as it was scanned, and no database in use."""
        if entry.snapshot or entry.size > SMALL_FILE or (location := locator.locate(entry.key, mapping)) is None:
            return None
        data, status = location.read(entry.key, entry.size)
        if len(data) != entry.size or not is_untouched(entry_from_stat(entry.key, mapping.id, status), entry):
            return None
        if may_be_database(entry, mapping) and has_wal_mode(data[:HEADER_SIZE]):
            return None
        return entry._replace(digests=hash_bytes(data, algorithms))

    def _hash_local(
        self, locator: FileLocator, mapping: PathMapping, entry: LocalEntry, algorithms: Sequence[str]
    ) -> LocalEntry:
        if not entry.snapshot:
            with locator.open_file(entry.key, mapping) as file:
                head = file.read(HEADER_SIZE) if may_be_database(entry, mapping) else b""
                if not has_wal_mode(head):
                    file.seek(0)
                    try:
                        digests, status = hash_open_file(file, algorithms)
                        return entry_from_stat(entry.key, entry.mapping_id, status)._replace(digests=digests)
                    except FileChanged:
                        # Of a database to which a program commits all the time, a snapshot can be read.
                        if not is_database(head):
                            raise
        if (location := locator.locate(entry.key, mapping)) is None:
            raise FileNotFoundError(f"{local_path(entry.key, mapping)} is gone")
        with database_snapshot(location, entry.key, mapping.id) as found:
            digests, _ = hash_file(str(found.path), algorithms)
        return found.entry._replace(digests=digests)

    def stat_remote(self, listed: RemoteObject) -> RemoteObject:
        """Return the current metadata of an object."""
        found = self.adapter.stat_file(listed.key)
        if found.metadata is None:
            # Empty metadata, so that an adapter without metadata is not asked again.
            found = found._replace(metadata={})
        if found.fingerprint == listed.fingerprint:
            return found._replace(digests=merge(found.digests, listed.digests))
        return found

    def hash_remote(self, listed: RemoteObject, wanted: Sequence[Digests]) -> RemoteObject:
        """Return an object with digests that are comparable with all wanted ones, downloading it if necessary.

        Digests that a client stored in the metadata can prove a difference, but never equality: a wrong "different"
        costs a transfer, a wrong "same" costs a version.

        Raises:
            IntegrityError: The download has another size than the provider reports.
        """
        found = self.stat_remote(listed)
        unknown = [each for each in wanted if compare(found.digests, each) is Comparison.UNKNOWN]
        if wanted and not unknown:
            return found
        if unknown and all(compare(found.claimed, each) is Comparison.DIFFERENT for each in unknown):
            return found._replace(digests=merge(found.digests, found.claimed))
        algorithms = [self.algorithm, *(digest.algorithm for each in wanted for digest in without_tentative(each))]
        with (
            self.adapter.open_file(found.key, expect=found) as stream,
            io.BufferedReader(LimitedReader(stream, found.size + 1), _BUFFER_SIZE) as limited,
        ):
            digests, size = hash_stream(limited, supported_algorithms(algorithms))
        if size != found.size:
            raise IntegrityError("the downloaded content does not match what the provider reports", key=found.key)
        return found._replace(digests=merge(digests, found.digests))
