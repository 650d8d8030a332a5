"""Reading both sides and making the plan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from buckia_core.errors import BuckiaError, InvalidSetting, SideEmptied
from buckia_core.localfs.probing import disk_rules
from buckia_core.planning import safety
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Counts, Operation, Plan, Reason
from buckia_core.planning.policy import Direction
from buckia_core.syncing.disk.paths import root_identity, root_of
from buckia_core.syncing.planner import out_of_scope
from buckia_core.syncing.planner.bucket_handle import BucketHandle
from buckia_core.syncing.planner.plan_builder import PlanBuilder, PlannedRun
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan import remote as remote_scan
from buckia_core.syncing.scan.local import LocalScan
from buckia_core.syncing.scan.prefetch import PrefetchIterator
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.resume_store import ResumeStore

if TYPE_CHECKING:
    from buckia_core.syncing.planner.rename_evidence import Renames
    from buckia_core.syncing.state.former_mapping import FormerMapping

Item = TypeVar("Item")

_LOOKS = 8


@dataclass
class Planner:
    """Reads both sides of one request and plans.

    Attributes:
        request: What is asked. Planning narrows its scope where that takes a listing to know.
        state: The baseline.
        temporary: How the names of our temporary files begin; what a killed run left is swept, not in a dry run.
        seen: Told how many more entries were read here and in the bucket.
        site: The bucket, and what decides single keys.
        since_ns: When it was made; nothing was looked at before.
    """

    request: SyncRequest
    state: StateDatabase
    temporary: str
    seen: Callable[[int, int], None]
    site: BucketHandle
    since_ns: int = field(default_factory=time.time_ns)

    @classmethod
    def of(
        cls, request: SyncRequest, state: StateDatabase, temporary: str, seen: Callable[[int, int], None]
    ) -> Planner:
        """Make a survey; asks each disk what it can hold."""
        roots = {
            mapping.id: root_identity(mapping) for mapping in request.mappings if request.scope.overlaps(mapping.remote)
        }
        disks = {mapping.id: disk_rules(_nearest(mapping.local)) for mapping in request.mappings}
        follow = request.follow_symlinks
        site = BucketHandle(request.adapter, request.config, request.algorithm, disks, follow, roots)
        return cls(request, state, temporary, seen, site)

    @property
    def _by_id(self) -> dict[str, PathMapping]:
        return {mapping.id: mapping for mapping in self.request.mappings}

    @property
    def removed(self) -> dict[str, FormerMapping]:
        """Mappings that earlier runs had, and that are not configured any more, by id."""
        return self._others.removed

    @cached_property
    def _others(self) -> out_of_scope.OtherMappings:
        return out_of_scope.other_mappings(self.request, self.state)

    def _protecting(self) -> frozenset[str]:
        """Return the mappings of other entries whose rows matter: only to a mirror, which may delete what is theirs."""
        mirrors = any(mapping.rules.delete_orphaned for mapping in self.request.mappings)
        return self._others.elsewhere if mirrors else frozenset()

    @property
    def _renames(self) -> Renames:
        from buckia_core.syncing.planner.rename_evidence import Renames  # noqa: PLC0415  # most runs find nothing to do

        return Renames(self.site.decider.inspector, self._by_id)

    @property
    def unfinished(self) -> ResumeStore:
        """Transfers that an earlier run did not finish."""
        return ResumeStore(self.request.state_files)

    def plan(self) -> PlannedRun:
        """Read both sides, each in a thread of its own, and merge them with the baseline.

        Raises:
            SideEmptied: A local root is gone that the baseline knows, or that is the truth; or one went away meanwhile.
            InvalidSetting: A path that the run is limited to matches nothing.
            AdapterError: The bucket can't be listed to its end.
            PermissionDenied: A local root can't be read.
            OSError: The disk of a local root failed, or too many files are open.
        """
        request = self.request
        with (
            self.reading() as (scan, here, there),
            ThreadPoolExecutor(_LOOKS, thread_name_prefix="buckia-look") as pool,
        ):
            others = self._protecting()
            preparation = PlanBuilder(
                request.mappings, self.site.decider, scan.blind, request.stopped, pool, self.removed, others
            )
            # Rows of mappings that are gone protect their keys, and know the content of files that moved.
            known = [*self._by_id, *self.removed, *sorted(others)]
            prepared = preparation.plan(here, there, self.state.entries(request.scope, known))
        plan = prepared.plan
        plan.operations = list(self.in_scope(plan.operations, lambda operation: operation.key))
        twins = self._join(plan) if plan.operations else []
        outside = out_of_scope.outside_folders(request, self.state)
        prepared.notices += out_of_scope.notices(request, prepared.out_of_scope, outside)
        prepared.notices += out_of_scope.twins_notice(twins)
        prepared.out_of_scope += outside
        plan.operations = sorted([*plan.operations, *_not_read(scan, request.mappings)], key=lambda each: each.key)
        plan.left_out = _left_out(scan, plan)
        return prepared

    def _join(self, plan: Plan) -> list[tuple[str, str]]:
        """Refuse what has no place, settle conflicts and find moves.

        Returns:
            New keys that are others in another Unicode form.
        """
        # Most runs find nothing to do.
        from buckia_core.planning.path_collisions import NameCollisions  # noqa: PLC0415
        from buckia_core.syncing.disk.spelling import Spellings, exists  # noqa: PLC0415
        from buckia_core.syncing.planner.blocked_paths import refuse_blocked  # noqa: PLC0415

        adapter, before = self.request.adapter, plan.operations
        twins = NameCollisions(self._by_id, self.site.disks, Spellings().other, exists)
        operations = twins.report(before)
        waiting = {each.key for each in operations if each.after_deletes}
        operations = [self._settle(operation) for operation in operations]
        operations = refuse_blocked(
            operations,
            self._by_id,
            follow=self.request.follow_symlinks,
            temporary=self.temporary,
            bucket=None if adapter.capabilities.nested_keys else adapter.local_directory,
            unseen=waiting.difference(each.key for each in before if each.after_deletes),
        )
        plan.operations = self._renames.join(operations)
        return twins.find_unicode_variants(operations)

    def explain(self, plan: Plan) -> None:
        """Look closer at a plan that the guard would refuse for what it deletes: it may be less than it seems."""
        request = self.request
        if request.scope != request.folders and self._deletes_too_much(plan):
            self._count_what_the_run_leaves_out(plan)
        if self._deletes_too_much(plan):
            plan.operations = self._renames.explain(plan.operations)

    def _deletes_too_much(self, plan: Plan) -> bool:
        return safety.deletes_too_much(plan, self.request.mappings, self.request.max_delete)

    def _count_what_the_run_leaves_out(self, plan: Plan) -> None:
        """Judge a run that is limited to some paths by all that its mappings have, unless a local root is empty."""
        request = self.request
        for mapping in request.mappings:
            seen = plan.counts.setdefault(mapping.id, Counts())
            rest = self.state.rows_of(mapping.id) - seen.base
            if rest > 0 and _has_something(mapping, request):
                seen.local, seen.remote, seen.base = seen.local + rest, seen.remote + rest, seen.base + rest

    @contextmanager
    def reading(self) -> Iterator[tuple[LocalScan, PrefetchIterator[LocalEntry], PrefetchIterator[RemoteObject]]]:
        """Read both sides, each in a thread of its own: give the scan, and the two manifests.

        Raises:
            SideEmptied: A local root is gone that the baseline knows, or that is the truth; or, at the end of the
                context, one went away while it was read.
        """
        request = self.request
        self.check_roots()
        sweep = None if request.dry_run else self.temporary
        kept = frozenset() if request.dry_run else self.unfinished.temporaries()
        scan = LocalScan(request.mappings, request.scope, request.follow_symlinks, sweep, kept)
        scan.bucket = request.adapter.local_directory
        remote = remote_scan.list_remote(request.adapter, request.scope, self._ranges())
        if request.sync_paths is not None:
            remote = request.sync_paths.watch(remote)
        here = PrefetchIterator(scan.entries(), name="buckia-scan", taken=lambda number: self.seen(number, 0))
        there = PrefetchIterator(remote, name="buckia-list", taken=lambda number: self.seen(0, number))
        with closing(here), closing(there):
            yield scan, here, there
            self._check_roots_are_the_same()

    def in_scope(self, found: Iterable[Item], key_of: Callable[[Item], str]) -> Iterable[Item]:
        """Return of what was found that which the paths of the request stand for, now that both sides were read.

        Raises:
            InvalidSetting: A path matches nothing.
        """
        request = self.request
        if request.sync_paths is None or not request.sync_paths.open or request.stopped.is_set():
            return found
        self.request = replace(request, scope=request.sync_paths.settle())
        return [each for each in found if self.request.scope.covers(key_of(each))]

    def check_roots(self) -> None:
        """Refuse a root that is missing; of a single file, the directory that it is in.

        Raises:
            SideEmptied: A local root is gone that the baseline knows, or that is the truth.
            InvalidSetting: It is no directory.
        """
        for mapping in self.request.mappings:
            if not self.request.scope.overlaps(mapping.remote):
                continue
            root = root_of(mapping)
            if os.path.isdir(root):
                continue
            if os.path.lexists(root) and not mapping.is_file:
                raise InvalidSetting(
                    f"{mapping.local} is not a folder, so it can't be one of `paths`; single files belong in `files`"
                )
            expected = self.state.has_root(mapping.id) or (
                mapping.rules.direction is Direction.UP and not mapping.is_file
            )
            if expected and not self.request.force:
                raise SideEmptied(
                    f"The local folder is missing: {root}. If it is on a disk that is not mounted, mount "
                    "it; if the folder was moved, correct `paths` or `files`; to sync as if it were empty, use --force."
                )

    def _check_roots_are_the_same(self) -> None:
        """Refuse what was read of a root that was mounted, unmounted or replaced meanwhile.

        `--force` is about what a person knew before the run, so it does not help against that.
        """
        for mapping in self.request.mappings:
            identity = self.site.roots.get(mapping.id)
            if identity is not None and root_identity(mapping) != identity:
                raise SideEmptied(
                    f"The local folder went away or became another one while it was read: {root_of(mapping)}. If a "
                    "disk was mounted or unmounted there, run again."
                )

    def _ranges(self) -> list[remote_scan.ListRange]:
        """Cut the listing where the baseline knows keys, if it is long and the provider can begin anywhere."""
        prefixes = _remote_prefixes(self.request)
        if not self.request.adapter.capabilities.start_after:
            return [remote_scan.ListRange(prefix) for prefix in prefixes]
        return [
            part
            for prefix in prefixes
            for part in remote_scan.split_listing(prefix, self.state.every(remote_scan.KEYS_PER_RANGE, prefix))
        ]

    def _settle(self, operation: Operation) -> Operation:
        """Ask about a conflict that policy `ask` left open."""
        request = self.request
        if not (operation.unresolved and operation.reason is Reason.CONFLICT and request.ask):
            return operation
        policy = request.ask(operation)
        if policy is None:
            return operation
        mapping = next(each for each in request.mappings if each.id == operation.root)
        decided = replace(mapping, rules=replace(mapping.rules, conflicts=policy))
        outcome = self.site.decider.decide(decided, operation.local, operation.remote, operation.base)[0]
        return outcome if isinstance(outcome, Operation) else operation


def _nearest(path: str) -> str:
    """Return the path itself or the nearest directory above it that exists."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _has_something(mapping: PathMapping, request: SyncRequest) -> bool:
    """Tell whether a local root has a file that takes part, in whichever run: what is excluded is there on any disk."""
    if mapping.is_file:
        return os.path.lexists(mapping.local)
    whole = replace(mapping, path_filter=mapping.configured_filter or mapping.path_filter)
    scan = LocalScan([whole], request.folders, request.follow_symlinks, None)
    scan.bucket = request.adapter.local_directory
    try:
        return next(scan.entries(), None) is not None
    except (OSError, BuckiaError):
        return False


def _remote_prefixes(request: SyncRequest) -> list[str]:
    """Return the prefixes to list: what the mappings reach, cut down to the scope; in order, not overlapping."""
    wanted = sorted({prefix for mapping in request.mappings for prefix in request.scope.ranges(mapping.remote)})
    kept: list[str] = []
    for prefix in wanted:
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def _not_read(scan: LocalScan, mappings: Sequence[PathMapping]) -> Iterator[Operation]:
    """Yield an operation that does nothing for each place that could not be read, and each second file of a key."""
    for place in scan.blind:
        if place.failed:
            root = place.root or mappings[0].id
            yield Operation(Action.REFUSE, place.key, root, Reason.UNREADABLE, detail=f"{place.why}: {place.path}")
    for key, root in scan.owned_twice:
        yield Operation(Action.SKIP, key, root, Reason.DUPLICATE_KEY)


def _left_out(scan: LocalScan, plan: Plan) -> list[Operation]:
    """Return an operation that does nothing for each entry that is no file and that nothing else tells of."""
    places = [place for place in scan.blind if not (place.failed or place.gone)]
    if not places:
        return []
    told = {operation.key for operation in plan.operations}
    return [
        Operation(Action.SKIP, place.key, place.root, Reason.NOT_A_FILE, detail=place.why)
        for place in places
        if place.key not in told
    ]
