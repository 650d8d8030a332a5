"""Reading the local side: a manifest of each root, in the order of whole keys."""

from __future__ import annotations

import hashlib
import heapq
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from buckia_core.errors import PermissionDenied
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import remove
from buckia_core.localfs.opening import InTheWay
from buckia_core.planning.keys import TEMP_PREFIX, is_internal
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.scope import Scope
from buckia_core.syncing.disk.paths import below, entry_from_stat, kind
from buckia_core.syncing.scan.filters import PathFilter

_ID = re.compile(r"[0-9a-f]{8}")
_MAX_OPEN_LEVELS = 16
"""Levels of directories that stay open. Those of deeper trees are opened again on the way back."""


class Unreadable(NamedTuple):
    """A place that the scan could not or would not look into; nothing at or below its key may be concluded.

    Attributes:
        key: The key of the place, without a slash at its end.
        path: Its path.
        why: What is there, in words.
        failed: Whether it should have been readable (a directory without permission), or is just no file (a link).
        root: The id of its mapping.
        gone: It went away while the scan was about to read it: a person removed it, or a disk was unmounted. The next
            run sees which, so this one tells nothing of it.
    """

    key: str
    path: str
    reason: str
    is_error: bool
    root: str = ""
    has_vanished: bool = False


class UnreadablePaths:
    """The places that a scan did not look into, in the order in which it met them."""

    def __init__(self) -> None:
        self._places: list[Unreadable] = []
        self._by_key: dict[str, Unreadable] = {}

    def add(self, place: Unreadable) -> None:
        """Take note of one."""
        self._places.append(place)
        self._by_key.setdefault(place.key, place)

    def at_or_above(self, key: str) -> Unreadable | None:
        """Return the place that is at a key, or above it."""
        while self._by_key:
            found = self._by_key.get(key)
            if found is not None:
                return found
            key, slash, _ = key.rpartition("/")
            if not slash:
                break
        return None

    def __iter__(self) -> Iterator[Unreadable]:
        return iter(self._places)


@dataclass(slots=True)
class LocalScan:
    """One reading of the local side.

    Attributes:
        blind: Places not looked into; each is there before any entry that sorts after it is yielded.
        owned_twice: Keys found under a second root, with the path there.
        temporary: What the names of temporary files begin with that a killed run of ours may have left; they are
            removed. `None` removes nothing.
        kept: Names of temporary files that are not removed, because a later download goes on with them.
        bucket: The directory that is the bucket, if one is; no link is followed into it.
    """

    mappings: Sequence[PathMapping]
    scope: Scope
    follow_links: bool
    temp_prefix: str | None
    kept_temp_files: frozenset[str] = frozenset()
    unreadable: UnreadablePaths = field(default_factory=UnreadablePaths)
    duplicate_keys: list[tuple[str, str]] = field(default_factory=list)
    bucket: str | None = None

    def entries(self) -> Iterator[LocalEntry]:
        """Yield the files of all roots in order of their keys; of a key under several roots, the first root's."""
        streams = [self._scan_mapping(mapping) for mapping in self.mappings]
        if len(streams) == 1:
            yield from streams[0]
            return
        last = None
        for entry in heapq.merge(*streams, key=lambda entry: entry.key):
            # `merge` is stable, so of equal keys the one of the first root comes first.
            if entry.key == last:
                self.duplicate_keys.append((entry.key, entry.root))
                continue
            last = entry.key
            yield entry

    def _scan_mapping(self, mapping: PathMapping) -> Iterator[LocalEntry]:
        if mapping.is_file:
            return self._scan_file(mapping)
        return self._scan_tree(mapping)

    def _scan_file(self, mapping: PathMapping) -> Iterator[LocalEntry]:
        if not self.scope.covers(mapping.remote):
            return
        try:
            status = os.stat(mapping.local)
        except (FileNotFoundError, NotADirectoryError) as error:
            # A link whose target is gone may point to a disk that is not mounted.
            if os.path.islink(mapping.local):
                self._add_unreadable(mapping.remote, mapping.local, _stat_error(error), mapping, failed=True)
            return
        except OSError as error:
            self._add_unreadable(mapping.remote, mapping.local, _stat_error(error), mapping, failed=True)
            return
        if stat.S_ISREG(status.st_mode):
            yield entry_from_stat(mapping.remote, mapping.id, status)
        else:
            self._add_unreadable(mapping.remote, mapping.local, "not a regular file", mapping, failed=True)

    def _scan_tree(self, mapping: PathMapping) -> Iterator[LocalEntry]:
        """Walk a root depth first. A directory sorts as if its name ended in a slash, which gives the order of keys."""
        try:
            tree = Tree(mapping.local, follow=self.follow_links, reads=True, most=_MAX_OPEN_LEVELS)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if not mapping.remote:
                _raise_unreadable_root(mapping.local, error)
            reason = f"the directory can't be read: {error.strerror}"
            self._add_unreadable(mapping.remote[:-1], mapping.local, reason, mapping, failed=True)
            return
        with tree:
            yield from self._walk(mapping, tree)

    def _walk(self, mapping: PathMapping, tree: Tree) -> Iterator[LocalEntry]:
        accepts, root, scope, follow, status_of = (
            mapping.path_filter,
            mapping.id,
            self.scope,
            self.follow_links,
            os.stat,
        )
        whole = scope.is_everything
        # Most files need not be asked about, and there may be millions of them.
        passing: frozenset[str] = accepts.accepted_initials if isinstance(accepts, PathFilter) else frozenset()
        cut = len(mapping.remote)
        stack = [self._read_directory(tree.root, mapping.remote, mapping)]
        while stack:
            level = stack[-1]
            names, prefix, directory = level.names, level.prefix, level.directory
            try:
                # Opened again, if many that are deeper had to be opened since.
                at = directory.descriptor
            except OSError as error:
                self._add_unreadable(prefix[:-1], directory.path, _stat_error(error), mapping, failed=True)
                stack.pop()
                continue
            while names:
                name = names.pop()
                key = prefix + name
                if name[-1] == "/":
                    if accepts(key[cut:]) and scope.may_contain(key[:-1]):
                        below = self._open_below(level, name[:-1], key, mapping, tree, stack)
                        if below is not None:
                            stack.append(below)
                            break
                    continue
                if (name[0] not in passing and not accepts(key[cut:])) or not (whole or scope.covers(key)):
                    continue
                try:
                    if at is not None:
                        status = status_of(name, dir_fd=at, follow_symlinks=follow)
                    else:
                        status = directory.status(name, follow=follow)
                except OSError as error:
                    # A link whose target is gone may point to a disk that is not mounted; a file that is gone is gone.
                    if not isinstance(error, FileNotFoundError) or name in level.links:
                        self._add_unreadable(key, directory.join(name), _stat_error(error), mapping, failed=True)
                    continue
                if not stat.S_ISREG(status.st_mode):
                    self._add_unreadable(key, directory.join(name), kind(status), mapping, failed=False)
                elif name in level.links and (problem := _link_to_internal(mapping, directory.join(name))):
                    self._add_unreadable(key, directory.join(name), problem, mapping, failed=False)
                else:
                    yield entry_from_stat(key, root, status)
            else:
                stack.pop()

    def _open_below(
        self,
        level: _OpenDirectory,
        name: str,
        key: str,
        mapping: PathMapping,
        tree: Tree,
        above: Sequence[_OpenDirectory],
    ) -> _OpenDirectory | None:
        """Walk into a directory; where links are followed, into none that it is itself below."""
        if name in level.links and (problem := _link_to_internal(mapping, level.directory.join(name))):
            self._add_unreadable(key[:-1], level.directory.join(name), problem, mapping, failed=False)
            return None
        if name in level.links and self.bucket is not None and _is_same_path(level.directory.join(name), self.bucket):
            self._add_unreadable(
                key[:-1], level.directory.join(name), "a link to the folder that is the bucket", mapping, failed=False
            )
            return None
        try:
            directory = tree.below(level.directory, name)
        except FileNotFoundError:
            self._add_unreadable(key[:-1], level.directory.join(name), "it is gone", mapping, failed=False, gone=True)
            return None
        except InTheWay as error:
            # It was a directory a moment ago.
            self._add_unreadable(key[:-1], error.path, error.what, mapping, failed=False)
            return None
        except OSError as error:
            reason = f"the directory can't be read: {error.strerror}"
            self._add_unreadable(key[:-1], level.directory.join(name), reason, mapping, failed=True)
            return None
        if self.follow_links and any(_is_same(directory, each.directory) for each in above):
            what = "a symbolic link to a directory that it is in"
            self._add_unreadable(key[:-1], directory.path, what, mapping, failed=False)
            return None
        return self._read_directory(directory, key, mapping)

    def _read_directory(self, directory: Directory, prefix: str, mapping: PathMapping) -> _OpenDirectory:
        """Read a directory. Of its entries no more is kept than their names, since it may have a great many."""
        names: list[str] = []
        level = _OpenDirectory(directory, prefix, names)
        follow = self.follow_links
        try:
            with directory.entries() as entries:
                for entry in entries:
                    name = entry.name
                    plain = name.isascii()
                    if not plain and not _is_utf8(name):
                        shown = prefix + os.fsencode(name).decode("utf-8", "backslashreplace")
                        self._add_unreadable(
                            shown, directory.join(name), "its name is not valid UTF-8", mapping, failed=True
                        )
                        continue
                    # The first letter tells of nearly all that they are not ours.
                    if (name[0] in ".bB" or not plain) and is_internal(name):
                        self._remove_temp_file(directory, name)
                        continue
                    if follow and entry.is_symlink():
                        level.links.add(name)
                    try:
                        is_directory = entry.is_dir(follow_symlinks=follow)
                    except OSError:
                        # A link that leads to itself; the look at it that follows says what is wrong.
                        is_directory = False
                    names.append(f"{name}/" if is_directory else name)
        except FileNotFoundError:
            # Of the root, the survey looks whether it still is what it was.
            if directory.relative:
                self._add_unreadable(prefix[:-1], directory.path, "it is gone", mapping, failed=False, gone=True)
            names.clear()
            return level
        except OSError as error:
            if not prefix:
                _raise_unreadable_root(directory.path, error)
            reason = f"the directory can't be read: {error.strerror}"
            self._add_unreadable(prefix[:-1], directory.path, reason, mapping, failed=True)
            names.clear()
            return level
        names.sort(reverse=True)
        return level

    def _remove_temp_file(self, directory: Directory, name: str) -> None:
        """Remove a temporary file that a killed run left. The lock is held, so no other run of ours is at work."""
        if self.temp_prefix and name.startswith(self.temp_prefix) and name not in self.kept_temp_files:
            # What can't be removed now, as on a disk that is read-only, is no one's file and in no one's way.
            with suppress(OSError):
                remove(directory, name)

    def _add_unreadable(
        self, key: str, path: str, why: str, mapping: PathMapping, *, failed: bool, gone: bool = False
    ) -> None:
        self.unreadable.add(Unreadable(key, path, why, failed, mapping.id, gone))


@dataclass(slots=True)
class _OpenDirectory:
    """A directory that is being walked through.

    Attributes:
        names: What is still to come, the next one last; names of directories end in a slash.
        links: Names of links, where they are followed.
    """

    directory: Directory
    prefix: str
    names: list[str]
    links: set[str] = field(default_factory=set)


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _stat_error(error: OSError) -> str:
    return f"it can't be looked at: {error.strerror or error}"


def _raise_unreadable_root(path: str, error: OSError) -> NoReturn:
    if isinstance(error, PermissionError):
        raise PermissionDenied(f"the directory can't be read: {path}: {error.strerror}") from error
    error.filename = path
    raise error


def _is_same(one: Directory, other: Directory) -> bool:
    if one.identity is not None:
        return one.identity == other.identity
    return os.path.samestat(one.own_status(), other.own_status())


def _is_same_path(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _link_to_internal(mapping: PathMapping, path: str) -> str | None:
    """Say so if a link that is followed leads to what is Buckia's own: that is neither sent nor written."""
    real = below(os.path.realpath(mapping.local), os.path.realpath(path))
    return "a symbolic link to what is Buckia's own" if is_internal(real) else None


def temporary_prefix(state_id: str) -> str:
    """Return how the temporary files of one project and bucket begin. The id is not trusted to be fit for a name."""
    if not _ID.fullmatch(state_id):
        state_id = hashlib.sha256(state_id.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{TEMP_PREFIX}{state_id}-"
