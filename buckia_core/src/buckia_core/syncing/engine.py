"""Engine: runs one sync, one check or one conflict resolution of one bucket, from reading to recording."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.adapters.plugins.registry import registry
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import InvalidKey, TooManyOverwrites
from buckia_core.localfs.filename_rules import check_filename_encoding
from buckia_core.localfs.files import unlink_if_exists
from buckia_core.planning import safety
from buckia_core.planning.plan import Action, Operation, Plan
from buckia_core.planning.policy import Side
from buckia_core.planning.scope import Scope
from buckia_core.syncing.events import SyncResult
from buckia_core.syncing.execution.concurrency import MAX_WORKERS, AdaptiveConcurrency
from buckia_core.syncing.execution.recorder import BaselineRecorder
from buckia_core.syncing.execution.run_progress import RunTally
from buckia_core.syncing.planner import out_of_scope
from buckia_core.syncing.planner.nested_bucket import refuse_nesting
from buckia_core.syncing.planner.planner import Planner
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan.local import temporary_prefix
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.locations import prepare_state_dir
from buckia_core.syncing.state.lock import RunLock
from buckia_core.syncing.state.migration import open_state, open_state_readonly
from buckia_core.syncing.state.resume_store import ResumeRecord, TransferKind

if TYPE_CHECKING:
    from buckia_core.syncing.execution.worker import Worker
    from buckia_core.syncing.planner.check import CheckResult
    from buckia_core.syncing.planner.resolve import Resolution

_log = redacted_logger(__name__)


def sync(request: SyncRequest) -> SyncResult:
    """Sync both sides; with `dry_run`, report the plan only. Errors of single files are in the result.

    Raises:
        LockHeld: Another sync of this project and bucket is running.
        UnsafePlan: The safety guard refused the plan. Nothing was changed.
        AdapterError: The bucket can't be listed, or it rejects the credentials.
        StateTooNew: A newer version of Buckia wrote the state.
    """
    with open_run(request) as (state, tally, planner):
        prepared = planner.plan()
        plan = prepared.plan
        if request.is_wanted is not None:
            plan.operations = list(filter(request.is_wanted, plan.operations))
        for notice in prepared.notices:
            tally.report_notice(notice)
        if not request.force:
            planner.refine_before_guard(plan)
        if request.dry_run:
            # Report the plan before the guard refuses it, because the user needs it to see why.
            tally.report_plan(plan)
            result = tally.report_dry_run(plan)
            if not request.force:
                _warn_of_overwrites(request, plan)
        # The guard does not judge an incomplete plan of an interrupted run, which is not executed either.
        if not request.force and not request.stopped.is_set():
            is_recoverable = None if request.dry_run else _recoverable(request, cache(request.adapter.probe))
            safety.check_plan(plan, request.mappings, request.max_delete, is_recoverable)
        _warn_of_secrets(request, plan)
        if request.dry_run:
            return result
        tally.report_plan(plan)
        if plan.operations and not request.stopped.is_set():
            registry().run_before_sync(plan, request.bucket)
        if not request.stopped.is_set():
            out_of_scope.record_scope(request, state, prepared.out_of_scope)
        configured = None if request.ad_hoc_path else request.configured_scope
        recorder = BaselineRecorder(
            state, planner.request.scope, request.mappings, planner.run_started_ns, planner.removed_mappings, configured
        )
        recorder.refresh(prepared.refreshed)
        return _execute_plan(planner, plan, recorder, tally, is_complete=True)


def resolve(request: SyncRequest, keys: Sequence[str], choice: Resolution) -> SyncResult:
    """Resolve conflicts that the last run left undecided.

    Raises:
        NotAConflict: A key has no undecided conflict, or the version to keep is gone.
        SideEmptied: A local root is missing.
        LockHeld, AdapterError: As `sync`.
    """
    from buckia_core.syncing.planner.resolve import build_resolution_operations  # noqa: PLC0415  # not needed by a sync

    request = replace(request, scope=Scope.from_names(keys))
    with open_run(request) as (state, tally, planner):
        planner.check_roots()
        with planner.bucket.locator() as places:
            plan = Plan(build_resolution_operations(request, places, state.conflicts(), keys, choice))
        tally.report_plan(plan)
        recorder = BaselineRecorder(state, request.scope, request.mappings, planner.run_started_ns)
        return _execute_plan(planner, plan, recorder, tally)


def check(request: SyncRequest) -> CheckResult:
    """Compare both sides by content. Changes nothing."""
    from buckia_core.syncing.planner.check import compare_contents  # noqa: PLC0415  # as above

    with open_run(request) as (state, _, planner):
        return compare_contents(request, planner, state)


def make_plan(request: SyncRequest) -> Plan:
    """Return the plan of a sync. Changes nothing, and applies no guard."""
    with open_run(request) as (_, _, planner):
        return planner.plan().plan


@contextmanager
def open_run(request: SyncRequest) -> Iterator[tuple[StateDatabase, RunTally, Planner]]:
    """Open state, event tally and planner of a run. A dry run reads the state; all others hold the lock."""
    check_filename_encoding()
    refuse_nesting(request)
    files = request.state_files
    with ExitStack() as stack:
        if request.dry_run:
            state = open_state_readonly(files)
        else:
            prepare_state_dir(files.directory)
            stack.enter_context(RunLock(files.lock))
            state = open_state(files)
        stack.callback(state.close)
        tally = RunTally(request)
        temporary = temporary_prefix(state.get_meta("id") or "")
        yield state, tally, Planner.for_request(request, state, temporary, tally.add_scanned)


def _execute_plan(
    planner: Planner, plan: Plan, recorder: BaselineRecorder, tally: RunTally, *, is_complete: bool = False
) -> SyncResult:
    """Execute a plan, record the results and return them. `is_complete`: the plan covers all keys of the scope."""
    request = planner.request
    if not request.stopped.is_set():
        actions: dict[str, set[Action]] = {}
        for operation in plan.operations:
            actions.setdefault(operation.key, set()).add(operation.action)
        wanted = partial(_may_resume, request.scope, actions)
        planner.resume_store.prune(wanted, request.adapter, partial(_remove_staging_file, planner))
    changed: set[str] = set()
    if plan.operations and not request.stopped.is_set():
        recorder.begin(tally.counts)
        from buckia_core.syncing.execution.executor import Execution  # noqa: PLC0415  # most have nothing to do

        worker = make_worker(request, planner, plan)
        capabilities = request.adapter.capabilities
        workers, fixed = request.max_workers or capabilities.workers, request.max_workers is not None
        # The requests outlive the threads that wait for them.
        with worker.requests, _open_executor(request) as executor:
            execution = Execution(
                worker,
                executor,
                AdaptiveConcurrency(workers, fixed=fixed),
                AdaptiveConcurrency.for_requests(workers, fixed=fixed, maximum=capabilities.max_requests),
                request.stopped,
                capabilities.delete_batch_size,
                tally.report_bytes if tally.is_heard else None,
                recorder.add,
            )
            results = execution.run(plan.operations)
            try:
                for done in results:
                    if recorder.failure:
                        # Start no more operations; those in flight are recorded if the database can be written again.
                        request.stopped.set()
                    if done.operation.action in _WRITING_ACTIONS:
                        changed.update(done.deletes, (each.key for each in done.upserts))
                    tally.report_result(done)
            finally:
                # Record finished and in-flight operations, whatever ends the run.
                results.close()
                recorder.flush()
    result = tally.build_result(plan)
    recorder.finish(result, plan if is_complete else None)
    if recorder.failure:
        raise recorder.failure
    if tally.fatal:
        raise tally.fatal
    _notify_plugins(request, result, sorted(changed))
    return result


_WRITING_ACTIONS = (Action.UPLOAD, Action.DELETE_REMOTE, Action.MOVE_REMOTE, Action.KEEP_BOTH)


def make_worker(request: SyncRequest, planner: Planner, plan: Plan) -> Worker:
    """Build the worker that executes operations. It can be pickled if the request has a configuration."""
    from buckia_core.syncing.disk.trash import Trash  # noqa: PLC0415  # as above
    from buckia_core.syncing.execution.request_runner import RequestRunner  # noqa: PLC0415  # as above
    from buckia_core.syncing.execution.worker import Worker  # noqa: PLC0415  # as above
    from buckia_core.syncing.transfer.in_flight import InFlightTransfers  # noqa: PLC0415  # as above

    writes = any(operation.action in _WRITING_ACTIONS for operation in plan.operations)
    # A probe may write to the bucket, which read-only credentials do not allow.
    capabilities = request.adapter.probe() if writes else request.adapter.capabilities
    adapter = request.adapter
    # An executor that was handed in may run in other processes, which the event loop of this one can't serve.
    on_loop = (
        adapter if request.executor is None and capabilities.coroutines and isinstance(adapter, Coroutines) else None
    )
    return Worker(
        bucket=planner.bucket,
        mappings={mapping.id: mapping for mapping in request.mappings},
        trash=Trash(request.state_files.trash, below=request.state_files.directory),
        temp_prefix=planner.temp_prefix,
        algorithm=request.algorithm,
        keep_replaced=request.keep_replaced,
        capabilities=capabilities,
        resume_store=planner.resume_store,
        run_started_ns=planner.run_started_ns,
        in_flight=InFlightTransfers(request.stopped),
        requests=RequestRunner(request.stopped, on_loop),
    )


def _warn_of_overwrites(request: SyncRequest, plan: Plan) -> None:
    """Warn in a dry run if a sync would be refused for its overwrites, should the bucket keep no versions.

    A dry run does not probe whether the bucket keeps versions, because some probes write.
    """
    try:
        safety.check_overwrites(plan, request.mappings, _recoverable(request, lambda: request.adapter.capabilities))
    except TooManyOverwrites as error:
        _log.warning("%s: a sync refuses this, unless the bucket keeps versions. %s", request.bucket, error)


def _recoverable(request: SyncRequest, capabilities: Callable[[], Capabilities]) -> Callable[[Operation], bool]:
    """Return a predicate: whether the version that an upload replaces can be restored."""

    def is_recoverable(operation: Operation) -> bool:
        known = capabilities()
        return known.versions or request.keep_replaced.applies(
            loses_data=operation.loser is Side.REMOTE, versions=known.versions, free_reads=known.free_reads
        )

    return is_recoverable


def _may_resume(scope: Scope, actions: Mapping[str, set[Action]], kept: ResumeRecord) -> bool:
    """Tell whether an unfinished transfer may be resumed: by this run, or by a later one with another scope."""
    if not scope.covers(kept.key):
        return True
    planned = actions.get(kept.key, set())
    transfer = Action.UPLOAD if kept.kind is TransferKind.UPLOAD else Action.DOWNLOAD
    return not planned.isdisjoint((transfer, Action.CONFLICT, Action.KEEP_BOTH))


def _remove_staging_file(planner: Planner, record: ResumeRecord) -> None:
    """Remove the staging file of a discarded download.

    The record may be forged, so the file is looked for where the key belongs, and needs the prefix of this project.
    """
    name = os.path.basename(record.path)
    for mapping in planner.request.mappings:
        if name.startswith(planner.temp_prefix) and mapping.includes(record.key):
            with suppress(OSError, InvalidKey), planner.bucket.locator() as locator:
                if (location := locator.locate(record.key, mapping)) is not None:
                    unlink_if_exists(location.directory, name)


def _open_executor(request: SyncRequest) -> AbstractContextManager[Executor]:
    """Return the executor of the request, which stays open, or a thread pool that ends with the run."""
    if request.executor is not None:
        return nullcontext(request.executor)
    return ThreadPoolExecutor(request.max_workers or MAX_WORKERS, thread_name_prefix="buckia-work")


def _warn_of_secrets(request: SyncRequest, plan: Plan) -> None:
    if not plan.operations:
        return
    from buckia_core.syncing.planner import sensitive_uploads  # noqa: PLC0415  # most runs have nothing to do

    if keys := sensitive_uploads.find_sensitive_uploads(plan.operations, request.mappings):
        _log.warning("%s: %s", request.bucket, sensitive_uploads.sensitive_warning(keys))


def _notify_plugins(request: SyncRequest, result: SyncResult, changed: Sequence[str]) -> None:
    try:
        registry().hooks.buckia_after_sync(report=result, bucket=request.bucket, changed=changed, config=request.config)
    except Exception:  # noqa: BLE001
        # The sync is complete and recorded.
        _log.exception("a plugin failed after the sync")
