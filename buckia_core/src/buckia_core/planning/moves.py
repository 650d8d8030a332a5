"""Move detection: turns a delete and an upload of the same content into one server-side move. Pure.

Content is matched by digest, in time linear in the number of operations.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from buckia_core.planning.digest import Comparison, Digest, Digests, compare
from buckia_core.planning.manifest import is_same_version
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import Side


def move_candidates(operations: Iterable[Operation]) -> list[Operation]:
    """Return the uploads of new files that have the size of an object which is deleted after a local deletion.

    Only these have to be hashed to detect moves.
    """
    operations = list(operations)
    targets = [operation for operation in operations if _may_be_move_target(operation)]
    sizes = _sizes_of_sources(operations) if targets else ()
    return [operation for operation in targets if operation.size in sizes]


def detect_moves(operations: Iterable[Operation]) -> list[Operation]:
    """Replace deletes and uploads of the same content by moves. Other operations and their order are unchanged.

    Empty files are not matched: they all have the same content, and a move saves nothing.
    """
    operations = list(operations)
    if not any(map(_may_be_move_target, operations)):
        return operations
    sources = _ContentIndex()
    for operation in operations:
        if _may_be_move_source(operation) and operation.size:
            assert operation.base is not None
            sources.add(operation, operation.size, operation.base.digests)
    moves: dict[str, Operation] = {}
    moved_keys: set[str] = set()
    for operation in operations:
        if not _may_be_move_target(operation):
            continue
        assert operation.local is not None
        old = sources.take(operation.size, operation.local.digests)
        if old is not None:
            moved_keys.add(old.key)
            moves[operation.key] = operation._replace(
                action=Action.MOVE_REMOTE,
                reason=Reason.MOVED_LOCAL,
                detail=f"from {old.key}",
                source=old.remote,
                base=None,
            )
    return [moves.get(operation.key, operation) for operation in operations if operation.key not in moved_keys]


def blocked_moves(operations: Iterable[Operation]) -> list[Operation]:
    """Return the operations that leave a new local file out of the bucket, if that file may have been moved there.

    Only these have to be hashed for `hold_move_sources`.
    """
    operations = list(operations)
    blocked = [each for each in operations if _has_new_local_file(each)]
    sizes = _sizes_of_sources(operations) if blocked else ()
    return [each for each in blocked if each.local is not None and each.local.size in sizes]


def hold_move_sources(operations: Sequence[Operation]) -> list[Operation]:
    """Skip the deletion of content that has moved to a key with an undecided conflict, or to a refused key.

    An object also stays if the content of such a file is unknown and its size is the same. A local delete
    can be restored from the trash, so only matching digests hold it back.
    """
    unsynced = [each for each in operations if _leaves_both_sides(each)]
    if not unsynced:
        return list(operations)
    local_files, objects = _ContentIndex(), _ContentIndex()
    by_size: dict[int, Operation] = {}
    unknown: dict[int, Operation] = {}
    for each in unsynced:
        if each.local is not None and each.local.size and _has_new_local_file(each):
            local_files.add(each, each.local.size, each.local.digests)
            by_size.setdefault(each.local.size, each)
            if not each.local.digests:
                unknown.setdefault(each.local.size, each)
        if each.remote is not None and each.remote.size and _has_new_object(each):
            objects.add(each, each.remote.size, _with_fingerprint(each.remote.digests, each.remote.fingerprint))

    def find_target(operation: Operation) -> Operation | None:
        base, size = operation.base, operation.size
        if base is None or not size:
            return None
        if _may_be_move_source(operation):
            return local_files.find(size, base.digests) or (unknown if base.digests else by_size).get(size)
        if operation.action is Action.DELETE_LOCAL and operation.reason is Reason.DELETED_REMOTE:
            return objects.find(size, _with_fingerprint(base.digests, base.fingerprint))
        return None

    held = []
    for operation in operations:
        target = find_target(operation)
        if target is None:
            held.append(operation)
        else:
            held.append(operation._replace(action=Action.SKIP, reason=Reason.MOVE_BLOCKED, detail=target.key))
    return held


def find_moved_keys(operations: Iterable[Operation], side: Side) -> set[str]:
    """Return the keys that the plan deletes on one side while it adds the same content there under another key.

    Each addition accounts for one delete. Such a delete loses nothing, so the guard does not count it.
    """
    operations = list(operations)
    deletes = [operation for operation in operations if operation.action is _DELETES[side]]
    if not deletes:
        return set()
    additions = _ContentIndex()
    for operation in operations:
        content = _added_content(operation, side)
        if content is not None:
            additions.add(operation, *content)
    return {each.key for each in deletes if additions.take(*_deleted_content(each, side)) is not None}


def find_possible_moves(operations: Iterable[Operation], side: Side) -> list[Operation]:
    """Return additions to a side that may be content deleted there, but whose digests are not sufficient to tell."""
    operations = list(operations)
    deletes = _DELETES[side]
    sizes = {_deleted_content(each, side)[0] for each in operations if each.action is deletes}
    explained = find_moved_keys(operations, side)
    if all(each.key in explained for each in operations if each.action is deletes):
        return []
    unclear = []
    for operation in operations:
        content = _added_content(operation, side)
        if content is not None and content[0] and content[0] in sizes:
            unclear.append(operation)
    return unclear


@dataclass(slots=True)
class _ContentIndex:
    """Index of operations by size and digest of their content. Each operation is taken at most once."""

    _queues: defaultdict[tuple[int, Digest], deque[tuple[Operation, Digests]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _empty: deque[Operation] = field(default_factory=deque)
    _taken: set[str] = field(default_factory=set)

    def add(self, operation: Operation, size: int, digests: Digests) -> None:
        if not size:
            self._empty.append(operation)
        for digest in digests:
            self._queues[size, digest].append((operation, digests))

    def take(self, size: int, digests: Digests) -> Operation | None:
        """Return and take the first operation with this content that is not taken yet."""
        if not size:
            return self._empty.popleft() if self._empty else None
        for queue in self._matching_queues(size, digests):
            while queue and queue[0][0].key in self._taken:
                queue.popleft()
            if queue and compare(digests, queue[0][1]) is Comparison.SAME:
                operation, _ = queue.popleft()
                self._taken.add(operation.key)
                return operation
        return None

    def find(self, size: int, digests: Digests) -> Operation | None:
        """Return an operation with this content, without taking it."""
        for queue in self._matching_queues(size, digests):
            if compare(digests, queue[0][1]) is Comparison.SAME:
                return queue[0][0]
        return None

    def _matching_queues(self, size: int, digests: Digests) -> list[deque[tuple[Operation, Digests]]]:
        return [self._queues[size, digest] for digest in digests if (size, digest) in self._queues]


_DELETES = {Side.LOCAL: Action.DELETE_LOCAL, Side.REMOTE: Action.DELETE_REMOTE}


def _may_be_move_source(operation: Operation) -> bool:
    return operation.action is Action.DELETE_REMOTE and operation.reason is Reason.DELETED_LOCAL


def _sizes_of_sources(operations: Iterable[Operation]) -> set[int]:
    return {operation.size for operation in operations if _may_be_move_source(operation)}


def _may_be_move_target(operation: Operation) -> bool:
    # An upload that waits for deletes may wait for its own source: `a` became `a/b`, and keys can't be nested.
    waits = operation.after_deletes
    return operation.action is Action.UPLOAD and operation.remote is None and operation.local is not None and not waits


def _leaves_both_sides(operation: Operation) -> bool:
    """Tell whether both versions of a key stay, although they differ."""
    return operation.action in (Action.CONFLICT, Action.REFUSE)


def _has_new_local_file(operation: Operation) -> bool:
    """Tell whether a key that is left alone has a local file that was not there at the last sync."""
    local, base = operation.local, operation.base
    if local is None or not _leaves_both_sides(operation):
        return False
    if base is None:
        return True
    return not is_same_version(local, base) and compare(local.digests, base.digests) is not Comparison.SAME


def _has_new_object(operation: Operation) -> bool:
    """Tell whether a key that is left alone has an object that was not there at the last sync."""
    remote, base = operation.remote, operation.base
    return (
        remote is not None
        and _leaves_both_sides(operation)
        and (base is None or remote.fingerprint != base.fingerprint)
    )


def _added_content(operation: Operation, side: Side) -> tuple[int, Digests] | None:
    """Return size and digests of the content that an operation adds to a side."""
    local, remote = operation.local, operation.remote
    if side is Side.REMOTE:
        if operation.action is Action.UPLOAD and local is not None:
            return local.size, local.digests
        return None
    if operation.action in (Action.DOWNLOAD, Action.KEEP_BOTH) and remote is not None:
        return remote.size, _with_fingerprint(remote.digests, remote.fingerprint)
    return None


def _deleted_content(operation: Operation, side: Side) -> tuple[int, Digests]:
    """Return size and digests of the content that an operation deletes on a side."""
    base = operation.base
    if side is Side.REMOTE:
        assert operation.remote is not None
        known = operation.remote.digests
        same = base is not None and operation.remote.fingerprint == base.fingerprint
    else:
        assert operation.local is not None
        known = operation.local.digests
        same = operation.reason is Reason.DELETED_REMOTE
    if base is None or not same:
        return operation.size, known
    return operation.size, _with_fingerprint(known + base.digests, base.fingerprint)


def _with_fingerprint(digests: Digests, fingerprint: str) -> Digests:
    """Return digests, with the object's fingerprint as a tentative one: equal fingerprints mean equal content."""
    return (*digests, Digest("fingerprint?", fingerprint)) if fingerprint else digests
