"""Making a plan: the three manifests run through the merge, key by key, and what needs a closer look gets it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from buckia_core.planning import moves
from buckia_core.planning.diff import align
from buckia_core.planning.keys import is_ours
from buckia_core.planning.manifest import BaseEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import Mapping, owner_of
from buckia_core.planning.plan import Operation, Plan
from buckia_core.planning.reconcile import InStep, Need, reconcile
from buckia_core.planning.structure import Structure
from buckia_core.syncing.deciding import Decided, Decider, refusal
from buckia_core.syncing.error_messages import ENDS_RUN, explain
from buckia_core.syncing.scan import BlindSpots

_AHEAD = 256
"""Keys that may wait for a closer look while the merge goes on."""

_GLANCE = 1000
"""Keys in step after which the merge looks whether the run is to end."""


@dataclass(slots=True)
class Prepared:
    """A plan, and what goes into the state without an operation.

    Attributes:
        plan: The plan.
        refreshed: Keys in step whose fingerprints moved (a touch, an upload of the same content).
    """

    plan: Plan = field(default_factory=Plan)
    refreshed: list[tuple[LocalEntry, RemoteObject, BaseEntry]] = field(default_factory=list)


@dataclass(slots=True)
class Preparation:
    """Everything that making a plan needs.

    Attributes:
        mappings: In order; the first one that has a key owns it.
        decider: Decides keys that need a closer look.
        blind: Places that the scan did not look into; grows while the scan goes on.
        stopped: Set when the run is to end.
        pool: Where closer looks are taken while the merge goes on.
    """

    mappings: Sequence[Mapping]
    decider: Decider
    blind: BlindSpots
    stopped: threading.Event
    pool: ThreadPoolExecutor

    def plan(self, local: Iterable[LocalEntry], remote: Iterable[RemoteObject], base: Iterable[BaseEntry]) -> Prepared:
        """Merge the three manifests into a plan. If the run is to end, the plan is cut short."""
        found = Prepared()
        shapes = Structure(nested=self.decider.inspector.adapter.capabilities.nested_keys)
        operations: dict[str, Operation] = {}
        for outcome, here, there, before in self._outcomes(local, remote, base, found.plan, shapes):
            match outcome:
                case Operation():
                    operations[outcome.key] = outcome
                case InStep(refresh=refresh):
                    if here is not None and there is not None:
                        found.plan.unchanged += 1
                    if refresh:
                        assert here is not None and there is not None and before is not None
                        found.refreshed.append((here, there, before))
                case _:
                    raise AssertionError(outcome)
        shapes.settle(operations)
        found.plan.operations = self._join_moves([operations[key] for key in sorted(operations)])
        return found

    def _outcomes(
        self,
        local: Iterable[LocalEntry],
        remote: Iterable[RemoteObject],
        base: Iterable[BaseEntry],
        plan: Plan,
        shapes: Structure,
    ) -> Iterator[Decided]:
        """Yield the outcome of every key that is not plainly in step; those are only counted.

        Keys that need a closer look get it in the pool, while the merge goes on.
        """
        by_id = {mapping.id: mapping for mapping in self.mappings}
        checksum = any(mapping.rules.checksum for mapping in self.mappings)
        waiting: deque[Future[Decided]] = deque()
        see = shapes.see
        in_step = 0
        for key, here, there, before in align(local, remote, base):
            # The common case in line, because it is the only one that every file of a large tree goes through.
            if (
                here is not None
                and there is not None
                and before is not None
                and here.mtime_ns == before.mtime_ns
                and here.size == before.size == there.size
                and here.ctime_ns == before.ctime_ns
                and here.inode == before.inode
                and there.fingerprint == before.fingerprint
                and here.root == before.root
                and not before.racy
                and not checksum
            ):
                in_step += 1
                see(key, here, there)
                if not in_step % _GLANCE and self.stopped.is_set():
                    return
                continue
            mapping = by_id[here.root] if here is not None else self._owner(key, before)
            if mapping is None:
                continue
            plan.local_count += here is not None
            plan.remote_count += there is not None
            plan.base_count += before is not None
            see(key, here, there)
            if here is None and (place := self.blind.hiding(key)):
                if there is not None and not place.failed:
                    why = f"{place.why} stands in its way: {place.path}"
                    yield refusal(key, mapping, None, there, before, why), None, there, before
                continue
            if self.stopped.is_set():
                return
            outcome = reconcile(key, mapping.id, here, there, before, mapping.rules)
            if not isinstance(outcome, Need):
                yield self.decider.gate(outcome, mapping), here, there, before
                continue
            waiting.append(self.pool.submit(self.decider.decide, mapping, here, there, before))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        plan.unchanged += in_step
        plan.local_count += in_step
        plan.remote_count += in_step
        plan.base_count += in_step

    def _owner(self, key: str, before: BaseEntry | None) -> Mapping | None:
        if is_ours(key):
            return None
        return owner_of(key, self.mappings, remembered=before.root if before else None)

    def _join_moves(self, operations: list[Operation]) -> list[Operation]:
        """Hash the few new files that may be moved ones, and join them with the deletes that they belong to."""
        inspector = self.decider.inspector
        if not inspector.adapter.capabilities.server_copy:
            return operations
        by_id = {mapping.id: mapping for mapping in self.mappings}
        hashed: dict[str, Operation] = {}
        for operation in moves.candidates(operations):
            assert operation.local is not None
            try:
                local = inspector.hash_local(by_id[operation.root], operation.local, ())
            except ENDS_RUN:
                raise
            except Exception as error:  # noqa: BLE001  # without a digest it is no move, but an upload
                explain(error)
                continue
            hashed[operation.key] = replace(operation, local=local)
        return moves.pair([hashed.get(operation.key, operation) for operation in operations])
