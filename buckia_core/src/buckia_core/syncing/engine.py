"""One sync of one bucket: the flow, on one screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.types import RemoteObject
from buckia_core.adapters.plugins.registry import registry
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import TooManyOverwrites
from buckia_core.localfs import names
from buckia_core.localfs.directory import Tree
from buckia_core.planning import safety
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.plan import Action, Operation, Plan
from buckia_core.planning.policy import Side
from buckia_core.planning.scope import Scope
from buckia_core.syncing.disk.paths import FileLocation
from buckia_core.syncing.events import SyncResult
from buckia_core.syncing.execution.concurrency import MOST, AdaptiveConcurrency
from buckia_core.syncing.execution.recorder import BaselineRecorder
from buckia_core.syncing.execution.run_progress import RunTally
from buckia_core.syncing.planner import out_of_scope
from buckia_core.syncing.planner.bucket_handle import BackupPolicy
from buckia_core.syncing.planner.nested_bucket import refuse_nesting
from buckia_core.syncing.planner.planner import Planner
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan.local import temporary_prefix
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.locations import prepare_state_dir
from buckia_core.syncing.state.lock import RunLock
from buckia_core.syncing.state.migration import open_state, peek_state
from buckia_core.syncing.state.resume_store import ResumeRecord, TransferKind

if TYPE_CHECKING:
    from buckia_core.syncing.execution.worker import Worker
    from buckia_core.syncing.planner.check import CheckResult
    from buckia_core.syncing.planner.resolve import Resolution

_log = redacted_logger(__name__)


def sync(request: SyncRequest) -> SyncResult:
    """Bring both sides in step; with `dry_run`, only say how. What fails for one file is in the result.

    Raises:
        LockHeld: Another sync of this project and bucket is running.
        UnsafePlan: The deletion guard refused; nothing was changed.
        AdapterError: The bucket can't be listed, or does not accept the credentials.
        StateTooNew: The state belongs to a newer Buckia.
    """
    with opened(request) as (state, progress, survey):
        prepared = survey.plan()
        plan = prepared.plan
        for notice in prepared.notices:
            progress.notice(notice)
        if not request.force:
            survey.explain(plan)
        if request.dry_run:
            # A plan that the guard refuses is told first, because it is what a person has to look at then.
            progress.planned(plan)
            result = progress.rehearsed(plan)
            if not request.force:
                _tell_of_overwrites(request, plan)
        # An interrupted plan may be half of one, which proves nothing; none of it will be done.
        if not request.force and not request.stopped.is_set():
            is_kept = None if request.dry_run else _is_kept(request, cache(request.adapter.probe))
            safety.check_plan(plan, request.mappings, request.max_delete, is_kept)
        _warn_of_secrets(request, plan)
        if request.dry_run:
            return result
        progress.planned(plan)
        if plan.operations and not request.stopped.is_set():
            registry().run_before_sync(plan, request.bucket)
        if not request.stopped.is_set():
            out_of_scope.remember(request, state, prepared.out_of_scope)
        folders = None if request.chosen_path else request.folders
        recorder = BaselineRecorder(
            state, survey.request.scope, request.mappings, survey.since_ns, survey.removed, folders
        )
        recorder.refresh(prepared.refreshed)
        return _carry_out(survey, plan, recorder, progress, whole=True)


def resolve(request: SyncRequest, keys: Sequence[str], choice: Resolution) -> SyncResult:
    """Settle conflicts that the last run left, by a person's choice.

    Raises:
        NotAConflict: A key is none of them, or the version that is to be kept is gone.
        SideEmptied: A local root is gone.
        LockHeld, AdapterError: As `sync`.
    """
    from buckia_core.syncing.planner.resolve import decided  # noqa: PLC0415  # a sync does not need it

    request = replace(request, scope=Scope.from_names(keys))
    with opened(request) as (state, progress, survey):
        survey.check_roots()
        with survey.site.places() as places:
            plan = Plan(decided(request, places, state.conflicts(), keys, choice))
        progress.planned(plan)
        recorder = BaselineRecorder(state, request.scope, request.mappings, survey.since_ns)
        return _carry_out(survey, plan, recorder, progress)


def check(request: SyncRequest) -> CheckResult:
    """Compare both sides by content."""
    from buckia_core.syncing.planner.check import compare_contents  # noqa: PLC0415  # as above

    with opened(request) as (state, _, survey):
        return compare_contents(request, survey, state)


def make_plan(request: SyncRequest) -> Plan:
    """Return what a sync would do now. Changes nothing, and is refused by no guard."""
    with opened(request) as (_, _, survey):
        return survey.plan().plan


@contextmanager
def opened(request: SyncRequest) -> Iterator[tuple[StateDatabase, RunTally, Planner]]:
    """Give what a run stands on: for a dry run, of a state that is only read; else under the lock."""
    names.check()
    refuse_nesting(request)
    files = request.files
    with ExitStack() as stack:
        if request.dry_run:
            state = peek_state(files)
        else:
            prepare_state_dir(files.directory)
            stack.enter_context(RunLock(files.lock))
            state = open_state(files)
        stack.callback(state.close)
        progress = RunTally(request)
        temporary = temporary_prefix(state.meta("id") or "")
        yield state, progress, Planner.of(request, state, temporary, progress.seen)


def _carry_out(
    survey: Planner, plan: Plan, recorder: BaselineRecorder, progress: RunTally, *, whole: bool = False
) -> SyncResult:
    """Execute a plan, write down what happened, and tell it. `whole`: it is about all keys of the scope."""
    request = survey.request
    if not request.stopped.is_set():
        actions: dict[str, set[Action]] = {}
        for operation in plan.operations:
            actions.setdefault(operation.key, set()).add(operation.action)
        survey.unfinished.tidy(partial(_is_wanted, request.scope, actions), request.adapter)
    changed: set[str] = set()
    if plan.operations and not request.stopped.is_set():
        from buckia_core.syncing.execution.executor import execute  # noqa: PLC0415  # most runs find nothing to do

        worker = make_worker(request, survey, plan)
        capabilities = request.adapter.capabilities
        pace = AdaptiveConcurrency(request.max_workers or capabilities.workers, fixed=request.max_workers is not None)
        with _executor(request) as executor:
            results = execute(
                worker,
                plan.operations,
                executor,
                pace,
                request.stopped,
                capabilities.delete_batch,
                progress.moved,
                recorder.add,
            )
            try:
                for done in results:
                    if recorder.failure:
                        # Nothing new begins; what is under way is waited for, and written down if that goes again.
                        request.stopped.set()
                    if done.operation.action in _WRITES:
                        changed.update(done.drop, (each.key for each in done.put))
                    progress.done(done)
            finally:
                # Whatever ends the run, what happened until then is remembered, and what is under way as well.
                results.close()
                recorder.flush()
    result = progress.result(plan)
    recorder.finish(result, plan if whole else None)
    if recorder.failure:
        raise recorder.failure
    if progress.fatal:
        raise progress.fatal
    _tell_plugins(request, result, sorted(changed))
    return result


_WRITES = (Action.UPLOAD, Action.DELETE_REMOTE, Action.MOVE_REMOTE, Action.KEEP_BOTH)


def make_worker(request: SyncRequest, survey: Planner, plan: Plan) -> Worker:
    """Return what executes operations of a request. It can be pickled if the request has a configuration."""
    from buckia_core.syncing.disk.trash import Trash  # noqa: PLC0415  # as above
    from buckia_core.syncing.execution.worker import Worker  # noqa: PLC0415  # as above
    from buckia_core.syncing.transfer.in_flight import InFlightTransfers  # noqa: PLC0415  # as above

    writes = any(operation.action in _WRITES for operation in plan.operations)
    # Asking a bucket may write to it, and who only reads from it may not be allowed to.
    capabilities = request.adapter.probe() if writes else request.adapter.capabilities
    return Worker(
        site=survey.site,
        mappings={mapping.id: mapping for mapping in request.mappings},
        trash=Trash(request.files.trash, below=request.files.directory),
        temporary=survey.temporary,
        algorithm=request.algorithm,
        keeping=BackupPolicy(request.keep, capabilities.versions, capabilities.free_reads),
        unfinished=survey.unfinished,
        since_ns=survey.since_ns,
        flights=InFlightTransfers(request.stopped),
    )


def _tell_of_overwrites(request: SyncRequest, plan: Plan) -> None:
    """Say in a dry run that the run would be refused for what it overwrites, unless the bucket turns out to keep it.

    A dry run asks no server whether it keeps versions, since some can only be asked by writing.
    """
    try:
        safety.check_overwrites(plan, request.mappings, _is_kept(request, lambda: request.adapter.capabilities))
    except TooManyOverwrites as error:
        _log.warning("%s: a sync refuses this, unless the bucket keeps versions. %s", request.bucket, error)


def _is_kept(request: SyncRequest, capabilities: Callable[[], Capabilities]) -> Callable[[Operation], bool]:
    """Return what tells whether the version that an upload replaces can be restored."""

    def is_kept(operation: Operation) -> bool:
        known = capabilities()
        keeping = BackupPolicy(request.keep, known.versions, known.free_reads)
        return known.versions or keeping.covers(operation.loser is Side.REMOTE)

    return is_kept


def _is_wanted(scope: Scope, actions: Mapping[str, set[Action]], kept: ResumeRecord) -> bool:
    """Tell whether an unfinished transfer may still be taken up: by this run, or because this run is not about it."""
    if not scope.covers(kept.key):
        return True
    planned = actions.get(kept.key, set())
    transfer = Action.UPLOAD if kept.kind is TransferKind.UPLOAD else Action.DOWNLOAD
    return not planned.isdisjoint((transfer, Action.CONFLICT, Action.KEEP_BOTH))


def _executor(request: SyncRequest) -> AbstractContextManager[Executor]:
    """Return the executor that was given, which stays as it is, or threads that end with the run."""
    if request.executor is not None:
        return nullcontext(request.executor)
    return ThreadPoolExecutor(request.max_workers or MOST, thread_name_prefix="buckia-work")


def fetch(adapter: BaseSync, found: RemoteObject, target: Path, algorithm: str) -> RemoteObject:
    """Download one object to a path, aside first and verified; a file there is replaced."""
    from buckia_core.syncing.transfer.download import Download  # noqa: PLC0415  # a sync need not transfer anything

    head, name = os.path.split(os.path.abspath(target))
    os.makedirs(head, exist_ok=True)
    with (
        Tree(head) as tree,
        Download(
            adapter,
            found,
            place := FileLocation(tree.root, name),
            root="",
            temporary=TEMP_PREFIX,
            planned=place.look(found.key, ""),
            algorithm=algorithm,
            keep=lambda _: None,
        ) as file,
    ):
        file.fetch()
        return file.place().remote


def _warn_of_secrets(request: SyncRequest, plan: Plan) -> None:
    if not plan.operations:
        return
    from buckia_core.syncing.scan import sensitive_files  # noqa: PLC0415  # most runs find nothing to do

    if keys := sensitive_files.sensitive_uploads(plan.operations, request.mappings):
        _log.warning("%s: %s", request.bucket, sensitive_files.warning(keys))


def _tell_plugins(request: SyncRequest, result: SyncResult, changed: Sequence[str]) -> None:
    try:
        registry().hooks.buckia_after_sync(report=result, bucket=request.bucket, changed=changed, config=request.config)
    except Exception:  # noqa: BLE001
        # The sync is done and recorded; what a plugin makes of it can't undo that.
        _log.exception("a plugin failed after the sync")
