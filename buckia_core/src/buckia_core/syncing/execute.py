"""Executing a plan: transfers first, deletes after them, then what the deletes made room for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import partial
from itertools import groupby

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
    for phase in phases(operations):
        # Local deletes sort apart, so that batches of remote ones are not cut up by them.
        ordered = sorted(phase, key=lambda each: each.action is Action.DELETE_REMOTE)
        pending: set[Future[list[Done]]] = set()
        queue = jobs(worker, ordered, batch)
        more = True
        while more or pending:
            while more and len(pending) < pace.limit and not stopped.is_set():
                job = next(queue, None)
                if job is None:
                    more = False
                    break
                pending.add(executor.submit(job))
            if stopped.is_set():
                more = False
            if not pending:
                continue
            finished, pending = wait(pending, _TICK, return_when=FIRST_COMPLETED)
            for operation, delta in worker.flights.moved():
                moved(operation, delta)
            for future in finished:
                for done in future.result():
                    total = done.bytes_up + done.bytes_down
                    pace.finished(total, time.monotonic())
                    if rest := worker.flights.rest(done.operation, total):
                        moved(done.operation, rest)
                    yield done
        if stopped.is_set():
            return
