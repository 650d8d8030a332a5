"""Deleting objects in batches, each of them looked at once more just before."""

from __future__ import annotations

from collections.abc import Sequence

from buckia_core.errors import AdapterError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.plan import Operation
from buckia_core.syncing.error_messages import FATAL_ERRORS, error_message, is_generic_error
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.errors import StateChanged

_DENSE = 4


def delete_batch(worker: Worker, operations: Sequence[Operation]) -> list[OperationResult]:
    """Execute `DELETE_REMOTE` operations, in order of their keys, with as few calls as the provider allows.

    If the run is stopped, those at the end that have not begun are left out of the result.
    """
    if len(operations) < 3:
        return [worker.run(operation) for operation in operations]
    # The first one goes alone: a listing begins after a key, never at one.
    results = {operations[0].key: worker.run(operations[0])}
    kept: list[Operation] = []
    alone: list[Operation] = []
    with worker.site.locator() as places:
        for operation in operations[1:]:
            if worker.flights.stopped.is_set():
                break
            try:
                worker.check_still_absent(operation, places)
                worker.keep_remote(operation)
                kept.append(operation)
            except (StateChanged, PreconditionFailed):
                alone.append(operation)
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001  # as in `Worker.run`
                results[operation.key] = _failed(worker, operation, error)
    # To keep many versions takes long, so all of them are looked at once more after that.
    seen = _look_again(worker, operations[0].key, kept)
    ready: list[Operation] = []
    for operation in kept:
        now, planned = seen.get(operation.key), operation.remote
        if now is None or planned is None or now.fingerprint != planned.fingerprint:
            # Not seen, or not as planned: alone, it is looked at again, and planned again if need be.
            alone.append(operation)
        else:
            ready.append(operation)
    for key, done in _delete(worker, ready).items():
        if is_generic_error(done.failure):
            alone.append(done.operation)
        else:
            results[key] = done
    results |= {operation.key: worker.run(operation) for operation in alone}
    return [results[operation.key] for operation in operations if operation.key in results]


def _look_again(worker: Worker, after: str, operations: Sequence[Operation]) -> dict[str, RemoteObject]:
    """Return what a listing shows of the keys now; it ends early where most of what it shows is none of them."""
    wanted = {operation.key for operation in operations}
    seen: dict[str, RemoteObject] = {}
    listed = 0
    if not operations:
        return seen
    try:
        for found in worker.adapter.list_files(start_after=after, end_at=operations[-1].key):
            listed += 1
            if found.key in wanted:
                seen[found.key] = found
            if listed > 1000 and listed > _DENSE * (len(seen) + 1):
                break
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001  # each of them is looked at by itself then
        error_message(error)
    return seen


def _delete(worker: Worker, operations: Sequence[Operation]) -> dict[str, OperationResult]:
    if not operations:
        return {}
    by_key = {operation.key: operation for operation in operations}
    try:
        outcomes = worker.adapter.delete_files(list(by_key))
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001  # as in `Worker.run`
        return {key: _failed(worker, each, error) for key, each in by_key.items()}
    unknown = AdapterError("the provider did not say whether it is deleted")
    results = {key: _failed(worker, each, unknown) for key, each in by_key.items()}
    for outcome in outcomes:
        if outcome.key not in by_key:
            continue
        done = results[outcome.key] = OperationResult(by_key[outcome.key])
        if outcome.error:
            done.fail(outcome.error)
        else:
            done.drop.append(outcome.key)
    return results


def _failed(worker: Worker, operation: Operation, error: Exception) -> OperationResult:
    done = OperationResult(operation)
    done.fail(error, worker.path(operation))
    return done
