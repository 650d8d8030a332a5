"""Executing a plan: transfers first, deletes after them, then what the deletes made room for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from itertools import groupby
from queue import Empty, SimpleQueue

from buckia_core.planning.plan import Action, Operation
from buckia_core.syncing.deleting import delete_batch
from buckia_core.syncing.pace import Pace
from buckia_core.syncing.work import Done, Worker

Job = Callable[[], list[Done]]

_TICK = 0.2

_DELETES = (Action.DELETE_LOCAL, Action.DELETE_REMOTE)


def phases(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Return what may run side by side, in the order in which it must come.

    Deletes come after transfers, so that a run that is cut short has rather copied too much than deleted
    too much; what needs the place of something deleted comes last.
    """
    first = [each for each in operations if each.action not in _DELETES and not each.after_deletes]
    deletes = [each for each in operations if each.action in _DELETES]
    last = [each for each in operations if each.after_deletes and each.action not in _DELETES]
    return [phase for phase in (first, deletes, last) if phase]


def jobs(worker: Worker, operations: Iterable[Operation], batch: int) -> Iterator[Job]:
    """Yield the jobs of one phase; deletes of objects go in batches."""
    for is_delete, group in groupby(operations, lambda each: each.action is Action.DELETE_REMOTE):
        if not is_delete:
            for operation in group:
                yield partial(_run_one, worker, operation)
            continue
        together = list(group)
        for start in range(0, len(together), batch):
            yield partial(delete_batch, worker, together[start : start + batch])


def _run_one(worker: Worker, operation: Operation) -> list[Done]:
    return [worker.run(operation)]


def execute(
    worker: Worker,
    operations: Sequence[Operation],
    executor: Executor,
    pace: Pace,
    stopped: threading.Event,
    batch: int,
    moved: Callable[[Operation, int], None],
) -> Iterator[Done]:
    """Yield what became of each operation, as it happens.

    When `stopped` is set, nothing new begins, and what is under way is still waited for and yielded. `moved` is told,
    a few times a second, how many more bytes of a transfer have gone over.
    """
    told = time.monotonic()
    for phase in phases(operations):
        # Local deletes sort apart, so that batches of remote ones are not cut up by them.
        ordered = sorted(phase, key=lambda each: each.action is Action.DELETE_REMOTE)
        pending = 0
        finished: SimpleQueue[Future[list[Done]]] = SimpleQueue()
        queue = jobs(worker, ordered, batch)
        more = True
        while more or pending:
            while more and pending < pace.limit and not stopped.is_set():
                job = next(queue, None)
                if job is None:
                    more = False
                    break
                # To wait for the first of many futures would cost a look at each of them.
                executor.submit(job).add_done_callback(finished.put)
                pending += 1
            if stopped.is_set():
                more = False
            if not pending:
                continue
            ended = _ended(finished)
            pending -= len(ended)
            now = time.monotonic()
            if now - told >= _TICK:
                told = now
                for operation, delta in worker.flights.moved():
                    moved(operation, delta)
            for future in ended:
                for done in future.result():
                    total = done.bytes_up + done.bytes_down
                    pace.finished(total, now)
                    if rest := worker.flights.rest(done.operation, total):
                        moved(done.operation, rest)
                    yield done
        if stopped.is_set():
            return


def _ended(finished: SimpleQueue[Future[list[Done]]]) -> list[Future[list[Done]]]:
    """Wait for a moment until something ends, and return all that has."""
    ended = []
    try:
        ended.append(finished.get(timeout=_TICK))
        while True:
            ended.append(finished.get_nowait())
    except Empty:
        return ended
