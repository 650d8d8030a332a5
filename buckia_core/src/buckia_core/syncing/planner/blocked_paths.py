"""Finds what no manifest tells of, such as excluded files and links, where a plan puts a file: that can't be done."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from buckia_core.localfs.opening import is_link
from buckia_core.planning import mapping as planned
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.disk.paths import in_the_way, kind

_NOTHING = ""


def refuse_blocked(
    operations: Sequence[Operation],
    mappings: Mapping[str, planned.PathMapping],
    *,
    follow: bool,
    temporary: str,
    bucket: str | None,
    unseen: Collection[str] = (),
) -> list[Operation]:
    """Refuse new files, here and in a bucket that is a directory, in whose place or on whose way something stands.

    What the plan deletes makes room. Where it would do so in vain, it is not deleted either.

    Args:
        operations: Of one plan.
        mappings: By id.
        follow: Symbolic links below the local roots are followed.
        temporary: How the names of our temporary files begin here, which the run removes.
        bucket: The directory that is the bucket, if one is.
        unseen: Keys that are not looked at: the plan deletes what has another spelling of their names, and a disk that
            takes both for one may remember for a moment what a look has found.
    """
    leaving_here: dict[str, set[str]] = {name: set() for name in mappings}
    leaving_there: set[str] = set()
    for each in operations:
        if each.action is Action.DELETE_LOCAL and not mappings[each.root].is_file:
            leaving_here[each.root].add(mappings[each.root].relative_path(each.key))
        elif each.action is Action.DELETE_REMOTE:
            # There, directories go with the last object in them, and no others do.
            leaving_there |= {each.key, *_above(each.key)}
    here = {name: _Tree(mapping.local, leaving_here[name], follow, temporary) for name, mapping in mappings.items()}
    there = _Tree(bucket, leaving_there, keeps_empty=True) if bucket is not None else None
    checked: list[Operation] = []
    refused: dict[Action, set[str]] = {Action.DELETE_LOCAL: set(), Action.DELETE_REMOTE: set()}
    for each in operations:
        mapping, why = mappings[each.root], None
        if each.key in unseen:
            pass
        elif each.action is Action.DOWNLOAD and each.local is None and not mapping.is_file:
            why = here[each.root].blocker(mapping.relative_path(each.key))
        elif each.action is Action.UPLOAD and each.remote is None and there is not None:
            why = there.blocker(each.key)
        if why is None:
            checked.append(each)
            continue
        refused[Action.DELETE_LOCAL if each.action is Action.DOWNLOAD else Action.DELETE_REMOTE].add(each.key)
        refusal = replace(each, action=Action.REFUSE, reason=Reason.REFUSED_KEY, detail=why, loser=None)
        checked.append(replace(refusal, after_deletes=False))
    return [_held(each, refused.get(each.action, ())) for each in checked]


def _held(operation: Operation, refused: Collection[str]) -> Operation:
    """Turn the delete of what a refused file was to replace into a skip."""
    key = next((above for above in _above(operation.key) if above in refused), None) if refused else None
    if key is None:
        return operation
    return replace(operation, action=Action.SKIP, reason=Reason.REPLACEMENT_BLOCKED, detail=key, loser=None)


def _above(path: str) -> Iterator[str]:
    """Yield the directories above a path, outermost first."""
    return (path[:end] for end, letter in enumerate(path) if letter == "/")


@dataclass(slots=True)
class _Tree:
    """A directory that a plan puts files into.

    Attributes:
        root: Its path.
        leaving: Paths in it that the plan deletes before.
        follow: Links are followed on the way.
        temporary: How names begin that are in nobody's way; empty if none are.
        keeps_empty: A directory that stays is in the way even if nothing is in it.
    """

    root: str
    leaving: set[str]
    follow: bool = False
    temporary: str = ""
    keeps_empty: bool = False
    _ways: dict[str, str | None] = field(default_factory=dict)

    def blocker(self, path: str) -> str | None:
        """Say what stands where a file is to come, or on the way there; `None` if nothing does."""
        way = self._way(path.rpartition("/")[0])
        if way is not None:
            return way or None
        status = self._status(path)
        if status is None or stat.S_ISREG(status.st_mode):
            # A file that came since the scan is seen when the operation is executed, and the key is planned again.
            return None
        if not _is_directory(status):
            return in_the_way(kind(status), self._path(path))
        inside = self._staying(path)
        if inside is None:
            return None
        # What is in an excluded directory may have any name.
        shown = os.fsencode(self._path(inside)).decode("utf-8", "backslashreplace")
        more = f" (with {shown}, which this run leaves alone)" if inside != path else ""
        return in_the_way("a directory", self._path(path), more)

    def _way(self, directory: str) -> str | None:
        """Return `None` if a directory is there, `_NOTHING` if nothing is, and else what stands there or on the way."""
        if not directory:
            return None
        if directory not in self._ways:
            for above in (*_above(directory), directory):
                if above not in self._ways:
                    self._ways[above] = self._look(above)
                if self._ways[above] is not None:
                    self._ways[directory] = self._ways[above]
                    break
        return self._ways[directory]

    def _look(self, directory: str) -> str | None:
        status = self._status(directory)
        if status is None:
            return _NOTHING
        if _is_directory(status):
            return None
        if stat.S_ISREG(status.st_mode):
            return _NOTHING if directory in self.leaving else in_the_way("a file", self._path(directory))
        return in_the_way(kind(status), self._path(directory))

    def _staying(self, directory: str) -> str | None:
        """Return what stays in a directory, or the directory if it stays itself; `None` if it makes room."""
        waiting = [directory]
        while waiting:
            directory = waiting.pop()
            if self.keeps_empty and directory not in self.leaving:
                return directory
            try:
                with os.scandir(self._path(directory)) as entries:
                    for entry in entries:
                        path = f"{directory}/{entry.name}"
                        if entry.is_dir(follow_symlinks=False) and _is_directory(entry.stat(follow_symlinks=False)):
                            waiting.append(path)
                        elif self.temporary and entry.name.startswith(self.temporary):
                            continue
                        elif path not in self.leaving:
                            return path
            except FileNotFoundError:
                continue
            except OSError:
                return directory
        return None

    def _status(self, path: str) -> os.stat_result | None:
        place = self._path(path)
        try:
            if self.follow and os.path.exists(place):
                return os.stat(place)
            return os.lstat(place)
        except (OSError, ValueError):
            # What can't be looked at is told when the operation is executed.
            return None

    def _path(self, path: str) -> str:
        return os.path.join(self.root, *path.split("/"))


def _is_directory(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and not is_link(status)
