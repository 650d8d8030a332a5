"""What became of one operation: for whoever records it, counts it, and tells it."""

from __future__ import annotations

from dataclasses import dataclass, field

from buckia_core.errors import BuckiaError
from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.plan import Operation
from buckia_core.syncing.error_messages import error_message
from buckia_core.syncing.events import Status


@dataclass(slots=True)
class OperationResult:
    """What became of one operation. Only what happened is in it, never what was planned.

    Attributes:
        operation: As it was executed, after planning again where the ground had shifted.
        put, drop: Rows of the baseline to write and to remove.
        directories: Directories in which files were put in place.
        bytes_up, bytes_down: Bytes of content that went over.
    """

    operation: Operation
    status: Status = Status.DONE
    error: str | None = None
    failure: Exception | None = None
    put: list[BaselineEntry] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    bytes_up: int = 0
    bytes_down: int = 0
    extra_uploads: int = 0

    def fail(self, error: Exception, path: str = "") -> None:
        """Say that the operation failed; what was done of it until then stays in the result.

        `path` is the local file, for an error that names none.
        """
        self.status, self.error = Status.FAILED, error_message(error, path)
        # Other exceptions may not survive the way from another process, and would end the run there.
        self.failure = error if isinstance(error, BuckiaError | OSError) else None
