"""Deleting objects in batches, each of them looked at once more just before."""

from __future__ import annotations

from collections.abc import Sequence

from buckia_core.errors import AdapterError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.plan import Operation
from buckia_core.syncing.error_messages import ENDS_RUN, explain
from buckia_core.syncing.transfer import Stale
from buckia_core.syncing.work import Done, Worker

_DENSE = 4


def delete_batch(worker: Worker, operations: Sequence[Operation]) -> list[Done]:
    """Execute `DELETE_REMOTE` operations, in order of their keys, with as few calls as the provider allows."""
    if len(operations) < 3:
        return [worker.run(operation) for operation in operations]
    seen = _look_again(worker, operations)
    results: dict[str, Done] = {}
    ready: list[Operation] = []
    for operation in operations:
        now = seen.get(operation.key)
        planned = operation.remote
        if now is None or planned is None or now.fingerprint != planned.fingerprint:
            # Not seen, or not as planned: alone, it is looked at again, and planned again if need be.
            results[operation.key] = worker.run(operation)
            continue
        try:
            worker.keep_remote(operation)
            ready.append(operation)
        except (Stale, PreconditionFailed):
            results[operation.key] = worker.run(operation)
        except ENDS_RUN:
            raise
        except Exception as error:  # noqa: BLE001  # as in `Worker.run`
            results[operation.key] = _failed(operation, error)
    results |= _delete(worker, ready)
    return [results[operation.key] for operation in operations]


def _look_again(worker: Worker, operations: Sequence[Operation]) -> dict[str, RemoteObject]:
    """Return what a listing shows of the keys now; it ends early where most of what it shows is none of them."""
    wanted = {operation.key for operation in operations}
    seen: dict[str, RemoteObject] = {}
    listed = 0
    try:
        # The first key is left to itself: a listing begins after a key, never at one.
        for found in worker.adapter.list_files(start_after=operations[0].key, end_at=operations[-1].key):
            listed += 1
            if found.key in wanted:
                seen[found.key] = found
            if listed > 1000 and listed > _DENSE * (len(seen) + 1):
                break
    except ENDS_RUN:
        raise
    except Exception as error:  # noqa: BLE001  # each of them is looked at by itself then
        explain(error)
    return seen


def _delete(worker: Worker, operations: Sequence[Operation]) -> dict[str, Done]:
    if not operations:
        return {}
    by_key = {operation.key: operation for operation in operations}
    try:
        outcomes = worker.adapter.delete_files(list(by_key))
    except ENDS_RUN:
        raise
    except Exception as error:  # noqa: BLE001  # as in `Worker.run`
        return {key: _failed(each, error) for key, each in by_key.items()}
    unknown = AdapterError("the provider did not say whether it is deleted")
    results = {key: _failed(each, unknown) for key, each in by_key.items()}
    for outcome in outcomes:
        if outcome.key not in by_key:
            continue
        done = results[outcome.key] = Done(by_key[outcome.key])
        if outcome.error:
            done.fail(outcome.error)
        else:
            done.drop.append(outcome.key)
    return results


def _failed(operation: Operation, error: Exception) -> Done:
    done = Done(operation)
    done.fail(error)
    return done
