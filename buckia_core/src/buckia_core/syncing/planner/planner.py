"""`Planner`: reads both sides and plans a run."""

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
from buckia_core.localfs.filename_rules import detect_filesystem_rules
from buckia_core.localfs.sqlite_files import SIDE_SUFFIXES
from buckia_core.planning import safety
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Counts, Operation, Plan, Reason
from buckia_core.planning.policy import Direction
from buckia_core.syncing.disk.paths import nearest_directory, root_directory, root_identity
from buckia_core.syncing.planner import out_of_scope
from buckia_core.syncing.planner.bucket_context import BucketContext
from buckia_core.syncing.planner.former_mappings import FormerMapping, OtherMappings, find_other_mappings
from buckia_core.syncing.planner.plan_builder import PlanBuilder, PlannedRun
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan import remote as remote_scan
from buckia_core.syncing.scan.list_range import ListRange
from buckia_core.syncing.scan.local import LocalScan
from buckia_core.syncing.scan.prefetch import PrefetchIterator, in_batches
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.resume_store import ResumeStore

if TYPE_CHECKING:
    from buckia_core.syncing.planner.move_detector import MoveDetector

Item = TypeVar("Item")

_EVIDENCE_THREADS = 8


@dataclass
class Planner:
    """Planner of one run.

    Attributes:
        request: The request. Planning replaces it with one of a narrower scope if that takes a listing to resolve.
        state: The state of the bucket, with the baseline.
        temp_prefix: Prefix of temporary files. A scan removes leftover ones, except in a dry run.
        on_scanned: Called with the numbers of local and remote entries that were read since the last call.
        bucket: The bucket.
        run_started_ns: Start of the run, before any file or object was read.
    """

    request: SyncRequest
    state: StateDatabase
    temp_prefix: str
    on_scanned: Callable[[int, int], None]
    bucket: BucketContext
    run_started_ns: int = field(default_factory=time.time_ns)

    @classmethod
    def for_request(
        cls, request: SyncRequest, state: StateDatabase, temp_prefix: str, on_scanned: Callable[[int, int], None]
    ) -> Planner:
        """Create a planner, detecting the rules of each file system."""
        roots = {
            mapping.id: root_identity(mapping) for mapping in request.mappings if request.scope.overlaps(mapping.remote)
        }
        rules = {mapping.id: detect_filesystem_rules(nearest_directory(mapping.local)) for mapping in request.mappings}
        follow = request.follow_symlinks
        bucket = BucketContext(request.adapter, request.config, request.algorithm, rules, follow, roots)
        return cls(request, state, temp_prefix, on_scanned, bucket)

    @property
    def _mappings_by_id(self) -> dict[str, PathMapping]:
        return {mapping.id: mapping for mapping in self.request.mappings}

    @property
    def removed_mappings(self) -> dict[str, FormerMapping]:
        """Mappings of earlier runs that are no longer configured, by id."""
        return self._other_mappings.removed

    @cached_property
    def _other_mappings(self) -> OtherMappings:
        return find_other_mappings(self.request, self.state)

    def _protected_mapping_ids(self) -> frozenset[str]:
        """Return the ids of the mappings of other sections, if a mirror of this run could delete their objects."""
        mirrors = any(mapping.rules.delete_orphaned for mapping in self.request.mappings)
        return self._other_mappings.elsewhere if mirrors else frozenset()

    @property
    def _move_detector(self) -> MoveDetector:
        from buckia_core.syncing.planner.move_detector import MoveDetector  # noqa: PLC0415  # not needed by most runs

        return MoveDetector(self.bucket.decider.evidence, self._mappings_by_id)

    @property
    def resume_store(self) -> ResumeStore:
        """The unfinished transfers of earlier runs."""
        return ResumeStore(self.request.state_files)

    def plan(self) -> PlannedRun:
        """Read both sides, each in a thread of its own, and merge them with the baseline.

        Raises:
            SideEmptied: A local root is missing that the baseline has, or that is the source of an upload; or one
                disappeared during the scan.
            InvalidSetting: A path that the run is limited to matches nothing.
            AdapterError: The bucket can't be listed to its end.
            PermissionDenied: A local root can't be read.
            OSError: The disk of a local root failed, or too many files are open.
        """
        request = self.request
        with (
            self.open_manifests() as (scan, local, remote),
            ThreadPoolExecutor(_EVIDENCE_THREADS, thread_name_prefix="buckia-evidence") as pool,
        ):
            decider, removed, others = self.bucket.decider, self.removed_mappings, self._protected_mapping_ids()
            builder = PlanBuilder(request.mappings, decider, scan.unreadable, request.stopped, pool, removed, others)
            # Also read rows of removed mappings: their keys are not orphans, and their digests identify moved files.
            known = [*self._mappings_by_id, *removed, *sorted(others)]
            planned = builder.build(local, remote, self.state.baseline(request.scope, known))
        plan = planned.plan
        plan.operations = list(self.resolve_paths(plan.operations, lambda operation: operation.key))
        variants = self._refine(plan) if plan.operations else []
        outside = out_of_scope.find_rows_outside_folders(request, self.state)
        if request.dry_run:
            planned.notices += self._missing_root_notices()
        planned.notices += out_of_scope.build_notices(request, planned.out_of_scope, outside)
        planned.notices += out_of_scope.unicode_variants_notice(variants)
        planned.out_of_scope += outside
        plan.operations += _unreadable_operations(scan, request.mappings)
        plan.operations.sort(key=lambda each: each.key)
        plan.left_out = _left_out_operations(scan, plan)
        return planned

    def _refine(self, plan: Plan) -> list[tuple[str, str]]:
        """Refuse operations without a valid target, ask about conflicts, and detect moves.

        Returns:
            New keys that differ from other keys in Unicode normalization only.
        """
        # Not needed by most runs.
        from buckia_core.planning.path_collisions import NameCollisions  # noqa: PLC0415
        from buckia_core.syncing.disk.case_collisions import CaseCollisions, path_exists  # noqa: PLC0415
        from buckia_core.syncing.planner.blocked_paths import refuse_blocked  # noqa: PLC0415

        adapter, original = self.request.adapter, plan.operations
        if any(each.key.endswith(SIDE_SUFFIXES) for each in original):
            from buckia_core.syncing.planner.side_files import skip_side_files  # noqa: PLC0415  # as above

            original = skip_side_files(original, self._mappings_by_id, self.bucket)
        collisions = NameCollisions(
            self._mappings_by_id, self.bucket.filesystem_rules, CaseCollisions().find, path_exists
        )
        operations = collisions.resolve(original)
        waiting = {each.key for each in operations if each.after_deletes}
        if self.request.ask:
            operations = [self._ask_user(operation) for operation in operations]
        operations = refuse_blocked(
            operations,
            self._mappings_by_id,
            follow=self.request.follow_symlinks,
            temp_prefix=self.temp_prefix,
            bucket=None if adapter.capabilities.nested_keys else adapter.local_directory,
            skipped_keys=waiting.difference(each.key for each in original if each.after_deletes),
        )
        plan.operations = self._move_detector.detect(operations)
        return collisions.find_unicode_variants(operations)

    def refine_before_guard(self, plan: Plan) -> None:
        """Refine a plan that the safety guard would refuse: count whole mappings, and look for moves."""
        request = self.request
        if request.scope != request.configured_scope and self._deletes_too_much(plan):
            self._count_whole_mappings(plan)
        if self._deletes_too_much(plan):
            plan.operations = self._move_detector.add_digests(plan.operations)

    def _deletes_too_much(self, plan: Plan) -> bool:
        return safety.deletes_too_much(plan, self.request.mappings, self.request.max_delete)

    def _count_whole_mappings(self, plan: Plan) -> None:
        """Count all files of the mappings of a run that is limited to some paths, unless a local root is empty."""
        request = self.request
        for mapping in request.mappings:
            counts = plan.counts.setdefault(mapping.id, Counts())
            rest = self.state.count_rows(mapping.id) - counts.base
            if rest > 0 and _has_included_file(mapping, request):
                counts.local += rest
                counts.remote += rest
                counts.base += rest

    @contextmanager
    def open_manifests(self) -> Iterator[tuple[LocalScan, Iterable[LocalEntry], Iterable[RemoteObject]]]:
        """Start to read both sides, each in a thread of its own; yield the scan and the two manifests.

        Raises:
            SideEmptied: A local root is missing that the baseline has, or that is the source of an upload; or, at the
                end of the context, one disappeared during the scan.
        """
        request = self.request
        self.check_roots()
        temp_prefix = None if request.dry_run else self.temp_prefix
        kept = frozenset() if request.dry_run else self.resume_store.temp_files()
        scan = LocalScan(request.mappings, request.scope, request.follow_symlinks, temp_prefix, kept)
        scan.bucket = request.adapter.local_directory
        files = in_batches(scan.entries())
        objects: Iterable[Sequence[RemoteObject]]
        objects = remote_scan.list_remote(request.adapter, request.scope, self._list_ranges())
        if request.sync_paths is not None:
            objects = request.sync_paths.watch(objects)
        local = PrefetchIterator(files, name="buckia-scan", on_batch=lambda number: self.on_scanned(number, 0))
        remote = PrefetchIterator(objects, name="buckia-list", on_batch=lambda number: self.on_scanned(0, number))
        with closing(local), closing(remote):
            yield scan, local, remote
            self._check_roots_unchanged()

    def resolve_paths(self, found: Iterable[Item], key_of: Callable[[Item], str]) -> Iterable[Item]:
        """Return the items in scope, after both sides were read and the paths of the request can be resolved.

        Raises:
            InvalidSetting: A path matches nothing.
        """
        request = self.request
        if request.sync_paths is None or not request.sync_paths.unresolved or request.stopped.is_set():
            return found
        self.request = replace(request, scope=request.sync_paths.resolve())
        return [each for each in found if self.request.scope.covers(key_of(each))]

    def _missing_roots(self) -> Iterator[tuple[PathMapping, str]]:
        for mapping in self.request.mappings:
            root = root_directory(mapping)
            if self.request.scope.overlaps(mapping.remote) and not os.path.isdir(root):
                yield mapping, root

    def _expects_root(self, mapping: PathMapping) -> bool:
        is_source = mapping.rules.direction is Direction.UP and not mapping.is_file
        return is_source or self.state.has_mapping(mapping.id)

    def _missing_root_notices(self) -> Iterator[str]:
        """Yield what a sync makes of local roots that are missing."""
        for mapping, root in self._missing_roots():
            what = "refuses to run" if self._expects_root(mapping) else "treats it as empty"
            yield f"the local folder is missing: {root}; a sync {what}"

    def check_roots(self) -> None:
        """Check that all local roots exist; of a single file, its directory.

        Raises:
            SideEmptied: A local root is missing that the baseline has, or that is the source of an upload.
            InvalidSetting: A local root is not a directory.
        """
        for mapping, root in self._missing_roots():
            if os.path.lexists(root) and not mapping.is_file:
                raise InvalidSetting(
                    f"{mapping.local} is not a folder, so it can't be one of `paths`; single files belong in `files`"
                )
            if self._expects_root(mapping) and not self.request.force:
                raise SideEmptied(
                    f"The local folder is missing: {root}. If it is on a disk that is not mounted, mount "
                    "it; if the folder was moved, correct `paths` or `files`; to sync as if it were empty, use --force."
                )

    def _check_roots_unchanged(self) -> None:
        """Check that no local root was mounted, unmounted or replaced during the scan.

        `--force` does not override this check: it confirms only what the user knew before the run.
        """
        for mapping in self.request.mappings:
            identity = self.bucket.root_identities.get(mapping.id)
            if identity is not None and root_identity(mapping) != identity:
                raise SideEmptied(
                    f"The local folder went away or became another one while it was read: {root_directory(mapping)}. "
                    "If a disk was mounted or unmounted there, run again."
                )

    def _list_ranges(self) -> list[ListRange]:
        """Split a long listing at keys of the baseline, if the provider can start a listing at any key."""
        prefixes = _remote_prefixes(self.request)
        if not self.request.adapter.capabilities.start_after:
            return [ListRange(prefix) for prefix in prefixes]
        return [
            each
            for prefix in prefixes
            for each in remote_scan.split_listing(prefix, self.state.sample_keys(remote_scan.KEYS_PER_RANGE, prefix))
        ]

    def _ask_user(self, operation: Operation) -> Operation:
        """Ask the user about a conflict under policy `ask`."""
        request = self.request
        if not (operation.unresolved and operation.reason is Reason.CONFLICT and request.ask):
            return operation
        policy = request.ask(operation)
        if policy is None:
            return operation
        mapping = next(each for each in request.mappings if each.id == operation.mapping_id)
        decided = mapping._replace(rules=mapping.rules._replace(conflict_policy=policy))
        outcome = self.bucket.decider.decide(decided, operation.local, operation.remote, operation.base)[0]
        return outcome if isinstance(outcome, Operation) else operation


def _has_included_file(mapping: PathMapping, request: SyncRequest) -> bool:
    """Tell whether a local root has a file that the configuration includes; any disk has excluded files."""
    if mapping.is_file:
        return os.path.lexists(mapping.local)
    configured = mapping._replace(path_filter=mapping.configured_filter or mapping.path_filter)
    scan = LocalScan([configured], request.configured_scope, request.follow_symlinks, None)
    scan.bucket = request.adapter.local_directory
    try:
        return next(scan.entries(), None) is not None
    except (OSError, BuckiaError):
        return False


def _remote_prefixes(request: SyncRequest) -> list[str]:
    """Return the prefixes to list: those of the mappings within the scope, in order, without overlaps."""
    wanted = sorted({prefix for mapping in request.mappings for prefix in request.scope.ranges(mapping.remote)})
    kept: list[str] = []
    for prefix in wanted:
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def _unreadable_operations(scan: LocalScan, mappings: Sequence[PathMapping]) -> Iterator[Operation]:
    """Yield a refused operation for each path that can't be read, and a skipped one for each duplicate key."""
    for path in scan.unreadable:
        if path.is_error:
            mapping_id = path.mapping_id or mappings[0].id
            yield Operation(
                Action.REFUSE, path.key, mapping_id, Reason.UNREADABLE, detail=f"{path.reason}: {path.path}"
            )
    for key, mapping_id in scan.duplicate_keys:
        yield Operation(Action.SKIP, key, mapping_id, Reason.DUPLICATE_KEY)


def _left_out_operations(scan: LocalScan, plan: Plan) -> list[Operation]:
    """Return a skipped operation for each path that is not a file, unless the plan has another one for its key."""
    paths = [path for path in scan.unreadable if not (path.is_error or path.has_vanished or path.is_silent)]
    if not paths:
        return []
    reported = {operation.key for operation in plan.operations}
    return [
        Operation(Action.SKIP, path.key, path.mapping_id, Reason.NOT_A_FILE, detail=path.reason)
        for path in paths
        if path.key not in reported
    ]
