"""Path collisions: keys that a file system can't hold at once. Pure.

Two keys collide if one needs a directory where the other one is a file, or if they differ only in case or Unicode form.

In sorted order, each key between `a` and `a/b` begins with `a`. So the keys that may be a file instead of a directory
form a short stack, and one pass finds all of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from buckia_core.planning.keys import FilesystemRules, parent_directories
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason

_CONFLICTS = frozenset({Action.CONFLICT, Action.KEEP_BOTH})
_LEAVES_REMOTE = _CONFLICTS | {Action.SKIP, Action.REFUSE}
_ON_BOTH = frozenset({Action.UPLOAD, Action.DOWNLOAD, Action.ADOPT, Action.MOVE_REMOTE})


class _Key(NamedTuple):
    key: str
    local: bool
    remote: bool
    in_sync: bool = False


@dataclass(slots=True)
class PathCollisionDetector:
    """Detector of pairs of keys where one is a file and the other one needs a directory of the same name.

    Attributes:
        nested_keys: Whether the bucket can hold `a` and `a/b` at once. File systems can't.
        pairs: The detected pairs, the file first.
    """

    nested_keys: bool = True
    pairs: list[tuple[_Key, _Key]] = field(default_factory=list)
    _prefixes: list[_Key] = field(default_factory=list)

    def add(self, key: str, local: LocalEntry | None, remote: RemoteObject | None) -> None:
        """Add one key. Keys have to be added in ascending order."""
        self._add(_Key(key, local is not None, remote is not None))

    def _add(self, seen: _Key) -> None:
        prefixes, key = self._prefixes, seen.key
        while prefixes and not key.startswith(prefixes[-1].key):
            prefixes.pop()
        for file in prefixes:
            if key.startswith(file.key + "/") and (file.remote or seen.remote):
                self.pairs.append((file, seen))
        prefixes.append(seen)

    def add_in_sync(self, keys: Sequence[str]) -> None:
        """Add consecutive keys that both sides have and that need no operation.

        Two of them are no pair to resolve, so most runs of keys cost a comparison of each with the last one.
        """
        if any(not file.in_sync for file in self._prefixes if keys[0].startswith(file.key)):
            for key in keys:
                self._add(_Key(key, True, True, True))
            return
        last = keys[-1]
        self._prefixes = [file for file in self._prefixes if last.startswith(file.key)]
        self._prefixes += [_Key(key, True, True, True) for key in keys if last.startswith(key)]

    def resolve(self, operations: dict[str, Operation]) -> None:
        """Rewrite the operations of colliding pairs: order them if one is a delete, else turn both into conflicts."""
        # Judge by the original operations, so that one conflict does not make room for another key.
        original = dict(operations) if self.pairs else operations
        for file, below in self.pairs:
            first, second = original.get(file.key), original.get(below.key)
            clash = _exists_locally_after(file, first) and _exists_locally_after(below, second)
            clash = clash or (
                not self.nested_keys and _exists_remotely_after(file, first) and _exists_remotely_after(below, second)
            )
            if clash:
                for key, other in ((file.key, below.key), (below.key, file.key)):
                    operation = operations.get(key)
                    if operation is not None and operation.reason is not Reason.TYPE_CONFLICT:
                        operations[key] = operation._replace(
                            action=Action.CONFLICT,
                            reason=Reason.TYPE_CONFLICT,
                            detail=other,
                            loser=None,
                        )
                continue
            if first is not None and second is not None:
                for waiting, deleting in ((first, second), (second, first)):
                    if (waiting.action, deleting.action) in _WAITING_PAIRS:
                        operations[waiting.key] = operations[waiting.key]._replace(after_deletes=True)


_WAITING_PAIRS = frozenset({(Action.DOWNLOAD, Action.DELETE_LOCAL), (Action.UPLOAD, Action.DELETE_REMOTE)})


def _exists_locally_after(seen: _Key, operation: Operation | None) -> bool:
    """Tell whether the key is a local file after the operation."""
    if operation is None:
        return seen.local
    return operation.action in _ON_BOTH or (operation.action in _CONFLICTS and seen.local)


def _exists_remotely_after(seen: _Key, operation: Operation | None) -> bool:
    """Tell whether the key is an object after the operation."""
    if operation is None:
        return seen.remote
    return operation.action in _ON_BOTH or (operation.action in _LEAVES_REMOTE and seen.remote)


class NameCollisions(NamedTuple):
    """Detector of keys whose names are the same to a file system: they differ only in case or Unicode form.

    A case-insensitive file system has one directory for `Photos/` and `photos/`, so the directories of a path are
    compared as well.

    Attributes:
        mappings: Mappings by id.
        disks: Rules of the file system of each mapping, by the mapping's id.
        find_case_collision: Takes a mapping and a path below its root. Returns the existing path whose last part
            differs only in spelling; `None` if there is none, or if the path itself exists.
        exists: Takes the same, and tells whether the path exists.
    """

    mappings: Mapping[str, PathMapping]
    disks: Mapping[str, FilesystemRules]
    find_case_collision: Callable[[PathMapping, str], str | None]
    exists: Callable[[PathMapping, str], bool]

    def resolve(self, operations: Sequence[Operation]) -> list[Operation]:
        """Turn downloads that would replace a file of another spelling, or go into its directory, into conflicts.

        If the same plan deletes the other spelling, the download waits for that delete instead: the file or directory
        was renamed in case only.
        """
        operations = list(operations)
        if not any(rules.merges_names for rules in self.disks.values()):
            return operations
        deleted = {
            collision_key
            for each in operations
            if each.action is Action.DELETE_LOCAL and self._may_collide(each)
            for collision_key, _ in self._collision_keys(each)
        }
        added: dict[tuple[str, str], str] = {}
        checked: list[Operation] = []
        for operation in operations:
            if not (_is_new_local_file(operation) and self._may_collide(operation)):
                checked.append(operation)
                continue
            collision_keys = self._collision_keys(operation)
            collision, waits = self._find_collision(operation, collision_keys, added, deleted)
            if collision is None or waits:
                added |= {collision_key: name for collision_key, name in collision_keys if collision_key not in added}
                checked.append(operation._replace(after_deletes=operation.after_deletes or waits))
                continue
            checked.append(operation._replace(action=Action.CONFLICT, reason=Reason.CASE_COLLISION, detail=collision))
        return checked

    def find_unicode_variants(self, operations: Iterable[Operation]) -> list[tuple[str, str]]:
        """Return new keys that differ from another one only in Unicode form, each with the other key.

        The file system can hold both, but users see two files of one name, and other file systems may not hold both.
        """
        seen: dict[tuple[str, str], str] = {}
        found = []
        for operation in operations:
            mapping = self.mappings[operation.mapping_id]
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
        return self.disks[operation.mapping_id].merges_names and not self.mappings[operation.mapping_id].is_file

    def _collision_keys(self, operation: Operation) -> list[tuple[tuple[str, str], str]]:
        """Return the parent directories and the path of a key: the collision key and the name of each."""
        mapping = self.mappings[operation.mapping_id]
        path = mapping.relative_path(operation.key)
        rules = self.disks[operation.mapping_id]
        return [((mapping.local, rules.collision_key(name)), name) for name in (*parent_directories(path), path)]

    def _find_collision(
        self,
        operation: Operation,
        collision_keys: Sequence[tuple[tuple[str, str], str]],
        added: Mapping[tuple[str, str], str],
        deleted: Collection[tuple[str, str]],
    ) -> tuple[str | None, bool]:
        """Return the key or directory that the path collides with, and whether the plan deletes it."""
        mapping = self.mappings[operation.mapping_id]
        for collision_key, name in collision_keys:
            first = added.get(collision_key)
            if first == name:
                continue
            if first is not None:
                return mapping.remote + first, False
            other = self.find_case_collision(mapping, name)
            if other is not None:
                return mapping.remote + other, collision_key in deleted
        return None, False


def _is_new_local_file(operation: Operation) -> bool:
    return operation.action is Action.DOWNLOAD and operation.local is None
