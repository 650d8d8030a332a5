"""What a run says: events while it goes on, a result at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from buckia_core.config.secrets.redaction import clean
from buckia_core.errors import SyncIncomplete, UnresolvedConflicts
from buckia_core.planning.plan import Operation, Plan


class Status(Enum):
    """What became of an operation. `UNRESOLVED` is a conflict that is left for a person to decide."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


class Scanning(NamedTuple):
    """Event: both sides are being read; `local` and `remote` count the entries so far. Comes a few times a second."""

    local: int
    remote: int


class Planned(NamedTuple):
    """Event: the plan is made. Comes once."""

    plan: Plan


class Notice(NamedTuple):
    """Event: something that a person should know and that is no failure. Each is told once, not in every run."""

    message: str


class Transferred(NamedTuple):
    """Event: so many more bytes of the operation's content have gone over; negative where an attempt starts again."""

    operation: Operation
    delta: int


class Finished(NamedTuple):
    """Event: one operation is over. Operations of a dry run end as `PLANNED`, undecided conflicts as `UNRESOLVED`.

    Attributes:
        operation: As it was executed; after a second look at a key that changed meanwhile, the one planned then.
        path: The local path, relative to the project where it is inside.
        error: What went wrong, for a person; `None` unless `status` is `FAILED`.
    """

    operation: Operation
    status: Status
    path: str
    error: str | None = None


Event = Scanning | Planned | Notice | Transferred | Finished
Listener = Callable[[Event], None]
"""Called from one thread at a time. An exception that it raises ends the run as an interruption would."""


@dataclass(frozen=True, slots=True)
class FileError:
    """One file that failed, and why; `str()` gives both in a line."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"


@dataclass(slots=True, kw_only=True)
class SyncResult:
    """The outcome of syncing one bucket once.

    Attributes:
        bucket: The bucket's name in the configuration.
        dry_run: Nothing was changed; the counts are those of the plan.
        started: When, in UTC.
        seconds: How long it took.
        uploaded, downloaded: Objects and files transferred.
        deleted_local, deleted_remote: Files and objects deleted.
        moved: Objects moved on the server, because the local file was moved.
        adopted: Files that were found equal on both sides and recorded without a transfer.
        conflicts: Keys that both sides changed, settled or not.
        unresolved: Those of them that are left for a person to decide.
        failed: Operations that failed, refused keys included.
        skipped: Files and keys that take no part though nothing excludes them, such as symbolic links.
        left_out: How many of these are no files, by what they are ("a symbolic link").
        unchanged: Keys in step.
        bytes_up, bytes_down: Bytes of content that went over.
        requests: Calls to the provider.
        errors: What failed, and why.
        interrupted: The run was ended early by Ctrl-C; what had been done until then is committed.
        notices: What the run told beside its operations, such as files that are out of scope now.
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
    notices: list[str] = field(default_factory=list)

    def as_record(self) -> dict[str, Any]:
        """Return all of it as plain data, which `from_record` takes back; of many errors, the first hundred."""
        short = replace(self, errors=self.errors[:100], unresolved=self.unresolved[:100])
        return asdict(short) | {"started": self.started.isoformat()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> SyncResult:
        """Return the result that `as_record` made the record of."""
        # Versions before 0.7 wrote down what servers said as it was.
        errors = [FileError(error["key"], clean(error["message"])) for error in record["errors"]]
        return cls(**record | {"started": datetime.fromisoformat(record["started"]), "errors": errors})

    @property
    def deleted(self) -> int:
        """Files and objects deleted."""
        return self.deleted_local + self.deleted_remote

    @property
    def success(self) -> bool:
        """Whether everything is in step now: nothing failed, nothing is left to decide, nothing was cut short."""
        return not self.failed and not self.unresolved and not self.interrupted

    def raise_for_failures(self) -> None:
        """Raise what `success` denies.

        Raises:
            SyncIncomplete: Something failed; its `report` is this result.
            UnresolvedConflicts: Nothing failed, but keys are left to decide.
        """
        if self.failed or self.interrupted:
            first = f", the first: {self.errors[0]}" if self.errors else ""
            raise SyncIncomplete(f"{self.bucket}: {self.failed} failed{first}", self)
        if self.unresolved:
            raise UnresolvedConflicts(f"{self.bucket}: conflicts are left to decide", self.unresolved)
