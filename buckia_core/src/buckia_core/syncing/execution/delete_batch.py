"""Batched deletes of objects, each checked again just before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from buckia_core.errors import AdapterError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.plan import Operation
from buckia_core.syncing.error_messages import FATAL_ERRORS, is_generic_error, log_internal_error
from buckia_core.syncing.execution.batch import BatchResult
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.transfer.errors import StateChanged

_MAX_KEYS_PER_HIT = 4


def delete_batch(worker: Worker, operations: Sequence[Operation]) -> BatchResult:
    """Execute `DELETE_REMOTE` operations, in order of their keys, with as few calls as the provider allows."""
    result = BatchResult()
    if len(operations) == 1:
        result.results.append(worker.run(operations[0]))
        return result
    ready: list[Operation] = []
    # Backups take time, in which a directory may appear again.
    with worker.bucket.locator(remember_missing=not any(map(worker.needs_backup, operations))) as locator:
        for number, operation in enumerate(operations):
            if worker.in_flight.stopped.is_set():
                result.not_started += operations[number:]
                break
            try:
                worker.verify_absent(operation, locator)
                worker.backup_remote(operation)
                ready.append(operation)
            except (StateChanged, PreconditionFailed):
                result.deferred.append(operation)
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001  # as in `Worker.run`
                result.results.append(_failed(worker, operation, error))
    if ready:
        # Backups of many objects take long, so the objects are checked after them.
        _delete(worker, _verify(worker, ready, result), result)
    return result


def _verify(worker: Worker, operations: Sequence[Operation], result: BatchResult) -> list[Operation]:
    """Return the operations whose objects still are as planned. The others are deferred."""
    # A listing starts after a key, and not at it.
    found = _relist(worker, operations[0].key, operations[1:]) if len(operations) > 2 else {}
    unknown = [operation for operation in operations if operation.key not in found]
    stat = worker.requests.bind(worker.adapter, "stat_file")
    # A run that is stopped finishes what it has begun: backups are made.
    outcomes = worker.requests.run([partial(stat, operation.key) for operation in unknown], complete=True)
    for operation, outcome in zip(unknown, outcomes, strict=True):
        if isinstance(outcome, RemoteObject):
            found[operation.key] = outcome
        elif isinstance(outcome, FATAL_ERRORS) or not isinstance(outcome, Exception):
            raise outcome
    ready = []
    for operation in operations:
        now, planned = found.get(operation.key), operation.remote
        if now is not None and planned is not None and now.fingerprint == planned.fingerprint:
            ready.append(operation)
        else:
            # Absent, changed or unknown: `Worker.run` checks it again, and plans again if needed.
            result.deferred.append(operation)
    return ready


def _relist(worker: Worker, after: str, operations: Sequence[Operation]) -> dict[str, RemoteObject]:
    """List the objects of operations again, by key. Stops early if most of the listed keys are other ones."""
    wanted = {operation.key for operation in operations}
    relisted: dict[str, RemoteObject] = {}
    listed = 0
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


def _delete(worker: Worker, operations: Sequence[Operation], result: BatchResult) -> None:
    if not operations:
        return
    by_key = {operation.key: operation for operation in operations}
    delete = worker.requests.bind(worker.adapter, "delete_files")
    (outcome,) = worker.requests.run([partial(delete, list(by_key))], complete=True)
    if isinstance(outcome, FATAL_ERRORS) or not isinstance(outcome, list | Exception):
        raise outcome
    unknown: Exception = AdapterError("the provider did not say whether it is deleted")
    errors: dict[str, Exception | None] = dict.fromkeys(by_key, unknown)
    if isinstance(outcome, Exception):
        errors = dict.fromkeys(by_key, outcome)
    else:
        errors |= {each.key: each.error for each in outcome if each.key in by_key}
    for key, error in errors.items():
        if error is None:
            result.results.append(OperationResult(by_key[key], deletes=[key]))
        elif is_generic_error(error):
            result.deferred.append(by_key[key])
        else:
            result.results.append(_failed(worker, by_key[key], error))


def _failed(worker: Worker, operation: Operation, error: Exception) -> OperationResult:
    result = OperationResult(operation)
    result.fail(error, worker.path(operation))
    return result
