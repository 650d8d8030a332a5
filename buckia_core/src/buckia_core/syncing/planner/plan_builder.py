"""Making a plan: the three manifests run through the merge, key by key, and what needs a closer look gets it."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Mapping_
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from buckia_core.planning.keys import is_internal
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import MappingIndex, PathMapping
from buckia_core.planning.merge_join import merge_join
from buckia_core.planning.path_collisions import PathCollisionDetector
from buckia_core.planning.plan import Action, Counts, Operation, Plan
from buckia_core.planning.reconcile import InSync, NeedsEvidence, reconcile
from buckia_core.syncing.disk.paths import in_the_way, local_path
from buckia_core.syncing.planner.decider import Decider, Decision, refused_operation
from buckia_core.syncing.planner.former_mappings import FormerMapping
from buckia_core.syncing.scan.local import UnreadablePaths

_MAX_PENDING = 256
"""Keys that may wait for a closer look while the merge goes on."""

_DELETES = (Action.DELETE_LOCAL, Action.DELETE_REMOTE)

_STOP_CHECK_INTERVAL = 1000
"""Keys in step after which the merge looks whether the run is to end."""


@dataclass(slots=True)
class PlannedRun:
    """A plan, and what goes into the state without an operation.

    Attributes:
        plan: The plan.
        refreshed: Keys in step whose fingerprints moved (a touch, an upload of the same content).
        out_of_scope: Rows of keys that their mapping, or the filter, does not let take part any more, as far as they
            did at the last sync.
        notices: What a person should be told of the plan, beside its operations.
    """

    plan: Plan = field(default_factory=Plan)
    refreshed: list[tuple[LocalEntry, RemoteObject, BaselineEntry]] = field(default_factory=list)
    out_of_scope: list[BaselineEntry] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PlanBuilder:
    """Everything that making a plan needs.

    Attributes:
        mappings: In order; the first one that has a key owns it.
        decider: Decides keys that need a closer look.
        blind: Places that the scan did not look into; grows while the scan goes on.
        stopped: Set when the run is to end.
        pool: Where closer looks are taken while the merge goes on.
        removed: Mappings that are not configured any more, by id.
        others: The ids of mappings that other entries have. Keys of theirs are no orphans.
    """

    mappings: Sequence[PathMapping]
    decider: Decider
    unreadable: UnreadablePaths
    stopped: threading.Event
    pool: ThreadPoolExecutor
    removed_mappings: Mapping_[str, FormerMapping] = field(default_factory=dict)
    other_roots: frozenset[str] = frozenset()

    def build(
        self, local: Iterable[LocalEntry], remote: Iterable[RemoteObject], base: Iterable[BaselineEntry]
    ) -> PlannedRun:
        """Merge the three manifests into a plan. If the run is to end, the plan is cut short."""
        found = PlannedRun()
        shapes = PathCollisionDetector(nested_keys=self.decider.evidence.adapter.capabilities.nested_keys)
        operations: dict[str, Operation] = {}
        for outcome, here, there, before in self._outcomes(local, remote, base, found, shapes):
            match outcome:
                case Operation():
                    operations[outcome.key] = outcome
                case InSync(refresh=refresh):
                    if here is not None and there is not None:
                        found.plan.unchanged += 1
                    if refresh:
                        assert here is not None and there is not None and before is not None
                        found.refreshed.append((here, there, before))
                case _:
                    raise AssertionError(outcome)
        shapes.resolve(operations)
        found.plan.operations = [operations[key] for key in sorted(operations)]
        return found

    def _outcomes(
        self,
        local: Iterable[LocalEntry],
        remote: Iterable[RemoteObject],
        base: Iterable[BaselineEntry],
        found: PlannedRun,
        shapes: PathCollisionDetector,
    ) -> Iterator[Decision]:
        """Yield the outcome of every key that is not plainly in step; those are only counted.

        Keys that need a closer look get it in the pool, while the merge goes on.
        """
        by_id = {mapping.id: mapping for mapping in self.mappings}
        owners = MappingIndex(self.mappings)
        checksum = any(mapping.rules.checksum for mapping in self.mappings)
        waiting: deque[Future[Decision]] = deque()
        in_step: defaultdict[str, int] = defaultdict(int)
        counts: defaultdict[str, Counts] = defaultdict(Counts)
        see = shapes.add
        glances = 0
        for key, here, there, before in merge_join(local, remote, base):
            # The common case in line, because it is the only one that every file of a large tree goes through.
            if (
                here is not None
                and there is not None
                and before is not None
                and here.mtime_ns == before.mtime_ns
                and here.size == before.size == there.size
                and here.ctime_ns == before.ctime_ns
                and here.inode == before.inode
                and there.fingerprint == before.fingerprint != ""
                and here.root == before.root
                and not before.racy
                and not before.out_of_scope
                and not checksum
            ):
                in_step[here.root] += 1
                glances += 1
                see(key, here, there)
                if not glances % _STOP_CHECK_INTERVAL and self.stopped.is_set():
                    return
                continue
            theirs = before is not None and before.root in self.other_roots
            # Another entry's row proves that the key is wanted, and nothing else to this one.
            row = None if theirs else before
            if theirs and here is None and there is None:
                continue
            mapping = by_id[here.root] if here is not None else self._find_owner(key, row, by_id, owners, found)
            if mapping is None:
                continue
            seen = counts[mapping.id]
            seen.local += here is not None
            seen.remote += there is not None
            seen.base += row is not None and row.root == mapping.id
            see(key, here, there)
            if here is None and (place := self.unreadable.at_or_above(key)):
                if there is not None and not place.is_error and not place.has_vanished:
                    why = in_the_way(place.reason, place.path)
                    yield refused_operation(key, mapping, None, there, row, why), None, there, row
                continue
            if self.stopped.is_set():
                return
            outcome = reconcile(key, mapping.id, here, there, row, mapping.rules)
            if theirs and isinstance(outcome, Operation) and outcome.action in _DELETES:
                continue
            if not isinstance(outcome, NeedsEvidence):
                yield self.decider.check_path(outcome, mapping), here, there, row
                continue
            waiting.append(self.pool.submit(self.decider.decide, mapping, here, there, row))
            if len(waiting) >= _MAX_PENDING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        for root, number in in_step.items():
            seen = counts[root]
            seen.local, seen.remote, seen.base = seen.local + number, seen.remote + number, seen.base + number
        found.plan.unchanged += sum(in_step.values())
        found.plan.counts = dict(counts)

    def _find_owner(
        self,
        key: str,
        base: BaselineEntry | None,
        by_id: dict[str, PathMapping],
        owners: MappingIndex,
        found: PlannedRun,
    ) -> PathMapping | None:
        """Return the mapping of a key that no local file claims; `None` if it takes no part in this run.

        the row of the baseline                          result
        ----------------------------------------------------------------------------------------------
        none                                             whichever mapping takes the key
        of a mapping of the run that takes the key       that mapping
        of one that this run's own options keep from it  no part; the row stays as it is
        of one whose configured filter refuses it        out of scope
        of a mapping that is not configured any more     out of scope, unless another one has taken over: it has the
                                                         same file, or the place in the bucket of a folder that moved
        """
        if base is None:
            return None if is_internal(key) else owners.find(key)
        mapping = by_id.get(base.root)
        if mapping is not None and not is_internal(key):
            if mapping.includes(key):
                return mapping
            if mapping.includes_by_configuration(key):
                return None
        elif (former := self.removed_mappings.get(base.root)) is not None and not is_internal(key):
            mapping = owners.find(key)
            if mapping is not None and (former.has_moved or former.local_path(key) == local_path(key, mapping)):
                return mapping
        if not base.out_of_scope:
            found.out_of_scope.append(base)
        return None
