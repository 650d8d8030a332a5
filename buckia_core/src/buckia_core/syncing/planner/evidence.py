"""`EvidenceCollector`: hashes files and objects whose fingerprints do not decide whether they are equal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.readers import LimitedReader
from buckia_core.adapters.transfers.hashing import (
    FileChanged,
    hash_file,
    hash_open_file,
    hash_stream,
    supported_algorithms,
)
from buckia_core.errors import IntegrityError, Transient
from buckia_core.localfs.files import entry_from_stat
from buckia_core.localfs.sqlite_files import HEADER_SIZE, has_wal_mode
from buckia_core.planning.digest import Comparison, Digests, compare, merge, without_tentative
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.database import database_snapshot, may_be_database
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import local_path

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

    def hash_local(self, mapping: PathMapping, entry: LocalEntry, algorithms: Sequence[str]) -> LocalEntry:
        """Return the current local entry, with digests.

        Raises:
            OSError: The file can't be read.
            InvalidKey: A parent directory is a symbolic link.
            Transient: The file keeps changing, or is a database that stays locked.
            CorruptDatabase: It is a damaged SQLite database in use.
        """
        wanted = supported_algorithms([self.algorithm, *algorithms])
        for _ in range(3):
            try:
                with FileLocator({}, follow=self.follow) as locator:
                    return self._hash_local(locator, mapping, entry, wanted)
            except FileChanged:
                continue
        raise Transient("it is being written to; it is left for the next run", key=entry.key)

    def _hash_local(
        self, locator: FileLocator, mapping: PathMapping, entry: LocalEntry, algorithms: Sequence[str]
    ) -> LocalEntry:
        if not entry.snapshot:
            with locator.open_file(entry.key, mapping) as file:
                head = file.read(HEADER_SIZE) if may_be_database(entry, mapping) else b""
                if not has_wal_mode(head):
                    file.seek(0)
                    digests, status = hash_open_file(file, algorithms)
                    return entry_from_stat(entry.key, entry.mapping_id, status)._replace(digests=digests)
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
