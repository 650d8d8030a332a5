"""Batches: run small operations together in one worker, with one flush to the disk for all downloads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from buckia_core.errors import Unauthenticated
from buckia_core.planning.plan import Action, Operation
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.error_messages import FATAL_ERRORS
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.download import Download, flush_group
from buckia_core.syncing.transfer.errors import StateChanged

_MAX_SECONDS = 0.2
"""A batch that takes longer ends early, so that progress is reported and the run can stop."""


@dataclass(slots=True)
class BatchResult:
    """The result of a batch.

    Attributes:
        results: Results of the operations that ran, always a prefix of the batch, in any order.
        internal_error: An unexpected error, which the executor raises after it has recorded `results`.
    """

    results: list[OperationResult] = field(default_factory=list)
    internal_error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _PendingDownload:
    """A fetched download to commit, or the error of the fetch."""

    operation: Operation
    download: Download | Exception

    def finish(self, worker: Worker, result: OperationResult, locator: FileLocator) -> None:  # noqa: ARG002  # as other steps
        """Commit the download, or raise the error of its fetch."""
        if isinstance(self.download, Exception):
            raise self.download
        worker.commit_download(self.download, result)


def run_batch(worker: Worker, operations: Iterable[Operation]) -> BatchResult:
    """Execute operations. All downloads are fetched first, then flushed to the disk together, and then committed.

    If time is up or the run is stopped, the remaining operations are not started, and missing in the result.
    """
    batch = BatchResult()
    deadline = time.monotonic() + _MAX_SECONDS
    fetched: list[_PendingDownload] = []
    try:
        with ExitStack() as stack:
            locator = stack.enter_context(worker.bucket.locator())
            for operation in operations:
                late = time.monotonic() > deadline and (fetched or batch.results)
                if late or worker.in_flight.stopped.is_set():
                    break
                if operation.action is Action.DOWNLOAD:
                    fetched.append(_start_download(worker, operation, locator, stack))
                    refused = isinstance(fetched[-1].download, Unauthenticated)
                else:
                    batch.results.append(worker.run(operation, locator=locator))
                    refused = isinstance(batch.results[-1].error, Unauthenticated)
                if refused:
                    # The other operations would fail too. The run ends when this result is recorded.
                    break
            for each in _flush(fetched):
                batch.results.append(worker.run(each.operation, partial(each.finish, worker), locator=locator))
    except Exception as error:  # noqa: BLE001  # the executor raises it
        batch.internal_error = error
    return batch


def _start_download(worker: Worker, operation: Operation, locator: FileLocator, stack: ExitStack) -> _PendingDownload:
    try:
        file = stack.enter_context(worker.prepare_download(operation, locator))
        file.fetch()
        file.close_staging()
    except FileNotFoundError:
        # The directory was removed after it was opened.
        return _PendingDownload(operation, StateChanged())
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001  # `Worker.run` reports it, or plans again
        return _PendingDownload(operation, error)
    return _PendingDownload(operation, file)


def _flush(fetched: list[_PendingDownload]) -> list[_PendingDownload]:
    """Flush fetched downloads to the disk. If that fails, all of them fail, and none is committed."""
    try:
        flush_group(each.download for each in fetched if isinstance(each.download, Download))
    except OSError as error:
        return [
            _PendingDownload(each.operation, error) if isinstance(each.download, Download) else each for each in fetched
        ]
    return fetched
