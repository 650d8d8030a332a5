"""Executing a plan: transfers first, deletes after them, then what the deletes made room for."""

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
from buckia_core.syncing.transfer.staging_file import BUFFERED_DOWNLOAD_MAX

_TICK = 0.2

_TOGETHER = 16
"""Operations in a group, at most; of their content, a group holds at most `BUFFERED_DOWNLOAD_MAX` bytes."""


def phases(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Return what may run side by side, in the order in which it must come.

    Deletes come after transfers, so that a run that is cut short has rather copied too much than deleted
    too much; what needs the place of something deleted comes last.
    """
    first = [each for each in operations if not each.is_delete and not each.after_deletes]
    deletes = [each for each in operations if each.is_delete]
    last = [each for each in operations if each.after_deletes and not each.is_delete]
    return [phase for phase in (first, deletes, last) if phase]


class WorkQueue:
    """The jobs of one phase, each a list of operations that one worker executes.

    Deletes of objects go in batches. Small operations go in groups, which get smaller towards the end so that all
    workers end at about the same time; what they have in common then, from the way through the queue to the disk, is
    done once.
    """

    def __init__(self, operations: Iterable[Operation], batch: int) -> None:
        # Local deletes sort apart, so that batches of remote ones are not cut up by them.
        self._waiting = deque(sorted(operations, key=lambda each: each.action is Action.DELETE_REMOTE))
        self._batch = batch

    def next(self, workers: int) -> tuple[Operation, ...]:
        """Take the next job, for one of so many workers; it is empty when there is none left."""
        waiting = self._waiting
        if not waiting:
            return ()
        job = [waiting.popleft()]
        deletes = job[0].action is Action.DELETE_REMOTE
        most = self._batch if deletes else min(_TOGETHER, len(waiting) // workers)
        size = _taken_up(job[0])
        while waiting and len(job) < most and (waiting[0].action is Action.DELETE_REMOTE) is deletes:
            size += _taken_up(waiting[0])
            if size > BUFFERED_DOWNLOAD_MAX:
                break
            job.append(waiting.popleft())
        return tuple(job)

    def again(self, operations: Sequence[Operation]) -> None:
        """Put back what a worker did not come to."""
        self._waiting.extendleft(reversed(operations))


def _taken_up(operation: Operation) -> int:
    """Return how much of a group an operation takes up, in bytes; of one that has to be alone, more than there is."""
    match operation.action:
        case Action.UPLOAD | Action.DOWNLOAD:
            return operation.size
        case Action.DELETE_REMOTE | Action.ADOPT | Action.FORGET | Action.SKIP | Action.REFUSE:
            return 0
        case _:
            return BUFFERED_DOWNLOAD_MAX + 1


def run_job(worker: Worker, operations: Sequence[Operation]) -> BatchResult:
    """Execute a job. Operations at its end that are left out of the result have not begun."""
    if operations[0].action is Action.DELETE_REMOTE:
        return BatchResult(delete_batch(worker, operations))
    if len(operations) > 1:
        return run_batch(worker, operations)
    return BatchResult([worker.run(operations[0])])


def execute(
    worker: Worker,
    operations: Sequence[Operation],
    executor: Executor,
    pace: AdaptiveConcurrency,
    stopped: threading.Event,
    batch: int,
    moved: Callable[[Operation, int], None],
    record: Callable[[OperationResult], None],
) -> Generator[OperationResult]:
    """Record what became of each operation as it happens, and yield it.

    When `stopped` is set, nothing new begins, and what is under way is still waited for and yielded. So it is when
    anything raises, or the generator is closed: then it is only recorded. `moved` is told, a few times a second, how
    many more bytes of a transfer have gone over.
    """
    running: dict[Future[BatchResult], tuple[Operation, ...]] = {}
    try:
        yield from _phases(worker, operations, executor, pace, stopped, batch, moved, record, running)
    except BaseException:
        for future in running:
            # One error is raised already; what others did is not lost for another one.
            with suppress(Exception):
                for done in future.result().done:
                    record(done)
        raise


def _phases(
    worker: Worker,
    operations: Sequence[Operation],
    executor: Executor,
    pace: AdaptiveConcurrency,
    stopped: threading.Event,
    batch: int,
    moved: Callable[[Operation, int], None],
    record: Callable[[OperationResult], None],
    running: dict[Future[BatchResult], tuple[Operation, ...]],
) -> Iterator[OperationResult]:
    told = time.monotonic()
    for phase in phases(operations):
        jobs = WorkQueue(phase, batch)
        finished: SimpleQueue[Future[BatchResult]] = SimpleQueue()
        while True:
            while len(running) < pace.limit and not stopped.is_set() and (job := jobs.next(pace.limit)):
                future = executor.submit(run_job, worker, job)
                running[future] = job
                # To wait for the first of many futures would cost a look at each of them.
                future.add_done_callback(finished.put)
            if not running:
                break
            arrived = _arrived(finished)
            now, busy = time.monotonic(), time.process_time()
            if now - told >= _TICK:
                told = now
                for operation, delta in worker.flights.moved():
                    moved(operation, delta)
            for future in arrived:
                ended = future.result()
                jobs.again(running.pop(future)[len(ended.done) :])
                for done in ended.done:
                    record(done)
                for done in ended.done:
                    total = done.bytes_up + done.bytes_down
                    pace.finished(total, now, busy)
                    if rest := worker.flights.rest(done.operation, total):
                        moved(done.operation, rest)
                    yield done
                if ended.broken is not None:
                    raise ended.broken
        if stopped.is_set():
            return


def _arrived(finished: SimpleQueue[Future[BatchResult]]) -> list[Future[BatchResult]]:
    """Wait for a moment until something ends, and return all that has."""
    arrived = []
    try:
        arrived.append(finished.get(timeout=_TICK))
        while True:
            arrived.append(finished.get_nowait())
    except Empty:
        return arrived
