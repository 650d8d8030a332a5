"""Executor: runs the operations of a plan in workers, in phases: transfers, deletes, transfers that need deletes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import NamedTuple

from buckia_core.errors import Throttled
from buckia_core.planning.plan import Action, Operation
from buckia_core.syncing.execution.batch import BatchResult, run_batch
from buckia_core.syncing.execution.concurrency import AdaptiveConcurrency
from buckia_core.syncing.execution.delete_batch import delete_batch
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.request_runner import RequestRunner
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.download_staging import BUFFERED_DOWNLOAD_MAX

_POLL_SECONDS = 0.2

_MAX_BATCH = 16
"""Maximum of operations per batch in a thread that waits for each response."""

_MAX_LOOP_BATCH = 64
"""Maximum of operations per batch whose requests run on the event loop."""

_MIN_FOR_LOOP = 16
"""Minimum of small transfers for which an event loop is worth its start."""

_LOOP_BYTES = 32 << 20
"""Maximum of content in memory, in bytes, of all batches on the event loop."""


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
    that all workers finish at about the same time. A batch shares queue round trips and flushes to the disk. It has at
    most `BUFFERED_DOWNLOAD_MAX` bytes of content.

    Args:
        operations: The operations.
        delete_batch: Maximum of deletes in a batch.
        is_single: Tells whether an operation takes so long that it must not delay others.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        delete_batch: int,
        is_single: Callable[[Operation], bool] = lambda _: False,
    ) -> None:
        # Sorted, so that local deletes don't split batches of remote deletes.
        self._waiting = deque(sorted(operations, key=lambda each: each.action is Action.DELETE_REMOTE))
        self._deferred: deque[Operation] = deque()
        self._delete_batch = delete_batch
        self._is_single = is_single

    def take(self, workers: int, most: int = _MAX_BATCH) -> tuple[Operation, ...]:
        """Take the next job, for one of `workers`, of at most `most` operations; empty if none is left."""
        if self._deferred:
            return (self._deferred.popleft(),)
        waiting = self._waiting
        if not waiting:
            return ()
        job = [waiting.popleft()]
        deletes = job[0].action is Action.DELETE_REMOTE
        most = self._delete_batch if deletes else min(most, len(waiting) // workers)
        size = self._bytes(job[0])
        while waiting and len(job) < most and (waiting[0].action is Action.DELETE_REMOTE) is deletes:
            size += self._bytes(waiting[0])
            if size > BUFFERED_DOWNLOAD_MAX:
                break
            job.append(waiting.popleft())
        return tuple(job)

    def requeue(self, operations: Sequence[Operation]) -> None:
        """Put back operations that a worker did not start."""
        self._waiting.extendleft(reversed(operations))

    def defer(self, operations: Sequence[Operation]) -> None:
        """Put back operations of batches that have to be executed alone."""
        self._deferred.extend(operations)

    def _bytes(self, operation: Operation) -> int:
        """Return the bytes of an operation that count towards the limit of a batch; above it if it runs alone."""
        match operation.action:
            case Action.DELETE_REMOTE:
                return 0
            case Action.UPLOAD | Action.DOWNLOAD if not self._is_single(operation):
                return operation.size
            case Action.ADOPT | Action.FORGET | Action.SKIP | Action.REFUSE:
                return 0
            case _:
                return BUFFERED_DOWNLOAD_MAX + 1


def run_job(worker: Worker, operations: Sequence[Operation]) -> BatchResult:
    """Execute a job of operations that are not on the event loop, unless they are deletes."""
    if operations[0].action is Action.DELETE_REMOTE:
        return delete_batch(worker, operations)
    if len(operations) > 1:
        # Its thread counts as one request in flight, so the requests follow one another.
        return run_batch(worker, operations, RequestRunner(worker.in_flight.stopped))
    return BatchResult([worker.run(operations[0])])


class _Job(NamedTuple):
    """A job that runs. `on_loop`: its requests run on the event loop."""

    operations: tuple[Operation, ...]
    on_loop: bool


@dataclass(slots=True)
class Execution:
    """Executes the operations of one run.

    Attributes:
        worker: Executes operations.
        executor: Runs the jobs.
        threads: The number of jobs that wait for their responses in a thread of the executor.
        requests: The number of requests on the event loop.
        stopped: When it is set, no more operations start, and those in flight are awaited and yielded.
        delete_batch: Maximum of deletes in a batch.
        on_progress: Receives the bytes that a transfer has moved since the last call, a few times per second; `None`
            if nobody wants to know.
        record: Receives results as soon as they are there.
    """

    worker: Worker
    executor: Executor
    threads: AdaptiveConcurrency
    requests: AdaptiveConcurrency
    stopped: threading.Event
    delete_batch: int
    on_progress: Callable[[Operation, int], None] | None
    record: Callable[[Sequence[OperationResult]], None]
    _running: dict[Future[BatchResult], _Job] = field(default_factory=dict)
    _finished: SimpleQueue[Future[BatchResult]] = field(default_factory=SimpleQueue)
    _on_loop: int = 0
    _loop_bytes: int = 0

    def run(self, operations: Sequence[Operation]) -> Generator[OperationResult]:
        """Execute operations; record and yield each result as soon as it is there.

        After an error, or if the generator is closed, operations in flight are awaited and recorded, but not yielded.
        """
        try:
            for phase in phases(operations):
                yield from self._run_phase(phase)
                if self.stopped.is_set():
                    return
        except BaseException:
            for future in self._running:
                # An error is being raised already; a second one must not lose the other results.
                with suppress(Exception):
                    self.record(future.result().results)
            raise

    def _run_phase(self, phase: Sequence[Operation]) -> Iterator[OperationResult]:
        small = [each for each in phase if self._fits_loop(each)] if self.worker.requests.concurrent else []
        if len(small) < _MIN_FOR_LOOP:
            small = []
        on_loop = WorkQueue(small, 1)
        chosen = set(map(id, small))
        others = WorkQueue(
            [each for each in phase if id(each) not in chosen], self.delete_batch, self.worker.needs_backup
        )
        polled = time.monotonic()
        while True:
            if not self.stopped.is_set():
                self._start_jobs(on_loop, others)
            if not self._running:
                return
            completed = _drain(self._finished)
            now, busy = time.monotonic(), time.process_time() + self.worker.requests.seconds_delayed()
            if now - polled >= _POLL_SECONDS:
                polled = now
                for operation, delta in self.worker.in_flight.poll():
                    self._report(operation, delta)
            for future in completed:
                result = future.result()
                job = self._running.pop(future)
                (on_loop if job.on_loop else others).requeue(result.not_started)
                others.defer(result.deferred)
                self._adapt(job, result, now, busy)
                self.record(result.results)
                for each in result.results:
                    total = each.bytes_up + each.bytes_down
                    if rest := self.worker.in_flight.finish(each.operation, total):
                        self._report(each.operation, rest)
                    yield each
                if result.internal_error is not None:
                    raise result.internal_error

    def _fits_loop(self, operation: Operation) -> bool:
        is_transfer = operation.action is Action.UPLOAD or operation.action is Action.DOWNLOAD
        return is_transfer and operation.size <= BUFFERED_DOWNLOAD_MAX and not self.worker.needs_backup(operation)

    def _start_jobs(self, on_loop: WorkQueue, others: WorkQueue) -> None:
        """Start jobs up to the limits. If the user set a limit, threads and event loop share it."""
        in_threads = sum(not job.on_loop for job in self._running.values())
        limit = self.requests.limit - (in_threads if self.requests.fixed else 0)
        self.worker.requests.limit = max(1, limit)
        size = max(_MAX_BATCH, min(_MAX_LOOP_BATCH, limit // 2))
        while (
            limit > 0
            and self._on_loop < 2 * limit
            and self._loop_bytes < _LOOP_BYTES
            and (job := on_loop.take(4, size))
        ):
            self._submit(_Job(job, on_loop=True))
        limit = self.threads.limit - (min(self.threads.limit, self._on_loop) if self.threads.fixed else 0)
        while in_threads < limit and (job := others.take(self.threads.limit)):
            self._submit(_Job(job, on_loop=False))
            in_threads += 1

    def _submit(self, job: _Job) -> None:
        if job.on_loop:
            self._on_loop += len(job.operations)
            self._loop_bytes += sum(each.size for each in job.operations)
        future = self.executor.submit(run_batch if job.on_loop else run_job, self.worker, job.operations)
        self._running[future] = job
        # Cheaper than `concurrent.futures.wait`, which inspects every future.
        future.add_done_callback(self._finished.put)

    def _adapt(self, job: _Job, result: BatchResult, now: float, busy: float) -> None:
        """Adapt the concurrency to a job that ended."""
        pace = self.threads
        if job.on_loop:
            pace = self.requests
            self._on_loop -= len(job.operations)
            self._loop_bytes -= sum(each.size for each in job.operations)
        if any(isinstance(each.error, Throttled) for each in result.results):
            pace.record_throttling()
        size = sum(each.bytes_up + each.bytes_down for each in result.results)
        pace.record(size, now, busy, len(result.results))

    def _report(self, operation: Operation, delta: int) -> None:
        if self.on_progress is not None:
            self.on_progress(operation, delta)


def _drain(finished: SimpleQueue[Future[BatchResult]]) -> list[Future[BatchResult]]:
    """Wait a moment for a job to finish, and return all finished ones."""
    completed = []
    try:
        completed.append(finished.get(timeout=_POLL_SECONDS))
        while True:
            completed.append(finished.get_nowait())
    except Empty:
        return completed
