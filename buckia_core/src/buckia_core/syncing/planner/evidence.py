"""Closer looks at one key: hashing what no fingerprint decides."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.readers import LimitedReader
from buckia_core.errors import IntegrityError, Transient
from buckia_core.planning.digest import Comparison, Digests, compare, merge, without_tentative
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.paths import FileLocator, entry_from_stat
from buckia_core.syncing.transfer.hashing import FileChanged, hash_open_file, hash_stream, supported_algorithms

_BUFFER_SIZE = 1 << 20


@dataclass(frozen=True, slots=True)
class EvidenceCollector:
    """Looks closer at local files and at objects. May be used from many threads.

    Attributes:
        adapter: The bucket.
        algorithm: The digest that is always computed.
        follow: Symbolic links below the roots are followed.
    """

    adapter: BaseSync
    algorithm: str
    follow: bool = False

    def hash_local(self, mapping: PathMapping, entry: LocalEntry, algorithms: Sequence[str]) -> LocalEntry:
        """Return the local entry as it is now, with its digests.

        Raises:
            OSError: It can't be read.
            InvalidKey: A link stands in its way.
            Transient: It is written to all the time.
        """
        for _ in range(3):
            try:
                with FileLocator({}, follow=self.follow) as places, places.open(entry.key, mapping) as file:
                    digests, status = hash_open_file(file, supported_algorithms([self.algorithm, *algorithms]))
            except FileChanged:
                continue
            return entry_from_stat(entry.key, entry.root, status)._replace(digests=digests)
        raise Transient("it is being written to; it is left for the next run", key=entry.key)

    def stat_remote(self, listed: RemoteObject) -> RemoteObject:
        """Return all that the provider tells about an object, as it is now."""
        found = self.adapter.stat_file(listed.key)
        if found.metadata is None:
            # An adapter that tells none must not be asked for it again and again.
            found = found._replace(metadata={})
        if found.fingerprint == listed.fingerprint:
            return found._replace(digests=merge(found.digests, listed.digests))
        return found

    def hash_remote(self, listed: RemoteObject, wanted: Sequence[Digests]) -> RemoteObject:
        """Return an object with digests that can be compared with each of the wanted ones: told, or read.

        A digest that a client stored beside the content may say that it is another content than all that are wanted,
        but never that it is the same: a wrong "different" costs a transfer, a wrong "same" costs a version.

        Raises:
            IntegrityError: The object has another number of bytes than the provider told.
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
            raise IntegrityError("other bytes came than the provider says the object has", key=found.key)
        return found._replace(digests=merge(digests, found.digests))
