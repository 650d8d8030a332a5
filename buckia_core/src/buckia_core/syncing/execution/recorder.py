"""Writing down what happened: the baseline in batches, conflicts left to decide, the run itself."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buckia_core.errors import StateError
from buckia_core.localfs.durability import sync_directory
from buckia_core.planning import digest
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Operation, Plan, Reason
from buckia_core.planning.scope import Scope
from buckia_core.syncing.events import Status, SyncResult
from buckia_core.syncing.state.baseline_rows import baseline_row
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.errors import state_error

if TYPE_CHECKING:
    from buckia_core.syncing.execution.operation_result import OperationResult

_BATCH = 100
_SECONDS = 0.2


class BaselineRecorder:
    """Collects results and commits them, each batch in one transaction.

    Args:
        state: Where they go.
        scope: The keys of the run.
        mappings: The mappings of the run.
        since_ns: The start of the run.
        removed: Mappings that are not configured any more. What this run writes replaces their rows of a key.
        folders: The keys that take part by the configuration.
    """

    def __init__(
        self,
        state: StateDatabase,
        scope: Scope,
        mappings: Sequence[PathMapping],
        since_ns: int,
        removed: Collection[str] = (),
        folders: Scope | None = None,
    ) -> None:
        self._state = state
        self._scope = scope
        self._mappings = {mapping.id: mapping for mapping in mappings}
        self._removed = frozenset(removed)
        self._roots = frozenset((*self._mappings, *removed))
        self._folders = folders or Scope()
        self._since_ns = since_ns
        self._put: dict[str, BaselineEntry] = {}
        self._drop: list[str] = []
        self._directories: set[str] = set()
        self._committed = time.monotonic()
        self._open: dict[str, Operation] = {}
        self._done: set[str] = set()
        self._failure: StateError | None = None
        self._not_on_disk: StateError | None = None

    @property
    def failure(self) -> StateError | None:
        """Why results could not be written down, which ends the run; nothing of them is lost by that."""
        return self._failure

    def refresh(self, moved: Sequence[tuple[LocalEntry, RemoteObject, BaselineEntry]]) -> None:
        """Renew the fingerprints of keys whose content is as it was."""
        rows = []
        for local, remote, base in moved:
            rows.append(baseline_row(local, remote, digest.merge(base.digests, remote.digests), self._since_ns))
        if rows:
            self._state.commit(put=rows, roots=self._roots)

    def add(self, done: OperationResult) -> None:
        """Take in the result of one operation."""
        for each in done.put:
            self._put[each.key] = each
        for key in done.drop:
            # What one result both wrote and removed, such as a file that was torn and then deleted, is removed.
            self._put.pop(key, None)
        self._drop += done.drop
        self._directories.update(done.directories)
        if done.status is Status.UNRESOLVED:
            self._open[done.operation.key] = done.operation
        elif done.status is Status.DONE:
            self._done.add(done.operation.key)
        full = len(self._put) + len(self._drop) >= _BATCH or time.monotonic() - self._committed > _SECONDS
        if full and self._failure is None:
            self.flush()

    def flush(self) -> None:
        """Write what was taken in. If that fails, it stays for another attempt, and `failure` says why."""
        try:
            self.commit()
        except StateError as error:
            self._failure = self._failure or _with_comfort(error)

    def commit(self) -> None:
        """Write what was taken in. What the disk was told before is on the disk before it is remembered.

        Raises:
            StateError: It could not be written.
        """
        if self._not_on_disk is not None:
            raise self._not_on_disk
        for directory in self._directories:
            try:
                sync_directory(directory)
            except OSError as error:
                # What the disk may still lose must not be taken for what is there. A system tells of it once, so to
                # ask again would prove nothing.
                self._not_on_disk = state_error(error, Path(directory))
                raise self._not_on_disk from error
        if self._put or self._drop:
            self._state.commit(put=self._put.values(), drop=self._drop, roots=self._roots)
        self._put, self._drop, self._directories = {}, [], set()
        self._committed = time.monotonic()

    def finish(self, result: SyncResult, plan: Plan | None = None) -> None:
        """Write the rest: conflicts that are left, and the run.

        `plan` is the whole plan of the run's scope, if there is one: a key that it has nothing for is in step.
        """
        self.flush()
        try:
            records = [_record(each) for each in self._open.values()]
            self._state.update_conflicts(records, self._settled(None if result.interrupted else plan))
            self._state.add_run(result.as_record())
        except StateError as error:
            self._failure = self._failure or _with_comfort(error)

    def _settled(self, plan: Plan | None) -> list[tuple[str, str]]:
        """Return the known conflicts that this run settled or found to be none, as `(key, root)`.

        One that is out of scope by the configuration is none: it is compared anew when it takes part again. What only
        this run did not look at stays.
        """
        planned: set[str] = set()
        unread: list[str] = []
        for operation in plan or ():
            planned.add(operation.key)
            if operation.reason is Reason.UNREADABLE:
                unread.append(f"{operation.key}/")
        found = []
        for record in self._state.conflicts():
            key, root = record["key"], record["root"]
            mapping = self._mappings.get(root)
            if key in self._open and self._open[key].root == root:
                continue
            if plan is not None and self._is_out_of_scope(key, root):
                found.append((key, root))
            if mapping is None or key in self._open:
                continue
            looked_at = plan is not None and self._scope.covers(key) and mapping.includes(key)
            in_step = looked_at and key not in planned and not key.startswith(tuple(unread))
            if key in self._done or in_step:
                found.append((key, root))
        return found

    def _is_out_of_scope(self, key: str, root: str) -> bool:
        mapping = self._mappings.get(root)
        if mapping is None:
            return root in self._removed
        return not (self._folders.covers(key) and mapping.includes_by_configuration(key))


def _with_comfort(error: StateError) -> StateError:
    """Return an error that says what it means for a run that has begun."""
    return type(error)(
        f"What this run did could not be written down. {error}. Files that were synced stay as they are; the next sync "
        "compares them anew"
    )


def _record(operation: Operation) -> dict[str, Any]:
    local, remote = operation.local, operation.remote
    return {
        "key": operation.key,
        "root": operation.root,
        "reason": operation.explanation,
        "local_size": local.size if local else None,
        "local_mtime_ns": local.mtime_ns if local else None,
        "remote_size": remote.size if remote else None,
        "remote_mtime_ns": (remote.mtime_ns or remote.modified_ns or None) if remote else None,
        "since": datetime.now(UTC).isoformat(),
    }
