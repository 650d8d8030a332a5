"""Recursive listings in key order: directories are asked for ahead of their turn, five at a time, in bounded memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, pairwise
from operator import itemgetter

from buckia_bunny.errors import unexpected_response
from buckia_bunny.retry import repeated
from buckia_bunny.storage.api import LISTINGS, StorageApi
from buckia_bunny.storage.entries import Entry
from buckia_bunny.storage.key_encoding import LONGEST_PATH, KeyCodec
from buckia_core.errors import InvalidKey
from buckia_core.planning.manifest import RemoteObject

log = logging.getLogger(__name__)

_AHEAD = 2 * LISTINGS
"""Directories whose listings are under way or wait for their turn."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Which keys are wanted: those with a prefix, greater than `start_after`, not greater than `end_at`."""

    prefix: str
    start_after: str | None = None
    end_at: str | None = None

    def has(self, key: str) -> bool:
        """Tell whether a key is among them."""
        return (
            key.startswith(self.prefix)
            and (self.start_after is None or key > self.start_after)
            and (self.end_at is None or key <= self.end_at)
        )

    def may_be_below(self, directory: str) -> bool:
        """Tell whether keys of a directory, whose own ends in a slash, may be among them."""
        if not (directory.startswith(self.prefix) or self.prefix.startswith(directory)):
            return False
        after, end = self.start_after, self.end_at
        if after is not None and directory < after and not after.startswith(directory):
            return False
        return end is None or directory <= end


@dataclass(slots=True, eq=False)
class _Directory:
    """A directory on the way. What is wanted of it comes when it is listed, and goes as it is handed on.

    `left` and `below` are in descending order of keys: files and directories, and the directories among them.
    """

    key: str
    path: str
    listed: Future[None] | None = None
    left: list[tuple[str, Entry]] = field(default_factory=list)
    below: list[_Directory] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Whether the listing has come, and can be used."""
        return self.listed is not None and self.listed.done() and self.listed.exception() is None


class ZoneListing:
    """One listing. Keys are those of the zone, without the setting `prefix` taken off."""

    def __init__(self, storage: StorageApi, names: KeyCodec, wanted: KeyRange) -> None:
        self._storage = storage
        self._names = names
        self._wanted = wanted
        self._top = self._deepest()

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects, in ascending order of their keys.

        Raises:
            AdapterError: A directory can't be listed.
        """
        if self._top is None:
            return
        pool = ThreadPoolExecutor(LISTINGS, thread_name_prefix="buckia-bunny-list")
        try:
            yield from self._walk(pool, self._top)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _deepest(self) -> _Directory | None:
        """Return the deepest directory that has all that is wanted; `None` if no directory can have such a name."""
        key = self._wanted.prefix[: self._wanted.prefix.rfind("/") + 1]
        try:
            return _Directory(key, f"{self._names.path(key[:-1])}/" if key else "")
        except InvalidKey:
            return None

    def _walk(self, pool: ThreadPoolExecutor, top: _Directory) -> Iterator[RemoteObject]:
        stack = [top]
        while stack:
            current = stack[-1]
            if not current.is_known:
                self._ask_ahead(pool, stack)
                assert current.listed is not None
                current.listed.result()
            self._ask_ahead(pool, stack)
            while current.left:
                key, entry = current.left.pop()
                if entry.is_directory:
                    stack.append(current.below.pop())
                    break
                yield entry.as_object(key)
            else:
                stack.pop()

    def _ask_ahead(self, pool: ThreadPoolExecutor, stack: list[_Directory]) -> None:
        """Ask for the directories whose turn comes next, as many as there is room for."""
        upcoming = (each for level in reversed(stack) for each in _upcoming(level))
        for directory in islice(upcoming, _AHEAD):
            if directory.listed is None:
                directory.listed = pool.submit(self._list, directory)

    def _list(self, directory: _Directory) -> None:
        """Fill in what is wanted of a directory."""
        for entry in self._entries(directory):
            if entry.name in (".", ".."):
                # Clients resolve it, so that a request would go to another directory.
                raise unexpected_response(f"listing {directory.path!r}: it has an entry {entry.name!r}")
            name = self._names.from_name(entry.name)
            if name is None:
                log.warning("%r is left out: with escape_names no key leads to it", directory.path + entry.name)
                continue
            key = f"{directory.key}{name}/" if entry.is_directory else f"{directory.key}{name}"
            if self._wanted.may_be_below(key) if entry.is_directory else self._wanted.has(key):
                directory.left.append((key, entry))
        # Directories sort with their slash: `a-b` < `a/b` < `a0`.
        directory.left.sort(key=itemgetter(0), reverse=True)
        if any(one[0] == other[0] for one, other in pairwise(directory.left)):
            raise unexpected_response(f"listing {directory.path!r}: two entries have one name")
        if len(directory.path) > LONGEST_PATH:
            raise unexpected_response(f"listing {directory.path[:50]!r}…: it goes on without end")
        directory.below = [
            _Directory(key, f"{directory.path}{entry.name}/") for key, entry in directory.left if entry.is_directory
        ]

    def _entries(self, directory: _Directory) -> list[Entry]:
        # A listing that fails at its very beginning is repeated by the wrapper `Retry`, and must not be by both.
        if directory is self._top:
            return self._storage.list(directory.path)
        return repeated(lambda: self._storage.list(directory.path))


def _upcoming(directory: _Directory) -> Iterator[_Directory]:
    """Yield a directory and those below it that are not listed or not begun yet, in the order of their turns."""
    yield directory
    if directory.is_known:
        for below in reversed(directory.below):
            yield from _upcoming(below)
