"""Batched deletes of objects, each checked again just before."""

from __future__ import annotations

from collections.abc import Sequence

from buckia_core.errors import AdapterError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.plan import Operation
from buckia_core.syncing.error_messages import FATAL_ERRORS, is_generic_error, log_internal_error
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.errors import StateChanged

_MAX_KEYS_PER_HIT = 4


def delete_batch(worker: Worker, operations: Sequence[Operation]) -> list[OperationResult]:
    """Execute `DELETE_REMOTE` operations, in order of their keys, with as few calls as the provider allows.

    If the run is stopped, the remaining operations are not started, and missing in the result.
    """
    if len(operations) < 3:
        return [worker.run(operation) for operation in operations]
    # The first one is deleted alone, because a listing starts after a key, and not at it.
    results = {operations[0].key: worker.run(operations[0])}
    backed_up: list[Operation] = []
    one_by_one: list[Operation] = []
    with worker.bucket.locator() as locator:
        for operation in operations[1:]:
            if worker.in_flight.stopped.is_set():
                break
            try:
                worker.verify_absent(operation, locator)
                worker.backup_remote(operation)
                backed_up.append(operation)
            except (StateChanged, PreconditionFailed):
                one_by_one.append(operation)
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001  # as in `Worker.run`
                results[operation.key] = _failed(worker, operation, error)
    # Backups of many objects take long, so the objects are checked after them.
    relisted = _relist(worker, operations[0].key, backed_up)
    ready: list[Operation] = []
    for operation in backed_up:
        now, planned = relisted.get(operation.key), operation.remote
        if now is None or planned is None or now.fingerprint != planned.fingerprint:
            # Not listed, or changed: `Worker.run` checks it again, and plans again if needed.
            one_by_one.append(operation)
        else:
            ready.append(operation)
    for key, result in _delete(worker, ready).items():
        if is_generic_error(result.error):
            one_by_one.append(result.operation)
        else:
            results[key] = result
    results |= {operation.key: worker.run(operation) for operation in one_by_one}
    return [results[operation.key] for operation in operations if operation.key in results]


def _relist(worker: Worker, after: str, operations: Sequence[Operation]) -> dict[str, RemoteObject]:
    """List the objects of operations again, by key. Stops early if most of the listed keys are other ones."""
    wanted = {operation.key for operation in operations}
    relisted: dict[str, RemoteObject] = {}
    listed = 0
    if not operations:
        return relisted
    try:
        for found in worker.adapter.list_files(start_after=after, end_at=operations[-1].key):
            listed += 1
            if found.key in wanted:
                relisted[found.key] = found
            if listed > 1000 and listed > _MAX_KEYS_PER_HIT * (len(relisted) + 1):
                break
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001  # each one is then checked by itself
        log_internal_error(error)
    return relisted


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
        result = results[outcome.key] = OperationResult(by_key[outcome.key])
        if outcome.error:
            result.fail(outcome.error)
        else:
            result.deletes.append(outcome.key)
    return results


def _failed(worker: Worker, operation: Operation, error: Exception) -> OperationResult:
    result = OperationResult(operation)
    result.fail(error, worker.path(operation))
    return result
