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
from functools import partial
from typing import NamedTuple, NoReturn

from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import InvalidKey, PermissionDenied
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import entry_from_stat
from buckia_core.localfs.opening import PathBlocked
from buckia_core.localfs.sqlite_files import PAGE_STEP, find_in_use
from buckia_core.localfs.staging_file import remove_leftover
from buckia_core.localfs.walk import TreeWalk, WalkError
from buckia_core.planning.keys import TEMP_PREFIX, is_internal
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping, accept_none
from buckia_core.planning.scope import Scope
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import relative_path
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
        is_silent: It is left out without a report: a side file of a database.
        has_vanished: It disappeared during the scan: a user removed it, or a disk was unmounted. It is not reported,
            since the next run finds out which.
    """

    key: str
    path: str
    reason: str
    is_error: bool
    mapping_id: str = ""
    has_vanished: bool = False
    is_silent: bool = False


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
        """Return the files of all roots in key order; of files with the same key, that of the first root."""
        streams = [
            self._scan_file(mapping) if mapping.is_file else _MappingWalk(self, mapping).entries()
            for mapping in self.mappings
        ]
        return streams[0] if len(streams) == 1 else self._merge(streams)

    def _merge(self, streams: Sequence[Iterator[LocalEntry]]) -> Iterator[LocalEntry]:
        last = None
        for entry in heapq.merge(*streams, key=lambda entry: entry.key):
            # `merge` is stable: of equal keys, that of the first root comes first.
            if entry.key == last:
                self.duplicate_keys.append((entry.key, entry.mapping_id))
                continue
            last = entry.key
            yield entry

    def _scan_file(self, mapping: PathMapping) -> Iterator[LocalEntry]:
        if not self.scope.covers(mapping.remote):
            return
        report = partial(self.report, mapping, mapping.remote, mapping.local)
        try:
            status = os.stat(mapping.local)
        except OSError as error:
            # The target of a broken link may be on a disk that is not mounted.
            if not isinstance(error, FileNotFoundError | NotADirectoryError) or os.path.islink(mapping.local):
                report(_read_error(error), is_error=True)
            return
        if stat.S_ISREG(status.st_mode):
            yield self._file_entry(mapping, status)
        else:
            report("not a regular file", is_error=True)

    def _file_entry(self, mapping: PathMapping, status: os.stat_result) -> LocalEntry:
        entry = entry_from_stat(mapping.remote, mapping.id, status)
        if mapping.is_database is None or not entry.size or entry.size % PAGE_STEP:
            return entry
        return locate_entry(entry, mapping, follow=self.follow_links) or entry

    def report(
        self, mapping: PathMapping, key: str, path: str, reason: str, *, is_error: bool, has_vanished: bool = False
    ) -> None:
        """Add an unreadable path."""
        self.unreadable.add(Unreadable(key, path, reason, is_error, mapping.id, has_vanished))


class _MappingWalk(TreeWalk[LocalEntry]):
    """Walk of the root of one mapping."""

    def __init__(self, scan: LocalScan, mapping: PathMapping) -> None:
        accepts = mapping.path_filter
        self._scan = scan
        self._mapping = mapping
        self._accepts = accepts
        self._in_use: set[str] = set()
        self._is_database = mapping.is_database
        self.follow = scan.follow_links
        # Most of what may be millions of files need no call of the filter.
        self._accepted = accepts.accepted_initials if isinstance(accepts, PathFilter) else frozenset()
        if scan.scope.is_everything:
            self.included_initials = self._accepted

    def entries(self) -> Iterator[LocalEntry]:
        """Yield the files of the mapping."""
        root, prefix = self._mapping.local, self._mapping.remote
        try:
            tree = Tree(root, follow=self.follow, for_listing=True, max_open=_MAX_OPEN_LEVELS)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self.on_error(prefix, root, error)
            return
        with tree:
            yield from self.walk(tree, tree.root, prefix)

    def make(self, key: str, status: os.stat_result) -> LocalEntry:
        """See `TreeWalk`."""
        entry = entry_from_stat(key, self._mapping.id, status)
        if self._is_database is accept_none and not self._in_use:
            return entry
        return self._database_entry(entry)

    def _database_entry(self, entry: LocalEntry) -> LocalEntry:
        if entry.key not in self._in_use and not (entry.size and self._mapping.database_mode(entry.key)):
            return entry
        return locate_entry(entry, self._mapping, follow=self.follow) or entry

    def _is_refused_link(self, key: str, path: str) -> bool:
        """See `TreeWalk`. The side files of a linked database are beside the target of the link."""
        is_refused = super()._is_refused_link(key, path)
        if not is_refused and self._is_database is not None and key[-1] != "/":
            self._in_use.add(key)
        return is_refused

    def leave_out(self, directory: Directory, prefix: str, names: list[str]) -> None:
        """See `TreeWalk`. Side files of databases are part of these."""
        if self._is_database is None:
            return
        databases, side_files = find_in_use(directory, names)
        if not databases:
            return
        names[:] = [name for name in names if name not in side_files]
        self._in_use.update(prefix + name for name in databases)
        for name in side_files:
            path, reason = directory.join(name), "part of the SQLite database beside it"
            self._scan.unreadable.add(Unreadable(prefix + name, path, reason, False, self._mapping.id, is_silent=True))

    def includes(self, key: str) -> bool:
        """See `TreeWalk`."""
        scope, path = self._scan.scope, key[len(self._mapping.remote) :]
        if key[-1] == "/":
            return self._accepts(path) and scope.may_contain(key[:-1])
        return scope.covers(key) and (key[key.rfind("/") + 1] in self._accepted or self._accepts(path))

    def hides(self, name: str) -> bool:
        """See `TreeWalk`."""
        return is_internal(name)

    def on_hidden(self, directory: Directory, name: str) -> None:
        """Remove a staging file that a killed run left.

        The prefix proves that a run of this project created it, and the run lock that none uses it now.
        """
        prefix = self._scan.temp_prefix
        if prefix and name.startswith(prefix) and name not in self._scan.kept_temp_files:
            # A leftover that can't be removed, as on a read-only disk, does no harm.
            with suppress(OSError):
                if kept := remove_leftover(directory, name):
                    # The next run finds it as a new file.
                    _log.warning("an edit that a killed sync had replaced is kept as %s", directory.join(kept))

    def on_error(self, key: str, path: str, error: WalkError, *, is_link: bool = False) -> None:
        """See `TreeWalk`."""
        report, is_directory = partial(self._scan.report, self._mapping, key.removesuffix("/")), key[-1:] in ("", "/")
        match error:
            case PathBlocked():
                report(error.path, error.what, is_error=False)
            case FileNotFoundError() if is_directory:
                # The planner checks the root itself.
                if key != self._mapping.remote:
                    report(path, "it is gone", is_error=False, has_vanished=True)
            case FileNotFoundError() if not is_link:
                # It was deleted. The target of a broken link may be on a disk that is not mounted.
                return
            case UnicodeError():
                report(path, str(error), is_error=True)
            case _ if not key:
                _raise_unreadable_root(path, error)
            case _:
                report(path, _read_error(error, "the directory" if is_directory else "it"), is_error=True)

    def refuse_link(self, path: str) -> str | None:
        """See `TreeWalk`. Refuses links to files of Buckia itself, and into the bucket."""
        real = relative_path(os.path.realpath(self._mapping.local), os.path.realpath(path))
        if is_internal(real):
            return "a symbolic link to what is Buckia's own"
        with suppress(OSError):
            if self._scan.bucket is not None and os.path.samefile(path, self._scan.bucket):
                return "a link to the folder that is the bucket"
        return None


def locate_entry(entry: LocalEntry, mapping: PathMapping, *, follow: bool) -> LocalEntry | None:
    """Return the entry of a file that may be a database in use; `None` if it is gone."""
    try:
        with FileLocator({}, follow=follow) as locator:
            return locator.stat_entry(entry.key, mapping)
    except (OSError, InvalidKey):
        return None


def _read_error(error: OSError, what: str = "it") -> str:
    return f"{what} can't be read: {error.strerror or error}"


def _raise_unreadable_root(path: str, error: OSError) -> NoReturn:
    if isinstance(error, PermissionError):
        raise PermissionDenied(f"the directory can't be read: {path}: {error.strerror}") from error
    error.filename = path
    raise error


def temporary_prefix(state_id: str) -> str:
    """Return the prefix of the temporary files of one project and bucket. Hashes an id that is not safe in a name."""
    if not _ID.fullmatch(state_id):
        state_id = hashlib.sha256(state_id.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{TEMP_PREFIX}{state_id}-"
