"""`MoveDetector`: tells moved files from deleted ones by their content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from buckia_core.planning import moves
from buckia_core.planning.digest import Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Operation
from buckia_core.planning.policy import Side
from buckia_core.syncing.error_messages import FATAL_ERRORS, log_internal_error
from buckia_core.syncing.planner.evidence import EvidenceCollector

_THREADS = 8


@dataclass(frozen=True, slots=True)
class MoveDetector:
    """Detector of moved files in a plan.

    Attributes:
        evidence: Hashes files and objects.
        mappings: The mappings of the run, by id.
    """

    evidence: EvidenceCollector
    mappings: Mapping[str, PathMapping]

    def detect(self, operations: Sequence[Operation]) -> list[Operation]:
        """Turn deletes and uploads of the same content into moves, and skip the deletes of blocked moves.

        Hashes only files that have the size of an object to delete.
        """
        if not any(each.is_delete for each in operations):
            return list(operations)
        copies = self.evidence.adapter.capabilities.server_copy
        wanted = moves.blocked_moves(operations)
        if copies:
            wanted += moves.move_candidates(operations)
        known = {each.key: self._add_digests(each, self._hash_local) for each in wanted}
        found = moves.hold_move_sources([known.get(operation.key, operation) for operation in operations])
        return moves.detect_moves(found) if copies else found

    def add_digests(self, operations: Sequence[Operation]) -> list[Operation]:
        """Add digests to new files and objects that may be moved ones, which the plan deletes under other keys.

        Downloads objects only if downloads are free; otherwise uses the digests that the provider reports.
        """
        wanted: dict[str, Callable[[Operation], Operation]] = {}
        for side, add_digest in ((Side.REMOTE, self._hash_local), (Side.LOCAL, self._fetch_digests)):
            wanted |= {operation.key: add_digest for operation in moves.find_possible_moves(operations, side)}
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="buckia-evidence") as pool:
            add = self._add_digests
            return list(pool.map(lambda each: add(each, wanted[each.key]) if each.key in wanted else each, operations))

    def _add_digests(self, operation: Operation, add: Callable[[Operation], Operation]) -> Operation:
        try:
            return add(operation)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001  # the upload reports it, or the guard refuses the plan
            log_internal_error(error)
            return operation

    def _hash_local(self, operation: Operation) -> Operation:
        local = operation.local
        if local is None or local.digests:
            return operation
        return operation._replace(local=self.evidence.hash_local(self.mappings[operation.mapping_id], local, ()))

    def _fetch_digests(self, operation: Operation) -> Operation:
        remote = operation.remote
        if remote is None or any(digest.algorithm == self.evidence.algorithm for digest in remote.digests):
            return operation
        return operation._replace(remote=remote._replace(digests=self._remote_digests(remote)))

    def _remote_digests(self, remote: RemoteObject) -> Digests:
        found = self.evidence.stat_remote(remote)
        if found.fingerprint != remote.fingerprint:
            return remote.digests
        is_reported = any(digest.algorithm == self.evidence.algorithm for digest in found.digests)
        if not is_reported and self.evidence.adapter.capabilities.free_reads:
            found = self.evidence.hash_remote(remote, ())
        return found.digests if found.fingerprint == remote.fingerprint else remote.digests
