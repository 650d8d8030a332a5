"""Small operations of one worker, executed as a group: what they have in common is done once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from buckia_core.errors import Unauthenticated
from buckia_core.planning.plan import Action, Operation
from buckia_core.syncing.disk.paths import FileLocator
from buckia_core.syncing.error_messages import FATAL_ERRORS
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.download import Download, settle
from buckia_core.syncing.transfer.errors import StateChanged

_TURN = 0.2
"""Seconds: who waits longer for one operation is told of each by itself, and can stop after it."""


@dataclass(slots=True)
class BatchResult:
    """What became of a group.

    Attributes:
        done: The outcomes of those at its beginning, in any order.
        broken: An error that is nobody's but ours, to be raised once all that is in `done` is written down.
    """

    done: list[OperationResult] = field(default_factory=list)
    broken: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A download that is in place up to its name, or why it is not."""

    operation: Operation
    came: Download | Exception

    def end(self, worker: Worker, done: OperationResult, places: FileLocator) -> None:  # noqa: ARG002  # as other steps
        """Place it, or raise what came in between."""
        if isinstance(self.came, Exception):
            raise self.came
        worker.place(self.came, done)


def run_batch(worker: Worker, operations: Iterable[Operation]) -> BatchResult:
    """Execute operations; what is downloaded is fetched first, and then brought to the disk together.

    Those that it does not come to, in its time or because the run is stopped, are left out of the result, and nothing
    of them has begun.
    """
    ended = BatchResult()
    until = time.monotonic() + _TURN
    fetched: list[_Fetched] = []
    try:
        with ExitStack() as stack:
            places = stack.enter_context(worker.site.locator())
            for operation in operations:
                late = time.monotonic() > until and (fetched or ended.done)
                if late or worker.flights.stopped.is_set():
                    break
                if operation.action is Action.DOWNLOAD:
                    fetched.append(_fetch(worker, operation, places, stack))
                    refused = isinstance(fetched[-1].came, Unauthenticated)
                else:
                    ended.done.append(worker.run(operation, places=places))
                    refused = isinstance(ended.done[-1].failure, Unauthenticated)
                if refused:
                    # Nothing else would go better, and the run ends when it learns of this.
                    break
            for each in _settled(fetched):
                ended.done.append(worker.run(each.operation, partial(each.end, worker), places=places))
    except Exception as error:  # noqa: BLE001  # it is raised by whoever gets it
        ended.broken = error
    return ended


def _fetch(worker: Worker, operation: Operation, places: FileLocator, stack: ExitStack) -> _Fetched:
    try:
        file = stack.enter_context(worker.coming(operation, places))
        file.fetch()
        file.set_aside()
    except FileNotFoundError:
        # Somebody removed the directory that was there a moment ago.
        return _Fetched(operation, StateChanged())
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001  # `Worker.run` tells it, or plans again
        return _Fetched(operation, error)
    return _Fetched(operation, file)


def _settled(fetched: list[_Fetched]) -> list[_Fetched]:
    """Bring what was fetched to the disk. Where that fails, none of it gets its name, and each of them fails."""
    try:
        settle(each.came for each in fetched if isinstance(each.came, Download))
    except OSError as error:
        return [_Fetched(each.operation, error) if isinstance(each.came, Download) else each for each in fetched]
    return fetched
