"""What one disk can't hold at once: a file where a directory must be, and twins. Pure.

Keys in order have this property: every key between `a` and `a/b` begins with `a`. So the keys that may turn
out to be a file in the way of a later key are a short stack, and the check needs no second look at anything.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from buckia_core.planning import mapping as planned
from buckia_core.planning.keys import FilesystemRules
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.plan import Action, Operation, Reason

_CONFLICTS = frozenset({Action.CONFLICT, Action.KEEP_BOTH})
_LEAVES_REMOTE = _CONFLICTS | {Action.SKIP, Action.REFUSE}
_ON_BOTH = frozenset({Action.UPLOAD, Action.DOWNLOAD, Action.ADOPT, Action.MOVE_REMOTE})


class _Key(NamedTuple):
    key: str
    local: bool
    remote: bool


@dataclass(slots=True)
class PathCollisionDetector:
    """Watches keys go by, in order, and remembers pairs where one is a file in the way of the other.

    Attributes:
        nested: Whether the bucket holds `a` and `a/b` at once. No disk does.
    """

    nested_keys: bool = True
    pairs: list[tuple[_Key, _Key]] = field(default_factory=list)
    _prefixes: list[_Key] = field(default_factory=list)

    def add(self, key: str, local: LocalEntry | None, remote: RemoteObject | None) -> None:
        """Take note of one key. Keys come in ascending order."""
        opened = self._prefixes
        while opened and not key.startswith(opened[-1].key):
            opened.pop()
        seen = _Key(key, local is not None, remote is not None)
        for file in opened:
            if key.startswith(file.key + "/") and (file.remote or seen.remote):
                self.pairs.append((file, seen))
        opened.append(seen)

    def resolve(self, operations: dict[str, Operation]) -> None:
        """Rewrite the operations of pairs that can't both be: by order where one goes, as conflicts else."""
        # Who ends where is judged by the plan as it came: one conflict must not clear the way for another key.
        before = dict(operations) if self.pairs else operations
        for file, below in self.pairs:
            first, second = before.get(file.key), before.get(below.key)
            clash = _exists_locally_after(file, first) and _exists_locally_after(below, second)
            clash = clash or (
                not self.nested_keys and _exists_remotely_after(file, first) and _exists_remotely_after(below, second)
            )
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
                        )
                continue
            if first is not None and second is not None:
                for waits, goes in ((first, second), (second, first)):
                    if (waits.action, goes.action) in _WAITS:
                        operations[waits.key] = replace(operations[waits.key], after_deletes=True)


_WAITS = frozenset({(Action.DOWNLOAD, Action.DELETE_LOCAL), (Action.UPLOAD, Action.DELETE_REMOTE)})


def _exists_locally_after(seen: _Key, operation: Operation | None) -> bool:
    """Tell whether the key will be a local file when the operation is done."""
    if operation is None:
        return seen.local
    return operation.action in _ON_BOTH or (operation.action in _CONFLICTS and seen.local)


def _exists_remotely_after(seen: _Key, operation: Operation | None) -> bool:
    """Tell whether the key will be an object when the operation is done."""
    if operation is None:
        return seen.remote
    return operation.action in _ON_BOTH or (operation.action in _LEAVES_REMOTE and seen.remote)


class NameCollisions(NamedTuple):
    """Finds keys that one disk takes for the same name, or puts into the same directory.

    A folding disk has one directory for `Photos/` and `photos/`, so each directory of a path is compared as well.

    Attributes:
        mappings: By id.
        disks: Rules of the disk of each mapping, by the mapping's id.
        spelling: Takes a mapping and a path below its root, and returns what the disk has there under another
            spelling of the path's last part; `None` if it has nothing, or the very name.
        exists: Takes the same, and tells whether something is there.
    """

    mappings: Mapping[str, planned.PathMapping]
    disks: Mapping[str, FilesystemRules]
    spelling: Callable[[planned.PathMapping, str], str | None]
    exists: Callable[[planned.PathMapping, str], bool]

    def report(self, operations: Sequence[Operation]) -> list[Operation]:
        """Turn downloads that a folding disk would write over another file, or into another directory, into reports.

        Where the same plan deletes what has the other spelling, the download comes after the deletes instead: the
        file or directory changed in its case only.
        """
        operations = list(operations)
        if not any(rules.merges_names for rules in self.disks.values()):
            return operations
        leaving = {
            place
            for each in operations
            if each.action is Action.DELETE_LOCAL and self._may_collide(each)
            for place, _ in self._collision_keys(each)
        }
        coming: dict[tuple[str, str], str] = {}
        kept: list[Operation] = []
        for operation in operations:
            if not (_is_new_local_file(operation) and self._may_collide(operation)):
                kept.append(operation)
                continue
            places = self._collision_keys(operation)
            twin, waits = self._find_collision(operation, places, coming, leaving)
            if twin is None or waits:
                coming |= {place: name for place, name in places if place not in coming}
                kept.append(replace(operation, after_deletes=operation.after_deletes or waits))
                continue
            kept.append(replace(operation, action=Action.CONFLICT, reason=Reason.CASE_COLLISION, detail=twin))
        return kept

    def find_unicode_variants(self, operations: Iterable[Operation]) -> list[tuple[str, str]]:
        """Return new keys that come to a disk beside the same key in another Unicode form, each with the other one.

        Such a disk holds both, but a person sees two files of one name, and another disk may not hold both.
        """
        seen: dict[tuple[str, str], str] = {}
        found = []
        for operation in operations:
            mapping = self.mappings[operation.root]
            if operation.key.isascii() or mapping.is_file:
                continue
            path = mapping.relative_path(operation.key)
            forms = [unicodedata.normalize(form, path) for form in ("NFC", "NFD")]
            first = seen.setdefault((mapping.local, forms[0]), path)
            if not _is_new_local_file(operation) or operation.base is not None:
                continue
            others = (
                [first] if first != path else [each for each in forms if each != path and self.exists(mapping, each)]
            )
            found += [(operation.key, mapping.remote + other) for other in others[:1]]
        return found

    def _may_collide(self, operation: Operation) -> bool:
        return self.disks[operation.root].merges_names and not self.mappings[operation.root].is_file

    def _collision_keys(self, operation: Operation) -> list[tuple[tuple[str, str], str]]:
        """Return the path of a key and the directories above it, outermost first: folded, and as they are."""
        mapping = self.mappings[operation.root]
        path = mapping.relative_path(operation.key)
        names = [path[:end] for end, letter in enumerate(path) if letter == "/"]
        rules = self.disks[operation.root]
        return [((mapping.local, rules.collision_key(name)), name) for name in (*names, path)]

    def _find_collision(
        self,
        operation: Operation,
        places: Sequence[tuple[tuple[str, str], str]],
        coming: Mapping[tuple[str, str], str],
        leaving: Collection[tuple[str, str]],
    ) -> tuple[str | None, bool]:
        """Return the key, or the directory, that has a part of a path under another spelling, and whether it leaves."""
        mapping = self.mappings[operation.root]
        for place, name in places:
            first = coming.get(place)
            if first == name:
                continue
            if first is not None:
                return mapping.remote + first, False
            other = self.spelling(mapping, name)
            if other is not None:
                return mapping.remote + other, place in leaving
        return None, False


def _is_new_local_file(operation: Operation) -> bool:
    return operation.action is Action.DOWNLOAD and operation.local is None
