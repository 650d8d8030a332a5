"""Result of one operation, for the baseline and for reports."""

from __future__ import annotations

from dataclasses import dataclass, field

from buckia_core.errors import BuckiaError
from buckia_core.planning.manifest import BaselineEntry, RemoteObject
from buckia_core.planning.plan import Operation
from buckia_core.syncing.error_messages import error_message
from buckia_core.syncing.events import Status


@dataclass(slots=True)
class OperationResult:
    """The result of one operation: what was done, not what was planned.

    Attributes:
        operation: The operation as executed, which differs from the planned one if the key was planned again.
        upserts, deletes: Baseline rows to write, and keys of rows to delete.
        directories: Directories in which files were created, replaced or deleted.
        bytes_up, bytes_down: Bytes of content transferred.
        remote: The object that was uploaded or downloaded, with the digests of its content.
    """

    operation: Operation
    status: Status = Status.DONE
    message: str | None = None
    error: Exception | None = None
    upserts: list[BaselineEntry] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    bytes_up: int = 0
    bytes_down: int = 0
    extra_uploads: int = 0
    remote: RemoteObject | None = None

    def fail(self, error: Exception, path: str = "") -> None:
        """Mark the operation as failed; what it did before stays in the result.

        `path` is the local file, for errors that name none.
        """
        self.status, self.message = Status.FAILED, error_message(error, path)
        # Other exceptions may not be picklable, which would end the run in a process pool.
        self.error = error if isinstance(error, BuckiaError | OSError) else None
