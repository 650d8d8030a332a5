"""Refuses operations whose target is blocked by what no manifest has, such as excluded files and links."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from buckia_core.localfs.opening import describe_entry_type, is_link
from buckia_core.planning import mapping as planned
from buckia_core.planning.keys import parent_directories
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.disk.paths import blocked_path_message

_NO_BLOCKER = ""


def refuse_blocked(
    operations: Sequence[Operation],
    mappings: Mapping[str, planned.PathMapping],
    *,
    follow: bool,
    temp_prefix: str,
    bucket: str | None,
    skipped_keys: Collection[str] = (),
) -> list[Operation]:
    """Refuse downloads, and uploads to a local bucket, whose target or a parent of it is blocked.

    Files that the plan deletes do not block. If a refused file was to replace one, that one is not deleted either.

    Args:
        operations: The operations of a plan.
        mappings: The mappings, by id.
        follow: Whether symbolic links below the local roots are followed.
        temp_prefix: Prefix of temporary files, which do not block, since the run removes them.
        bucket: The directory of the bucket, if it is local.
        skipped_keys: Keys to leave unchecked: the plan deletes a file with another spelling of their names, and a disk
            that takes both for one may cache the result of `stat` for a moment.
    """
    deleted_local: dict[str, set[str]] = {name: set() for name in mappings}
    deleted_remote: set[str] = set()
    for each in operations:
        if each.action is Action.DELETE_LOCAL and not mappings[each.mapping_id].is_file:
            deleted_local[each.mapping_id].add(mappings[each.mapping_id].relative_path(each.key))
        elif each.action is Action.DELETE_REMOTE:
            # A local bucket removes a directory with its last object, and no other directories.
            deleted_remote |= {each.key, *parent_directories(each.key)}
    local_trees = {
        name: _TargetTree(mapping.local, deleted_local[name], follow, temp_prefix) for name, mapping in mappings.items()
    }
    bucket_tree = _TargetTree(bucket, deleted_remote, keeps_empty=True) if bucket is not None else None
    checked: list[Operation] = []
    refused: dict[Action, set[str]] = {Action.DELETE_LOCAL: set(), Action.DELETE_REMOTE: set()}
    for each in operations:
        mapping, blocker = mappings[each.mapping_id], None
        if each.key in skipped_keys:
            pass
        elif each.action is Action.DOWNLOAD and each.local is None and not mapping.is_file:
            blocker = local_trees[each.mapping_id].find_blocker(mapping.relative_path(each.key))
        elif each.action is Action.UPLOAD and each.remote is None and bucket_tree is not None:
            blocker = bucket_tree.find_blocker(each.key)
        if blocker is None:
            checked.append(each)
            continue
        refused[Action.DELETE_LOCAL if each.action is Action.DOWNLOAD else Action.DELETE_REMOTE].add(each.key)
        refusal = each._replace(action=Action.REFUSE, reason=Reason.REFUSED_KEY, detail=blocker, loser=None)
        checked.append(refusal._replace(after_deletes=False))
    return [_hold_back_delete(each, refused.get(each.action, ())) for each in checked]


def _hold_back_delete(operation: Operation, refused: Collection[str]) -> Operation:
    """Turn the delete of a file that a refused one was to replace into a skip."""
    key = next((parent for parent in parent_directories(operation.key) if parent in refused), None) if refused else None
    if key is None:
        return operation
    return operation._replace(action=Action.SKIP, reason=Reason.REPLACEMENT_BLOCKED, detail=key, loser=None)


@dataclass(slots=True)
class _TargetTree:
    """Directory tree into which a plan writes files.

    Attributes:
        root: Its path.
        deleted: Relative paths that the plan deletes before it writes.
        follow: Whether links are followed.
        temp_prefix: Prefix of names that do not block; empty if there are none.
        keeps_empty: Whether empty directories block.
    """

    root: str
    deleted: set[str]
    follow: bool = False
    temp_prefix: str = ""
    keeps_empty: bool = False
    _parent_blockers: dict[str, str | None] = field(default_factory=dict)

    def find_blocker(self, path: str) -> str | None:
        """Return what blocks the path of a new file; `None` if nothing does."""
        blocker = self._find_blocking_parent(path.rpartition("/")[0])
        if blocker is not None:
            return blocker or None
        status = self._stat(path)
        if status is None or stat.S_ISREG(status.st_mode):
            # A file that is newer than the scan is found during execution, which plans the key again.
            return None
        if not _is_directory(status):
            return blocked_path_message(describe_entry_type(status), self._path(path))
        remaining = self._find_remaining(path)
        if remaining is None:
            return None
        # Names in excluded directories may be any bytes.
        shown = os.fsencode(self._path(remaining)).decode("utf-8", "backslashreplace")
        more = f" (with {shown}, which this run leaves alone)" if remaining != path else ""
        return blocked_path_message("a directory", self._path(path), more)

    def _find_blocking_parent(self, directory: str) -> str | None:
        """Return `None` if the directory exists, `_NO_BLOCKER` if it can be created, and else what blocks it."""
        if not directory:
            return None
        if directory not in self._parent_blockers:
            for parent in (*parent_directories(directory), directory):
                if parent not in self._parent_blockers:
                    self._parent_blockers[parent] = self._directory_blocker(parent)
                if self._parent_blockers[parent] is not None:
                    self._parent_blockers[directory] = self._parent_blockers[parent]
                    break
        return self._parent_blockers[directory]

    def _directory_blocker(self, directory: str) -> str | None:
        status = self._stat(directory)
        if status is None:
            return _NO_BLOCKER
        if _is_directory(status):
            return None
        if stat.S_ISREG(status.st_mode):
            return _NO_BLOCKER if directory in self.deleted else blocked_path_message("a file", self._path(directory))
        return blocked_path_message(describe_entry_type(status), self._path(directory))

    def _find_remaining(self, directory: str) -> str | None:
        """Return a path in a directory, or the directory itself, that is not deleted; `None` if all is deleted."""
        pending = [directory]
        while pending:
            directory = pending.pop()
            if self.keeps_empty and directory not in self.deleted:
                return directory
            try:
                with os.scandir(self._path(directory)) as entries:
                    for entry in entries:
                        path = f"{directory}/{entry.name}"
                        if entry.is_dir(follow_symlinks=False) and _is_directory(entry.stat(follow_symlinks=False)):
                            pending.append(path)
                        elif self.temp_prefix and entry.name.startswith(self.temp_prefix):
                            continue
                        elif path not in self.deleted:
                            return path
            except FileNotFoundError:
                continue
            except OSError:
                return directory
        return None

    def _stat(self, path: str) -> os.stat_result | None:
        full_path = self._path(path)
        try:
            if self.follow and os.path.exists(full_path):
                return os.stat(full_path)
            return os.lstat(full_path)
        except (OSError, ValueError):
            # Execution reports paths whose `stat` fails.
            return None

    def _path(self, path: str) -> str:
        return os.path.join(self.root, *path.split("/"))


def _is_directory(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and not is_link(status)
