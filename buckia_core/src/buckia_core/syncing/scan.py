"""Reading the local side: a manifest of each root, in the order of whole keys."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from buckia_core.errors import PermissionDenied
from buckia_core.planning.keys import TEMPORARY, is_ours
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import Mapping
from buckia_core.planning.scope import Scope
from buckia_core.syncing.paths import entry_of


@dataclass(frozen=True, slots=True)
class Blind:
    """A place that the scan could not or would not look into; nothing at or below its key may be concluded.

    Attributes:
        key: The key of the place, without a slash at its end.
        why: What is there, in words.
        failed: Whether it should have been readable (a directory without permission), or is just no file (a link).
    """

    key: str
    path: str
    why: str
    failed: bool

    def hides(self, key: str) -> bool:
        """Tell whether the key is at or below the place."""
        return key == self.key or key.startswith(self.key + "/")


@dataclass(slots=True)
class Scan:
    """One reading of the local side.

    Attributes:
        blind: Places not looked into; each is in the list before any entry that sorts after it is yielded.
        owned_twice: Keys found under a second root, with the path there.
        temporary: What the names of temporary files begin with that a killed run of ours may have left; they are
            removed. `None` removes nothing.
        kept: Names of temporary files that are not removed, because a later download goes on with them.
    """

    mappings: Sequence[Mapping]
    scope: Scope
    follow_links: bool
    temporary: str | None
    kept: frozenset[str] = frozenset()
    blind: list[Blind] = field(default_factory=list)
    owned_twice: list[tuple[str, str]] = field(default_factory=list)

    def entries(self) -> Iterator[LocalEntry]:
        """Yield the files of all roots in order of their keys; of a key under several roots, the first root's."""
        streams = [self._of(mapping) for mapping in self.mappings]
        if len(streams) == 1:
            yield from streams[0]
            return
        last = None
        for entry in heapq.merge(*streams, key=lambda entry: entry.key):
            # `merge` is stable, so of equal keys the one of the first root comes first.
            if entry.key == last:
                self.owned_twice.append((entry.key, entry.root))
                continue
            last = entry.key
            yield entry

    def _of(self, mapping: Mapping) -> Iterator[LocalEntry]:
        if mapping.is_file:
            return self._file(mapping)
        return self._tree(mapping)

    def _file(self, mapping: Mapping) -> Iterator[LocalEntry]:
        if not self.scope.covers(mapping.remote):
            return
        try:
            status = os.stat(mapping.local)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self.blind.append(Blind(mapping.remote, mapping.local, _trouble(error), failed=True))
            return
        if stat.S_ISREG(status.st_mode):
            yield entry_of(mapping.remote, mapping.id, status)
        else:
            self.blind.append(Blind(mapping.remote, mapping.local, "not a regular file", failed=True))

    def _tree(self, mapping: Mapping) -> Iterator[LocalEntry]:
        """Walk a root depth first. A directory sorts as if its name ended in a slash, which gives the order of keys."""
        if not os.path.isdir(mapping.local):
            return
        accepts, root, prefix, scope = mapping.accepts, mapping.id, mapping.remote, self.scope
        cut = len(prefix)
        above = [_identity(os.stat(mapping.local))]
        stack = [iter(self._children(mapping.local, prefix))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                del above[len(stack) :]
                continue
            name, entry = found
            if name[-1] == "/":
                if accepts(name[cut:]) and scope.may_reach(name[:-1]) and self._enters(name, entry, above):
                    stack.append(iter(self._children(entry.path, name)))
                continue
            if not accepts(name[cut:]) or not scope.covers(name):
                continue
            try:
                status = entry.stat(follow_symlinks=self.follow_links)
            except OSError as error:
                # A link whose target is gone may point to a disk that is not mounted; a file that is gone is gone.
                if not isinstance(error, FileNotFoundError) or entry.is_symlink():
                    self.blind.append(Blind(name, entry.path, _trouble(error), failed=True))
                continue
            if stat.S_ISREG(status.st_mode):
                yield entry_of(name, root, status)
            else:
                self.blind.append(Blind(name, entry.path, _kind(status.st_mode), failed=False))

    def _children(self, directory: str, prefix: str) -> list[tuple[str, os.DirEntry[str]]]:
        """Return what is in a directory, by key in order; keys of directories end in a slash."""
        children = []
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith(".buckia") and is_ours(name):
                        self._sweep(entry)
                        continue
                    if not name.isascii() and not _is_utf8(name):
                        shown = prefix + os.fsencode(name).decode("utf-8", "backslashreplace")
                        self.blind.append(Blind(shown, entry.path, "its name is not valid UTF-8", failed=True))
                        continue
                    children.append((f"{prefix}{name}/" if self._is_directory(entry) else prefix + name, entry))
        except FileNotFoundError:
            return []
        except OSError as error:
            if not prefix:
                raise PermissionDenied(f"the directory can't be read: {directory}: {error.strerror}") from error
            reason = f"the directory can't be read: {error.strerror}"
            self.blind.append(Blind(prefix[:-1], directory, reason, failed=True))
            return []
        children.sort(key=_by_key)
        return children

    def _is_directory(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir(follow_symlinks=self.follow_links)
        except OSError:
            # A link that leads to itself; the look at it that follows says what is wrong.
            return False

    def _enters(self, key: str, entry: os.DirEntry[str], above: list[tuple[int, int]]) -> bool:
        """Tell whether to walk into a directory; where links are followed, into none that it is itself below."""
        if not self.follow_links:
            return True
        try:
            identity = _identity(entry.stat())
        except OSError:
            return False
        if identity in above:
            self.blind.append(Blind(key[:-1], entry.path, "a link to a directory that it is in", failed=False))
            return False
        above.append(identity)
        return True

    def _sweep(self, entry: os.DirEntry[str]) -> None:
        """Remove a temporary file that a killed run left. The lock is held, so no other run of ours is at work."""
        if self.temporary and entry.name.startswith(self.temporary) and entry.name not in self.kept:
            Path(entry.path).unlink(missing_ok=True)


def _by_key(child: tuple[str, os.DirEntry[str]]) -> str:
    return child[0]


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _trouble(error: OSError) -> str:
    return f"it can't be looked at: {error.strerror}"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def hidden_by(key: str, blind: Iterable[Blind]) -> Blind | None:
    """Return the place that hides a key from the scan, if one does."""
    return next((place for place in blind if place.hides(key)), None)


def temporary_prefix(state_id: str) -> str:
    """Return how the temporary files of one project and bucket begin."""
    return f"{TEMPORARY}{state_id}-"
