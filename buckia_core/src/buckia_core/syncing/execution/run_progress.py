"""Run tally: turns results of operations into events, and counts them for the result of the run."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.errors import Unauthenticated
from buckia_core.planning.keys import FilesystemRules, invalid_reason
from buckia_core.planning.plan import CONFLICT_REASONS, Action, Operation, Plan, Reason
from buckia_core.syncing.disk.paths import local_path
from buckia_core.syncing.events import (
    FileError,
    Finished,
    Notice,
    Planned,
    Scanning,
    Status,
    SyncResult,
    Transferred,
    no_listener,
)
from buckia_core.syncing.request import SyncRequest

if TYPE_CHECKING:
    from buckia_core.syncing.execution.operation_result import OperationResult

_EVENT_INTERVAL = 0.1
_DRY_RUN_STATUS = {Action.REFUSE: Status.FAILED, Action.CONFLICT: Status.UNRESOLVED}


class RunTally:
    """Sends events to the listener, and counts results. For the thread that runs the sync.

    Attributes:
        is_heard: Whether anybody listens to the events.
        fatal: An error that ends the run, such as rejected credentials.
        counts: The result of the run so far.
    """

    def __init__(self, request: SyncRequest) -> None:
        self._request = request
        self._base = os.path.join(Path(request.state_dir).parent, "")
        self._mappings = {mapping.id: mapping for mapping in request.mappings}
        self._started = time.monotonic()
        self._requests_before = request.adapter.request_count or 0
        self._local = self._remote = 0
        self._last_scanning_event = 0.0
        self.is_heard = request.listener is not no_listener
        self.fatal: Unauthenticated | None = None
        self.counts = SyncResult(bucket=request.bucket, dry_run=request.dry_run, started=datetime.now(UTC))

    def add_scanned(self, local: int, remote: int) -> None:
        """Count scanned entries, and report them at intervals."""
        self._local += local
        self._remote += remote
        now = time.monotonic()
        if now - self._last_scanning_event > _EVENT_INTERVAL:
            self._last_scanning_event = now
            self._request.listener(Scanning(self._local, self._remote))

    def report_plan(self, plan: Plan) -> None:
        """Report the plan, and entries that are skipped because they are no regular files."""
        self._request.listener(Planned(plan))
        left_out = self.counts.left_out
        for operation in plan.left_out:
            kind = operation.detail.partition(" to ")[0]
            left_out[kind] = left_out.get(kind, 0) + 1
            status = Status.PLANNED if self._request.dry_run else Status.DONE
            self._count(operation, status, None, 0)
            self._emit_finished(operation, status, None)

    def report_notice(self, message: str) -> None:
        """Report a message that is no failure."""
        self.counts.notices.append(message)
        self._request.listener(Notice(message))

    def report_bytes(self, operation: Operation, delta: int) -> None:
        """Report bytes that a transfer has moved since the last call."""
        self._request.listener(Transferred(operation, delta))

    def report_result(self, result: OperationResult) -> None:
        """Report and count the result of an operation."""
        operation, counts = result.operation, self.counts
        counts.bytes_up += result.bytes_up
        counts.bytes_down += result.bytes_down
        self._count(operation, result.status, result.message, result.extra_uploads)
        if isinstance(result.error, Unauthenticated):
            self.fatal = self.fatal or result.error
            self._request.stopped.set()
        self._emit_finished(operation, result.status, result.message)

    def report_dry_run(self, plan: Plan) -> SyncResult:
        """Report and count a plan that is not executed."""
        for operation in plan:
            # A dry run reports refused keys and undecided conflicts as the real run does: neither changes anything.
            status = _DRY_RUN_STATUS.get(operation.action, Status.PLANNED)
            error = operation.explanation if status is Status.FAILED else None
            self._count(operation, status, error, 1 if operation.action is Action.KEEP_BOTH else 0)
            self._emit_finished(operation, status, error)
        return self.build_result(plan)

    def build_result(self, plan: Plan) -> SyncResult:
        """Build the result of the run."""
        counts = self.counts
        counts.unchanged = plan.unchanged
        counts.interrupted = self._request.stopped.is_set() and self.fatal is None
        counts.seconds = time.monotonic() - self._started
        # Workers finish in any order; sorted, equal runs have equal results.
        counts.unresolved.sort()
        counts.errors.sort(key=lambda error: error.key)
        counts.requests = (self._request.adapter.request_count or 0) - self._requests_before
        return counts

    def path(self, operation: Operation) -> str:
        """Return the local path of an operation, relative to the project where it is inside; empty if there is none."""
        mapping = self._mappings[operation.mapping_id]
        if (
            operation.action is Action.REFUSE
            and not mapping.is_file
            and invalid_reason(mapping.relative_path(operation.key), FilesystemRules())
        ):
            # An invalid path must not be reported as another one.
            return ""
        path = local_path(operation.key, mapping)
        return path.removeprefix(self._base)

    def _emit_finished(self, operation: Operation, status: Status, error: str | None) -> None:
        if self.is_heard:
            self._request.listener(Finished(operation, status, self.path(operation), error))

    def _count(self, operation: Operation, status: Status, error: str | None, extra_uploads: int) -> None:
        counts = self.counts
        if operation.reason in CONFLICT_REASONS:
            counts.conflicts += 1
        if status is Status.FAILED:
            counts.failed += 1
            counts.errors.append(FileError(operation.key, error or operation.explanation))
            return
        if status is Status.UNRESOLVED:
            counts.unresolved.append(operation.key)
            return
        counts.uploaded += extra_uploads
        match operation.action:
            case Action.UPLOAD:
                counts.uploaded += 1
            case Action.DOWNLOAD | Action.KEEP_BOTH:
                counts.downloaded += 1
            case Action.DELETE_LOCAL:
                counts.deleted_local += 1
            case Action.DELETE_REMOTE:
                counts.deleted_remote += 1
            case Action.MOVE_REMOTE:
                counts.moved += 1
            case Action.ADOPT if operation.reason is Reason.SAME_CONTENT:
                counts.adopted += 1
            case Action.SKIP:
                counts.skipped += 1
            case Action.ADOPT | Action.FORGET | Action.CONFLICT | Action.REFUSE:
                # An operation that turned out to have nothing to do is an `ADOPT` that records nothing.
                pass
