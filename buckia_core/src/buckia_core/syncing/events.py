"""Events of a run, the listeners that get them, and the result at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from buckia_core.config.secrets.redaction import clean
from buckia_core.errors import StateError, SyncIncomplete, UnresolvedConflicts
from buckia_core.planning.plan import Action, Operation, Plan
from buckia_core.syncing.state.records import MALFORMED, check_fields, parse_time


class Status(Enum):
    """What became of an operation.

    Attributes:
        PLANNED: A dry run planned it.
        DONE: It succeeded.
        FAILED: It failed; the next run tries it again.
        UNRESOLVED: It is a conflict that is left for a person to decide.
    """

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


class Scanning(NamedTuple):
    """Event: both sides are being read. Sent up to ten times a second.

    Attributes:
        local: The number of local entries read so far.
        remote: The number of objects listed so far.
    """

    local: int
    remote: int


class Planned(NamedTuple):
    """Event: the plan is complete. Sent once.

    Attributes:
        plan: The plan that is executed, or only shown by a dry run.
    """

    plan: Plan


class Notice(NamedTuple):
    """Event: information for a person that is not a failure. Each notice is sent in one run only.

    Attributes:
        message: One line of text.
    """

    message: str


class Transferred(NamedTuple):
    """Event: more bytes of an operation were transferred.

    Attributes:
        operation: The upload or download.
        delta: The number of bytes since its last event; negative when a retry starts at an earlier byte.
    """

    operation: Operation
    delta: int


class Finished(NamedTuple):
    """Event: one operation ended. Operations of a dry run end as `PLANNED`, undecided conflicts as `UNRESOLVED`.

    Attributes:
        operation: The operation that was executed. It differs from the planned one if the key changed during the run
            and was planned again.
        status: How it ended.
        path: The local path, relative to the project directory if it is inside.
        error: The error message; `None` unless `status` is `FAILED`.
    """

    operation: Operation
    status: Status
    path: str
    error: str | None = None


Event = Scanning | Planned | Notice | Transferred | Finished
"""What a listener receives."""

Listener = Callable[[Event], None]
"""Receives the events of a run, from one thread at a time. An exception that it raises interrupts the run."""

ProgressCallback = Callable[[int, int, str, str], None]
"""Called as `(current, total, action, path)` when an operation ends: the number of ended operations, the number of all
operations, what the last one did (`upload`, `download`, `delete`, `move`, `adopt`, `forget`, `conflict` or `skip`), and
its path or key."""

_ACTION_NAMES = {
    Action.DELETE_LOCAL: "delete",
    Action.DELETE_REMOTE: "delete",
    Action.MOVE_REMOTE: "move",
    Action.KEEP_BOTH: "conflict",
    Action.REFUSE: "skip",
}


def no_listener(event: Event) -> None:
    """Ignore an event."""


def combine_listeners(events: Listener | None, callback: ProgressCallback | None) -> Listener:
    """Return one listener that calls both."""
    if callback is None:
        return events or no_listener
    counter = _ProgressCounter(callback)
    if events is None:
        return counter

    def both(event: Event) -> None:
        events(event)
        counter(event)

    return both


class _ProgressCounter:
    """Listener: counts operations and calls a progress callback."""

    def __init__(self, callback: ProgressCallback) -> None:
        self._callback = callback
        self._current = self._total = 0

    def __call__(self, event: Event) -> None:
        match event:
            case Planned(plan):
                self._total = len(plan.operations)
            case Finished(operation, status=status, path=path):
                self._current += 1
                if status is not Status.FAILED:
                    action = _ACTION_NAMES.get(operation.action, operation.action.value)
                    self._callback(self._current, self._total, action, path)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class FileError:
    """Error of one file. `str()` joins key and message in one line.

    Attributes:
        key: The key of the file.
        message: What happened, in one line without secrets.
    """

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"


@dataclass(slots=True, kw_only=True)
class SyncResult:
    """Result of one sync of one bucket.

    Attributes:
        bucket: The bucket's name in the configuration.
        dry_run: Nothing was changed; the counts are those of the plan.
        started: Start time, with time zone UTC.
        seconds: Duration in seconds.
        uploaded: Files uploaded.
        downloaded: Objects downloaded.
        deleted_local: Files deleted; they are in the trash.
        deleted_remote: Objects deleted.
        moved: Objects moved on the server, because the local file was moved.
        adopted: Files that were found equal on both sides and recorded without a transfer.
        conflicts: Keys that changed on both sides, resolved or not.
        unresolved: Keys of conflicts that a person has to decide.
        failed: Operations that failed, including refused keys.
        skipped: Files and keys that were skipped although nothing excludes them, such as symbolic links.
        left_out: The number of skipped entries that are not regular files, by kind (`a symbolic link`).
        unchanged: Keys that are in sync.
        bytes_up: Bytes of content uploaded.
        bytes_down: Bytes of content downloaded.
        requests: Requests to the provider.
        errors: Errors of the operations that failed.
        interrupted: The run was ended early, such as by Ctrl-C. Finished operations are recorded.
        ended: False in the history if the process was killed during the run, or if it still runs: there are no counts.
        notices: Messages that are not about one operation, such as files that are out of scope now.
    """

    bucket: str
    dry_run: bool = False
    started: datetime
    seconds: float = 0.0
    uploaded: int = 0
    downloaded: int = 0
    deleted_local: int = 0
    deleted_remote: int = 0
    moved: int = 0
    adopted: int = 0
    conflicts: int = 0
    unresolved: list[str] = field(default_factory=list)
    failed: int = 0
    skipped: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    requests: int = 0
    errors: list[FileError] = field(default_factory=list)
    interrupted: bool = False
    ended: bool = True
    notices: list[str] = field(default_factory=list)

    def as_record(self) -> dict[str, Any]:
        """Return the result as plain data for `from_record`, with at most 100 errors and 100 conflicts."""
        short = replace(self, errors=self.errors[:100], unresolved=self.unresolved[:100])
        return asdict(short) | {"started": self.started.isoformat()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> SyncResult:
        """Build a result from a record made by `as_record`.

        Raises:
            StateError: The record is damaged, or from a later version.
        """
        try:
            # Versions before 0.7 recorded messages of servers without redaction.
            errors = [FileError(str(error["key"]), clean(error["message"])) for error in record["errors"]]
            result = cls(**record | {"started": parse_time(record["started"]), "errors": errors})
            check_fields(result)
        except MALFORMED as error:
            raise StateError(f"the record of a run can't be read: {error}") from error
        return result

    @property
    def deleted(self) -> int:
        """Files and objects deleted."""
        return self.deleted_local + self.deleted_remote

    @property
    def success(self) -> bool:
        """Whether both sides are in sync: no failure, no undecided conflict, no interruption."""
        return not self.failed and not self.unresolved and not self.interrupted

    def raise_for_failures(self) -> None:
        """Raise an error unless `success` is true.

        Raises:
            SyncIncomplete: An operation failed, or the run was interrupted. `report` is this result.
            UnresolvedConflicts: No operation failed, but conflicts are undecided.
        """
        if self.failed or self.interrupted:
            first = f", the first: {self.errors[0]}" if self.errors else ""
            raise SyncIncomplete(f"{self.bucket}: {self.failed} failed{first}", self)
        if self.unresolved:
            raise UnresolvedConflicts(f"{self.bucket}: conflicts are left to decide", self.unresolved)
