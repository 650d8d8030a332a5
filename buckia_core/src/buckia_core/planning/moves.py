"""Finding moved files: what looks like a delete and an upload of the same content is one move on the server. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from buckia_core.planning.digest import Sameness, compare
from buckia_core.planning.plan import Action, Operation, Reason


def candidates(operations: Iterable[Operation]) -> list[Operation]:
    """Return the uploads of new files whose size equals that of an object about to be deleted for a local delete.

    Only these are worth hashing before the transfer.
    """
    operations = list(operations)
    sizes = {operation.size for operation in operations if _leaves(operation)}
    return [operation for operation in operations if _arrives(operation) and operation.size in sizes]


def pair(operations: Iterable[Operation]) -> list[Operation]:
    """Join deletes and uploads of the same content into moves; the rest stays as it is, in order.

    Empty files are not paired: all of them have the same content, and there is nothing to save.
    """
    operations = list(operations)
    leaving: defaultdict[int, list[Operation]] = defaultdict(list)
    for operation in operations:
        if _leaves(operation) and operation.size:
            leaving[operation.size].append(operation)
    moves: dict[str, Operation] = {}
    gone: set[str] = set()
    for operation in operations:
        if not _arrives(operation):
            continue
        assert operation.local is not None
        for old in leaving[operation.size]:
            assert old.base is not None
            if compare(operation.local.digests, old.base.digests) is Sameness.SAME:
                leaving[operation.size].remove(old)
                gone.add(old.key)
                moves[operation.key] = replace(
                    operation,
                    action=Action.MOVE_REMOTE,
                    reason=Reason.MOVED_LOCAL,
                    detail=f"from {old.key}",
                    source=old.remote,
                    base=None,
                )
                break
    return [moves.get(operation.key, operation) for operation in operations if operation.key not in gone]


def _leaves(operation: Operation) -> bool:
    return operation.action is Action.DELETE_REMOTE and operation.reason is Reason.DELETED_LOCAL


def _arrives(operation: Operation) -> bool:
    # What waits for deletes may wait for its own source: `a` that became `a/b`, where keys can't nest.
    waits = operation.after_deletes
    return operation.action is Action.UPLOAD and operation.remote is None and operation.local is not None and not waits
