"""Batches: run small operations together in one worker, with their requests sent together, and one flush to the disk.

A batch reads and hashes all files to upload, sends the requests of all transfers, and then writes all downloaded
content, flushes it and gives the files their names. An error of one operation fails only that one. One that must be
planned again, because its file or object has changed, is left to `Worker.run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.planning.plan import Action, Operation
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.error_messages import FATAL_ERRORS
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.request_runner import Outcome, Request, RequestRunner
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.download import Download, flush_group
from buckia_core.syncing.transfer.errors import DatabaseFound, StateChanged
from buckia_core.syncing.transfer.upload import BufferedUpload

_PLANNED_AGAIN = (DatabaseFound, StateChanged, PreconditionFailed, NotFound, FileNotFoundError)


@dataclass(slots=True)
class BatchResult:
    """The result of a batch.

    Attributes:
        results: Results of the operations that ended, in any order.
        not_started: Operations that were not started, because time was up or the run is stopped.
        deferred: Operations to execute with `Worker.run`, which plans them again if necessary.
        internal_error: An unexpected error, which the executor raises after it has recorded `results`.
    """

    results: list[OperationResult] = field(default_factory=list)
    not_started: list[Operation] = field(default_factory=list)
    deferred: list[Operation] = field(default_factory=list)
    internal_error: BaseException | None = None


def run_batch(worker: Worker, operations: Sequence[Operation], requests: RequestRunner | None = None) -> BatchResult:
    """Execute small operations together; `requests` sends their requests, by default that of the worker."""
    result = BatchResult()
    try:
        with worker.bucket.locator() as locator:
            _Batch(worker, locator, result, requests or worker.requests).run(operations)
    except Exception as error:  # noqa: BLE001  # the executor raises it
        result.internal_error = result.internal_error or error
    return result


class _Transfer(NamedTuple):
    """A transfer that is ready to be sent. `upload` is the file to upload; `None` for a download."""

    operation: Operation
    upload: BufferedUpload | None
    request: Request


class _Batch:
    def __init__(self, worker: Worker, locator: FileLocator, result: BatchResult, requests: RequestRunner) -> None:
        self._worker = worker
        self._locator = locator
        self._result = result
        self._requests = requests
        self._read = requests.bind(worker.adapter, "read_file")
        self._send = requests.bind(worker.adapter, "upload_file")

    def run(self, operations: Sequence[Operation]) -> None:
        transfers = self._prepare(operations)
        outcomes = self._requests.run([each.request for each in transfers])
        self._result.not_started += [each.operation for each in transfers[len(outcomes) :]]
        downloaded: list[tuple[Operation, Outcome]] = []
        for (operation, upload, _), outcome in zip(transfers, outcomes, strict=False):
            if isinstance(outcome, BaseException):
                self._fail(operation, outcome)
            elif upload is None:
                downloaded.append((operation, outcome))
            else:
                try:
                    finished = OperationResult(operation)
                    self._worker.finish_upload(upload.finish(outcome, operation.key), finished)
                    self._result.results.append(finished)
                except Exception as error:  # noqa: BLE001  # as in `_fail`
                    self._fail(operation, error)
        if downloaded:
            self._finish_downloads(downloaded)

    def _prepare(self, operations: Sequence[Operation]) -> list[_Transfer]:
        """Prepare all transfers, and execute the other operations."""
        worker, result = self._worker, self._result
        transfers: list[_Transfer] = []
        for number, operation in enumerate(operations):
            if worker.in_flight.stopped.is_set() or result.internal_error is not None:
                result.not_started += operations[number:]
                break
            match operation.action:
                case Action.UPLOAD:
                    try:
                        transfers.append(self._prepare_upload(operation))
                    except Exception as error:  # noqa: BLE001  # as in `_fail`
                        self._fail(operation, error)
                case Action.DOWNLOAD:
                    request = partial(self._read, operation.key, expect=operation.remote)
                    transfers.append(_Transfer(operation, None, request))
                case _:
                    result.results.append(worker.run(operation, locator=self._locator))
        return transfers

    def _prepare_upload(self, operation: Operation) -> _Transfer:
        worker, key = self._worker, operation.key
        assert operation.local is not None
        if operation.remote is not None:
            worker.backup_remote(operation)
        location = self._locator.locate(key, worker.mappings[operation.mapping_id])
        if location is None:
            raise StateChanged
        upload = BufferedUpload.read(location, operation.local, operation.remote, algorithm=worker.algorithm, key=key)
        return _Transfer(
            operation, upload, partial(self._send, upload.data, key, expect=upload.expect, info=upload.info)
        )

    def _finish_downloads(self, downloaded: list[tuple[Operation, Outcome]]) -> None:
        """Write the content of downloads, flush all files to the disk, and give them their names."""
        worker = self._worker
        opened: list[Download] = []
        written: list[tuple[Operation, Download]] = []
        try:
            for operation, (remote, data) in downloaded:
                try:
                    file = worker.prepare_download(operation, self._locator)
                    opened.append(file)
                    if file.receive(remote, data):
                        # A batch could exceed the limit of open files.
                        file.close_staging()
                        written.append((operation, file))
                    else:
                        self._result.deferred.append(operation)
                except Exception as error:  # noqa: BLE001  # as in `_fail`
                    self._fail(operation, error)
            failed = _flush([file for _, file in written])
            for operation, file in written:
                if failed is not None:
                    self._fail(operation, failed)
                    continue
                try:
                    finished = OperationResult(operation)
                    worker.commit_download(file, finished)
                    self._result.results.append(finished)
                except Exception as error:  # noqa: BLE001  # as in `_fail`
                    self._fail(operation, error)
        finally:
            for file in opened:
                file.__exit__(None, None, None)

    def _fail(self, operation: Operation, error: BaseException) -> None:
        """Make an error the result of the operation, or that of the batch. The other operations go on."""
        if isinstance(error, _PLANNED_AGAIN):
            self._result.deferred.append(operation)
        elif isinstance(error, FATAL_ERRORS) or not isinstance(error, Exception):
            self._result.internal_error = self._result.internal_error or error
        else:
            failed = OperationResult(operation)
            failed.fail(error, self._worker.path(operation))
            self._result.results.append(failed)


def _flush(files: list[Download]) -> OSError | None:
    """Flush downloads to the disk. If that fails, none of them may be committed."""
    try:
        flush_group(files)
    except OSError as error:
        return error
    return None
