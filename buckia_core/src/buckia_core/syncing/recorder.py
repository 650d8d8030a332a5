"""Writing down what happened: the baseline in batches, conflicts left to decide, the run itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from buckia_core.planning import digest
from buckia_core.planning.manifest import BaseEntry, LocalEntry, RemoteObject
from buckia_core.planning.plan import Operation
from buckia_core.planning.scope import Scope
from buckia_core.syncing.paths import sync_directory
from buckia_core.syncing.records import row
from buckia_core.syncing.report import Status, SyncResult
from buckia_core.syncing.state import State

if TYPE_CHECKING:
    from buckia_core.syncing.work import Done

_BATCH = 100
_SECONDS = 0.2


class Recorder:
    """Collects results and commits them, each batch in one transaction. `since_ns` is the start of the run."""

    def __init__(self, state: State, scope: Scope, since_ns: int) -> None:
        self._state = state
        self._scope = scope
        self._since_ns = since_ns
        self._put: dict[str, BaseEntry] = {}
        self._drop: list[str] = []
        self._directories: set[str] = set()
        self._committed = time.monotonic()
        self._open: dict[str, Operation] = {}

    def refresh(self, moved: Sequence[tuple[LocalEntry, RemoteObject, BaseEntry]]) -> None:
        """Renew the fingerprints of keys whose content is as it was."""
        rows = []
        for local, remote, base in moved:
            rows.append(row(local, remote, digest.merge(base.digests, remote.digests), self._since_ns))
        if rows:
            self._state.commit(put=rows)

    def add(self, done: Done) -> None:
        """Take in the result of one operation."""
        for each in done.put:
            self._put[each.key] = each
        for key in done.drop:
            # What one result both wrote and removed, such as a file that was torn and then deleted, is removed.
            self._put.pop(key, None)
        self._drop += done.drop
        self._directories.update(done.directories)
        if done.operation.unresolved and done.status is Status.PLANNED:
            self._open[done.operation.key] = done.operation
        if len(self._put) + len(self._drop) >= _BATCH or time.monotonic() - self._committed > _SECONDS:
            self.commit()

    def commit(self) -> None:
        """Write what was taken in. What the disk was told before is on the disk before it is remembered."""
        for directory in self._directories:
            sync_directory(directory)
        if self._put or self._drop:
            self._state.commit(put=self._put.values(), drop=self._drop)
        self._put, self._drop, self._directories = {}, [], set()
        self._committed = time.monotonic()

    def finish(self, result: SyncResult) -> None:
        """Write the rest: conflicts that are left, and the run."""
        self.commit()
        if not result.interrupted:
            self._state.replace_conflicts(self._scope, [_record(each) for each in self._open.values()])
        self._state.add_run(result.as_record())


def _record(operation: Operation) -> dict[str, Any]:
    local, remote = operation.local, operation.remote
    return {
        "key": operation.key,
        "root": operation.root,
        "reason": operation.why,
        "local_size": local.size if local else None,
        "local_mtime_ns": local.mtime_ns if local else None,
        "remote_size": remote.size if remote else None,
        "remote_mtime_ns": (remote.mtime_ns or remote.modified_ns) if remote else None,
        "since": datetime.now(UTC).isoformat(),
    }
