"""Resolves the paths that limit a sync: finds them on the disk, in the baseline or in the bucket.

    interpretations of a path, in this order           found in
    ---------------------------------------------------------------------------------------------
    relative to the current directory                  the disk or the baseline
    relative to the project                            the disk or the baseline
    a key or a prefix                                  the disk or the baseline
    any of these, in the same order                    the listing of the bucket

A path with `*`, `?` or `[` that is not the name of a file is a shell pattern.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config import BucketConfig
from buckia_core.config.values import closest_match
from buckia_core.errors import InvalidSetting
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.scope import Glob, Scope
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings, build_scope
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.locations import StateFiles
from buckia_core.syncing.state.migration import open_state_readonly

_WILDCARD = re.compile(r"[*?\[]")
_MAX_NAMES = 10_000
"""Names to compare a mistyped path with, at most."""


@dataclass(slots=True)
class UnresolvedPath:
    """Path that is neither on the disk nor in the baseline.

    Attributes:
        text: The path as given.
        interpretations: What it may mean; the first one that an object matches counts.
        problem: The error message if no object matches.
        matched: Indexes of the interpretations that an object matches.
    """

    text: str
    interpretations: Sequence[Scope]
    problem: str
    matched: set[int] = field(default_factory=set)


@dataclass(slots=True)
class SyncPaths:
    """Paths of a run.

    Attributes:
        resolved: The keys of the paths found on the disk or in the baseline; `None` if there are none.
        unresolved: The other paths, which take a listing to resolve.
        configured_scope: The keys that the configuration includes.
    """

    resolved: Scope | None = None
    unresolved: list[UnresolvedPath] = field(default_factory=list)
    configured_scope: Scope = field(default_factory=Scope)

    @property
    def scope(self) -> Scope:
        """The keys in scope; of an unresolved path, all interpretations."""
        return self._combine([interpretation for path in self.unresolved for interpretation in path.interpretations])

    def watch(self, batches: Iterable[Sequence[RemoteObject]]) -> Iterator[Sequence[RemoteObject]]:
        """Yield the batches of a listing, recording which interpretations of unresolved paths their objects match."""
        waiting = [(path, number, each) for path in self.unresolved for number, each in enumerate(path.interpretations)]
        for batch in batches:
            for path, number, interpretation in waiting:
                if any(interpretation.covers(found.key) for found in batch):
                    path.matched.add(number)
            waiting = [each for each in waiting if each[1] not in each[0].matched]
            yield batch

    def resolve(self) -> Scope:
        """Return the keys in scope, after `watch` has yielded the whole listing.

        Raises:
            InvalidSetting: A path matches nothing.
        """
        missing = [path for path in self.unresolved if not path.matched]
        if missing:
            raise InvalidSetting("; ".join(path.problem for path in missing))
        return self._combine([path.interpretations[min(path.matched)] for path in self.unresolved])

    def _combine(self, interpretations: Sequence[Scope]) -> Scope:
        scopes = [*([self.resolved] if self.resolved else []), *interpretations]
        if not scopes:
            return self.configured_scope
        joined = scopes[0]
        for each in scopes[1:]:
            joined = joined.union(each)
        scope = self.configured_scope.intersect(joined)
        if scope is None:
            names = ", ".join(self.configured_scope.names)
            raise InvalidSetting(f"none of the paths is in the configured folders ({names})")
        return scope


class _Interpretation(NamedTuple):
    """Interpretation of a path: its keys, and whether it exists on the disk."""

    keys: Scope
    on_disk: bool


def find_sync_paths(
    paths: Iterable[str], bases: Sequence[Path], mappings: Sequence[PathMapping], configured: Scope, files: StateFiles
) -> SyncPaths:
    """Resolve paths from the disk and, for paths that are not there, from the baseline. Sends no requests.

    Args:
        paths: The paths as given.
        bases: Directories to resolve relative paths against, in order.
        mappings: The mappings of the run.
        configured: The keys that the configuration includes.
        files: The state of the bucket.

    Raises:
        InvalidSetting: A path is empty, or can be neither below a local root nor a key.
    """
    with ExitStack() as stack:

        @cache
        def state() -> StateDatabase:
            return stack.enter_context(closing(open_state_readonly(files)))

        def is_known(keys: Scope) -> bool:
            return next(iter(state().baseline(keys)), None) is not None

        return _find(paths, [Path(os.path.abspath(base)) for base in bases], mappings, configured, is_known)


def has_path(
    config: BucketConfig, adapter: BaseSync, state_dir: Path, path: str, *, relative_to: Path, list_bucket: bool
) -> bool:
    """Tell whether a path exists on the disk, in the baseline or, with `list_bucket`, in the bucket.

    Raises:
        AdapterError: The bucket can't be listed.
    """
    mappings = build_mappings(config, RunOverrides())
    files = StateFiles.for_adapter(state_dir, config.name, adapter)
    try:
        found = find_sync_paths([path], [relative_to, config.base_dir], mappings, build_scope(config), files)
    except InvalidSetting:
        return False
    if not list_bucket:
        return not found.unresolved
    interpretations = [interpretation for each in found.unresolved for interpretation in each.interpretations]
    starts = {start for each in interpretations for mapping in mappings for start in each.ranges(mapping.remote)}
    keys = (each.key for start in sorted(starts) for each in adapter.list_files(start))
    return not found.unresolved or any(interpretation.covers(key) for key in keys for interpretation in interpretations)


def _find(
    paths: Iterable[str],
    bases: Sequence[Path],
    mappings: Sequence[PathMapping],
    configured_scope: Scope,
    is_known: Callable[[Scope], bool],
) -> SyncPaths:
    found = SyncPaths(configured_scope=configured_scope)
    for text in paths:
        interpretations = list(_interpret(text, bases, mappings))
        if not interpretations:
            raise InvalidSetting(_outside_message(text, mappings))
        first = next((each.keys for each in interpretations if each.on_disk or is_known(each.keys)), None)
        if first is None:
            scopes = list(dict.fromkeys(each.keys for each in interpretations))
            is_there = any(os.path.lexists(os.path.join(base, text)) for base in bases)
            problem = _outside_message(text, mappings) if is_there else _no_match_message(text, bases)
            found.unresolved.append(UnresolvedPath(text, scopes, problem))
        else:
            found.resolved = first if found.resolved is None else found.resolved.union(first)
    # Raises now if all paths are outside of the configured folders.
    _ = found.scope
    return found


def _interpret(text: str, bases: Sequence[Path], mappings: Sequence[PathMapping]) -> Iterator[_Interpretation]:
    if not text.strip():
        raise InvalidSetting("an empty path names nothing; leave it out, or write '.' for all that is in a directory")
    for base in dict.fromkeys(bases):
        path = os.path.normpath(os.path.join(base, text))
        on_disk = os.path.lexists(path)
        keys = _keys(path, [], mappings) or _keys(os.path.realpath(path), [], mappings, real=True)
        if not on_disk and _WILDCARD.search(text):
            above, pattern = _split(path)
            on_disk = any(glob.iglob("/".join(pattern), root_dir=above, recursive=True, include_hidden=True))
            matching = _keys(above, pattern, mappings) or _keys(os.path.realpath(above), pattern, mappings, real=True)
            keys = keys.union(matching) if keys and matching else keys or matching
        if keys is not None:
            yield _Interpretation(keys, on_disk)
    parts = text.replace(os.sep, "/").split("/")
    if os.path.isabs(text) or ".." in parts:
        return
    key = "/".join(part for part in parts if part not in ("", "."))
    if key:
        scope = Scope.from_names([key], [Glob("", key)] if _WILDCARD.search(key) else [])
        yield _Interpretation(scope, any(os.path.lexists(path) for path in _local_paths(key, mappings)))


def _split(path: str) -> tuple[str, list[str]]:
    """Split a pattern into the directory before the first part with a wildcard, and the parts from there on."""
    parts = path.split(os.sep)
    first = next(index for index, part in enumerate(parts) if _WILDCARD.search(part))
    above = os.sep.join(parts[:first])
    return (above + os.sep if first == 1 else above), parts[first:]


def _keys(path: str, pattern: list[str], mappings: Sequence[PathMapping], *, real: bool = False) -> Scope | None:
    """Return the keys of a path, or of a pattern below it; `None` if no mapping has any of them."""
    names: list[str] = []
    globs: list[Glob] = []
    for mapping in mappings:
        local = os.path.realpath(mapping.local) if real else os.path.normpath(mapping.local)
        below, above = _relative(path, local), _relative(local, path)
        if below is not None and not (mapping.is_file and (below or pattern)):
            name = mapping.remote + below
            if pattern:
                globs.append(Glob(f"{name}/" if below else name, "/".join(pattern)))
            else:
                names.append(name)
        elif above is not None:
            for rest in _remaining(pattern, above.split("/")):
                if not rest or (mapping.is_file and rest == ["**"]):
                    names.append(mapping.remote)
                elif not mapping.is_file:
                    globs.append(Glob(mapping.remote, "/".join(rest)))
    if not names and not globs:
        return None
    return Scope() if "" in names else Scope.from_names(names, globs)


def _relative(path: str, directory: str) -> str | None:
    """Return a path relative to a directory, with slashes; empty if it is the same, `None` if it is outside."""
    if path == directory:
        return ""
    inside = directory.rstrip(os.sep) + os.sep
    return path[len(inside) :].replace(os.sep, "/") if path.startswith(inside) else None


def _remaining(pattern: list[str], parts: list[str]) -> list[list[str]]:
    """Return the possible rests of a pattern after it matched a path; an empty rest matches everything below."""
    starts = {0}
    for part in parts:
        for index, each in enumerate(pattern):
            # `**` may match no directory. The next part may be `**` as well.
            if index in starts and each == "**":
                starts.add(index + 1)
        if len(pattern) in starts:
            return [[]]
        stay = {index for index in starts if pattern[index] == "**"}
        starts = stay | {index + 1 for index in starts - stay if Glob("", pattern[index]).covers(part)}
    return [pattern[index:] for index in sorted(starts)]


def _local_paths(key: str, mappings: Sequence[PathMapping]) -> Iterator[str]:
    """Yield the local paths of a key in all mappings, ignoring filters."""
    for mapping in mappings:
        if mapping.is_file:
            if mapping.remote == key:
                yield mapping.local
        elif key.startswith(mapping.remote):
            yield os.path.join(mapping.local, *key[len(mapping.remote) :].split("/"))


def _outside_message(text: str, mappings: Sequence[PathMapping]) -> str:
    roots = ", ".join(mapping.local for mapping in mappings)
    return f"{text!r} is not below any path that is synced ({roots})"


def _no_match_message(text: str, bases: Sequence[Path]) -> str:
    closest = _closest_name(text, bases)
    suggestion = f"; did you mean {closest!r}?" if closest else ""
    return f"{text!r} matches no file here, no object in the bucket, and nothing that was synced before{suggestion}"


def _closest_name(text: str, bases: Sequence[Path]) -> str:
    """Return the path on the disk that is most similar to a missing one; empty if there is none."""
    for base in bases:
        head, name = os.path.split(os.path.normpath(os.path.join(base, text)))
        try:
            with os.scandir(head) as entries:
                names = [entry.name for entry in islice(entries, _MAX_NAMES)]
        except OSError:
            continue
        if match := closest_match(name, names):
            return os.path.join(os.path.dirname(text.rstrip("/" + os.sep)), match)
    return ""
