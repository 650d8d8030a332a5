"""`PlanBuilder`: merges the three manifests into a plan."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from buckia_core.planning.keys import is_internal
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import MappingIndex, PathMapping
from buckia_core.planning.merge_join import InSyncRun, merge_join, merge_runs
from buckia_core.planning.path_collisions import PathCollisionDetector
from buckia_core.planning.plan import Action, Counts, Operation, Plan
from buckia_core.planning.reconcile import Evidence, InSync, NeedsEvidence, reconcile
from buckia_core.syncing.disk.paths import blocked_path_message, local_path
from buckia_core.syncing.planner.decider import Decider, Decision, UndecidedKey, refused_operation
from buckia_core.syncing.planner.evidence import SMALL_FILE
from buckia_core.syncing.planner.former_mappings import FormerMapping
from buckia_core.syncing.scan.local import UnreadablePaths

_MAX_PENDING = 512
"""Keys that may wait for evidence while the merge continues."""

_GROUP = 32
"""Keys whose small files are hashed one after another, by one call of the pool."""

_DELETES = (Action.DELETE_LOCAL, Action.DELETE_REMOTE)


@dataclass(slots=True)
class PlannedRun:
    """Plan of a run, with the changes of the state that need no operation.

    Attributes:
        plan: The plan.
        refreshed: Keys in sync whose fingerprints changed (a touch, an upload of the same content).
        out_of_scope: Rows that the last sync covered, and that no mapping or filter includes any more.
        notices: Messages to the user about the plan.
    """

    plan: Plan = field(default_factory=Plan)
    refreshed: list[tuple[LocalEntry, RemoteObject, BaselineEntry]] = field(default_factory=list)
    out_of_scope: list[BaselineEntry] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _PendingKeys:
    """Keys that wait for evidence. Not thread-safe.

    Attributes:
        count: Their number.
    """

    decider: Decider
    pool: ThreadPoolExecutor
    count: int = 0
    _group: list[UndecidedKey] = field(default_factory=list)
    _running: deque[Future[list[Decision]]] = field(default_factory=deque)

    def add(self, key: UndecidedKey, need: Evidence) -> None:
        """Add a key; `need` is the evidence that it lacks."""
        self.count += 1
        _, local, remote, _ = key
        # What is sent to the provider, or takes long, must not delay others.
        known = remote is None or remote.digests
        if need is Evidence.LOCAL_DIGEST and known and local is not None and local.size <= SMALL_FILE:
            self._group.append(key)
            if len(self._group) == _GROUP:
                self._start_group()
        else:
            self._running.append(self.pool.submit(self.decider.decide_all, (key,)))

    def take(self) -> list[Decision]:
        """Wait for the decisions about some keys."""
        if not self._running:
            self._start_group()
        decisions = self._running.popleft().result()
        self.count -= len(decisions)
        return decisions

    def _start_group(self) -> None:
        self._running.append(self.pool.submit(self.decider.decide_all, self._group))
        self._group = []


@dataclass(slots=True)
class PlanBuilder:
    """Builder of a plan.

    Attributes:
        mappings: The mappings of the run, in order; the first one that includes a key owns it.
        decider: Decides keys that need evidence.
        unreadable: Unreadable paths; grows during the scan.
        stopped: Set to end the run.
        pool: Collects evidence while the merge continues.
        removed_mappings: Mappings that are no longer configured, by id.
        other_mapping_ids: Ids of mappings of other sections. Their keys are not orphans.
    """

    mappings: Sequence[PathMapping]
    decider: Decider
    unreadable: UnreadablePaths
    stopped: threading.Event
    pool: ThreadPoolExecutor
    removed_mappings: Mapping[str, FormerMapping] = field(default_factory=dict)
    other_mapping_ids: frozenset[str] = frozenset()

    def build(
        self, local_entries: Iterable[LocalEntry], objects: Iterable[RemoteObject], baseline: Iterable[BaselineEntry]
    ) -> PlannedRun:
        """Merge the three manifests into a plan. The plan is incomplete if `stopped` is set."""
        planned = PlannedRun()
        collisions = PathCollisionDetector(nested_keys=self.decider.evidence.adapter.capabilities.nested_keys)
        operations: dict[str, Operation] = {}
        for outcome, local, remote, base in self._outcomes(local_entries, objects, baseline, planned, collisions):
            match outcome:
                case Operation():
                    operations[outcome.key] = outcome
                case InSync(refresh=refresh):
                    if local is not None and remote is not None:
                        planned.plan.unchanged += 1
                    if refresh:
                        assert local is not None and remote is not None and base is not None
                        planned.refreshed.append((local, remote, base))
                case _:
                    raise AssertionError(outcome)
        collisions.resolve(operations)
        planned.plan.operations = [operations[key] for key in sorted(operations)]
        return planned

    def _outcomes(
        self,
        local_entries: Iterable[LocalEntry],
        objects: Iterable[RemoteObject],
        baseline: Iterable[BaselineEntry],
        planned: PlannedRun,
        collisions: PathCollisionDetector,
    ) -> Iterator[Decision]:
        """Yield the outcomes of all keys whose fingerprints differ from the baseline; count the other keys.

        Collects evidence in the pool, while the merge continues.
        """
        by_id = {mapping.id: mapping for mapping in self.mappings}
        owners = MappingIndex(self.mappings)
        checksum = any(mapping.rules.checksum for mapping in self.mappings)
        pending = _PendingKeys(self.decider, self.pool)
        in_sync: Counter[str] = Counter()
        counts: defaultdict[str, Counts] = defaultdict(Counts)
        merge = merge_join if checksum else merge_runs
        for step in merge(local_entries, objects, baseline):
            if isinstance(step, InSyncRun):
                in_sync.update(entry.mapping_id for entry in step.local)
                collisions.add_in_sync([entry.key for entry in step.local])
                if self.stopped.is_set():
                    return
                continue
            key, local, remote, base = step
            is_of_other_section = base is not None and base.mapping_id in self.other_mapping_ids
            # The row of another section only proves that the key is not an orphan.
            row = None if is_of_other_section else base
            if is_of_other_section and local is None and remote is None:
                continue
            mapping = by_id[local.mapping_id] if local else self._find_owner(key, row, by_id, owners, planned)
            if mapping is None:
                continue
            count = counts[mapping.id]
            count.local += local is not None
            count.remote += remote is not None
            count.base += row is not None and row.mapping_id == mapping.id
            collisions.add(key, local, remote)
            if local is None and (blocker := self.unreadable.at_or_above(key)):
                if remote is not None and not (blocker.is_error or blocker.has_vanished or blocker.is_silent):
                    reason = blocked_path_message(blocker.reason, blocker.path)
                    yield refused_operation(key, mapping, None, remote, row, reason), None, remote, row
                continue
            if self.stopped.is_set():
                return
            outcome = reconcile(key, mapping.id, local, remote, row, mapping.rules)
            if is_of_other_section and isinstance(outcome, Operation) and outcome.action in _DELETES:
                continue
            if not isinstance(outcome, NeedsEvidence):
                yield self.decider.check_path(outcome, mapping), local, remote, row
                continue
            pending.add((mapping, local, remote, row), outcome.evidence)
            if pending.count >= _MAX_PENDING:
                yield from pending.take()
        while pending.count:
            yield from pending.take()
        for mapping_id, number in in_sync.items():
            count = counts[mapping_id]
            count.local += number
            count.remote += number
            count.base += number
        planned.plan.unchanged += sum(in_sync.values())
        planned.plan.counts = dict(counts)

    def _find_owner(
        self,
        key: str,
        base: BaselineEntry | None,
        by_id: dict[str, PathMapping],
        owners: MappingIndex,
        planned: PlannedRun,
    ) -> PathMapping | None:
        """Return the mapping of a key without a local file; `None` if the run skips the key.

        baseline row of the key                          result
        ----------------------------------------------------------------------------------------------
        none                                             the first mapping that includes the key
        of a mapping of the run that includes the key    that mapping
        of one whose run options exclude the key         `None`; the row stays as it is
        of one whose configured filter excludes the key  `None`; the row is out of scope
        of a mapping that is no longer configured        `None`; the row is out of scope, unless another mapping
                                                         has the same local path, or the key prefix of a moved folder
        """
        if base is None:
            return None if is_internal(key) else owners.find(key)
        mapping = by_id.get(base.mapping_id)
        if mapping is not None and not is_internal(key):
            if mapping.includes(key):
                return mapping
            if mapping.includes_by_configuration(key):
                return None
        elif (former := self.removed_mappings.get(base.mapping_id)) is not None and not is_internal(key):
            mapping = owners.find(key)
            if mapping is not None and (former.has_moved or former.local_path(key) == local_path(key, mapping)):
                return mapping
        if not base.out_of_scope:
            planned.out_of_scope.append(base)
        return None
