"""Recorder: commits results to the state database: baseline rows in batches, unresolved conflicts, the run."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buckia_core.errors import StateError
from buckia_core.localfs.durability import fsync_directory
from buckia_core.planning import digest
from buckia_core.planning.manifest import UNRECEIVED, BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Operation, Plan, Reason
from buckia_core.planning.scope import Scope
from buckia_core.syncing.events import Status, SyncResult
from buckia_core.syncing.state.baseline_rows import baseline_row
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.errors import state_error

if TYPE_CHECKING:
    from buckia_core.syncing.execution.operation_result import OperationResult

_BATCH_ROWS = 100
_BATCH_SECONDS = 0.2


class BaselineRecorder:
    """Collects results and commits them in batches, each in one transaction.

    Args:
        state: The state database.
        scope: The keys of the run.
        mappings: The mappings of the run.
        run_started_ns: The start of the run.
        removed: Ids of mappings that are no longer configured. New rows of a key replace theirs.
        configured_scope: The keys that the configuration includes.

    Attributes:
        failure: The error of the first failed commit, which ends the run. Files and objects are not affected.
    """

    def __init__(
        self,
        state: StateDatabase,
        scope: Scope,
        mappings: Sequence[PathMapping],
        run_started_ns: int,
        removed: Collection[str] = (),
        configured_scope: Scope | None = None,
    ) -> None:
        self._state = state
        self._scope = scope
        self._mappings = {mapping.id: mapping for mapping in mappings}
        self._removed = frozenset(removed)
        self._mapping_ids = frozenset((*self._mappings, *removed))
        self._configured_scope = configured_scope or Scope()
        self._run_started_ns = run_started_ns
        self._upserts: dict[str, BaselineEntry] = {}
        self._deletes: list[str] = []
        self._directories: set[str] = set()
        self._committed = time.monotonic()
        self._open: dict[str, Operation] = {}
        self._done: set[str] = set()
        self.failure: StateError | None = None
        self._fsync_error: StateError | None = None
        self._run_id: int | None = None

    def begin(self, result: SyncResult) -> None:
        """Record that the run begins to change something; `finish` replaces this with the result.

        Raises:
            StateError: The commit failed.
        """
        self._run_id = self._state.add_run(replace(result, interrupted=True, ended=False).as_record())

    def refresh(self, unchanged: Sequence[tuple[LocalEntry, RemoteObject, BaselineEntry]]) -> None:
        """Update the fingerprints of keys whose content is unchanged."""
        rows = []
        for local, remote, base in unchanged:
            # Those of an edited object are not those of the local file.
            others = () if UNRECEIVED in base.digests else remote.digests
            rows.append(baseline_row(local, remote, digest.merge(base.digests, others), self._run_started_ns))
        if rows:
            self._state.commit(upserts=rows, mapping_ids=self._mapping_ids)

    def add(self, results: Iterable[OperationResult]) -> None:
        """Add results of operations."""
        for result in results:
            for each in result.upserts:
                self._upserts[each.key] = each
            for key in result.deletes:
                # A result may both write and delete a row, if a file changed during its upload and was then deleted.
                self._upserts.pop(key, None)
            self._deletes += result.deletes
            self._directories.update(result.directories)
            if result.status is Status.UNRESOLVED:
                self._open[result.operation.key] = result.operation
            elif result.status is Status.DONE:
                self._done.add(result.operation.key)
        full = len(self._upserts) + len(self._deletes) >= _BATCH_ROWS
        if self.failure is None and (full or time.monotonic() - self._committed > _BATCH_SECONDS):
            self.flush()

    def flush(self) -> None:
        """Commit all results. If that fails, they are kept for another attempt, and `failure` is set."""
        try:
            self.commit()
        except StateError as error:
            self.failure = self.failure or _explain_unrecorded(error)

    def commit(self) -> None:
        """Commit all results, after a flush of their directories to the disk.

        Raises:
            StateError: The flush or the commit failed.
        """
        if self._fsync_error is not None:
            raise self._fsync_error
        for directory in self._directories:
            try:
                fsync_directory(directory)
            except OSError as error:
                # Files that the disk may lose must not get into the baseline. Operating systems report an `fsync` error
                # only once, so a retry would prove nothing.
                self._fsync_error = state_error(error, Path(directory))
                raise self._fsync_error from error
        if self._upserts or self._deletes:
            self._state.commit(upserts=self._upserts.values(), deletes=self._deletes, mapping_ids=self._mapping_ids)
        self._upserts, self._deletes, self._directories = {}, [], set()
        self._committed = time.monotonic()

    def finish(self, result: SyncResult, plan: Plan | None = None) -> None:
        """Commit remaining results, unresolved conflicts, and the run.

        `plan` is the complete plan for the scope of the run, if there is one: keys without an operation are in sync.
        """
        self.flush()
        try:
            records = [_conflict_record(each) for each in self._open.values()]
            self._state.update_conflicts(records, self._resolved_conflicts(None if result.interrupted else plan))
            self._state.add_run(result.as_record(), replaces=self._run_id)
        except StateError as error:
            self.failure = self.failure or _explain_unrecorded(error)

    def _resolved_conflicts(self, plan: Plan | None) -> list[tuple[str, str]]:
        """Return the recorded conflicts that this run resolved, or that no longer exist, as `(key, mapping id)`.

        A conflict that the configuration excludes is resolved: its key is compared anew when it is included again.
        Conflicts outside the scope of this run are kept.
        """
        planned: set[str] = set()
        unread: list[str] = []
        for operation in plan or ():
            planned.add(operation.key)
            if operation.reason is Reason.UNREADABLE:
                unread.append(f"{operation.key}/")
        found = []
        for record in self._state.conflicts():
            key, mapping_id = record["key"], record["root"]
            mapping = self._mappings.get(mapping_id)
            if key in self._open and self._open[key].mapping_id == mapping_id:
                continue
            if plan is not None and self._is_out_of_scope(key, mapping_id):
                found.append((key, mapping_id))
            if mapping is None or key in self._open:
                continue
            was_compared = plan is not None and self._scope.covers(key) and mapping.includes(key)
            is_in_sync = was_compared and key not in planned and not key.startswith(tuple(unread))
            if key in self._done or is_in_sync:
                found.append((key, mapping_id))
        return found

    def _is_out_of_scope(self, key: str, mapping_id: str) -> bool:
        mapping = self._mappings.get(mapping_id)
        if mapping is None:
            return mapping_id in self._removed
        return not (self._configured_scope.covers(key) and mapping.includes_by_configuration(key))


def _explain_unrecorded(error: StateError) -> StateError:
    """Add the consequences for a started run to an error."""
    return type(error)(
        f"What this run did could not be written down. {error}. Files that were synced stay as they are; the next sync "
        "compares them anew"
    )


def _conflict_record(operation: Operation) -> dict[str, Any]:
    local, remote = operation.local, operation.remote
    return {
        "key": operation.key,
        "root": operation.mapping_id,
        "reason": operation.explanation,
        "local_size": local.size if local else None,
        "local_mtime_ns": local.mtime_ns if local else None,
        "remote_size": remote.size if remote else None,
        "remote_mtime_ns": (remote.mtime_ns or remote.modified_ns or None) if remote else None,
        "since": datetime.now(UTC).isoformat(),
    }
