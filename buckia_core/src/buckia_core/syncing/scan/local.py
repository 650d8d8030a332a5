"""Scans the local side: yields the files of all roots in key order."""

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

from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import PermissionDenied
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.filename_rules import is_utf8
from buckia_core.localfs.files import entry_from_stat
from buckia_core.localfs.opening import PathBlocked
from buckia_core.localfs.staging_file import remove_leftover
from buckia_core.planning.keys import TEMP_PREFIX, is_internal
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.scope import Scope
from buckia_core.syncing.disk.paths import describe_entry_type, relative_path
from buckia_core.syncing.scan.filters import PathFilter

_log = redacted_logger(__name__)

_ID = re.compile(r"[0-9a-f]{8}")
_MAX_OPEN_LEVELS = 16
"""Levels of directories that stay open. In deeper trees, upper levels are reopened on the way back."""


class Unreadable(NamedTuple):
    """Path that the scan could not read or did not follow. What exists at and below its key is unknown.

    Attributes:
        key: Its key, without a trailing slash.
        path: Its path.
        reason: What it is, or why it can't be read.
        is_error: It should be readable, such as a directory without permission; otherwise it is not a file, such as a
            symbolic link.
        mapping_id: The id of its mapping.
        has_vanished: It disappeared during the scan: a user removed it, or a disk was unmounted. It is not reported,
            since the next run finds out which.
    """

    key: str
    path: str
    reason: str
    is_error: bool
    mapping_id: str = ""
    has_vanished: bool = False


class UnreadablePaths:
    """Unreadable paths of a scan, in scan order."""

    def __init__(self) -> None:
        self._paths: list[Unreadable] = []
        self._by_key: dict[str, Unreadable] = {}

    def add(self, path: Unreadable) -> None:
        """Add a path."""
        self._paths.append(path)
        self._by_key.setdefault(path.key, path)

    def at_or_above(self, key: str) -> Unreadable | None:
        """Return the unreadable path at a key or above it."""
        while self._by_key:
            found = self._by_key.get(key)
            if found is not None:
                return found
            key, slash, _ = key.rpartition("/")
            if not slash:
                break
        return None

    def __iter__(self) -> Iterator[Unreadable]:
        return iter(self._paths)


@dataclass(slots=True)
class LocalScan:
    """Scan of the local side.

    Attributes:
        temp_prefix: Prefix of the temporary files of this project and bucket. Those that a killed run left are removed;
            `None` removes none.
        kept_temp_files: Names of the staging files that later downloads resume, which are not removed.
        unreadable: Unreadable paths. Each is added before the entries that sort after it are yielded.
        duplicate_keys: Keys that a second root has as well, with the id of that root.
        bucket: The directory of the bucket if it is local; links into it are not followed.
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
        """Yield the files of all roots in key order; of files with the same key, that of the first root."""
        streams = [self._scan_mapping(mapping) for mapping in self.mappings]
        if len(streams) == 1:
            yield from streams[0]
            return
        last = None
        for entry in heapq.merge(*streams, key=lambda entry: entry.key):
            # `merge` is stable: of equal keys, that of the first root comes first.
            if entry.key == last:
                self.duplicate_keys.append((entry.key, entry.mapping_id))
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
            # The target of a broken link may be on a disk that is not mounted.
            if os.path.islink(mapping.local):
                self._report(mapping.remote, mapping.local, _stat_error(error), mapping, is_error=True)
            return
        except OSError as error:
            self._report(mapping.remote, mapping.local, _stat_error(error), mapping, is_error=True)
            return
        if stat.S_ISREG(status.st_mode):
            yield entry_from_stat(mapping.remote, mapping.id, status)
        else:
            self._report(mapping.remote, mapping.local, "not a regular file", mapping, is_error=True)

    def _scan_tree(self, mapping: PathMapping) -> Iterator[LocalEntry]:
        """Walk a root depth first. Directories sort with a trailing slash, which gives key order."""
        try:
            tree = Tree(mapping.local, follow=self.follow_links, for_listing=True, max_open=_MAX_OPEN_LEVELS)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if not mapping.remote:
                _raise_unreadable_root(mapping.local, error)
            reason = f"the directory can't be read: {error.strerror}"
            self._report(mapping.remote[:-1], mapping.local, reason, mapping, is_error=True)
            return
        with tree:
            yield from self._walk(mapping, tree)

    def _walk(self, mapping: PathMapping, tree: Tree) -> Iterator[LocalEntry]:
        accepts, mapping_id, status_of = mapping.path_filter, mapping.id, os.stat
        scope, follow = self.scope, self.follow_links
        everything = scope.is_everything
        # Fast path: most of what may be millions of files need no call of the filter.
        accepted: frozenset[str] = accepts.accepted_initials if isinstance(accepts, PathFilter) else frozenset()
        cut = len(mapping.remote)
        stack = [self._read_directory(tree.root, mapping.remote, mapping)]
        while stack:
            level = stack[-1]
            names, prefix, directory = level.names, level.prefix, level.directory
            try:
                # Reopens the directory if too many deeper ones were opened since.
                at = directory.descriptor
            except OSError as error:
                self._report(prefix[:-1], directory.path, _stat_error(error), mapping, is_error=True)
                stack.pop()
                continue
            while names:
                name = names.pop()
                key = prefix + name
                if name[-1] == "/":
                    if accepts(key[cut:]) and scope.may_contain(key[:-1]):
                        child = self._open_below(level, name[:-1], key, mapping, tree, stack)
                        if child is not None:
                            stack.append(child)
                            break
                    continue
                if (name[0] not in accepted and not accepts(key[cut:])) or not (everything or scope.covers(key)):
                    continue
                try:
                    if at is not None:
                        status = status_of(name, dir_fd=at, follow_symlinks=follow)
                    else:
                        status = directory.stat(name, follow=follow)
                except OSError as error:
                    # The target of a broken link may be on a disk that is not mounted; a missing file was deleted.
                    if not isinstance(error, FileNotFoundError) or name in level.links:
                        self._report(key, directory.join(name), _stat_error(error), mapping, is_error=True)
                    continue
                if not stat.S_ISREG(status.st_mode):
                    self._report(key, directory.join(name), describe_entry_type(status), mapping, is_error=False)
                elif name in level.links and (problem := _link_to_internal(mapping, directory.join(name))):
                    self._report(key, directory.join(name), problem, mapping, is_error=False)
                else:
                    yield entry_from_stat(key, mapping_id, status)
            else:
                stack.pop()

    def _open_below(
        self, level: _Level, name: str, key: str, mapping: PathMapping, tree: Tree, above: Sequence[_Level]
    ) -> _Level | None:
        """Open a directory of a level; `None` if it is unreadable, or a link to a loop or into the bucket."""
        if name in level.links and (problem := _link_to_internal(mapping, level.directory.join(name))):
            self._report(key[:-1], level.directory.join(name), problem, mapping, is_error=False)
            return None
        if name in level.links and self.bucket is not None and _is_same_path(level.directory.join(name), self.bucket):
            self._report(
                key[:-1], level.directory.join(name), "a link to the folder that is the bucket", mapping, is_error=False
            )
            return None
        try:
            directory = tree.open_child(level.directory, name)
        except FileNotFoundError:
            self._report(key[:-1], level.directory.join(name), "it is gone", mapping, is_error=False, has_vanished=True)
            return None
        except PathBlocked as error:
            # It was a directory when its parent was read.
            self._report(key[:-1], error.path, error.what, mapping, is_error=False)
            return None
        except OSError as error:
            reason = f"the directory can't be read: {error.strerror}"
            self._report(key[:-1], level.directory.join(name), reason, mapping, is_error=True)
            return None
        if self.follow_links and any(_is_same(directory, each.directory) for each in above):
            what = "a symbolic link to a directory that it is in"
            self._report(key[:-1], directory.path, what, mapping, is_error=False)
            return None
        return self._read_directory(directory, key, mapping)

    def _read_directory(self, directory: Directory, prefix: str, mapping: PathMapping) -> _Level:
        """Read a directory. Keeps only the names, to save memory."""
        names: list[str] = []
        internal: list[str] = []
        level = _Level(directory, prefix, names)
        follow = self.follow_links
        try:
            with directory.scandir() as entries:
                for entry in entries:
                    name = entry.name
                    plain = name.isascii()
                    if not plain and not is_utf8(name):
                        shown = prefix + os.fsencode(name).decode("utf-8", "backslashreplace")
                        self._report(shown, directory.join(name), "its name is not valid UTF-8", mapping, is_error=True)
                        continue
                    # Fast path: the first letter rules out most names.
                    if (name[0] in ".bB" or not plain) and is_internal(name):
                        internal.append(name)
                        continue
                    if follow and entry.is_symlink():
                        level.links.add(name)
                    try:
                        is_directory = entry.is_dir(follow_symlinks=follow)
                    except OSError:
                        # A link to itself; the `stat` that follows reports the error.
                        is_directory = False
                    names.append(f"{name}/" if is_directory else name)
        except FileNotFoundError:
            # The planner checks the root itself.
            if directory.relative:
                self._report(prefix[:-1], directory.path, "it is gone", mapping, is_error=False, has_vanished=True)
            names.clear()
            return level
        except OSError as error:
            if not prefix:
                _raise_unreadable_root(directory.path, error)
            reason = f"the directory can't be read: {error.strerror}"
            self._report(prefix[:-1], directory.path, reason, mapping, is_error=True)
            names.clear()
            return level
        names += filter(None, [self._remove_leftover(directory, name) for name in internal])
        names.sort(reverse=True)
        return level

    def _remove_leftover(self, directory: Directory, name: str) -> str | None:
        """Remove a staging file that a killed run left; return the new name of an edit that the run had replaced.

        The prefix proves that a run of this project created the file, and the run lock that none uses it now.
        """
        if not self.temp_prefix or not name.startswith(self.temp_prefix) or name in self.kept_temp_files:
            return None
        # A leftover that can't be removed, as on a read-only disk, does no harm.
        with suppress(OSError):
            if kept := remove_leftover(directory, name):
                _log.warning("an edit that a killed sync had replaced is kept as %s", directory.join(kept))
                return kept
        return None

    def _report(
        self, key: str, path: str, reason: str, mapping: PathMapping, *, is_error: bool, has_vanished: bool = False
    ) -> None:
        self.unreadable.add(Unreadable(key, path, reason, is_error, mapping.id, has_vanished))


@dataclass(slots=True)
class _Level:
    """Directory of the walk.

    Attributes:
        names: Remaining names, the next one last; names of directories end in a slash.
        links: Names of links, if links are followed.
    """

    directory: Directory
    prefix: str
    names: list[str]
    links: set[str] = field(default_factory=set)


def _stat_error(error: OSError) -> str:
    return f"it can't be read: {error.strerror or error}"


def _raise_unreadable_root(path: str, error: OSError) -> NoReturn:
    if isinstance(error, PermissionError):
        raise PermissionDenied(f"the directory can't be read: {path}: {error.strerror}") from error
    error.filename = path
    raise error


def _is_same(one: Directory, other: Directory) -> bool:
    if one.identity is not None:
        return one.identity == other.identity
    return os.path.samestat(one.stat_self(), other.stat_self())


def _is_same_path(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _link_to_internal(mapping: PathMapping, path: str) -> str | None:
    """Return a reason if a followed link leads to a file of Buckia itself, which is never synced."""
    real = relative_path(os.path.realpath(mapping.local), os.path.realpath(path))
    return "a symbolic link to what is Buckia's own" if is_internal(real) else None


def temporary_prefix(state_id: str) -> str:
    """Return the prefix of the temporary files of one project and bucket. Hashes an id that is not safe in a name."""
    if not _ID.fullmatch(state_id):
        state_id = hashlib.sha256(state_id.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{TEMP_PREFIX}{state_id}-"
