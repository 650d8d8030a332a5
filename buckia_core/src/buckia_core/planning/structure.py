"""What one disk can't hold at once: a file where a directory must be, and twins. Pure.

Keys in order have this property: every key between `a` and `a/b` begins with `a`. So the keys that may turn
out to be a file in the way of a later key are a short stack, and the check needs no second look at anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from buckia_core.planning.keys import DiskRules, fold
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.plan import Action, Operation, Reason

_LEAVES_REMOTE = frozenset({Action.CONFLICT, Action.SKIP})
_ON_BOTH = frozenset({Action.UPLOAD, Action.DOWNLOAD, Action.ADOPT, Action.MOVE_REMOTE})


class _Seen(NamedTuple):
    key: str
    local: bool
    remote: bool


@dataclass(slots=True)
class Structure:
    """Watches keys go by, in order, and remembers pairs where one is a file in the way of the other.

    Attributes:
        nested: Whether the bucket holds `a` and `a/b` at once. No disk does.
    """

    nested: bool = True
    pairs: list[tuple[_Seen, _Seen]] = field(default_factory=list)
    _open: list[_Seen] = field(default_factory=list)

    def see(self, key: str, local: LocalEntry | None, remote: RemoteObject | None) -> None:
        """Take note of one key. Keys come in ascending order."""
        opened = self._open
        while opened and not key.startswith(opened[-1].key):
            opened.pop()
        seen = _Seen(key, local is not None, remote is not None)
        for file in opened:
            if key.startswith(file.key + "/") and (file.remote or seen.remote):
                self.pairs.append((file, seen))
        opened.append(seen)

    def settle(self, operations: dict[str, Operation]) -> None:
        """Rewrite the operations of pairs that can't both be: by order where one goes, as conflicts else."""
        # Who ends where is judged by the plan as it came: one conflict must not clear the way for another key.
        before = dict(operations) if self.pairs else operations
        for file, below in self.pairs:
            first, second = before.get(file.key), before.get(below.key)
            clash = _ends_local(file, first) and _ends_local(below, second)
            clash = clash or (not self.nested and _ends_remote(file, first) and _ends_remote(below, second))
            if clash:
                for key, other in ((file.key, below.key), (below.key, file.key)):
                    operation = operations.get(key)
                    if operation is not None and operation.reason is not Reason.TYPE_CONFLICT:
                        operations[key] = replace(
                            operation,
                            action=Action.CONFLICT,
                            reason=Reason.TYPE_CONFLICT,
                            detail=other,
                            loser=None,
                            keep_both=False,
                            unresolved=True,
                        )
                continue
            if first is not None and second is not None:
                for waits, goes in ((first, second), (second, first)):
                    if (waits.action, goes.action) in _WAITS:
                        operations[waits.key] = replace(operations[waits.key], after_deletes=True)


_WAITS = frozenset({(Action.DOWNLOAD, Action.DELETE_LOCAL), (Action.UPLOAD, Action.DELETE_REMOTE)})


def _ends_local(seen: _Seen, operation: Operation | None) -> bool:
    """Tell whether the key will be a local file when the operation is done."""
    if operation is None:
        return seen.local
    return operation.action in _ON_BOTH or (operation.action is Action.CONFLICT and seen.local)


def _ends_remote(seen: _Seen, operation: Operation | None) -> bool:
    """Tell whether the key will be an object when the operation is done."""
    if operation is None:
        return seen.remote
    return operation.action in _ON_BOTH or (operation.action in _LEAVES_REMOTE and seen.remote)


def refuse_twins(
    operations: Iterable[Operation], rules: DiskRules, is_taken: Callable[[Operation], bool]
) -> list[Operation]:
    """Turn downloads that a folding disk would write over another file into reports.

    Args:
        operations: The plan so far, in order.
        rules: Rules of the disk; nothing is done unless it folds.
        is_taken: Tells whether the place of a key that is not here yet is taken on the disk, under another spelling.
    """
    if not rules.folds:
        return list(operations)
    kept: list[Operation] = []
    coming: dict[str, str] = {}
    for operation in operations:
        if operation.action is Action.DOWNLOAD and operation.local is None:
            first = coming.setdefault(fold(operation.key), operation.key)
            if first != operation.key or is_taken(operation):
                twin = first if first != operation.key else ""
                kept.append(
                    replace(operation, action=Action.CONFLICT, reason=Reason.TWIN, detail=twin, unresolved=True)
                )
                continue
        kept.append(operation)
    return kept
