"""Executor: runs the operations of a plan in workers, in phases: transfers, deletes, transfers that need deletes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from queue import Empty, SimpleQueue

from buckia_core.planning.plan import Action, Operation
from buckia_core.syncing.execution.batch import BatchResult, run_batch
from buckia_core.syncing.execution.concurrency import AdaptiveConcurrency
from buckia_core.syncing.execution.delete_batch import delete_batch
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.download_staging import BUFFERED_DOWNLOAD_MAX

_POLL_SECONDS = 0.2

_MAX_BATCH = 16
"""Maximum of operations per batch. Their content is at most `BUFFERED_DOWNLOAD_MAX` bytes."""


def phases(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Split operations into phases that run one after the other.

    Deletes come after transfers, so that an interrupted run copies too much rather than deleting too much. Operations
    whose path a deleted file occupies come last.
    """
    first = [each for each in operations if not each.is_delete and not each.after_deletes]
    deletes = [each for each in operations if each.is_delete]
    last = [each for each in operations if each.after_deletes and not each.is_delete]
    return [phase for phase in (first, deletes, last) if phase]


class WorkQueue:
    """The operations of one phase, handed out in jobs for one worker each.

    Deletes of objects form large batches. Other small operations form batches that get smaller towards the end, so
    that all workers finish at about the same time. A batch shares queue round trips and flushes to the disk.
    """

    def __init__(self, operations: Iterable[Operation], batch: int) -> None:
        # Sorted, so that local deletes don't split batches of remote deletes.
        self._waiting = deque(sorted(operations, key=lambda each: each.action is Action.DELETE_REMOTE))
        self._batch = batch

    def take(self, workers: int) -> tuple[Operation, ...]:
        """Take the next job, for one of `workers`; empty if none is left."""
        waiting = self._waiting
        if not waiting:
            return ()
        job = [waiting.popleft()]
        deletes = job[0].action is Action.DELETE_REMOTE
        most = self._batch if deletes else min(_MAX_BATCH, len(waiting) // workers)
        size = _batch_bytes(job[0])
        while waiting and len(job) < most and (waiting[0].action is Action.DELETE_REMOTE) is deletes:
            size += _batch_bytes(waiting[0])
            if size > BUFFERED_DOWNLOAD_MAX:
                break
            job.append(waiting.popleft())
        return tuple(job)

    def requeue(self, operations: Sequence[Operation]) -> None:
        """Put back operations that a worker did not start."""
        self._waiting.extendleft(reversed(operations))


def _batch_bytes(operation: Operation) -> int:
    """Return the bytes of an operation that count towards the limit of a batch; above the limit if it runs alone."""
    match operation.action:
        case Action.UPLOAD | Action.DOWNLOAD:
            return operation.size
        case Action.DELETE_REMOTE | Action.ADOPT | Action.FORGET | Action.SKIP | Action.REFUSE:
            return 0
        case _:
            return BUFFERED_DOWNLOAD_MAX + 1


def run_job(worker: Worker, operations: Sequence[Operation]) -> BatchResult:
    """Execute a job. Operations that are missing in the result were not started."""
    if operations[0].action is Action.DELETE_REMOTE:
        return BatchResult(delete_batch(worker, operations))
    if len(operations) > 1:
        return run_batch(worker, operations)
    return BatchResult([worker.run(operations[0])])


def execute(
    worker: Worker,
    operations: Sequence[Operation],
    executor: Executor,
    concurrency: AdaptiveConcurrency,
    stopped: threading.Event,
    batch: int,
    on_progress: Callable[[Operation, int], None],
    record: Callable[[OperationResult], None],
) -> Generator[OperationResult]:
    """Execute operations; record and yield each result as soon as it is there.

    When `stopped` is set, no more operations start, and those in flight are awaited and yielded. After an error, or if
    the generator is closed, those in flight are awaited and recorded, but not yielded. `on_progress` receives the
    bytes that a transfer has moved since the last call, a few times per second.
    """
    running: dict[Future[BatchResult], tuple[Operation, ...]] = {}
    try:
        yield from _phases(worker, operations, executor, concurrency, stopped, batch, on_progress, record, running)
    except BaseException:
        for future in running:
            # An error is being raised already; a second one must not lose the other results.
            with suppress(Exception):
                for result in future.result().results:
                    record(result)
        raise


def _phases(
    worker: Worker,
    operations: Sequence[Operation],
    executor: Executor,
    concurrency: AdaptiveConcurrency,
    stopped: threading.Event,
    batch: int,
    on_progress: Callable[[Operation, int], None],
    record: Callable[[OperationResult], None],
    running: dict[Future[BatchResult], tuple[Operation, ...]],
) -> Iterator[OperationResult]:
    polled = time.monotonic()
    for phase in phases(operations):
        jobs = WorkQueue(phase, batch)
        finished: SimpleQueue[Future[BatchResult]] = SimpleQueue()
        while True:
            while len(running) < concurrency.limit and not stopped.is_set() and (job := jobs.take(concurrency.limit)):
                future = executor.submit(run_job, worker, job)
                running[future] = job
                # Cheaper than `concurrent.futures.wait`, which inspects every future.
                future.add_done_callback(finished.put)
            if not running:
                break
            completed = _drain(finished)
            now, busy = time.monotonic(), time.process_time()
            if now - polled >= _POLL_SECONDS:
                polled = now
                for operation, delta in worker.in_flight.poll():
                    on_progress(operation, delta)
            for future in completed:
                batch_result = future.result()
                jobs.requeue(running.pop(future)[len(batch_result.results) :])
                for result in batch_result.results:
                    record(result)
                for result in batch_result.results:
                    total = result.bytes_up + result.bytes_down
                    concurrency.record(total, now, busy)
                    if rest := worker.in_flight.finish(result.operation, total):
                        on_progress(result.operation, rest)
                    yield result
                if batch_result.internal_error is not None:
                    raise batch_result.internal_error
        if stopped.is_set():
            return


def _drain(finished: SimpleQueue[Future[BatchResult]]) -> list[Future[BatchResult]]:
    """Wait a moment for a job to finish, and return all finished ones."""
    completed = []
    try:
        completed.append(finished.get(timeout=_POLL_SECONDS))
        while True:
            completed.append(finished.get_nowait())
    except Empty:
        return completed
